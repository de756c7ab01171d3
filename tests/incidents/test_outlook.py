"""The state of devices, sites and municipalities, with the reason."""

from hypothesis import given
from hypothesis import strategies as st

from controller.incidents.model import Fact, Place, Seen
from controller.incidents.moment import Moment
from controller.incidents.outlook import Condition, Standing, of_municipality, of_node, of_site
from controller.incidents.world import World
from tests.incidents.town import ap, service

WORLD = World.of(
    [ap("a", "s"), ap("b", "s"), service("s"), ap("c", "t")], [Place("s", "m", ""), Place("t", "m", "")]
)
GOOD, BAD = Seen(Fact.GOOD, sure=True), Seen(Fact.BAD, sure=True, reason="silent")
DOUBT, BLIP = Seen(Fact.GOOD), Seen(Fact.BAD, reason="silent")
UNSEEN = Seen(Fact.UNKNOWN)
KEYS = ("a", "b", "service:s", "c")


def moment(expected: dict[str, str] | None = None, **seen: Seen) -> Moment:
    facts = {key.replace("phone", "service:s"): one for key, one in seen.items()}
    return Moment(WORLD, facts, expected or {}, 0)


def state(found: Standing) -> Condition:
    return found.condition


def test_a_device_is_down_only_when_it_surely_is() -> None:
    assert state(of_node(moment(a=BAD), (), "a")) is Condition.DOWN
    assert state(of_node(moment(a=BLIP), (), "a")) is Condition.UP
    assert state(of_node(moment(a=BLIP), {"a"}, "a")) is Condition.DOWN
    assert of_node(moment(a=BAD), (), "a").reason == "silent"


def test_a_device_is_up_again_only_when_it_surely_is() -> None:
    assert state(of_node(moment(a=DOUBT), {"a"}, "a")) is Condition.DOWN
    assert state(of_node(moment(a=GOOD), (), "a")) is Condition.UP


def test_what_nobody_can_ask_is_unknown_even_in_an_incident() -> None:
    assert state(of_node(moment(a=UNSEEN), {"a"}, "a")) is Condition.UNKNOWN


def test_what_was_announced_is_expected_down_with_its_reason() -> None:
    found = of_node(moment({"a": "mast work"}, a=BAD), (), "a")

    assert (found.condition, found.reason) == (Condition.EXPECTED_DOWN, "mast work")
    assert state(of_node(moment({"a": "mast work"}, a=GOOD), (), "a")) is Condition.UP


def test_a_site_that_serves_nobody_is_down_whatever_its_agents_say() -> None:
    found = of_site(moment(a=GOOD, b=GOOD, phone=BAD), (), "s")

    assert found == Standing("s", Condition.DOWN, "citizens are not served: silent")


def test_a_site_that_serves_is_not_down_though_no_agent_answers() -> None:
    assert state(of_site(moment(a=BAD, b=BAD, phone=GOOD), (), "s")) is Condition.DEGRADED
    assert state(of_site(moment(a=BAD, b=BAD, phone=UNSEEN), (), "s")) is Condition.DOWN


def test_a_closed_site_is_as_its_devices_are() -> None:
    closed = {"service:s": "the site is closed at this hour"}

    assert state(of_site(moment(closed, a=GOOD, b=GOOD, phone=BAD), (), "s")) is Condition.UP


def test_a_site_with_one_of_two_down_is_degraded_and_names_it() -> None:
    assert of_site(moment(a=GOOD, b=BAD), (), "s") == Standing("s", Condition.DEGRADED, "b: silent")


def test_a_municipality_is_down_only_with_all_its_sites() -> None:
    down, up = Standing("s", Condition.DOWN, "x"), Standing("t", Condition.UP)
    planned = Standing("t", Condition.EXPECTED_DOWN, "mast")

    assert of_municipality("m", [down, up]) == Standing("m", Condition.DEGRADED, "s: x")
    assert state(of_municipality("m", [down, planned])) is Condition.DOWN
    assert state(of_municipality("m", [planned, planned])) is Condition.EXPECTED_DOWN
    assert state(of_municipality("m", [up, planned])) is Condition.UP
    assert state(of_municipality("m", [])) is Condition.UNKNOWN


seens = st.sampled_from([GOOD, BAD, DOUBT, BLIP, UNSEEN, Seen(Fact.GOOD, sure=True, degraded=True)])


@given(
    st.fixed_dictionaries(dict.fromkeys(KEYS, seens)),
    st.sets(st.sampled_from(KEYS)),
    st.sets(st.sampled_from(KEYS)),
)
def test_no_state_says_more_than_is_known(seen: dict[str, Seen], held: set[str], planned: set[str]) -> None:
    now = Moment(WORLD, seen, dict.fromkeys(planned, "planned"), 0)
    nodes = {key: state(of_node(now, held, key)) for key in KEYS}
    site = of_site(now, held, "s")

    for key, condition in nodes.items():
        assert (condition is Condition.UNKNOWN) == (seen[key].fact is Fact.UNKNOWN)
        assert condition is not Condition.EXPECTED_DOWN or key in planned
        assert condition is not Condition.DOWN or key in held or seen[key] == BAD
    if site.condition is Condition.DOWN:
        devices = {nodes["a"], nodes["b"]}
        assert nodes["service:s"] is Condition.DOWN or devices <= {Condition.DOWN, Condition.EXPECTED_DOWN}
    assert site.reason or site.condition is Condition.UP
