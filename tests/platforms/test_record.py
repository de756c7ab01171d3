"""`plaza platform record`: a real agent as a file, with the same figures and without anything private."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli.main import plaza
from drivers.definition import load_platforms
from drivers.errors import PlatformError
from drivers.leftover import left_as_they_are
from drivers.model import Endpoint
from drivers.private import private
from drivers.recording import lines_of, read_lines, read_recording
from drivers.scrub import scrub
from drivers.snmp.engine import Engine
from drivers.snmp.seam import Oid, Value
from drivers.trying import Tried, try_recording
from drivers.walking import walk
from tests.platforms.expect import FOLDER
from tests.snmp.snmpd import COMMUNITY, Snmpd, snmpd

MTIK = "1.3.6.1.4.1.14988.1.1"
MAC = "00:0c:42:ca:11:a7"
ARCS = "0.12.66.202.17.167"
CANARIES = (
    "canary-name", "canary-place", "canary-person", "canary-ssid", "canary-serial", "canary-port",
    "canary-cap", "10.11.12.13", "187.141.77.7", "fd00:ca9a:12::7", MAC, "000c42ca11a7",
    "00-0C-42-CA-11-A7", ARCS, COMMUNITY.community.reveal(),
)  # fmt: skip
CONFIGURATION = f"""
sysContact canary-person@example.org
sysLocation canary-place 7
override 1.3.6.1.2.1.1.2.0 object_id {MTIK[:-4]}.1
override 1.3.6.1.2.1.31.1.1.1.18.1 octet_str "canary-port"
override 1.3.6.1.2.1.2.2.1.6.1 octet_str 0x000c42ca11a7
override 1.3.6.1.2.1.47.1.1.1.1.11.1 octet_str "canary-serial"
override 1.0.8802.1.1.2.1.4.1.1.9.0.1.1 octet_str "canary-neighbour"
override 1.3.6.1.4.1.9.9.23.1.2.1.1.6.1.1 octet_str "canary-neighbour"
override {MTIK}.7.3.0 octet_str "canary-serial"
override {MTIK}.1.3.1.4.2 octet_str "canary-ssid"
override {MTIK}.1.3.1.6.2 counter 3
override {MTIK}.1.3.1.7.2 integer 2437
override {MTIK}.1.2.1.3.{ARCS}.2 integer -61
override {MTIK}.1.2.1.3.0.12.66.202.17.168.2 integer -71
override {MTIK}.1.11.1.2.1 octet_str "canary-cap"
override {MTIK}.1.11.1.3.1 octet_str "Run"
override 1.3.6.1.4.1.99999.1.1.2.{ARCS}.1 integer 5
override 1.3.6.1.4.1.99999.1.1.3.{ARCS}.1 octet_str "{MAC}"
override 1.3.6.1.4.1.99999.2.0 octet_str "AP 000C42CA11A7 of canary-name at 10.11.12.13 (fd00:ca9a:12::7)"
override 1.3.6.1.4.1.99999.6.0 octet_str "server=187.141.77.7"
override 1.3.6.1.4.1.99999.7.0 octet_str "{COMMUNITY.community.reveal()}"
override 1.3.6.1.4.1.99999.3.0 octet_str "00-0C-42-CA-11-A7"
override 1.3.6.1.4.1.99999.4.0 octet_str 0x0a0b0c0d
override 1.3.6.1.4.1.99999.5.0 object_id 1.3.6.1.4.1.99999.1.1.2.{ARCS}.1
extend canaries /bin/echo ssid band=2g4 name=canary-ssid
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """A real snmpd all of whose private objects hold a canary."""
    with snmpd(tmp_path_factory.mktemp("canaries"), name="canary-name", extra=CONFIGURATION) as running:
        yield running


async def walked(agent: Snmpd) -> dict[Oid, Value]:
    """All its objects."""
    poller = Engine()
    objects, broken = await walk(Endpoint(agent.host, agent.port), COMMUNITY, poller, 60)
    await poller.close()
    assert broken == ""
    return objects


def scrubbed(objects: dict[Oid, Value], *hidden: str) -> dict[Oid, Value]:
    """What a recording of these objects holds."""
    platforms = load_platforms()
    return scrub(objects, private(platforms.values()), [*platforms, "OpenWrt"], hidden)


def tried(objects: dict[Oid, Value], name: str = "") -> Tried:
    """What comes of them."""
    return asyncio.run(try_recording(objects, load_platforms(), name))


def test_no_canary_of_a_real_agent_is_in_its_recording(agent: Snmpd) -> None:
    objects = asyncio.run(walked(agent))
    before = "\n".join(lines_of(objects)).lower()
    after = "\n".join(lines_of(scrubbed(objects, COMMUNITY.community.reveal()))).lower()

    assert [canary for canary in CANARIES if canary.lower() not in before] == [], "the agent does not tell it"
    assert [canary for canary in CANARIES if canary.lower() in after] == []
    assert "canary" not in after
    assert b"canary".hex() not in after


def test_the_recording_of_a_real_agent_gives_the_same_figures(agent: Snmpd) -> None:
    objects = asyncio.run(walked(agent))
    theirs, ours = tried(objects), tried(scrubbed(objects))

    assert ours.platform == theirs.platform == "mikrotik_routeros"
    assert [one.fields for one in ours.samples] == [one.fields for one in theirs.samples]
    assert any(one.fields.get("rssi_dbm") == -66 for one in ours.samples)


def test_an_address_has_the_same_pseudonym_as_a_value_in_a_text_and_in_an_index(agent: Snmpd) -> None:
    objects = scrubbed(asyncio.run(walked(agent)))
    (index,) = {oid[-7:-1] for oid in objects if oid[:10] == (1, 3, 6, 1, 4, 1, 99999, 1, 1, 2)}
    spelt = ":".join(f"{arc:02x}" for arc in index)

    assert objects[(1, 3, 6, 1, 4, 1, 99999, 1, 1, 3, *index, 1)] == spelt.encode()
    assert objects[(1, 3, 6, 1, 4, 1, 99999, 5, 0)] == (1, 3, 6, 1, 4, 1, 99999, 1, 1, 2, *index, 1)
    assert objects[(1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 1)] == bytes(index)
    assert objects[(1, 3, 6, 1, 4, 1, 99999, 3, 0)] == spelt.replace(":", "-").upper().encode()


@pytest.mark.parametrize("recording", sorted(FOLDER.glob("*.snmprec")), ids=lambda path: path.stem)
def test_a_scrubbed_recording_gives_the_same_figures_in_the_same_order(recording: Path) -> None:
    objects = read_recording(recording)
    lines = list(lines_of(scrubbed(objects)))

    name = "generic" if recording.stem == "generic" else ""
    theirs, ours = tried(objects, name), tried(read_lines(lines, "scrubbed"), name)

    assert ours.platform == theirs.platform
    assert [one.fields for one in ours.samples] == [one.fields for one in theirs.samples]


def test_every_outside_recording_gives_the_same_figures_when_it_is_scrubbed(recordings: Path) -> None:
    differ = []
    for recording in sorted(recordings.glob("*.snmprec")):
        objects = read_recording(recording)
        try:
            theirs = tried(objects)
        except PlatformError:
            continue
        ours = tried(scrubbed(objects))
        if [one.fields for one in ours.samples] != [one.fields for one in theirs.samples]:
            differ.append(recording.stem)

    assert differ == []


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("AP 0:c:42:1:2:3 up", "AP 02:00:00:00:00:01 up"),
        ("000C.4201.0203", "0200.0000.0001"),
        ("00 0c 42 01 02 03", "02 00 00 00 00 01"),
        ("8.8.8.8 6.40.3.1 255.255.255.0", "8.8.8.8 6.40.3.1 255.255.255.0"),
        ("v10.1.2.3 192.168.1.20", "v10.1.2.3 192.0.2.1"),
        ("fe80::1 12:30:05 2026", "2001:db8::1 12:30:05 2026"),
        ("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff"),
    ],
)
def test_addresses_in_texts_keep_their_spelling(text: str, after: str) -> None:
    assert scrubbed({(1, 3, 6, 1, 4, 1, 99999, 1, 0): text.encode()}) == {
        (1, 3, 6, 1, 4, 1, 99999, 1, 0): after.encode()
    }


def test_the_name_of_a_vendor_stays_where_it_is_part_of_a_text() -> None:
    objects: dict[Oid, Value] = {
        (1, 3, 6, 1, 2, 1, 1, 1, 0): b"OpenWrt 23.05 of Plaza-7",
        (1, 3, 6, 1, 2, 1, 1, 5, 0): b"OpenWrt",
        (1, 3, 6, 1, 2, 1, 1, 6, 0): b"Plaza-7",
    }

    assert scrubbed(objects)[1, 3, 6, 1, 2, 1, 1, 1, 0] == b"OpenWrt 23.05 of nnnnnnp"


def test_what_the_technician_hides_goes_wherever_it_stands() -> None:
    objects: dict[Oid, Value] = {(1, 3, 6, 1, 4, 1, 99999, 1, 0): b"myCafe1 by OpenWrt, cafe"}

    assert list(scrubbed(objects, "Cafe", "OpenWrt").values()) == [b"mynnno1 by nnnnnno, nnno"]


def test_order_and_length_stay() -> None:
    names = {
        (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18, place): name
        for place, name in enumerate((b"zulu", b"alfa", b"mike"))
    }
    new = list(scrubbed(dict(names)).values())

    assert new[1] < new[2] < new[0]  # type: ignore[operator]
    assert [len(one) for one in new if isinstance(one, bytes)] == [4, 4, 4]


INVENTORY = """version: 1
municipalities: {"08019": {name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
credentials: {lab: {kind: snmp-v2c, community: "ref+env:COMMUNITY"}}
"""


def test_a_technician_records_a_device_and_tries_the_file(
    agent: Snmpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMMUNITY", COMMUNITY.community.reveal())
    words = ["platform", "record", agent.host, "--port", str(agent.port), "--community-from", "lab"]
    words += ["--hide", "canary", "-o", "ap.snmprec"]
    first, again = (CliRunner().invoke(plaza, words) for _ in range(2))
    shown = CliRunner().invoke(plaza, ["platform", "try", "ap.snmprec"])

    assert "platform mikrotik_routeros" in first.output, first.exception
    assert "plaza platform try ap.snmprec" in first.output
    assert 'Left as they are: "' in first.output
    assert "is there already" in str(again.exception)
    assert "canary" not in (tmp_path / "ap.snmprec").read_text()
    assert (tmp_path / "ap.snmprec").stat().st_mode & 0o777 == 0o600
    assert shown.output.startswith("platform mikrotik_routeros")


def test_texts_of_a_vendor_that_nobody_knows_are_named_once_to_be_read() -> None:
    lines = ["1.3.6.1.2.1.1.1.0|4|Acme AP", "1.3.6.1.2.1.1.5.0|4|tower-7", "1.3.6.1.4.1.99999.3.1|4|Cafe Sol"]
    lines += [
        "1.3.6.1.4.1.99999.3.2|4|Cafe Sol",
        "1.3.6.1.4.1.99999.4.0|4|at tower-7",
        "1.3.6.1.4.1.99999.5.0|4|12",
    ]
    lines += [f"{MTIK}.4.4.0|4|7.1 (stable)"]
    objects = read_lines(lines, "device")
    known = [oid for one in load_platforms().values() for oids in one.wanted for oid in oids]

    assert left_as_they_are(objects, scrubbed(objects), known) == ("Cafe Sol",)
    assert left_as_they_are(objects, scrubbed(objects, "Cafe Sol"), known) == ()
