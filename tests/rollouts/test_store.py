"""Who read a rollout before somebody turned it turns nothing; what is not looked at is no evidence."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from controller.rollouts import judging
from controller.rollouts.judging import Verdict
from controller.rollouts.seam import Asked, Evidence, Phase, Policy
from controller.rollouts.store import Rollout
from tests.rollouts.village import Village, village


@pytest.fixture
def at(tmp_path: Path) -> Village:
    """A village with a rollout."""
    made = village(tmp_path)
    made.start(Policy())
    return made


Turned = Callable[[Village, Rollout], bool]


@pytest.mark.parametrize(
    "turned",
    [
        pytest.param(lambda at, now: at.store.turn(now, Phase.PAUSED, "wait"), id="its phase"),
        pytest.param(lambda at, now: at.store.next_wave(now, "well"), id="its wave"),
        pytest.param(
            lambda at, now: at.store.turn(now, now.phase, "more", policy=Policy(parallel=3)), id="its policy"
        ),
        pytest.param(
            lambda at, now: at.store.turn(now, now.phase, "seen", seen=frozenset({"gw-a"})),
            id="what was seen",
        ),
    ],
)
def test_a_rollout_that_somebody_turned_meanwhile_stays_as_they_turned_it(
    at: Village, turned: Turned
) -> None:
    read = at.store.get("r1")
    assert turned(at, read)
    after = at.store.get("r1")
    assert after != read
    assert not at.store.turn(read, Phase.ABORTED, "too late")
    assert not at.store.soak(read, "too late")
    assert not at.store.next_wave(read, "too late")
    assert not at.store.replan(read, read, [replace(row, detail="too late") for row in at.store.rows("r1")])
    at.store.note_wait(read, "too late")
    assert at.store.get("r1") == after
    assert all(row.detail != "too late" for row in at.store.rows("r1"))


def test_a_site_that_nobody_looked_at_is_no_evidence(at: Village) -> None:
    rollout = replace(at.store.get("r1"), policy=Policy(without=frozenset({Asked.UPLINK})))
    found = judging.look_at(["a", "b"], rollout, lambda site, _since: at.look(site, 0) if site == "a" else [])
    missing = [each for each in found if each.good is None]
    assert missing == [Evidence("b", asked, None, "nobody looked") for asked in (Asked.CLIENTS, Asked.PROBE)]
    assert len(found) == 4
    late = judging.patient_until(rollout)
    judged = judging.judge(found, rollout, late)
    assert (judged.verdict, "no evidence: b clients: nobody looked" in judged.said) == (Verdict.HALT, True)
    assert judging.judge(found, rollout, late - 1).verdict is Verdict.WAIT
