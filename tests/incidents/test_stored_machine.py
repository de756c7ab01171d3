"""The same promises over a real store: kills, restarts and clocks that are set included."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.incidents.conftest import EVERY_S, Controller, controller_in, ended

DEVICES = ("gw", "ups", "sw", "ap-1", "ap-2", "ap-3", "ap-4", "ap-5", "ap-6")
acts = st.one_of(
    st.tuples(st.just("fail"), st.sets(st.sampled_from(DEVICES), min_size=1)),
    st.tuples(st.just("mend"), st.sets(st.sampled_from(DEVICES), min_size=1)),
    st.tuples(st.just("unasked"), st.sets(st.sampled_from(DEVICES))),
    st.tuples(st.just("clock"), st.sampled_from([3600, -3600, 30 * 86_400])),
    st.tuples(st.just("killed"), st.none()),
    st.tuples(st.just("rounds"), st.sampled_from([1, 3, 11, 18])),
)


def act(controller: Controller, verb: str, what: object) -> None:
    if isinstance(what, set):
        down = set(controller.bad)
        if verb == "fail":
            controller.fail(*what)
        elif verb == "mend":
            controller.mend(*(down & what))
        else:
            controller.unasked = what
    elif verb == "clock" and isinstance(what, int):
        controller.now += what
        controller.job.turn()
    elif verb == "killed":
        controller.job = controller.worker()
        controller.job.turn()  # a clock that is set while no worker runs is taken for time that passed
    elif isinstance(what, int):
        controller.go(what)


def check(controller: Controller, lasted_s: int) -> None:
    found = controller.incidents(also_closed=True)
    held = [member.key for one in found if one.is_open for member in one.down]
    assert len(held) == len(set(held))
    assert all(one.down for one in found if one.is_open), "an incident without anybody down"
    assert not any(one.down for one in found if not one.is_open)
    assert all(one.finding.evidence for one in found), "an incident without a reason"
    for one in found:
        assert one.repair_s is None if one.is_open else 0 <= (one.repair_s or 0) <= lasted_s
        assert one.open_s <= lasted_s


@given(st.lists(acts, min_size=4, max_size=12))
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_outage_is_stored_once_with_a_repair_time_that_no_clock_made(
    calm: Path, made: list[tuple[str, object]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(calm, folder, dirs_exist_ok=True)
        controller = controller_in(Path(folder))
        controller.wait(12 * EVERY_S)
        begun_s = controller.mono_s
        for verb, what in made:
            act(controller, verb, what)
        controller.go(3)
        check(controller, int(controller.mono_s - begun_s) + 60)
        controller.unasked = set()
        controller.bad = {}
        controller.go(12)
        left = controller.incidents()
        check(controller, int(controller.mono_s - begun_s) + 60)
        ended(controller)
    assert left == [], "everything works, and an incident is open"


def test_it_holds_for_a_long_evening(controller: Controller) -> None:
    """Every device fails in its turn, alone and together; in the end nothing is left open."""
    for number, name in enumerate(DEVICES):
        act(controller, "fail", {name, DEVICES[number // 2]})
        act(controller, "rounds", 4)
        act(controller, "mend", {DEVICES[number // 2]})
        act(controller, "rounds", 2)
    controller.bad = {}
    controller.go(12)

    assert controller.incidents() == []
    check(controller, int(controller.mono_s) + 60)
