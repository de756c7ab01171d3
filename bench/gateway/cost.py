"""The part `cost`: CPU of a redirect and of a login, and logins a second, ours and openNDS's in turns.

Both gateways stand at the same time, each in a square of its own, on the same core; phones and the Internet
are on the other. Phones ask in the same way and as many at a time. A redirect is a probe of a phone that is
outside, answered with the way to the portal: of a phone that was never there, and of one that was. A login is
a ticket that the portal's own code signed beforehand, carried to the gateway, until it sends the phone on;
that the door is open is seen after. CPU is that of the program with all it starts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.gateway import crowd
from bench.gateway.account import packets_s
from bench.gateway.gate import Answer, Gate
from bench.gateway.goals import AIM, CPU_OVER_OPENNDS, RATE_OVER_OPENNDS
from bench.gateway.peers.opennds import opennds
from bench.gateway.peers.ours import ours
from bench.poll.child import ClientFailed
from bench.portal.goals import Figure

AT_ONCE: Final = 8
OURS: Final = 300
THEIRS: Final = 16
"""Phones of a round: openNDS takes as long for its few."""

NEW: Final = "redirect, new phone"
KNOWN: Final = "redirect, known phone"
LOGIN: Final = "login"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one phone's request: CPU of the gateway's processes, and the machine's work on packets; its rate."""

    cpu_ms: float
    packets_ms: float
    per_s: float


Round = dict[str, Cost]


def part(rounds: int) -> tuple[Figure, ...]:
    """So many rounds of each gateway, which take turns. Raises ClientFailed and Missing."""
    many = (rounds + 1) * OURS
    try:
        with (
            crowd.room_for_neighbours(),
            opennds((rounds + 1) * THEIRS) as peer,
            ours("cost", many) as mine,
        ):
            pairs = [_pair(mine.gate, peer, number) for number in range(rounds + 1)][1:]
    except AssertionError as error:  # how the square of the tests tells what it waited for in vain
        raise ClientFailed(f"a gateway: {error}") from error
    return tuple(figures(*zip(*pairs, strict=True)))


def _pair(mine: Gate, peer: Gate, number: int) -> tuple[Round, Round]:
    return _round(mine, number, OURS), _round(peer, number, THEIRS)


def _round(gate: Gate, number: int, many: int) -> Round:
    phones = range(number * many, (number + 1) * many)
    _, new = _measured(gate, many, lambda: gate.knock(phones, AT_ONCE))
    led, known = _measured(gate, many, lambda: gate.knock(phones, AT_ONCE))
    tickets = [(phone, gate.ticket(one)) for phone, one in zip(phones, led, strict=True)]
    _, login = _measured(gate, many, lambda: gate.enter(tickets, AT_ONCE))
    gate.require_online(phones)
    return {NEW: new, KNOWN: known, LOGIN: login}


def _measured(gate: Gate, many: int, ask: Callable[[], Sequence[Answer]]) -> tuple[Sequence[Answer], Cost]:
    used_s, packets = gate.account.cpu_s(), packets_s()
    answers = ask()
    used_s, packets = gate.account.cpu_s() - used_s, packets_s() - packets
    wall_s = max(one.ended_s for one in answers) - min(one.begun_s for one in answers)
    return answers, Cost(used_s / many * 1000, packets / many * 1000, many / wall_s)


def figures(mine: Sequence[Round], theirs: Sequence[Round]) -> Iterator[Figure]:
    """What they come to."""
    for what in (NEW, KNOWN, LOGIN):
        yield from _compared(what, [one[what] for one in mine], [one[what] for one in theirs])
    yield from _rates([one[LOGIN].per_s for one in mine], [one[LOGIN].per_s for one in theirs])
    came = ([_let_in(one) for one in rounds] for rounds in (mine, theirs))
    ours_per_s, theirs_per_s = map(max, came)
    told = f"ours {ours_per_s:,.0f}, openNDS's {theirs_per_s:,.1f} a second"
    yield Figure("phones a second from probe to door, ours over its", ours_per_s / theirs_per_s, "x",
                 details=told)  # fmt: skip


def _compared(what: str, mine: Sequence[Cost], theirs: Sequence[Cost]) -> Iterator[Figure]:
    least, peers = min(one.cpu_ms for one in mine), min(one.cpu_ms for one in theirs)
    yield Figure(f"{what}, ours", least, "ms CPU", details=_each(mine, OURS))
    yield Figure(f"{what}, openNDS", peers, "ms CPU", details=_each(theirs, THEIRS))
    times = f"{peers / least:,.0f} times cheaper; we aim at {AIM}"
    yield Figure(f"{what}, ours over its", least / peers, "x", CPU_OVER_OPENNDS, times)


def _rates(mine: Sequence[float], theirs: Sequence[float]) -> Iterator[Figure]:
    yield Figure("logins, ours", max(mine), "a second", details=_listed(mine, AT_ONCE))
    yield Figure("logins, openNDS", max(theirs), "a second", details=_listed(theirs, AT_ONCE))
    yield Figure("logins a second, ours over its", max(mine) / max(theirs), "x", RATE_OVER_OPENNDS)


def _let_in(one: Round) -> float:
    """Phones a second, each of which is led to the portal once and then logs in."""
    return 1 / (1 / one[NEW].per_s + 1 / one[LOGIN].per_s)


def _each(costs: Sequence[Cost], many: int) -> str:
    each = ", ".join(f"{one.cpu_ms:.3g}" for one in costs)
    packets = min(one.packets_ms for one in costs)
    return f"{each}; {many} a round; the machine's packets {packets:.2g} ms"


def _listed(rates: Sequence[float], at_once: int) -> str:
    return f"{', '.join(f'{rate:,.0f}' for rate in rates)}; {at_once} at once"
