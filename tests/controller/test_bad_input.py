"""Bad input gives one clear line and exit code 2, and loses nothing."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.demo import make_secrets
from controller.inventory import load
from tests import need
from tests.town import Town, town


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    """A town with its secrets made, nothing started."""
    with town(tmp_path, "127.71.1") as made:
        make_secrets(load(tmp_path / "inventory.yaml"), tmp_path / "var" / "secrets")
        yield made


def refused(place: Town, *arguments: str) -> str:
    """The one line a command is refused with."""
    said = place.plaza(*arguments)
    assert said.returncode == 2, said.stdout + said.stderr
    assert "Traceback" not in said.stderr
    assert len(said.stderr.strip().splitlines()) == 1, said.stderr
    return said.stderr.strip()


def mend_inventory(place: Town, old: str, new: str) -> None:
    file = place.directory / "inventory.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def line_of(place: Town, words: str) -> int:
    lines = (place.directory / "inventory.yaml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


@pytest.mark.parametrize("command", [("run",), ("poll", "--once"), ("diff",), ("inventory", "check")])
def test_a_broken_inventory_is_named_with_its_line(place: Town, command: tuple[str, ...]) -> None:
    mend_inventory(
        place, "site: 08027-plaza, address: 127.71.1.12", "site: 08027-plasa, address: 127.71.1.12"
    )
    said = refused(place, *command)
    assert f"inventory.yaml:{line_of(place, '08027-plasa')}: " in said
    assert "08027-plaza" in said  # the mending: what was probably meant


def test_an_unknown_platform_is_named_with_its_line(place: Town) -> None:
    mend_inventory(place, "platform: openwrt", "platform: openwart")
    said = refused(place, "run")
    assert f"inventory.yaml:{line_of(place, 'openwart')}: " in said
    assert "openwrt" in said


def test_a_secret_that_is_not_there_is_named_with_what_mends_it(place: Town) -> None:
    (place.directory / "var/secrets/snmp-community").unlink()
    said = refused(place, "run")
    assert "aps-snmp" in said
    assert str(place.directory / "var/secrets/snmp-community") in said


def test_a_secret_others_may_read_is_refused_and_never_shown(place: Town) -> None:
    file = place.directory / "var/secrets/snmp-community"
    file.write_text("canary-community")
    file.chmod(0o644)
    said = refused(place, "poll", "--once")
    assert "chmod" in said
    assert "canary" not in said


@pytest.mark.parametrize("name", ["PORTAL", "EDGE", "CONSOLE"])
def test_a_busy_port_is_named_with_the_setting(place: Town, name: str) -> None:
    listen = place.environ[f"PLAZA_{name}_LISTEN"]
    with socket.create_server(("127.0.0.1", int(listen.rpartition(":")[2]))):
        said = refused(place, "run")
    assert listen in said
    assert f"PLAZA_{name}_LISTEN" in said


def test_a_database_that_is_none_is_named_and_kept(place: Town) -> None:
    file = place.directory / "var/plaza.db"
    file.write_bytes(b"not a database at all " * 200)
    assert str(file) in refused(place, "run")
    assert file.read_bytes() == b"not a database at all " * 200


def test_a_database_with_a_damaged_page_is_named_and_kept(place: Town) -> None:
    assert place.plaza("session", "list").returncode == 0  # makes the store
    file = place.directory / "var/plaza.db"
    octets = file.read_bytes()
    damaged = octets[: 2 * 4096] + b"\xff" * (len(octets) - 2 * 4096)
    file.write_bytes(damaged)
    for command in (("run",), ("session", "list")):
        assert "plaza.db" in refused(place, *command) or "plaza doctor" in refused(place, *command)
    assert str(file) in refused(place, "run")
    assert file.read_bytes() == damaged


def test_a_database_in_a_place_nobody_can_make_is_named(place: Town) -> None:
    place.environ["PLAZA_STORE_URL"] = "sqlite:////proc/nope/plaza.db"
    assert "/proc/nope/plaza.db" in refused(place, "session", "list")


def test_a_sample_file_that_is_none_is_named_and_kept(place: Town) -> None:
    assert place.plaza("poll", "--once").returncode == 0  # makes the store; nobody answers, which is no error
    [*_, file] = sorted((place.directory / "var/samples").glob("*.db"))
    for beside in file.parent.glob(f"{file.name}-*"):
        beside.unlink()
    file.write_bytes(b"not a database at all " * 200)
    assert str(file) in refused(place, "run")
    assert file.read_bytes() == b"not a database at all " * 200


def test_a_data_directory_we_may_not_write_is_named(place: Town) -> None:
    if os.geteuid() == 0:
        blocked = place.directory / "file"
        blocked.write_text("")
        place.environ["PLAZA_DATA_DIR"] = str(blocked / "var")
    else:
        (place.directory / "var").chmod(0o500)
    said = place.plaza("run")
    (place.directory / "var").chmod(0o700)
    assert said.returncode == 2, said.stderr
    assert "Traceback" not in said.stderr
    assert place.environ["PLAZA_DATA_DIR"] in said.stderr


def test_a_console_beyond_the_loopback_is_refused(place: Town) -> None:
    place.environ["PLAZA_CONSOLE_LISTEN"] = "0.0.0.0:8081"
    assert "no logins" in refused(place, "run")


def test_a_selector_that_matches_nothing_says_so(place: Town) -> None:
    assert "ap-kios" in refused(place, "poll", "--once", "ap-kios")


def test_a_setting_that_is_wrong_is_named(place: Town) -> None:
    place.environ["PLAZA_POLL_INTERVAL_S"] = "soon"
    assert "PLAZA_POLL_INTERVAL_S" in refused(place, "run")


def test_a_device_that_was_never_adopted_is_not_configured(place: Town) -> None:
    said = place.plaza("diff", "ap-kiosk")
    assert said.returncode == 2
    assert "plaza adopt" in said.stderr


def test_doctor_finds_each_planted_fault_and_the_command_that_mends_it(place: Town) -> None:
    assert place.plaza("doctor").returncode == 0
    (place.directory / "var/secrets/gateway-key").chmod(0o644)
    (place.directory / "var/plaza.db").write_bytes(b"not a database at all " * 200)
    with socket.create_server(("127.0.0.1", int(place.environ["PLAZA_PORTAL_LISTEN"].rpartition(":")[2]))):
        said = place.plaza("doctor")
    assert said.returncode == 2
    wrong = [line for line in said.stdout.splitlines() if line.startswith("[mend]")]
    assert [line.split()[1].rstrip(":") for line in wrong] == ["store", "credential", "portal_listen"]
    assert said.stdout.count("mend: ") == 3
    assert "chmod" in said.stdout


def test_doctor_looks_at_every_kind_of_credential(place: Town) -> None:
    mend_inventory(place, "  gateways: {", "  staff: {kind: wifi, passphrase: ref+file:staff}\n  gateways: {")
    said = place.plaza("doctor")
    assert said.returncode == 2
    file = place.directory / "var/secrets/staff"
    assert said.stdout.count("credential staff") == 1
    assert f"credential staff: ref+file:staff: there is no file {file}\n" in said.stdout
    assert f"mend: install -d -m 700 {file.parent} && (umask 077; cat > {file})  # write the" in said.stdout


def test_help_is_quick_because_nothing_heavy_is_imported(place: Town) -> None:
    program = (
        "import sys\nfrom controller.cli import main\n"
        "try: main.plaza.main(['--help'], standalone_mode=False)\nexcept SystemExit: pass\n"
        "names = {'sqlalchemy', 'flask', 'netmiko', 'pysnmp', 'pydantic', 'rich', 'granian', 'scapy'}\n"
        "heavy = names & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    need.ran(["-c", program], place.environ)
