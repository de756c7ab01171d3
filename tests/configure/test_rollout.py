"""A rollout: canary first, stop at the first failure, offline is pending, every step journalled before."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from controller import applying, audit, rollout
from controller.access import pinned
from controller.errors import RolloutHalted, StoreBusy
from controller.journal import State
from controller.rollout import Outcome
from controller.store.tables import audit as audit_table
from controller.store.tables import rollout_steps
from drivers.model import Lifecycle, Ssid
from tests.configure.desk import CANARY, NewDesk
from tests.configure.device import STAND_IN, Ap, cut_off


def test_the_canary_is_finished_before_the_next_device_is_touched(
    two_aps: tuple[Ap, Ap], desk: NewDesk
) -> None:
    at = desk(*two_aps)
    at.apply()
    done = [(said.device, said.state) for said in at.said]
    steps = (State.ARMED, State.APPLIED, State.VERIFIED, State.CONFIRMED)
    assert done == [(name, state) for name in ("ap-08019-1", "ap-08019-2") for state in steps]


def test_a_failing_canary_holds_the_rest(two_aps: tuple[Ap, Ap], desk: NewDesk) -> None:
    first, second = two_aps
    at = desk(first, second)
    second_before = second.configuration()
    at.want(cut_off(first.device))
    at.hurry()
    with pytest.raises(RolloutHalted, match="the canary"):
        at.apply()
    assert at.states() == {"ap-08019-1": State.ROLLED_BACK, "ap-08019-2": State.HELD}
    assert second.configuration() == second_before
    assert at.rollouts() == ["halted"]
    assert at.actions()[-4:] == ["rollout-started", "device-rolled-back", "device-held", "rollout-halted"]


def test_an_offline_device_is_pending_and_stops_nobody(two_aps: tuple[Ap, Ap], desk: NewDesk) -> None:
    first, second = two_aps
    at = desk(first, second)
    first.lose_power()
    outcomes = at.apply()
    assert {outcome.device: outcome.state for outcome in outcomes} == {
        "ap-08019-1": State.PENDING,
        "ap-08019-2": State.CONFIRMED,
    }
    assert at.states() == {"ap-08019-1": State.PENDING, "ap-08019-2": State.CONFIRMED}
    assert at.rollouts() == ["done"]


def test_a_device_that_goes_offline_after_planning_is_pending_too(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    planned = at.plan()
    one_ap.lose_power()
    (outcome,) = applying.run(at.works, "all", planned, at.said.append)
    assert outcome.state is State.PENDING


def test_uncommitted_changes_of_somebody_else_are_refused_and_left_alone(ap: Ap, desk: NewDesk) -> None:
    at = desk(ap)
    before = ap.configuration()
    staged = ap.root / "tmp/.uci"
    staged.mkdir()
    (staged / "network").write_text("network.lan.proto='static'\n")
    with pytest.raises(RolloutHalted, match="uncommitted changes of somebody else"):
        at.apply()
    assert ap.configuration() == before
    assert (staged / "network").read_text() == "network.lan.proto='static'\n"
    assert at.states() == {"ap-08019-1": State.FAILED}
    assert not (ap.root / "etc/plaza/rollback.tgz").exists()


def test_a_second_trial_is_refused_while_one_is_open(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    (one_ap.root / "etc/plaza").mkdir()
    (one_ap.root / "etc/plaza/rollback.tgz").write_bytes(b"another's")
    with pytest.raises(RolloutHalted, match="another trial is open"):
        at.apply()
    assert (one_ap.root / "etc/plaza/rollback.tgz").read_bytes() == b"another's"


def test_a_device_that_changed_since_the_plan_is_not_overwritten(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    planned = at.plan()
    with (one_ap.root / "etc/config/wireless").open("a") as file:
        file.write("\nconfig wifi-iface 'otra'\n")
    with pytest.raises(RolloutHalted, match="changed since the plan"):
        applying.run(at.works, "all", planned, at.said.append)
    assert one_ap.option("wireless.otra") == "wifi-iface"


def test_a_line_that_uci_refuses_arms_nothing(openssh_ap: Ap, desk: NewDesk) -> None:
    at = desk(openssh_ap)
    at.want_staff()
    before = openssh_ap.configuration()
    uci = openssh_ap.root / "bin/uci"
    uci.unlink(missing_ok=True)
    uci.write_text(
        f'#!/bin/sh\ncase "$*" in *batch) echo "uci: what is {CANARY}" >&2 ;; esac\nexec {STAND_IN} "$@"\n'
    )
    uci.chmod(0o755)
    with pytest.raises(RolloutHalted, match="uci refused a line: uci: what is •••") as caught:
        at.apply()
    assert CANARY not in str(caught.value)
    assert openssh_ap.configuration() == before
    assert not (openssh_ap.root / "etc/plaza/rollback.tgz").exists()


def test_what_plaza_does_not_configure_is_skipped_without_a_login(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    for device in (
        replace(one_ap.device, platform="generic"),
        replace(one_ap.device, state=Lifecycle.RETIRED),
    ):
        at.want(device)
        one_ap.lose_power()
        assert [outcome.state for outcome in at.apply()] == [State.SKIPPED]


def test_one_device_with_a_bad_wish_costs_only_itself(two_aps: tuple[Ap, Ap], desk: NewDesk) -> None:
    first, second = two_aps
    at = desk(first, second)
    at.want(replace(first.device, ssids=(Ssid("mala\nred"),)))
    outcomes = {outcome.device: outcome for outcome in at.apply()}
    assert outcomes["ap-08019-1"].state is State.FAILED
    assert "U+000A" in outcomes["ap-08019-1"].detail
    assert outcomes["ap-08019-2"].state is State.CONFIRMED


def test_a_passphrase_is_in_no_diff_journal_audit_log_or_error(
    one_ap: Ap, desk: NewDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    at = desk(one_ap)
    at.want_staff()
    planned = at.plan()
    assert CANARY not in repr(planned)
    assert planned[0].plan is not None
    assert "••• (new)" in planned[0].plan.change.text
    applying.run(at.works, "all", planned, at.said.append)
    assert one_ap.option("wireless.plaza_2g4_2.key") == CANARY
    with at.engine.connect() as connection:
        rows = (*connection.execute(select(rollout_steps)), *connection.execute(select(audit_table)))
        stored = repr([tuple(row) for row in rows])
    assert "(new)" in stored
    everything = stored + caplog.text + repr(at.said) + repr(at.works.access.secrets.passphrase("staff"))
    assert CANARY not in everything
    for file in Path(str(at.engine.url.database)).parent.glob("**/*"):
        assert CANARY.encode() not in file.read_bytes()
    left = [path for path in one_ap.root.glob("**/plaza/**/*") if path.is_file()]
    assert left
    assert not any(CANARY.encode() in path.read_bytes() for path in left)


def test_the_audit_log_tells_the_whole_story_and_is_sound(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    at.apply()
    assert at.actions() == ["host-key-pinned", "rollout-started", "device-confirmed", "rollout-done"]
    assert audit.verify(at.engine, at.works.journal.audit_key) == audit.Verdict(4)


def test_pinning_is_remembered_with_the_key_it_replaces(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    assert pinned(at.engine, "ap-08019-1") == one_ap.host_key()
    assert pinned(at.engine, "ap-08019-2") is None


def test_two_processes_never_change_devices_at_once(tmp_path: Path) -> None:
    with rollout.alone(tmp_path), pytest.raises(StoreBusy, match="wait"), rollout.alone(tmp_path):
        pass
    with rollout.alone(tmp_path):
        pass


def test_nothing_to_do_leaves_no_trace_in_the_journal(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    at.apply()
    before = at.actions()
    assert at.apply() == (Outcome("ap-08019-1", State.SKIPPED, "as intended"),)
    assert at.actions() == before
