"""Waves: canaries before the rest of their models, leaves before their parents, links as one."""

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.rollouts.order import Network
from controller.rollouts.seam import Group, Member, Policy, Wave
from controller.rollouts.waves import plan
from tests.rollouts.forest import Forest, forests

POLICY = Policy()


def turns(waves: Sequence[Wave]) -> dict[str, tuple[int, int]]:
    """The wave of each device and the place of its group in it."""
    return {
        name: (number, place)
        for number, wave in enumerate(waves)
        for place, group in enumerate(wave.groups)
        for name in group.devices
    }


def groups(waves: Sequence[Wave]) -> Iterator[Group]:
    return (group for wave in waves for group in wave.groups)


def shape(waves: Sequence[Wave]) -> list[tuple[str, int]]:
    """The name of each wave and how many devices it has."""
    return [(wave.name, sum(len(group.devices) for group in wave.groups)) for wave in waves]


def fleet(size: int, model: str = "EAP", per_site: int = 2) -> tuple[list[Member], Network]:
    """Access points without parents."""
    members = [Member(f"ap-{i:04}", f"site-{i // per_site:04}", model) for i in range(size)]
    return members, network_of(members)


def network_of(members: Sequence[Member]) -> Network:
    return Network(
        {member.device: member.parent for member in members},
        {member.device: member.site for member in members},
    )


@given(forests())
def test_every_device_has_exactly_one_turn(forest: Forest) -> None:
    waves = plan(forest.members, forest.of, POLICY)
    named = [name for group in groups(waves) for name in group.devices]
    assert sorted(named) == sorted(member.device for member in forest.members)
    assert all(wave.groups and wave.name for wave in waves)


@given(forests())
def test_whatever_lies_behind_a_device_is_done_before_it(forest: Forest) -> None:
    turn = turns(plan(forest.members, forest.of, POLICY))
    links = forest.links()
    for name in turn:
        for above in forest.of.above(name):
            if above in turn:
                assert turn[name] < turn[above] or (turn[name] == turn[above] and (name, above) in links)


@given(forests())
def test_the_first_of_a_model_is_alone_of_its_model_until_the_next_wave(forest: Forest) -> None:
    waves = plan(forest.members, forest.of, POLICY)
    models, known = forest.models(), set[str]()
    for wave in waves:
        by_model: dict[str, set[Group]] = {}
        for group in wave.groups:
            for name in group.devices:
                by_model.setdefault(models[name], set()).add(group)
        new = by_model.keys() - known
        assert all(len(by_model[model]) == 1 for model in new)
        assert not new or all(any(models[name] in new for name in group.devices) for group in wave.groups)
        known |= by_model.keys()


@given(forests())
def test_both_ends_of_a_radio_link_are_one_group_with_the_far_end_first(forest: Forest) -> None:
    pairs = {group.devices for group in groups(plan(forest.members, forest.of, POLICY)) if group.devices[1:]}
    assert pairs == forest.links()


@given(forests(), st.randoms())
def test_the_order_in_which_devices_are_named_makes_no_difference(
    forest: Forest, chance: random.Random
) -> None:
    waves = plan(forest.members, forest.of, POLICY)
    members, names = list(forest.members), list(forest.of.parents)
    chance.shuffle(members)
    chance.shuffle(names)
    of = Network({name: forest.of.parents[name] for name in names}, forest.of.sites)
    assert plan(members, of, POLICY) == waves


@given(forests(), st.lists(st.floats(0.01, 1), max_size=4))
def test_no_wave_goes_beyond_its_share_by_more_than_one_group(forest: Forest, shares: list[float]) -> None:
    policy = Policy(shares=tuple(shares))
    reached, total = 0, len(forest.members)
    for wave in plan(forest.members, forest.of, policy):
        before, sizes = reached, [len(group.devices) for group in wave.groups]
        reached += sum(sizes)
        if not wave.name.startswith("canary") and len(sizes) > 1:
            limit = next((s * total for s in sorted(shares) if s * total + 1e-9 >= before + 1), total)
            assert reached <= limit + 1e-9


@pytest.mark.parametrize(
    ("size", "waves"),
    [
        (1, [("canary", 1)]),
        (2, [("canary", 1), ("all", 1)]),
        (4, [("canary", 1), ("all", 3)]),
        (12, [("canary", 1), ("25 %", 2), ("all", 9)]),
        (40, [("canary", 1), ("5 %", 1), ("25 %", 8), ("all", 30)]),
        (3000, [("canary", 1), ("5 %", 149), ("25 %", 600), ("all", 2250)]),
    ],
)
def test_shares_are_of_all_devices_and_empty_waves_are_left_out(
    size: int, waves: list[tuple[str, int]]
) -> None:
    assert shape(plan(*fleet(size), POLICY)) == waves


def test_each_model_has_a_canary_and_no_two_of_them_share_a_site_where_another_can_be_had() -> None:
    members = [
        Member("a1", "P", "EAP225"),
        Member("a2", "Q", "EAP225"),
        Member("b1", "P", "UAP"),
        Member("b2", "R", "UAP"),
        Member("c1", "P", "cnPilot"),
    ]
    first = plan(members, network_of(members), POLICY)[0]
    assert [group.devices for group in first.groups] == [("a1",), ("b2",), ("c1",)]


def test_a_canary_has_little_behind_it_even_if_that_is_not_changed_itself() -> None:
    members = [Member("r1", "P", "RB"), Member("r2", "Q", "RB")]
    parents = {"r1": "", "r2": "", "x": "r1", "y": "x"}
    first = plan(members, Network(parents, {"r1": "P", "r2": "Q"}), POLICY)[0]
    assert first.groups == (Group(("r2",), "Q"),)


def test_a_model_that_is_nowhere_a_leaf_has_a_canary_once_what_lies_behind_it_is_done() -> None:
    members = []
    for site in range(10):
        members.append(Member(f"gw-{site}", f"s{site}", "RB750"))
        members += [Member(f"ap-{site}-{i}", f"s{site}", "EAP225", f"gw-{site}") for i in range(3)]
    waves = plan(members, network_of(members), POLICY)
    assert shape(waves) == [
        ("canary", 1),
        ("5 %", 1),
        ("25 %", 8),
        ("canary: RB750", 1),
        ("all", 29),
    ]
    assert waves[3].groups == (Group(("gw-0",), "s0"),)


def test_what_lies_behind_a_canary_goes_early_wherever_it_stands() -> None:
    members = [Member(f"ap-{i:02}", f"s{i}", "EAP225") for i in range(40)]
    members += [Member("z-gw", "z", "RB750"), Member("z-ap", "z", "EAP225", "z-gw")]
    waves = plan(members, network_of(members), POLICY)
    assert [wave.name for wave in waves] == ["canary", "5 %", "canary: RB750", "25 %", "all"]


def test_the_way_to_a_parent_may_lead_through_a_device_that_is_not_changed() -> None:
    members = [Member("ap", "P", "A"), Member("core", "Q", "A")]
    of = Network({"ap": "switch", "switch": "core", "core": ""}, {"ap": "P", "core": "Q"})
    turn = turns(plan(members, of, POLICY))
    assert turn["ap"] < turn["core"]


def test_a_link_waits_for_what_lies_behind_either_end() -> None:
    members = [
        Member("near", "P", "M5", link="far"),
        Member("far", "Q", "M5", "near"),
        Member("ap-far", "Q", "A", "far"),
        Member("ap-near", "P", "A", "near"),
    ]
    waves = plan(members, network_of(members), POLICY)
    assert list(groups(waves))[-1] == Group(("far", "near"), "Q")


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_a_fleet_of_thousands_is_planned_at_once(seed: int) -> None:
    chance = random.Random(seed)
    members = []
    for site in range(600):
        members.append(Member(f"r{site}", f"s{site}", "radio", f"r{site // 3}" if site else "", ""))
        members += [Member(f"ap{site}-{i}", f"s{site}", chance.choice("ABCDE"), f"r{site}") for i in range(4)]
    assert sum(size for _, size in shape(plan(members, network_of(members), POLICY))) == 3000
