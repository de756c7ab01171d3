"""A list of expected devices goes into the inventory as a whole, or every mistake of it is told."""

from pathlib import Path

import pytest

from controller import inventory
from tests.adoption.conftest import Type
from tests.adoption.factory import ENTRY, NAME, Office, office

HEAD = "name,site,address,mac,serial,model\n"
GOOD = HEAD + (
    "ap-a,08019-plaza,10.0.0.1,02-00-5E-00-00-0A,S-1,Acme uno\n"
    'ap-b,08019-plaza,10.0.0.2,02005e00000b,S-2,"Acme, dos"\n'
)


def write(office: Office, text: str, encoding: str = "utf-8") -> Path:
    """The list."""
    file = office.folder / "lista.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_the_devices_of_a_list_are_expected_and_nothing_else_changes(expecting: Office, plaza: Type) -> None:
    before = expecting.inventory.read_text()
    write(expecting, GOOD)
    assert plaza("adopt csv lista.csv")[0] == 0
    after = expecting.inventory.read_text()
    assert after.startswith(before)
    assert after.removeprefix(before).splitlines() == [
        "  ap-a: {site: 08019-plaza, address: 10.0.0.1, mac: 02:00:5e:00:00:0a, serial: S-1, "
        "state: expected, labels: {model: Acme uno}}",
        "  ap-b: {site: 08019-plaza, address: 10.0.0.2, mac: 02:00:5e:00:00:0b, serial: S-2, "
        'state: expected, labels: {model: "Acme, dos"}}',
    ]
    assert inventory.load(expecting.inventory).devices["ap-b"].state.value == "expected"


def test_a_spreadsheet_of_mexico_is_understood(expecting: Office, plaza: Type) -> None:
    text = "Nombre;Sitio;Dirección;MAC;Número de serie\r\nap-ñ;08019-plaza;10.0.0.1;02:00:5E:00:00:0A;7\r\n"
    write(expecting, text.replace("ñ", "n"), "utf-8-sig")
    assert plaza("adopt csv lista.csv")[0] == 0
    assert inventory.load(expecting.inventory).devices["ap-n"].serial == "7"


def test_a_trial_run_writes_nothing(expecting: Office, plaza: Type) -> None:
    before = expecting.inventory.read_bytes()
    write(expecting, GOOD)
    code, out, _ = plaza("adopt csv lista.csv --check")
    assert (code, out) == (0, "2 devices in order; nothing was written\n")
    assert expecting.inventory.read_bytes() == before


def test_every_mistake_is_told_at_its_line_and_nothing_is_written(expecting: Office, plaza: Type) -> None:
    before = expecting.inventory.read_bytes()
    write(
        expecting,
        HEAD
        + "ap-a,08019-plaza,10.0.0.1,02:00:5e:00:00:0a,S-1,Acme\n"
        + "AP_B,08019-plaza,10.0.0.2,02:00:5e:00:00:0b,S-2,Acme\n"
        + f"{NAME},08019-plaza,10.0.0.3,02:00:5e:00:00:0c,S-3,Acme\n"
        + "ap-d,08019-plaza,10.0.0.400,zz:zz,S-1,Acme\n"
        + "ap-e,,10.0.0.5,02:00:5e:00:00:0a,,Acme\n"
        + "ap-f,08019-plaza,10.0.0.6,02:00:5e:10:00:01,,Acme,too,many\n",
    )
    code, _, err = plaza("adopt csv lista.csv")
    told = [line.removeprefix("lista.csv:") for line in err.splitlines()]
    assert code == 2
    assert {line.partition(":")[0] for line in told} == {"3", "4", "5", "6", "7"}
    for expected in (
        "3: devices.AP_B: is no usable name",
        f"4: name: {NAME} is in {expecting.inventory}:25 already",
        "5: address: '10.0.0.400' is no IP address",
        "5: mac: 'zz:zz' is no MAC address",
        "5: serial: S-1 is in lista.csv:2 already",
        "6: site: is empty",
        "6: mac: 02:00:5e:00:00:0a is in lista.csv:2 already",
        "7: line: has 8 cells, and there are 6 headings",
        f"7: mac: 02:00:5e:10:00:01 is in {expecting.inventory}:25 ({NAME}) already",
    ):
        assert any(line.startswith(expected) for line in told), (expected, told)
    assert expecting.inventory.read_bytes() == before


def test_what_only_the_whole_network_shows_is_told_at_its_line_too(expecting: Office, plaza: Type) -> None:
    before = expecting.inventory.read_bytes()
    write(
        expecting,
        "name,site,address,mac,parent,platform\n"
        "ap-a,08019-plasa,10.0.0.1,02:00:5e:00:00:0a,,\n"
        "ap-b,08019-plaza,10.0.0.2,02:00:5e:00:00:0b,nobody,openwart\n",
    )
    for command in ("adopt csv lista.csv", "adopt csv lista.csv --check"):
        code, _, err = plaza(command)
        assert code == 2
        assert "lista.csv:2: site: '08019-plasa' is not in sites, did you mean 08019-plaza?" in err
        assert "lista.csv:3: parent: 'nobody' is not in devices" in err
        assert "lista.csv:3: platform: 'openwart' is no platform we know, did you mean openwrt?" in err
    assert expecting.inventory.read_bytes() == before


def test_mistakes_of_the_list_and_of_the_network_are_told_together_and_each_once(
    expecting: Office, plaza: Type
) -> None:
    write(
        expecting,
        "name,site,address,mac,serial,parent,platform,colour,colour\n"
        "ap-a,08019-plasa,10.0.0.1,02:00:5e:00:00:0a,S-1,ap-b,openwart,red,\n"
        "AP_B,,10.0.0.999,zz,S-1,nobody,openwart,,\n"
        f"{NAME},08019-plaza,10.0.0.998,02005e10-0001,,AP_B,mikrotik_routeros,,\n"
        ",08019-plaza,10.0.0.3,,,ap-a,openwart,,\n"
        'ap-e,08019-plaza,10.0.0.4,02:00:5e:00:00:0e,"S,,,,,\n',
    )
    code, _, err = plaza("adopt csv lista.csv")
    told = [line.split(": ", 2)[:2] for line in err.splitlines()]
    assert code == 2
    assert told == [
        [f"lista.csv:{line}", where]
        for line, wheres in {
            1: ("colour", "colour"),
            2: ("site", "parent", "platform"),
            3: ("site", "serial", "devices.AP_B", "address", "mac", "parent", "platform"),
            4: ("name", "mac", "address"),
            5: ("name", "mac", "platform"),
            6: ("line",),
        }.items()
        for where in wheres
    ], err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,site,mac,colour\nx,y,z,red\n", "lista.csv:1: address: is missing among the headings"),
        ("name,site,mac,colour\nx,y,z,red\n", "lista.csv:1: colour: is no heading we know"),
        (HEAD, "lista.csv:1: file: lists no device"),
        (HEAD + 'ap-a,08019-plaza,10.0.0.1,02:00:5e:00:00:0a,"S-1,Acme\n', "lista.csv:2: line: "),
        ("", "lista.csv:1: name: is missing among the headings"),
    ],
)
def test_a_file_that_is_no_list_is_refused(expecting: Office, plaza: Type, text: str, said: str) -> None:
    write(expecting, text)
    code, _, err = plaza("adopt csv lista.csv")
    assert code == 2
    assert said in err


def test_a_file_of_another_encoding_is_refused(expecting: Office, plaza: Type) -> None:
    write(expecting, GOOD.replace("Acme", "Ñandú"), "latin-1")
    assert "lista.csv:2: file: is not UTF-8 text, save it as CSV UTF-8" in plaza("adopt csv lista.csv")[2]
    assert "cannot be read" in plaza("adopt csv nowhere.csv")[2]


def test_a_mac_or_serial_that_two_devices_share_is_a_mistake_of_the_inventory(
    tmp_path: Path, plaza: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = ENTRY.replace(NAME, "ap-dos").replace("127.0.0.1", "127.0.0.2").replace("}", ", serial: X}")
    made = office(tmp_path / "work", ENTRY.replace("}", ", serial: X}") + twin)
    monkeypatch.chdir(made.folder)
    code, _, err = plaza("inventory check")
    assert code == 2
    assert f"devices.ap-dos.mac: 02:00:5e:10:00:01 is the mac of {NAME}, too" in err
    assert f"devices.ap-dos.serial: X is the serial of {NAME}, too" in err
    made.inventory.write_text(
        made.inventory.read_text().replace("expected, serial: X}", "retired, serial: X}", 1)
    )
    assert plaza("inventory check")[0] == 0
