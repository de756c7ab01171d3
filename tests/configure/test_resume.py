"""kill -9 of the controller at every step: the device ends old or new, and the journal says which."""

import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from controller import applying, rollout
from controller.journal import State
from drivers.model import Ssid
from tests.children import exit_code
from tests.configure import dying
from tests.configure.desk import NewDesk
from tests.configure.device import SYSTEM, WIRELESS, Ap

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.configure.dying"])  # else each controller imports everything anew

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
    (outcome,) = at.resume_to_the_end()
    assert outcome.state is truth
    assert at.states() == {one_ap.device.name: truth}
    assert at.rollouts() == ["done" if fate == KEPT else "halted"]
    configuration = one_ap.configuration()
    if fate == KEPT:
        (planned,) = at.plan()
        assert not planned.pending
        newest, *_ = at.works.history.versions(one_ap.device.name)
        assert (newest.reason, newest.fingerprint) == ("after", planned.plan and planned.plan.fingerprint)
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
    one_ap.lose_power()
    (outcome,) = at.resume()
    assert outcome.state is State.VERIFIED
    assert "not yet known" in outcome.detail
    assert at.rollouts() == ["running"]
    one_ap.boot()
    (outcome,) = at.resume()
    assert (outcome.state, outcome.detail) == (State.ROLLED_BACK, "its old configuration is back")
    assert one_ap.configuration()["wireless"].decode() == WIRELESS


def test_a_device_is_asked_once_so_that_others_need_not_wait_for_it(
    one_ap: Ap, desk: NewDesk, tmp_path: Path
) -> None:
    at = desk(one_ap)
    kill_controller(one_ap, tmp_path, "after", State.APPLIED, hurry=False)
    one_ap.lose_power()
    with deaf_ears(one_ap.port) as calls:
        (outcome,) = at.resume()
        assert len(calls) == 1
        (again,) = at.resume()
        assert len(calls) == 2
    assert outcome.state is again.state is State.APPLIED
    assert "not yet known" in outcome.detail


def test_a_device_whose_trial_is_still_open_is_left_alone_by_the_next_rollout(
    one_ap: Ap, desk: NewDesk, tmp_path: Path
) -> None:
    at = desk(one_ap)
    kill_controller(one_ap, tmp_path, "after", State.APPLIED, hurry=False)
    resumed = at.resume()
    assert [outcome.state for outcome in resumed] == [State.APPLIED]
    (outcome,) = applying.run(at.works, "all", rollout.postpone(at.works, at.plan()), at.said.append)
    assert outcome.state is State.PENDING
    (item,) = rollout.postpone(at.works, at.plan())
    said = (
        r"not ended yet; unconfirmed it reverts by itself within about \d+ s; .*: plaza rollback ap-08019-1$"
    )
    assert re.search(said, str(item.error))
    assert "an earlier change has not ended yet" in outcome.detail
    assert at.rollouts() == ["running"]
    one_ap.lose_power()
    one_ap.boot()
    assert [outcome.state for outcome in at.resume()] == [State.ROLLED_BACK]


def test_a_trial_that_is_no_longer_what_is_wished_is_never_confirmed(
    one_ap: Ap, desk: NewDesk, tmp_path: Path
) -> None:
    at = desk(one_ap)
    kill_controller(one_ap, tmp_path, "after", State.VERIFIED, hurry=False)
    wireless = one_ap.root / "etc/config/wireless"
    applied = wireless.read_text()
    wireless.write_text(applied.replace("Chihuahua Gratis", "Otra"))
    assert [outcome.state for outcome in at.resume()] == [State.VERIFIED]
    wireless.write_text(applied)
    at.want(replace(one_ap.device, ssids=(Ssid("Otra"),)))
    assert [outcome.state for outcome in at.resume()] == [State.VERIFIED]
    one_ap.lose_power()
    one_ap.boot()
    assert [outcome.state for outcome in at.resume()] == [State.ROLLED_BACK]


@contextmanager
def deaf_ears(port: int) -> Iterator[list[str]]:
    """A server in the device's place that hangs up on everybody; remembers who called."""
    calls: list[str] = []
    with socket.create_server(("127.0.0.1", port)) as server:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    line, caller = server.accept()
                    calls.append(str(caller))
                    line.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        try:
            yield calls
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


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
    process = FORKS.Process(target=dying.main, args=(spec,))
    process.start()
    assert exit_code(process) == -signal.SIGKILL
