"""kill -9 of the controller at every step: the device ends old or new, and the journal says which."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from controller.journal import State
from tests.configure.desk import NewDesk
from tests.configure.device import SYSTEM, WIRELESS, Ap

REVERTS, KEPT, UNTOUCHED = "reverts", "kept", "untouched"

POINTS = {
    "before the device is armed": (("before", State.ARMED), UNTOUCHED, State.HELD),
    "about to arm": (("after", State.ARMED), UNTOUCHED, State.FAILED),
    "armed, not written down": (("before", State.APPLIED), REVERTS, State.ROLLED_BACK),
    "about to apply": (("after", State.APPLIED), REVERTS, State.ROLLED_BACK),
    "verified, not written down": (("before", State.VERIFIED), KEPT, State.CONFIRMED),
    "about to confirm": (("after", State.VERIFIED), KEPT, State.CONFIRMED),
    "confirmed, not written down": (("before", State.CONFIRMED), KEPT, State.CONFIRMED),
}


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_controller_is_taken_over(point: str, one_ap: Ap, desk: NewDesk, tmp_path: Path) -> None:
    moment, fate, truth = POINTS[point]
    kill_controller(one_ap, tmp_path, *moment, hurry=fate == REVERTS)
    at = desk(one_ap)
    if fate == REVERTS:
        at.hurry()
    (outcome,) = at.resume()
    assert outcome.state is truth
    assert at.states() == {one_ap.device.name: truth}
    assert at.rollouts() == ["halted"]
    configuration = one_ap.configuration()
    if fate == KEPT:
        assert not at.plan()[0].pending
    else:
        assert configuration["system"].decode() == SYSTEM
        assert configuration["wireless"].decode() == WIRELESS
    assert not (one_ap.root / "etc/plaza/rollback.tgz").exists()
    assert at.resume() == ()
    assert [done.state for done in at.apply()] == [State.SKIPPED if fate == KEPT else State.CONFIRMED]


def test_a_device_that_does_not_answer_keeps_its_row_open_and_is_asked_again(
    one_ap: Ap, desk: NewDesk, tmp_path: Path
) -> None:
    at = desk(one_ap)
    kill_controller(one_ap, tmp_path, "after", State.VERIFIED, hurry=False)
    at.give_up_soon()  # the device's timer has long ended, and still it does not answer
    one_ap.lose_power()
    (outcome,) = at.resume()
    assert outcome.state is State.VERIFIED
    assert "not yet known" in outcome.detail
    assert at.rollouts() == ["running"]
    one_ap.boot()
    (outcome,) = at.resume()
    assert (outcome.state, outcome.detail) == (State.ROLLED_BACK, "it reverted by itself")
    assert one_ap.configuration()["wireless"].decode() == WIRELESS


def kill_controller(ap: Ap, folder: Path, when: str, state: State, *, hurry: bool) -> None:
    """Run a rollout that dies at one point."""
    spec = folder / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "root": str(ap.root),
                "port": ap.port,
                "name": ap.device.name,
                "folder": str(folder / "controller"),
                "when": when,
                "state": state.value,
                "hurry": hurry,
            }
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.configure.dying", spec], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
