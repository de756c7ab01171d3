"""The state of devices, sites and municipalities with the reason; what flaps or is planned is no outage."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from controller.incidents.model import SERVICE, Fact
from controller.incidents.moment import Moment


class Condition(StrEnum):
    """What a person is told; `expected-down` needs nobody to come."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    EXPECTED_DOWN = "expected-down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Standing:
    """A condition, of what it is (a device, a site …) and why."""

    key: str
    condition: Condition
    reason: str = ""


_WORST_FIRST = (Condition.DOWN, Condition.DEGRADED, Condition.EXPECTED_DOWN, Condition.UNKNOWN, Condition.UP)


def of_node(moment: Moment, held: Collection[str], key: str) -> Standing:
    """A device, or the service of a site; `held` are members of open incidents.

    Who is in one stays down until it has answered for long enough; who is not is up until it surely fails.
    """
    seen = moment.fact(key)
    if seen.fact is Fact.UNKNOWN:
        poller = moment.silent_poller(key)
        why = f"its poller {poller} is silent" if poller else "nobody could ask it lately"
        return Standing(key, Condition.UNKNOWN, why)
    if seen.fact is Fact.BAD:
        if key in moment.expected:
            return Standing(key, Condition.EXPECTED_DOWN, moment.expected[key])
        if seen.sure or key in held:
            return Standing(key, Condition.DOWN, seen.reason)
        return Standing(key, Condition.UP, f"not believed yet: {seen.reason}")
    if key in held:
        return Standing(key, Condition.DOWN, "it answers again, not yet for long enough")
    return Standing(key, Condition.DEGRADED if seen.degraded else Condition.UP, seen.reason)


def of_site(moment: Moment, held: Collection[str], site: str) -> Standing:
    """A site: what citizens meet there counts, where a phone tries it; else what its devices say."""
    parts = [of_node(moment, held, key) for key in moment.world.at[site]]
    whole = _whole(site, parts)
    if SERVICE + site not in moment.world.nodes:
        return whole
    service = of_node(moment, held, SERVICE + site)
    if service.condition is Condition.DOWN:
        return Standing(site, Condition.DOWN, f"citizens are not served: {service.reason}")
    served = service.condition is Condition.UP
    if served and whole.condition is Condition.DOWN:
        return Standing(site, Condition.DEGRADED, f"citizens are served, but: {whole.reason}")
    return Standing(site, Condition.UP) if served and whole.condition is Condition.UNKNOWN else whole


def of_municipality(municipality: str, sites: Sequence[Standing]) -> Standing:
    """A municipality out of its sites."""
    return _whole(municipality, sites)


def _whole(key: str, parts: Iterable[Standing]) -> Standing:
    """Down only where every part is, expected-down where the rest is, up where nothing else is known."""
    found = list(parts)
    kinds = {one.condition for one in found}
    if Condition.DOWN in kinds and kinds <= {Condition.DOWN, Condition.EXPECTED_DOWN}:
        return _because(key, Condition.DOWN, found)
    if kinds & {Condition.DOWN, Condition.DEGRADED}:
        return _because(key, Condition.DEGRADED, found)
    if kinds == {Condition.EXPECTED_DOWN}:
        return _because(key, Condition.EXPECTED_DOWN, found)
    if Condition.UNKNOWN in kinds or not kinds:
        return _because(key, Condition.UNKNOWN, found)
    return Standing(key, Condition.UP)


def _because(key: str, condition: Condition, parts: Sequence[Standing]) -> Standing:
    worst = min(parts, key=lambda one: (_WORST_FIRST.index(one.condition), one.key), default=None)
    if worst is None:
        return Standing(key, condition, "nothing is known of it")
    return Standing(key, condition, f"{worst.key}: {worst.reason}")
