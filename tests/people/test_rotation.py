"""An SSH key gets a successor: old and new overlap, and at no moment is a device that nobody can enter."""

import logging
import shutil
from pathlib import Path

import pytest

from tests.configure.device import Dropbear, OpenSsh, quickest
from tests.people.dying import die_in
from tests.people.town import town


@pytest.mark.soak
def test_a_key_is_rotated_while_one_device_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (OpenSsh, Dropbear)) as here:
        old, secret = tmp_path / "aps-ssh-key", here.own_key().read_text()
        assert here.plaza("apply ap-* --yes")[0] == 0
        here.turn_off("ap-2")
        code, said = here.plaza("credentials rotate aps-ssh --why yearly --yes")
        assert code == 3, said
        new = here.own_key("aps-ssh-key.next")
        assert new.stat().st_mode & 0o777 == 0o600
        assert here.own_key().read_text() == secret
        assert here.lets_in("ap-1", new)
        assert not here.lets_in("ap-1", old)
        code, said = here.plaza("credentials status aps-ssh")
        assert code == 3
        assert "ap-1: removed, as seen" in said
        assert "ap-2: may still accept the old one: never seen since (not reached" in said

        here.turn_on("ap-2")
        assert here.lets_in("ap-2", old)
        code, said = here.plaza("credentials rotate aps-ssh --yes")
        assert code == 0, said
        assert here.lets_in("ap-2", here.own_key())
        assert not here.lets_in("ap-2", old)
        assert not new.exists()
        assert here.own_key("aps-ssh-key.old").read_text() == secret
        assert here.own_key().read_text() != secret

        code, said = here.plaza("diff ap-*")
        assert code == 0, said
        told = here.told()
        assert here.plaza("credentials status aps-ssh")[0] == 0
        for key in (secret, here.own_key().read_text()):
            assert not any(line in told for line in key.splitlines()[1:-1])
        shutil.copy(here.own_key("aps-ssh-key.old"), tmp_path / "again")


MOMENTS = {
    "the new key is written and nobody knows of it": ("INSERT INTO rotation ", 1),
    "the device is about to get it": ("'armed'", 1),
    "the device got it and nobody confirmed": ("'verified'", 1),
    "it was seen to accept it": ("UPDATE rotation_step", 1),
    "all accept it": ("UPDATE rotation SET", 1),
    "the old one is about to go": ("'armed'", 2),
    "the old one is gone and nobody confirmed": ("'verified'", 2),
    "it was seen to refuse the old one": ("UPDATE rotation_step", 2),
    "the new key has taken the name of the old one": ("UPDATE rotation SET", 2),
    "the old one is about to be revoked for good": ("INSERT INTO revoked_key", 1),
}
FEW = ("the new key has taken the name of the old one",)


@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[] if m in FEW else [pytest.mark.soak]) for m in MOMENTS]
)
def test_whenever_the_controller_dies_the_device_can_be_entered(
    moment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        assert here.plaza("apply ap-* --yes")[0] == 0
        command = "credentials rotate aps-ssh --why yearly --yes"
        die_in(here.folder, command, *MOMENTS[moment])
        means = here.means()
        means.access.enter(means.app.inventory.devices["ap-1"]).close()

        code, said = here.plaza(command)
        assert code == 0, said
        assert here.lets_in("ap-1", here.own_key())
        assert not here.lets_in("ap-1", tmp_path / "aps-ssh-key")
        assert here.plaza("diff ap-*")[0] == 0
        for key in (here.own_key(), here.own_key("aps-ssh-key.old")):
            secret = key.read_text().splitlines()[1:-1]
            assert not any(line in here.told() + caplog.text for line in secret)


def test_a_key_is_rotated_again_and_plaza_still_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        assert here.plaza("apply ap-1 --yes")[0] == 0
        for _ in range(2):
            before = shutil.copy(here.own_key(), tmp_path / "before")
            code, said = here.plaza("credentials rotate aps-ssh --why yearly --yes")
            assert code == 0, said
            assert here.lets_in("ap-1", here.own_key())
            assert not here.lets_in("ap-1", Path(before))
        assert here.plaza("diff ap-1")[0] == 0


@pytest.mark.soak
def test_the_way_back_to_before_a_rotation_leaves_the_key_that_plaza_logs_in_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        wireless = here.aps["ap-1"].root / "etc/config/wireless"
        assert here.plaza("apply ap-1 --yes")[0] == 0
        assert here.plaza("credentials rotate aps-ssh --why yearly --yes")[0] == 0
        here.write_inventory(lambda text: text.replace("Chihuahua Gratis", "Otra Red"))
        assert here.plaza("apply ap-1 --yes")[0] == 0
        code, said = here.plaza("rollback ap-1 --to 2 --yes")
        assert code == 0, said
        assert "Chihuahua Gratis" in wireless.read_text()
        assert here.lets_in("ap-1", here.own_key())
        assert not here.lets_in("ap-1", tmp_path / "aps-ssh-key")
        code, said = here.plaza("drift ap-1 --now")
        assert "0 drifted" in said, said
