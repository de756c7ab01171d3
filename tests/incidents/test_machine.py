"""Whatever fails, comes back, falls silent, is planned: each outage is in one incident, of its root."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from controller.incidents.model import Place
from controller.incidents.planning import spread
from controller.incidents.roots import Darkness
from drivers.model import Role
from tests.incidents.town import PACE, Town, ap, device, service, town

PLACES = [
    Place("hub", "08019", "Sierra"),
    Place("a", "08019", "Sierra"),
    Place("b", "08019", "Sierra"),
    Place("c", "08019", "Otra"),
    Place("d", "08037", "Sierra"),
    Place("e", "08037", "Sierra"),
    Place("f", "08037", "Otra"),
]
NODES = [
    device("core", "hub", Role.GATEWAY, power="ups"),
    device("ups", "hub", Role.UPS, parent="core"),
    device("bh", "hub", Role.BACKHAUL, parent="core", power="ups"),
    device("sw", "a", Role.SWITCH, parent="bh"),
    ap("a1", "a", "sw", "sw"),
    ap("a2", "a", "sw", "sw"),
    service("a", "sw"),
    ap("b1", "b", "bh"),
    service("b"),
    ap("c1", "c"),
    ap("c2", "c"),
    service("c"),
    ap("d1", "d", power="d-ups"),
    ap("d2", "d", power="d-ups"),
    device("d-ups", "d", Role.UPS),
    ap("e1", "e"),
    ap("f1", "f", "f-modem"),
    device("f-modem", "f", Role.MODEM),
    service("f", "f-modem"),
]
KEYS = [node.key for node in NODES]
SITES = {place.key: [node.key for node in NODES if node.site == place.key] for place in PLACES}
some = st.lists(st.sampled_from(KEYS), min_size=1, max_size=4)


class Outages(RuleBasedStateMachine):
    """The plan of each turn, applied as the store applies it."""

    made: Town

    @initialize()
    def begin(self) -> None:
        self.made = town(NODES, PLACES)

    @rule(keys=some)
    def fail(self, keys: list[str]) -> None:
        self.made.fail(*keys)

    @rule(site=st.sampled_from(sorted(SITES)))
    def fail_a_site(self, site: str) -> None:
        self.made.fail(*SITES[site])

    @rule(municipality=st.sampled_from(["08019", "08037"]))
    def fail_a_municipality(self, municipality: str) -> None:
        self.made.fail(*(k for p in PLACES if p.municipality == municipality for k in SITES[p.key]))

    @rule(keys=some)
    def mend(self, keys: list[str]) -> None:
        self.made.mend(*keys)

    @rule()
    def mend_all(self) -> None:
        self.made.bad.clear()

    @rule(keys=some)
    def fall_silent(self, keys: list[str]) -> None:
        self.made.silent |= set(keys)

    @rule()
    def be_heard(self) -> None:
        self.made.silent.clear()

    @rule(key=st.sampled_from(KEYS))
    def plan_an_outage(self, key: str) -> None:
        self.made.expected[key] = "planned"

    @rule()
    def end_plans(self) -> None:
        self.made.expected.clear()

    @rule(by_s=st.sampled_from([-3600, 3600, 30 * 86_400]))
    def set_the_clock(self, by_s: int) -> None:
        self.made.clock_s += by_s

    @rule(times=st.sampled_from([1, 2, PACE.down, PACE.up, PACE.up + 8]))
    def look(self, times: int) -> None:
        self.made.step(times)

    @rule()
    def die_and_begin_again(self) -> None:
        self.made.turn()
        again = self.made.turn()
        assert not again, again

    @invariant()
    def each_outage_is_in_exactly_one_incident(self) -> None:
        moment = self.made.moment()
        held = {key: at for one in self.made.open() for key, at in one.members.items()}
        if not self.made.plans or self.made.turn():
            return  # what was planned since the last turn
        expected = spread(moment, Darkness(moment.world, moment.seen, held, frozenset(moment.expected)))
        for key in KEYS:
            found = self.made.of(key)
            assert len(found) <= 1, key
            if moment.is_down(key) and key not in expected:
                assert len(found) == 1, f"{key} is down and in no incident"

    @invariant()
    def no_incident_is_without_somebody_who_is_not_back(self) -> None:
        self.made.turn()
        moment = self.made.moment()
        for one in self.made.open():
            assert one.members, f"{one.name} is empty"
            assert not any(moment.is_back(key) for key in one.members), one.name

    @invariant()
    def the_root_of_an_incident_explains_all_of_it(self) -> None:
        for one in self.made.open():
            for key in one.members:
                assert self.made.world.explains(one.root, key), f"{one.root} does not explain {key}"

    @invariant()
    def there_is_one_open_incident_of_each_root(self) -> None:
        roots = [one.root for one in self.made.open()]
        assert len(roots) == len(set(roots))


Outages.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestOutages = Outages.TestCase
