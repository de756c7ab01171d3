"""People in the inventory: whose keys go where, and every mistake with its line."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from controller import inventory, inventory_people
from controller.errors import InventoryError
from controller.people import Turning, blob, fingerprint, keyed

ROOT = Path(__file__).parents[2]
GOOD = (Path(__file__).parent / "keeping.yaml").read_text(encoding="utf-8")
ANA = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGnCzLNd4sT2hcr4DTlZLXUxaVBcG5VYJe7q0s2Xn1pA ana@casa"
ANA_AGAIN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGnCzLNd4sT2hcr4DTlZLXUxaVBcG5VYJe7q0s2Xn1pA ana@oficina"
LUIS = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlAzAplAzAplAzAplAzAplAzAplAzAplAzAplAzAplA luis"


def written(folder: Path, people: str) -> Path:
    file = folder / "inventory.yaml"
    file.write_text(f"{GOOD}people:\n{people}", encoding="utf-8")
    return file


def line_of(file: Path, text: str) -> int:
    return next(n for n, line in enumerate(file.read_text().split("\n"), 1) if text in line)


def keys_of(file: Path, revoked: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    found = keyed(inventory.load(file, ("openwrt",)), revoked, {})
    return {name: device.manage.ssh_keys for name, device in found.devices.items()}


def complaint(file: Path) -> str:
    with pytest.raises(InventoryError) as caught:
        inventory.load(file, ("openwrt",))
    (problem,) = caught.value.problems
    return str(problem)


def test_a_persons_keys_come_to_the_devices_of_her_selector_beside_those_written_there(
    tmp_path: Path,
) -> None:
    file = written(
        tmp_path, f"  ana: {{ssh_keys: [{ANA}], devices: mun=08052}}\n  luis: {{ssh_keys: [{LUIS}]}}\n"
    )
    before = {
        name: device.manage.ssh_keys for name, device in inventory.load(file, ("openwrt",)).devices.items()
    }
    devices = inventory.load(file, ("openwrt",)).devices
    for name, keys in keys_of(file).items():
        hers = (ANA,) if devices[name].municipality == "08052" else ()
        assert keys == (*before[name], *hers, LUIS)


def test_a_key_that_stands_there_already_is_not_written_twice(tmp_path: Path) -> None:
    written_key = next(line.strip(" -") for line in GOOD.split("\n") if "mesa de ayuda" in line)
    again = " ".join((*written_key.split(" ")[:2], "otra"))
    keys = keys_of(written(tmp_path, f"  mesa: {{ssh_keys: [{again}]}}\n"))
    assert all([blob(line) for line in each].count(blob(again)) == 1 for each in keys.values())


def test_a_revoked_key_is_nowhere_whatever_its_comment_and_whoever_wrote_it(tmp_path: Path) -> None:
    file = written(tmp_path, f"  ana: {{ssh_keys: [{ANA}]}}\n")
    found = keyed(inventory.load(file, ("openwrt",)), [ANA_AGAIN], {})
    for device in found.devices.values():
        assert blob(ANA) not in {blob(line) for line in device.manage.ssh_keys}
        assert device.manage.revoked_keys == (ANA_AGAIN,)


def test_what_a_rotation_wants_of_a_device_is_put_beside_the_rest(tmp_path: Path) -> None:
    file = written(tmp_path, f"  ana: {{ssh_keys: [{ANA}]}}\n")
    turning = Turning((LUIS,), (ANA_AGAIN,), {"nms": ("nms+now", "nms+next")})
    manage = keyed(inventory.load(file, ("openwrt",)), [], {"ap-1": turning}).devices["ap-1"].manage
    assert manage.ssh_keys[-1] == LUIS
    assert blob(ANA) not in {blob(line) for line in manage.ssh_keys}
    assert manage.snmp_users == ("nms+now", "nms+next", "noc")


def test_a_platform_that_carries_no_keys_is_not_asked_for_them(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    text = GOOD.replace("  platform: openwrt", "  platform: cambium_cnpilot", 1).replace(
        "    ssh_keys:\n", "", 1
    )
    text = "\n".join(line for line in text.split("\n") if "mesa de ayuda" not in line)
    file.write_text(f"{text}people:\n  ana: {{ssh_keys: [{ANA}]}}\n")
    found = keyed(inventory.load(file, ("cambium_cnpilot",)), [LUIS], {})
    assert all(not (one.manage.ssh_keys or one.manage.revoked_keys) for one in found.devices.values())


def test_two_people_cannot_share_a_key(tmp_path: Path) -> None:
    file = written(tmp_path, f"  ana: {{ssh_keys: [{ANA}]}}\n  luis:\n    ssh_keys:\n      - {ANA_AGAIN}\n")
    first, second = line_of(file, "ana@casa"), line_of(file, "ana@oficina")
    said = f"people.luis.ssh_keys[0]: is also a key of ana, line {first}, give each person a key of their own"
    assert complaint(file) == f"{file}:{second}: {said}"


@pytest.mark.parametrize("selector", ["ap-99*", "colour=red"])
def test_a_selector_that_fits_nothing_is_a_mistake(selector: str, tmp_path: Path) -> None:
    file = written(tmp_path, f"  ana:\n    ssh_keys: [{ANA}]\n    devices: {selector}\n")
    assert complaint(file).startswith(f"{file}:{line_of(file, 'devices: ' + selector)}: people.ana.devices: ")


def test_who_is_listed_though_revoked_is_told_with_the_line(tmp_path: Path) -> None:
    file = written(tmp_path, f"  ana:\n    ssh_keys:\n      - {ANA}\n  luis: {{ssh_keys: [{LUIS}]}}\n")
    (problem,) = inventory_people.revoked(file, [ANA_AGAIN])
    assert (problem.line, problem.where) == (line_of(file, "ana@casa"), "people.ana.ssh_keys[0]")


def test_a_fingerprint_is_as_openssh_prints_it() -> None:
    # ssh-keygen -l -f of that line
    assert fingerprint(ANA) == fingerprint(ANA_AGAIN)
    assert fingerprint(ANA).startswith("SHA256:")
    assert len(fingerprint(ANA)) == 50
