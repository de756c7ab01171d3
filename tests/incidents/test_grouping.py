"""One incident for one root cause: what hangs on what, and what several that went together share."""

from controller.incidents.model import Fact, Open, Place, Reach, Root, Seen
from controller.incidents.planning import SETTLE_S, Moment, plan
from controller.incidents.world import World
from drivers.model import Role
from tests.incidents.town import PACE, START, Town, ap, device, service, town

SETTLED = PACE.up + 10
M, N = "08019", "08037"


def uplink(count: int = 40) -> Town:
    """A municipality whose sites hang on one backhaul, of which nothing more is written than that."""
    sites = [f"s{n}" for n in range(count)]
    nodes = [ap(f"ap{n}", site) for n, site in enumerate(sites)]
    others = [ap("far", "far")]
    places = [*(Place(site, M, "Sierra") for site in sites), Place("far", N, "Otra")]
    return town([*nodes, *others], places)


def behind(count: int = 40) -> Town:
    """The same, with the backhaul in the inventory."""
    nodes = [device("bh", "hub", Role.BACKHAUL), device("core", "hub", Role.GATEWAY)]
    nodes += [ap(f"ap{n}", f"s{n}", parent="bh") for n in range(count)]
    return town(nodes)


def test_a_municipalitys_dead_uplink_is_one_incident_and_not_forty() -> None:
    made = uplink()
    made.fail(*(f"ap{n}" for n in range(40)))
    made.step(PACE.down)

    assert made.roots() == [f"municipality {M}"]
    assert len(made.open()[0].members) == 40


def test_a_dead_backhaul_is_the_root_of_the_forty_behind_it() -> None:
    made = behind()
    made.fail("bh", *(f"ap{n}" for n in range(40)))
    made.step(PACE.down)

    assert made.roots() == ["device bh"]
    assert len(made.open()[0].members) == 41


def test_a_backhaul_that_nobody_can_ask_is_still_the_root() -> None:
    nodes = [device("bh", "hub", Role.BACKHAUL, parent="core"), device("core", "hub", Role.GATEWAY)]
    made = town([*nodes, ap("a", "hub", "bh"), ap("b", "hub", "bh"), ap("c", "hub", "core")])
    made.silent.add("bh")
    made.step(10)
    made.fail("a", "b")
    made.step(PACE.down)

    assert made.roots() == ["device bh"]
    assert set(made.open()[0].members) == {"a", "b"}


def test_those_that_are_noticed_one_after_the_other_come_into_one_incident() -> None:
    made = uplink(10)
    for n in range(10):
        made.fail(f"ap{n}")
        made.step()
    made.step(PACE.down)

    assert made.roots() == [f"municipality {M}"]
    assert len(made.open()[0].members) == 10
    assert all(one.merged_into == made.open()[0].name for one in made.incidents if one not in made.open())


def test_the_switch_that_is_noticed_later_takes_its_access_points_over() -> None:
    made = town([device("sw", "s", Role.SWITCH), ap("a", "s", "sw"), ap("b", "t", "sw"), ap("c", "s")])
    made.fail("a")
    made.step(PACE.down)
    first = made.roots()
    made.fail("sw", "b")
    made.step(PACE.down)

    assert first == ["device a"]
    assert made.roots() == ["device sw"]
    assert set(made.open()[0].members) == {"a", "b", "sw"}


def test_what_was_broken_before_stays_an_incident_of_its_own() -> None:
    made = uplink(10)
    made.fail("ap3")
    made.step(60)
    made.fail(*(f"ap{n}" for n in range(10)))
    made.step(PACE.down)

    assert made.roots() == ["device ap3", f"municipality {M}"]
    assert len(made.of("ap3")) == 1


def test_who_goes_down_behind_a_dead_root_joins_its_incident() -> None:
    made = behind(5)
    made.fail("bh", "ap0")
    made.step(100)
    made.fail("ap1")
    made.step(PACE.down)

    assert made.roots() == ["device bh"]
    assert "ap1" in made.open()[0].members


def test_who_stays_down_after_the_root_is_mended_is_an_incident_of_its_own() -> None:
    made = behind(5)
    made.fail("bh", *(f"ap{n}" for n in range(5)))
    made.step(PACE.down)
    made.mend("bh", "ap0", "ap1", "ap2", "ap3")
    made.step(SETTLED)

    assert made.roots() == ["device ap4"]
    assert made.incidents[0].closed_at is not None


def test_who_stays_down_after_the_uplink_is_mended_is_an_incident_of_its_own() -> None:
    made = uplink(10)
    made.fail(*(f"ap{n}" for n in range(10)))
    made.step(PACE.down)
    made.mend(*(f"ap{n}" for n in range(9)))
    made.step(SETTLED)

    assert made.roots() == ["device ap9"]


def test_coming_back_one_after_the_other_makes_no_incident_of_the_last() -> None:
    made = uplink(10)
    made.fail(*(f"ap{n}" for n in range(10)))
    made.step(PACE.down)
    for n in range(10):
        made.mend(f"ap{n}")
        made.step()
    made.step(SETTLED)

    assert len(made.incidents) == 1
    assert made.open() == []


def test_a_provider_in_several_municipalities_is_one_root() -> None:
    sites = [("a", M), ("b", M), ("c", N), ("d", N), ("e", "08001")]
    others = [Place("x", M, "Otra"), Place("y", N, "Otra")]
    places = [*(Place(site, key, "Sierra") for site, key in sites), *others]
    made = town([ap(f"ap-{place.key}", place.key) for place in places], places)
    made.fail(*(f"ap-{site}" for site, _ in sites))
    made.step(PACE.down)

    assert made.roots() == ["provider Sierra"]


def test_one_providers_lines_in_one_municipality_are_one_root() -> None:
    mine = [Place(f"s{n}", M, "Sierra") for n in range(4)]
    other = [Place(f"t{n}", M, "Otra") for n in range(4)]
    made = town([ap(f"ap-{place.key}", place.key) for place in [*mine, *other]], [*mine, *other])
    made.fail(*(f"ap-{place.key}" for place in mine))
    made.step(PACE.down)

    assert made.roots() == [f"uplink {M}/Sierra"]


def test_everything_that_one_source_feeds_is_one_incident_of_that_source() -> None:
    nodes = [
        device("ups", "s", Role.UPS),
        device("sw", "s", Role.SWITCH, power="ups"),
        ap("a", "s", power="ups"),
    ]
    made = town([*nodes, ap("b", "s")])
    made.fail("sw", "a")
    made.step(PACE.down)

    assert made.roots() == ["supply ups"]


def test_a_whole_site_without_one_that_the_others_hang_on_is_one_incident() -> None:
    made = town([ap("a", "s"), ap("b", "s"), ap("c", "t")])
    made.fail("a", "b")
    made.step(PACE.down)

    assert made.roots() == ["site s"]


def test_a_switch_and_a_ups_that_hang_on_each_other_are_one_incident() -> None:
    nodes = [device("sw", "s", Role.SWITCH, power="ups"), device("ups", "s", Role.UPS, parent="sw")]
    made = town([*nodes, ap("a", "s", "sw", "sw"), ap("b", "t")])
    made.fail("sw", "ups", "a")
    made.step(PACE.down)

    assert len(made.open()) == 1
    assert len(made.open()[0].members) == 3


def test_a_service_that_fails_while_every_device_answers_is_an_incident_of_the_service() -> None:
    made = town([ap("a", "s"), service("s"), ap("b", "t")])
    made.fail("service:s")
    made.step(PACE.down)

    assert made.roots() == ["service s"]


def test_a_service_that_fails_with_its_devices_is_part_of_their_incident() -> None:
    made = town(
        [ap("a", "s"), service("s"), ap("b", "t"), device("gw", "t", Role.GATEWAY), service("t", "gw")]
    )
    made.fail("a", "service:s", "gw", "service:t")
    made.step(PACE.down)

    assert made.roots() == ["device a", "device gw"]
    assert "service:s" in made.of("a")[0].members
    assert "service:t" in made.of("gw")[0].members


def test_a_portal_that_fails_everywhere_is_one_incident() -> None:
    made = town([one for n in range(6) for one in (ap(f"a{n}", f"s{n}"), service(f"s{n}"))])
    made.fail(*(f"service:s{n}" for n in range(6)))
    made.step(PACE.down)

    assert made.roots() == ["portal"]


def test_expected_outages_open_nothing_and_neither_does_what_hangs_on_them() -> None:
    made = behind(5)
    made.expected["bh"] = "planned: mast work"
    made.fail("bh", *(f"ap{n}" for n in range(5)))
    made.step(50)
    during = made.roots()
    made.expected.clear()
    made.step(1)

    assert during == []
    assert made.roots() == ["device bh"]
    assert made.open()[0].opened_at == START + PACE.up * 30 + 30


def test_a_device_that_left_the_inventory_leaves_its_incident() -> None:
    made = town([ap("a", "s"), ap("b", "t")])
    made.fail("a")
    made.step(PACE.down)
    left = {key: node for key, node in made.world.nodes.items() if key != "a"}
    made.world = type(made.world).of(list(left.values()), list(made.world.places.values()))
    made.step(1)

    assert made.open() == []


def test_flapping_is_one_incident_that_stays_open() -> None:
    made = town([ap("a", "s"), ap("b", "s")])
    for _ in range(10):
        made.fail("a")
        made.step(PACE.down)
        made.mend("a")
        made.step(PACE.up - 1)

    assert len(made.incidents) == 1
    made.step(5)
    assert made.open() == []


def test_one_bad_poll_is_nothing() -> None:
    made = town([ap("a", "s"), ap("b", "s")])
    made.fail("a")
    made.step(PACE.down - 1)
    made.mend("a")
    made.step(5)

    assert made.incidents == []


def test_what_nobody_can_ask_is_never_down_and_never_restored() -> None:
    made = town([ap("a", "s"), ap("b", "s")])
    made.silent.add("a")
    made.step(100)
    assert made.incidents == []
    made.fail("b")
    made.step(PACE.down)
    made.silent.add("b")
    made.step(1000)
    assert made.roots() == ["device b"]


def test_a_root_of_which_a_part_came_back_keeps_the_rest() -> None:
    nodes = [device("core", "hub", Role.GATEWAY), device("ups", "hub", Role.UPS, parent="core")]
    nodes += [device("bh", "hub", Role.BACKHAUL, parent="core"), device("sw", "s", Role.SWITCH, parent="bh")]
    made = town([*nodes, ap("far", "far")])
    made.silent.add("core")
    made.step(10)
    made.fail("ups", "bh", "sw")
    made.step(PACE.down)
    made.mend("sw")
    made.step(SETTLED)

    assert made.roots() == ["device core"]
    assert set(made.open()[0].members) == {"ups", "bh"}
    assert not any(one.released for one in made.plans)


def test_phones_that_are_served_by_deaf_devices_split_no_incident() -> None:
    made = town([ap("a", "s"), ap("b", "s"), service("s"), ap("c", "t")])
    made.fail("a", "b", "service:s")
    made.step(PACE.down)
    made.mend("service:s")
    made.step(SETTLED)

    assert made.roots() == ["site s"]
    assert not any(one.released for one in made.plans)


def test_who_is_down_behind_one_that_nobody_can_ask_any_more_is_no_part_of_a_mended_root() -> None:
    made = town(
        [device("r", "s", Role.GATEWAY), device("m", "s", Role.SWITCH, "r"), ap("x", "s", "m"), ap("o", "o")]
    )
    made.fail("r", "m", "x")
    made.step(PACE.down)
    made.silent.add("m")
    made.mend("r")
    made.step(SETTLED)
    settled = len([one for one in made.plans if one])
    made.step(20)

    assert made.of("x")[0].root != made.incidents[0].root
    assert len([one for one in made.plans if one]) == settled


def test_an_access_point_that_broke_yesterday_is_not_the_switch_of_today() -> None:
    made = town([device("sw", "s", Role.SWITCH), ap("a", "s", "sw"), ap("b", "t", "sw"), ap("c", "s")])
    made.fail("a")
    made.step(60)
    made.fail("sw", "b")
    made.step(PACE.down)

    assert made.roots() == ["device a", "device sw"]


def test_the_root_is_in_its_incident_though_it_is_not_sure_yet() -> None:
    made = town([device("sw", "s", Role.SWITCH), ap("a", "s", "sw"), ap("b", "t")])
    made.fail("a")
    made.step(PACE.down - 1)
    made.fail("sw")
    made.step(1)

    assert made.roots() == ["device sw"]
    assert set(made.open()[0].members) == {"a", "sw"}


def test_who_was_not_asked_since_the_root_came_back_stays_in_its_incident() -> None:
    world = World.of([device("r", "s", Role.GATEWAY), ap("x", "s", "r")], [Place("s", M, "")])
    back = Seen(Fact.GOOD, sure=True, since=START, checked_at=START + 600)
    incident = Open("i", Root(Reach.DEVICE, "r"), START - 900, {"x": START - 900}, frozenset({"r", "x"}))

    def released(asked_at: int) -> int:
        x = Seen(Fact.BAD, sure=True, since=START - 900, checked_at=asked_at)
        return len(plan(Moment(world, {"r": back, "x": x}, {}, START + 600), [incident]).released)

    assert released(START - 10) == 0
    assert released(START + SETTLE_S) == 1
