"""The smallest inventory of the docs: a site that has a portal, and a device that nobody polls."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller import inventory, inventory_doubts
from controller.cli.doctor import doctor
from controller.cli.snmp import snmp
from controller.errors import InventoryError, SecretError
from controller.health import polled, unmeasured
from controller.intent import why_not
from controller.model import UplinkKind
from controller.poller import Targets
from controller.secrets import FileSecrets
from drivers.definition import load_platforms

DOCS = (Path(__file__).parents[2] / "docs/inventory.md").read_text(encoding="utf-8")
SMALLEST = DOCS.partition("## One site")[2].partition("```yaml\n")[2].partition("```")[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "inventory.yaml"
    made.write_text(SMALLEST, encoding="utf-8")
    return made


def mistake(file: Path, old: str, new: str) -> str:
    """What is said of the smallest inventory with one thing written otherwise."""
    assert old in SMALLEST
    file.write_text(SMALLEST.replace(old, new), encoding="utf-8")
    with pytest.raises(InventoryError) as told:
        inventory.load(file)
    return str(told.value)


def test_a_device_without_snmp_credentials_is_not_polled_and_keeps_no_poller_from_starting(
    file: Path,
) -> None:
    found = inventory.load(file)
    gateway = found.devices["gw-08027"]
    assert not polled(gateway)
    assert unmeasured(gateway).reason == "not polled: it has no `snmp: {credentials: …}`"
    secrets = FileSecrets(found.credentials, file.parent)
    assert Targets.of(found.devices.values(), load_platforms(), secrets).devices == {}


def test_check_names_the_device_that_nobody_polls_and_the_missing_key(file: Path) -> None:
    (doubt,) = inventory_doubts.doubts(file, inventory.load(file))
    line = SMALLEST.splitlines().index(next(one for one in SMALLEST.splitlines() if "gw-08027" in one)) + 1
    assert (doubt.line, doubt.where) == (line, "devices.gw-08027.snmp.credentials")
    assert "nobody polls gw-08027" in doubt.what
    assert "`snmp: {credentials: …}`" in doubt.mend


def test_doctor_and_why_say_that_nobody_asks_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAZA_INVENTORY", str(file))
    monkeypatch.setenv("PLAZA_DATA_DIR", str(tmp_path / "var"))
    looked = CliRunner().invoke(doctor, [])
    assert "inventory: 1 sites, 1 devices, 1 not polled: plaza inventory check names them\n" in looked.output
    asked = CliRunner().invoke(snmp, ["why", "gw-08027"])
    assert "asked by nobody: it has no `snmp: {credentials: …}`" in asked.output, asked.output


def test_a_device_without_ssh_credentials_is_left_alone_with_the_reason(file: Path) -> None:
    assert "`ssh: {credentials: …}`" in why_not(inventory.load(file).devices["gw-08027"])


def test_no_error_has_an_empty_name(file: Path) -> None:
    found = inventory.load(file)
    secrets = FileSecrets(found.credentials, file.parent).of(found.devices["gw-08027"])
    for look_up, key in (
        (secrets.snmp, "`snmp: {credentials: …}`"),
        (secrets.ssh, "`ssh: {credentials: …}`"),
        (secrets.http, "`http: {credentials: …}`"),
    ):
        with pytest.raises(SecretError) as told:
            look_up("")
        assert str(told.value).startswith(f"gw-08027: has no {key}, add it in the inventory")


@pytest.mark.parametrize(("written", "octets"), [("300MB", 300_000_000), ("2GB", 2 * 10**9), ("0", 0)])
def test_octets_are_written_as_for_a_voucher(file: Path, written: str, octets: int) -> None:
    file.write_text(SMALLEST.replace("300MB", written), encoding="utf-8")
    assert inventory.load(file).sites["08027-plaza"].portal.octets == octets


@pytest.mark.parametrize("written", ["300 MB", "'300'", "300MiB", "much"])
def test_what_is_no_amount_is_told_how_it_is_written(file: Path, written: str) -> None:
    assert "write it like 500MB or 2GB" in mistake(file, "300MB", written)


@pytest.mark.parametrize("key", ["lat", "lon"])
def test_a_site_without_its_place_is_not_given_that_of_another_town(file: Path, key: str) -> None:
    (line,) = re.findall(rf"^ *{key}: .*\n", SMALLEST, re.MULTILINE)
    said = mistake(file, line, "")
    assert f"add `{key}: <degrees, " in said
    assert not re.search(r"\d\.\d", said.rpartition("add")[2])


@pytest.mark.parametrize(
    "key",
    ["municipality", "name", "lat", "lon", "opened_on", "hours", "uplink", "portal"],
)
def test_each_key_of_the_smallest_site_is_required(file: Path, key: str) -> None:
    (line,) = re.findall(rf"^    {key}: .*\n", SMALLEST, re.MULTILINE)
    assert "08027-plaza" in mistake(file, line, "")


def test_the_docs_name_every_kind_of_uplink() -> None:
    kinds = re.search(r"`uplink: \{kind: …\}` is (.*?)\. A device", DOCS, re.DOTALL)
    assert kinds is not None
    assert set(re.findall(r"`(\w+)`", kinds[1])) == set(UplinkKind)


def test_the_command_that_makes_a_missing_secret_works_where_its_folder_is_missing(tmp_path: Path) -> None:
    credentials = {"radius": {"kind": "portal", "secret": "ref+file:radius-casas"}}
    secrets = FileSecrets(credentials, tmp_path / "var/secrets")
    with pytest.raises(SecretError) as told:
        secrets.portal("radius")
    what, _, command = str(told.value).rpartition("): ")
    made_with = what.rpartition("(")[2].removesuffix(" makes a new one")
    made = subprocess.run(made_with.split(), capture_output=True, check=True, text=True).stdout
    subprocess.run(["sh", "-c", "mkdir var; " + command], input=made, text=True, cwd=tmp_path, check=True)
    assert len(secrets.portal("radius").reveal()) == 32
