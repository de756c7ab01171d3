"""The part `fair`: fifty phones load a page each on a narrow line, idle and beside one who downloads.

The line is 10 Mbit/s down and 2 up, 40 ms there and back, with a modem that holds half a second
(bench.gateway.modem). A page begins each fifth of a second; the download has four connections and runs for a
while before. The gateway knows what the line carries. With more than three rounds it is told beside it what
pages take when BBR sends the download, and when the gateway does not know the line: then the modem decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench.gateway import crowd
from bench.gateway.goals import BESIDE_BULK, NONE
from bench.gateway.loading import Plan
from bench.gateway.modem import Capacity, narrow
from bench.gateway.peers.ours import UNKNOWN, Ours, ours
from bench.poll.child import ClientFailed
from bench.portal.goals import Figure
from tests.gateway.streets import WEB

LINE: Final = Capacity(10_000, 2_000)
PAGES: Final = 50
OCTETS: Final = 80_000
APART_S: Final = 0.2
CONNECTIONS: Final = 4
_AT_ONCE: Final = 8
_KNOWN: Final = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What pages took, in seconds, idle and beside the download, of every round; None where one failed.

    `bbr` is beside one that BBR sends, empty where that was not tried.
    """

    idle: tuple[float | None, ...]
    beside: tuple[float | None, ...]
    bbr: tuple[float | None, ...] = ()


def part(rounds: int) -> tuple[Figure, ...]:
    """With what the gateway knows of the line, and without. Raises ClientFailed and Missing."""
    try:
        ordered = _loaded("fair", rounds // 2, LINE)
        unordered = _loaded("unfair", rounds // 4, UNKNOWN) if rounds // 4 else Loaded((), ())
    except AssertionError as error:  # how the square of the tests tells what it waited for in vain
        raise ClientFailed(f"our gateway: {error}") from error
    return tuple(figures(ordered, unordered))


def _loaded(name: str, rounds: int, known: Capacity) -> Loaded:
    idle: list[float | None] = []
    beside: list[float | None] = []
    bbr: list[float | None] = []
    with crowd.room_for_neighbours(), ours(name, PAGES + 1, partial(narrow, line=LINE), known) as mine:
        _enter(mine)
        for _ in range(rounds):
            idle += _load(mine, 0)
            beside += _load(mine, CONNECTIONS)
        for _ in range(rounds // 2 if "bbr" in _KNOWN.read_text() else 0):
            bbr += _load(mine, CONNECTIONS, "bbr")
    return Loaded(tuple(idle), tuple(beside), tuple(bbr))


def _enter(mine: Ours) -> None:
    phones = range(PAGES + 1)
    led = mine.gate.knock(phones, _AT_ONCE)
    mine.gate.enter(
        [(phone, mine.gate.ticket(one)) for phone, one in zip(phones, led, strict=True)], _AT_ONCE
    )


def _load(mine: Ours, bulk: int, sent: str = "octets") -> list[float | None]:
    plan = Plan(PAGES, OCTETS, APART_S, bulk, sent, WEB)
    found: list[float | None] = mine.gate.phones("bench.gateway.loading", asdict(plan))
    return found


def figures(ordered: Loaded, unordered: Loaded) -> Iterator[Figure]:
    """What they come to; `unordered` may be empty."""
    idle, beside = _slow(ordered.idle), _slow(ordered.beside)
    failed = sum(one is None for one in (*ordered.idle, *ordered.beside))
    of = f"{OCTETS:,} B each, {LINE.down_kbps:,}/{LINE.up_kbps:,} kbit/s"
    yield Figure("pages that did not come", failed, "", NONE, f"of {len(ordered.idle) * 2}, {of}")
    yield Figure("a page on the idle line, 95 of 100", _ms(idle), "ms", details=_half(ordered.idle))
    told = f"{_half(ordered.beside)}; {CONNECTIONS} connections of one phone"
    yield Figure("beside a download, 95 of 100", _ms(beside), "ms", details=told)
    yield Figure("beside a download over idle, 95 of 100", _over(beside, idle), "x", BESIDE_BULK)
    if ordered.bbr:
        other = _over(_slow(ordered.bbr), idle)
        yield Figure("the same beside one that BBR sends", other, "x", details=_half(ordered.bbr))
    if unordered.idle:
        without = _over(_slow(unordered.beside), _slow(unordered.idle))
        yield Figure("the same where the modem decides", without, "x", details=_half(unordered.beside))


def _slow(taken: Sequence[float | None]) -> float | None:
    """The seconds within which 95 of 100 came."""
    came = sorted(one for one in taken if one is not None)
    return came[min(len(came) - 1, int(0.95 * len(came)))] if came else None


def _half(taken: Sequence[float | None]) -> str:
    came = sorted(one for one in taken if one is not None)
    return f"half within {came[len(came) // 2] * 1000:.0f} ms, of {len(taken)}" if came else ""


def _over(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
