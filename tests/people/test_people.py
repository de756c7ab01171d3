"""A technician's key comes to the devices she may enter, and leaves all of them when it is revoked."""

from pathlib import Path

import pytest

from controller.access import Pinning
from controller.app import utc_now
from controller.rotation import carry, waiting
from controller.rotation.ledger import Kind
from drivers.host_key import HostKey
from tests.configure.desk import CANARY
from tests.configure.device import Dropbear, OpenSsh, quickest
from tests.people.town import town


def test_a_leavers_key_is_refused_everywhere_after_it_was_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (OpenSsh, Dropbear)) as here:
        ana, luis = tmp_path / "ana", tmp_path / "luis"
        for ap in here.aps:
            here.write_key(ap, ana)  # whoever puts it there
        assert here.plaza("apply ap-* --yes")[0] == 0
        assert [here.lets_in(ap, ana) for ap in here.aps] == [True, True]
        assert [here.lets_in(ap, luis) for ap in here.aps] == [True, False]

        here.turn_off("ap-2")
        code, said = here.plaza("access revoke ana --why left --yes")
        assert code == 3, said
        assert not here.lets_in("ap-1", ana)
        assert here.lets_in("ap-1", luis)
        code, said = here.plaza("access report ana")
        assert code == 3
        assert "ap-1: removed, as seen" in said
        assert "ap-2: may still accept the old one: never seen since" in said

        here.turn_on("ap-2")
        assert here.lets_in("ap-2", ana)
        code, said = here.plaza("access revoke ana --why left --yes")
        assert code == 0, said
        assert not here.lets_in("ap-2", ana)
        code, said = here.plaza("access report ana --look")
        assert code == 0, said
        assert "ap-2: removed, as seen" in said
        assert "access-revoked" in here.actions("ana")
        assert "device-accepts-new" in here.actions("ap-2")
        assert CANARY not in here.told()
        assert "PRIVATE KEY" not in here.told()


@pytest.mark.soak
def test_the_worker_revokes_at_a_device_that_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (OpenSsh, Dropbear)) as here:
        ana = tmp_path / "ana"
        assert here.plaza("apply ap-* --yes")[0] == 0
        here.turn_off("ap-2")
        assert here.plaza("access revoke ana --why left --yes")[0] == 3
        waiting.carry_on(here.means().app)
        here.turn_on("ap-2")
        assert here.lets_in("ap-2", ana)

        here.write_inventory(lambda text: text.replace("Chihuahua Gratis", "Otra Red"))
        waiting.carry_on(here.means().app)
        assert here.lets_in("ap-2", ana), "other changes wait there, which nobody asked for"

        here.write_inventory(lambda text: text.replace("Otra Red", "Chihuahua Gratis"))
        here.turn_off("ap-2")
        waiting.carry_on(here.means().app)
        here.turn_on("ap-2")
        waiting.carry_on(here.means().app)
        assert not here.lets_in("ap-2", ana)
        assert here.plaza("access report ana")[0] == 0


@pytest.mark.soak
def test_a_leaver_who_is_not_listed_any_more_is_revoked_by_the_key_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        assert here.plaza("apply ap-* --yes")[0] == 0
        here.write_inventory(lambda text: "\n".join(one for one in text.split("\n") if "  ana:" not in one))
        code, said = here.plaza("access revoke ana --why left --yes")
        assert code == 2
        assert "--key FILE.pub" in said
        assert here.plaza(f"access revoke ana --key {tmp_path / 'ana.pub'} --why left --yes")[0] == 0
        assert not here.lets_in("ap-1", tmp_path / "ana")
        assert here.plaza("access list")[1].count("revoked") == 1


def test_a_person_who_is_listed_though_revoked_is_told_by_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        means = here.means()
        (line,) = means.app.inventory.people["ana"].ssh_keys
        carry.revoke(means, "ana", [line], "left")
        code, said = here.plaza("inventory check")
        assert code == 0
        assert "warning: inventory.yaml:8: people.ana.ssh_keys[0]: was revoked" in said
        assert all(line not in one.manage.ssh_keys for one in here.means().app.inventory.devices.values())


def test_a_rollback_to_the_days_of_a_leaver_does_not_let_her_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        ana, luis = tmp_path / "ana", tmp_path / "luis"
        assert here.plaza("apply ap-* --yes")[0] == 0
        assert here.lets_in("ap-1", ana)
        assert here.plaza("access revoke ana --why left --yes")[0] == 0
        here.write_inventory(lambda text: text.replace("Chihuahua Gratis", "Otra Red"))
        assert here.plaza("apply ap-* --yes")[0] == 0
        wireless = here.aps["ap-1"].root / "etc/config/wireless"
        assert "Chihuahua Gratis" not in wireless.read_text()

        code, said = here.plaza("rollback ap-1 --to 2 --yes")
        assert code == 0, said
        assert "ap-1: confirmed" in said
        assert "Chihuahua Gratis" in wireless.read_text()
        assert not here.lets_in("ap-1", ana)
        assert here.lets_in("ap-1", luis)
        assert "removed" in here.plaza("access report ana --look")[1]


def test_what_else_waits_at_a_device_is_not_rolled_out_with_a_revocation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, (quickest,)) as here:
        ana, wireless = tmp_path / "ana", here.aps["ap-1"].root / "etc/config/wireless"
        assert here.plaza("apply ap-* --yes")[0] == 0
        here.write_inventory(lambda text: text.replace("Chihuahua Gratis", "Otra Red"))
        code, said = here.plaza("access revoke ana --why left --yes")
        assert code == 3, said
        assert "ap-1: other changes wait there: plaza rollout start ap-1" in said
        assert "Otra Red" not in wireless.read_text()
        assert here.lets_in("ap-1", ana)
        assert "ap-1: accepts the old one" in here.plaza("access report ana")[1]

        assert here.plaza("apply ap-* --yes")[0] == 0
        assert here.plaza("access revoke ana --why left --yes")[0] == 0
        assert not here.lets_in("ap-1", ana)


def test_a_revocation_is_not_called_done_while_there_is_a_device_that_nobody_enters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        assert here.plaza("access revoke ana --why left --yes")[0] == 0
        here.write_inventory(lambda text: text.replace("state: expected", "state: active"))
        code, said = here.plaza("access report ana")
        assert code == 3
        assert "sw-1: unknown" in said
        code, said = here.plaza("access revoke ana --why left --yes")
        assert code == 3
        assert "of 1 that Plaza does not enter nothing is known" in said


def test_a_box_that_was_claimed_takes_part_before_it_is_in_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        for name, state in {"ap-7": "expected", "ap-8": "retired", "ap-9": "expected"}.items():
            line = f"  {name}: {{site: 08019-plaza, address: 127.0.0.{name[-1]}, state: {state}}}\n"
            here.write_inventory(lambda text, line=line: text + line)  # type: ignore[misc]
        means = here.means()
        pinning = Pinning(means.app.engine, means.ledger.audit_key, "tecnica")
        for name in ("ap-7", "ap-8"):
            pinning.pin(name, HostKey("ssh-ed25519", "AAAA", f"SHA256:{name}"), utc_now())
        for kind, of in {Kind.SSH: "aps-ssh", Kind.PERSON: "ana"}.items():
            assert [device.name for device in carry.participants(means, kind, of)] == ["ap-7"]


def test_one_rotation_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with town(tmp_path, monkeypatch, capsys, ()) as here:
        means = here.means()
        means.ledger.begin("nobody-knows", Kind.SSH, "first", [])
        means.ledger.remove(means.ledger.running()[0])
        (line,) = means.app.inventory.people["ana"].ssh_keys
        carry.revoke(means, "ana", [line], "left")
        waiting.carry_on(means.app)
        assert [one.credential for one in means.ledger.running()] == ["nobody-knows"]
