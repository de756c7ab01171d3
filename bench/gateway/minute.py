"""The part `minute`: 2,000 phones are in and load pages, 500 more come; the gateway has one core.

The program is on one core, and so are the packets that reach the machine it stands for; the phones, the real
portal, the real edge and the web server have the other. Every phone has a MAC and an address of its own
(bench.gateway.crowd), is resolved by ARP, and passes the real rules. Nobody asks for a lease or a name here.
With fewer rounds the minute is cut short, at the same pace.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.gateway import crowd
from bench.gateway.account import packets_s
from bench.gateway.arriving import Came, Plan
from bench.gateway.goals import CORE, NONE, TAP_MS
from bench.gateway.peers.ours import Ours, doors, ours
from bench.poll.child import ClientFailed
from bench.poll.machine import CLIENT_CORE
from bench.portal.goals import Figure
from tests.gateway.streets import WEB

INSIDE: Final = 2_000
NEW_OF_A_ROUND: Final = 100
ROUND_S: Final = 12.0
"""Five are the minute."""

EVERY_S: Final = 30.0
OCTETS: Final = 20_000
AT_ONCE: Final = 16
_BATCH: Final = 500
"""Fewer than a ticket's minute of life."""


@dataclass(frozen=True, slots=True)
class Minute:
    """What came of it: CPU of the program, the work of its core on packets, doors in the kernel after."""

    came: Sequence[Came]
    loads: int
    failed: int
    cpu_s: float
    packets_s: float
    doors: int


def part(rounds: int) -> tuple[Figure, ...]:
    """So many fifths of the minute. Raises ClientFailed and Missing."""
    plan = Plan(INSIDE, rounds * NEW_OF_A_ROUND, rounds * ROUND_S, EVERY_S, OCTETS, f"http://{WEB}")
    try:
        with crowd.room_for_neighbours(), ours("minute", plan.inside + plan.new) as mine:
            _packets_to(mine, CLIENT_CORE)
            _fill(mine)
            found = _live(mine, plan)
    except AssertionError as error:  # how the square of the tests tells what it waited for in vain
        raise ClientFailed(f"our gateway: {error}") from error
    return tuple(figures(plan, found))


def _packets_to(mine: Ours, core: int) -> None:
    """This core works on what reaches the gateway's devices (RPS), as on a machine that has no other."""
    for device in ("port1", "wan"):
        at = f"/sys/class/net/{device}/queues/rx-0/rps_cpus"
        mine.gate.town.inside("gateway", "sh", "-c", f"echo {1 << core:x} > {at}")


def _fill(mine: Ours) -> None:
    """Those who are in already come in."""
    for first in range(0, INSIDE, _BATCH):
        phones = range(first, first + _BATCH)
        led = mine.gate.knock(phones, AT_ONCE)
        tickets = [(phone, mine.gate.ticket(one)) for phone, one in zip(phones, led, strict=True)]
        mine.gate.enter(tickets, AT_ONCE)
    if doors(mine.gate.town) != INSIDE:
        raise ClientFailed(f"the kernel does not hold {INSIDE:,} doors")


def _live(mine: Ours, plan: Plan) -> Minute:
    used_s, packets = mine.gate.account.cpu_s(), packets_s(CLIENT_CORE)
    told: dict[str, Any] = mine.gate.phones("bench.gateway.arriving", asdict(plan))
    used_s, packets = mine.gate.account.cpu_s() - used_s, packets_s(CLIENT_CORE) - packets
    came = [Came(**one) for one in told["came"]]
    return Minute(came, told["loads"], told["failed"], used_s, packets, doors(mine.gate.town))


def figures(plan: Plan, found: Minute) -> Iterator[Figure]:
    """What it comes to."""
    wrong = [one.why for one in found.came if one.why]
    pace = f"{plan.new} come in {plan.within_s:.0f} s"
    yield Figure("new phones that did not get in", len(wrong), "", NONE, wrong[0] if wrong else f"of {pace}")
    missing = plan.inside + plan.new - found.doors
    yield Figure("doors that the kernel misses", missing, "", NONE, f"it holds {found.doors:,}")
    pages = f"of {found.loads + found.failed:,}, {plan.octets:,} B each, of {plan.inside:,} who are in"
    yield Figure("pages that did not come", found.failed, "", NONE, pages)
    yield from _times([one for one in found.came if not one.why])
    yield from _core(plan, found)


def _times(came: Sequence[Came]) -> Iterator[Figure]:
    for name, took in (
        ("probe to redirect", [one.redirect_s for one in came]),
        ("ticket to open door", [one.grant_s for one in came]),
        ("tap to online", [one.tap_s for one in came]),
    ):
        goal = TAP_MS if name == "tap to online" else None
        half, most = (_at(took, share) for share in (0.5, 0.95))
        told = "" if half is None else f"half within {half:.1f} ms, the longest {max(took) * 1000:.0f} ms"
        yield Figure(f"{name}, 95 of 100", most, "ms", goal, told)


def _core(plan: Plan, found: Minute) -> Iterator[Figure]:
    program, packets = (100 * one / plan.within_s for one in (found.cpu_s, found.packets_s))
    told = f"program {program:.1f} %, packets {packets:.1f} %"
    yield Figure("of its core", program + packets, "%", CORE, told)


def _at(took: Sequence[float], share: float) -> float | None:
    """The milliseconds within which this share of them were."""
    ordered = sorted(took)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else None
