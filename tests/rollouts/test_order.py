"""Which groups may start: never two of a site, never a device while what lies behind it or above it is on."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.journal import State
from controller.rollouts.order import Network, all_behind, behind, ready, stands_in_the_way
from controller.rollouts.seam import Group, Policy
from controller.rollouts.waves import plan
from tests.rollouts.forest import Forest, forests

OF = Network(
    {"gw": "", "far": "near", "near": "gw", "ap-1": "far", "ap-2": "far", "ap-3": "gw", "ap-9": ""},
    {"gw": "P", "near": "P", "far": "Q", "ap-1": "Q", "ap-2": "Q", "ap-3": "P", "ap-9": "R"},
)
AP_1, AP_2, AP_3, AP_9 = (Group((name,), OF.sites[name]) for name in ("ap-1", "ap-2", "ap-3", "ap-9"))
LINK, GATEWAY = Group(("far", "near"), "Q"), Group(("gw",), "P")


def test_what_lies_behind_a_device_is_named_whether_it_is_changed_or_not() -> None:
    assert behind(OF, "near") == ("ap-1", "ap-2", "far")
    assert behind(OF, "ap-1") == ()
    assert all_behind(OF)["gw"] == 5


def test_never_two_groups_of_a_site_at_once() -> None:
    assert ready([AP_1, AP_2, AP_3], (), ("ap-1", "ap-2", "ap-3"), OF) == (AP_1, AP_3)
    assert ready([AP_2, AP_3], ("ap-1",), ("ap-1", "ap-2", "ap-3"), OF) == (AP_3,)


def test_a_link_takes_both_its_sites() -> None:
    assert ready([LINK, AP_3, AP_2, AP_9], (), ("far", "near", "ap-3", "ap-9"), OF) == (LINK, AP_9)
    assert ready([LINK], ("ap-3",), ("far", "near", "ap-3"), OF) == ()


def test_a_parent_waits_until_everything_behind_it_has_ended() -> None:
    assert ready([GATEWAY], (), ("gw", "ap-1"), OF) == ()
    assert ready([GATEWAY], ("ap-1",), ("gw",), OF) == ()
    assert ready([GATEWAY], (), ("gw",), OF) == (GATEWAY,)


def test_nothing_is_begun_behind_a_device_that_is_being_changed() -> None:
    assert ready([AP_1, AP_9], ("gw",), ("gw",), OF) == (AP_9,)
    assert ready([GATEWAY, AP_1], (), ("gw",), OF) == (GATEWAY,)


@pytest.mark.parametrize("state", State)
def test_who_was_tried_in_vain_or_is_out_of_the_rollout_keeps_no_parent_waiting(state: State) -> None:
    waited_for = {State.PLANNED, State.ARMED, State.APPLIED, State.VERIFIED}
    assert stands_in_the_way(state, attempts=1) == (state in waited_for)
    assert stands_in_the_way(state, attempts=0) == (state in {*waited_for, State.PENDING})


@given(forests(), st.randoms())
def test_a_rollout_always_goes_on_and_never_breaks_a_rule(forest: Forest, chance: random.Random) -> None:
    of = forest.of
    for wave in plan(forest.members, of, Policy()):
        waiting, running = list(wave.groups), list[Group]()
        while waiting or running:
            on = {name for group in running for name in group.devices}
            unended = on | {name for group in waiting for name in group.devices}
            chosen = ready(waiting, on, unended, of)
            assert chosen or running
            begun = chosen[: chance.randint(0 if running else 1, len(chosen))]
            running += begun
            waiting = [group for group in waiting if group not in begun]
            check(running, of)
            if chance.random() < 0.5:
                running.remove(chance.choice(running))


def check(running: list[Group], of: Network) -> None:
    """No two groups of a site, no two on one way."""
    sites = [{of.sites[name] for name in group.devices} for group in running]
    assert sum(map(len, sites)) == len(set[str]().union(*sites))
    for group in running:
        others = {name for other in running if other is not group for name in other.devices}
        assert others.isdisjoint(above for name in group.devices for above in of.above(name))
