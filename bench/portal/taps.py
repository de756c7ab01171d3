"""The part `taps`: grants for each second of CPU, with every session durable before its answer."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import func, select, text

from bench.poll import child
from bench.poll.child import ClientFailed
from bench.poll.meter import cpu_s, told
from bench.portal import square as squares
from bench.portal.goals import GRANTS_PER_CPU_S, Figure
from bench.portal.load import AT_ONCE, cost, request
from bench.portal.phone import BROWSER, GZIP
from bench.portal.serving import HOST, PORTAL, Served, free_port, served
from bench.portal.square import PLAIN, Square
from captive_portal.carried import seal_arrival
from captive_portal.gateways.kinds import gateway_of
from captive_portal.model import Arrival, Grant
from captive_portal.sessions import StoredSessions
from captive_portal.tables import sessions
from controller.app import utc_now
from controller.store.engine import open_engine

TAPS: Final = 1_500
"""Of one round; each by another phone."""
FULL: Final = 2
"""What SQLite calls synchronous=FULL: a commit returns once the kernel says that the disk has it."""


def part(rounds: int) -> tuple[Figure, ...]:
    """Through HTTP on the server of `plaza run portal`, and by the function alone. Raises ClientFailed."""
    port = free_port()
    square = squares.build("taps", ["es", "en"], "http://10.77.0.1:2060", f"http://{HOST}:{port}")
    with served(PORTAL, port, square.directory / "portal.log", square.environ) as server:
        rates = [TAPS / cost(server, taps(square, server, at), 303).cpu_s for at in range(rounds + 1)][1:]
    _require_durable(square, (rounds + 1) * TAPS)
    return (
        Figure("grants through HTTP", max(rates), "a CPU-second", GRANTS_PER_CPU_S, _spread(rates, AT_ONCE)),
        _alone(rounds),
    )


def arrivals(square: Square, first: int, many: int) -> list[Arrival]:
    """Phones that the gateway of the plain site sent."""
    site = square.sites[PLAIN]
    gateway = gateway_of(site.wiring, utc_now)
    return [gateway.read(squares.arrival(site, number)) for number in range(first, first + many)]


def taps(square: Square, server: Served, number: int) -> list[bytes]:
    """What TAPS phones send that never tapped before, of the round of this number."""
    site, now = square.sites[PLAIN], datetime.now(UTC)
    found = []
    for at, one in enumerate(arrivals(square, number * TAPS, TAPS)):
        token = seal_arrival(site, one, f"{number * TAPS + at:032x}", now)
        form = urlencode({"v": token, "lang": "es"}).encode()
        found.append(request(server, f"/p/{PLAIN}/enter", {**BROWSER, **GZIP}, form))
    return found


def _require_durable(square: Square, granted: int) -> None:
    """Every grant is a row of a file on a disk, whose commits wait for it. Raises ClientFailed."""
    engine = open_engine(square.store)
    with engine.connect() as connection:
        kept = connection.execute(select(func.count()).select_from(sessions)).scalar_one()
        waits = connection.execute(text("PRAGMA synchronous")).scalar_one()
    engine.dispose()
    if kept != granted or waits != FULL:
        raise ClientFailed(f"{granted:,} grants and {kept:,} sessions in the store, synchronous={waits}")


def _alone(rounds: int) -> Figure:
    """`StoredSessions.open` in a process of its own, one after the other."""
    rates = [one["rate"] for one in child.lines([sys.executable, "-m", "bench.portal.taps", str(rounds)])]
    return Figure("grants by open() alone", max(rates), "a CPU-second", details=_spread(rates, 1))


def _spread(rates: Sequence[float], at_once: int) -> str:
    each = ", ".join(f"{rate:,.0f}" for rate in rates)
    return f"{each}; {TAPS:,} a round, {at_once} at once"


def main(rounds: int) -> None:
    """The function alone, a line for each round."""
    square = squares.build("opens", ["es", "en"], "http://10.77.0.1:2060", f"http://{HOST}:8080")
    engine = open_engine(square.store)
    stored, site = StoredSessions(engine), square.sites[PLAIN]
    for number in range(rounds + 1):
        phones = arrivals(square, number * TAPS, TAPS)
        used_s = cpu_s()
        for one in phones:
            if not isinstance(stored.open(site, one, site.plan, datetime.now(UTC)), Grant):
                raise SystemExit("a tap was refused")
        if number:
            told({"rate": TAPS / (cpu_s() - used_s)})
    engine.dispose()
    _require_durable(square, (rounds + 1) * TAPS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
