"""`plaza firmware`, as a technician types it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller import app, settings
from controller.firmware.cleaning import Cleaner
from tests.configure.keyboard import Plaza, keyboard
from tests.firmware.image import BOARD, openwrt
from tests.firmware.machine import NEW, OLD, Machine, living, machine_of

QUICKLY = "--soak 0s --without clients --without uplink --without probe --yes"


@dataclass
class Desk:
    """A keyboard, an access point, and the file of an image."""

    plaza: Plaza
    machine: Machine
    file: Path
    sha256: str


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """One access point, adopted."""
    machine = machine_of(tmp_path, "ap-08019-1")
    with living([machine]):
        plaza = keyboard(machine.ap, tmp_path, monkeypatch, capsys)
        assert plaza("adopt ap-08019-1")[0] == 0
        file = tmp_path / "sysupgrade.bin"
        file.write_bytes(openwrt(NEW))
        yield Desk(plaza, machine, file, hashlib.sha256(file.read_bytes()).hexdigest())


def test_from_the_file_to_the_flash_and_again_after_a_failure(desk: Desk) -> None:
    code, _, errors = desk.plaza(f"firmware add {desk.file} --sha256 {'0' * 64}")
    assert (code, errors.count("\n"), "not the one given" in errors) == (2, 1, True)
    code, output, _ = desk.plaza(f"firmware add {desk.file} --sha256 {desk.sha256}")
    assert (code, output) == (
        0, f"sysupgrade.bin: openwrt {NEW} for {BOARD}\nsha256 {desk.sha256}\n"
    )  # fmt: skip
    [listed] = json.loads(desk.plaza("firmware list --json")[1])
    assert (listed["version"], listed["models"], listed["lacks"]) == (NEW, [BOARD], "")
    _clear_words(desk)
    assert desk.plaza("firmware start ap-08019-1 --image sysupgrade.bin")[0] == 2  # why?

    (desk.machine.ap.root / "flash/refuses").touch()
    code, output, errors = desk.plaza(
        f"firmware start ap-08019-1 --image {desk.sha256[:8]} --why monthly {QUICKLY}"
    )
    assert code == 2
    assert f"-firmware {OLD}\n+firmware {NEW}" in output
    assert "no UPS is known to power it" in errors
    assert "ap-08019-1: failed: its own upgrade ended" in output
    assert desk.plaza("firmware status ap-08019-1")[1].startswith(f"ap-08019-1: {OLD} on ")

    assert desk.machine.images != []
    Cleaner(app.build(settings.load()), app.utc_now).turn()  # as the worker does, for nobody waits for it
    assert desk.machine.images == []
    (desk.machine.ap.root / "flash/refuses").unlink()
    desk.plaza(f"firmware add {_another(desk.file)}")
    code, output, errors = desk.plaza("rollout retry --why mended --yes")
    assert (code, desk.machine.version) == (0, NEW), output + errors
    [device] = json.loads(desk.plaza("firmware status ap-08019-1 --json")[1])["devices"]
    assert device["version"] == NEW
    code, _, errors = desk.plaza(f"firmware start all --image {desk.sha256} --why again {QUICKLY}")
    assert "1 as intended" in errors


def _clear_words(desk: Desk) -> None:
    """Each mistake at the desk is one line that says how to mend it."""
    same = desk.file.with_name("elsewhere") / desk.file.name
    same.parent.mkdir()
    same.write_bytes(openwrt("25.12.0"))
    junk = desk.file.with_name("junk.bin")
    junk.write_text("<html>" * 100)
    for command, said in (
        (f"add {same}", "rename the file, or plaza firmware remove"),
        (f"add {junk}", "junk.bin: it is no firmware image"),
        (f"add {desk.file} --sha256 abc", "--sha256 'abc' is no sha256"),
    ):
        code, output, errors = desk.plaza(f"firmware {command}")
        assert (code, output, errors.count("\n"), said in errors) == (2, "", 1, True), errors
    kept = next(file for file in settings.load().data_dir.glob("firmware/*") if file.name == desk.sha256)
    away = kept.rename(kept.with_name("away"))
    assert desk.plaza("firmware list")[1].endswith("sysupgrade.bin: its file is gone; add it again\n")
    code, output, errors = desk.plaza("firmware start ap-08019-1 --image sysupgrade.bin --why monthly --yes")
    assert (code, output, errors.count("\n")) == (2, "", 1), errors
    assert "image sysupgrade.bin: its file is gone; add it again" in errors
    away.rename(kept)
    assert desk.plaza("firmware list")[1].endswith("sysupgrade.bin\n")


def _another(file: Path) -> Path:
    """A newer image, which a retry of the older one must not take."""
    other = file.with_name("newer.bin")
    other.write_bytes(openwrt("25.12.0"))
    return other


@pytest.mark.soak
def test_an_image_is_not_removed_while_a_device_waits_for_it(desk: Desk) -> None:
    desk.plaza(f"firmware add {desk.file}")
    code, _, _ = desk.plaza(
        f"firmware start ap-08019-1 --image sysupgrade.bin --why monthly --detach {QUICKLY}"
    )
    assert code == 3
    code, _, errors = desk.plaza("firmware remove sysupgrade.bin")
    assert (code, "still to come to ap-08019-1" in errors) == (2, True)
    assert desk.plaza("rollout abort --why no")[0] == 0
    assert desk.plaza("firmware remove sysupgrade.bin")[0] == 0
    assert desk.plaza("firmware list")[1] == ""
    assert desk.machine.version == OLD
