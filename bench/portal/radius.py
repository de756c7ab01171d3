"""The part `radius`: packets that FreeRADIUS answers through us, and alone, in turns.

A core's second is one of our role's CPU, every session and its accounting durable before the answer; what
FreeRADIUS itself spends is told beside it.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import func, select, text

from bench.poll.child import ClientFailed
from bench.poll.machine import debian_version
from bench.poll.meter import process_cpu_s
from bench.poll.peer import Missing, program
from bench.portal import radius_sender as sender
from bench.portal.goals import RADIUS_PER_CPU_S, Figure
from bench.portal.radius_town import PHONES, SITE, Asked, Town, alone, build_town, mac, through_us
from bench.portal.serving import free_port, served
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateways.wiring import password
from captive_portal.model import Arrival, Grant
from captive_portal.sessions import StoredSessions
from captive_portal.tables import sessions
from controller.app import utc_now

FACTORY: Final = "controller.wsgi.radius:radius"
OFTEN: Final = 5
"""FreeRADIUS alone does so many times as much, else the kernel's clock of CPU would be too coarse."""

OCTETS_UP: Final = 70_000
LONELY: Final = 300
"""So many of a round's reports come one after the other: all of them are stops."""

FULL: Final = 2
"""What SQLite calls synchronous=FULL."""

_STATUSES: Final = ((1, 0), (3, 60), (2, 90))
"""Acct-Status-Type of Start, Interim-Update and Stop, and the seconds that each tells."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one packet cost: milliseconds of FreeRADIUS's CPU and of our role's, and of the clock."""

    freeradius_ms: float
    ours_ms: float
    clock_ms: float


@dataclass(frozen=True, slots=True)
class Round:
    """Authorising and accounting, many at once; and accounting of one access point after the other."""

    authorise: Spent
    account: Spent
    lonely: Spent | None = None


def part(rounds: int) -> tuple[Figure, ...]:
    """Both FreeRADIUS run all the time; rounds take turns. Raises Missing and ClientFailed."""
    freeradius = program("freeradius", "freeradius")
    if not Path("/usr/lib/freeradius/rlm_rest.so").exists():
        raise Missing("no rlm_rest here; as root: sh deploy/debian.sh bench (Debian's freeradius-rest)")
    port = free_port()
    town = build_town(port)
    with ExitStack() as stack:
        stack.callback(town.app.engine.dispose)
        stack.callback(town.app.samples.close)
        role = stack.enter_context(served(FACTORY, port, town.directory / "role.log", town.environ))
        through = stack.enter_context(through_us(freeradius, town, role))
        other = stack.enter_context(alone(freeradius, town))
        ours, theirs = [], []
        for number in range(rounds + 1):
            ours.append(_round(town, through, _taps(town, number)))
            theirs.append(_round(town, other, [f"{at % PHONES:032x}" for at in range(OFTEN * PHONES)]))
        _require_durable(town, rounds + 1)
    return _figures(ours[1:], theirs[1:])


def _figures(ours: Sequence[Round], theirs: Sequence[Round]) -> tuple[Figure, ...]:
    found: list[Figure] = []
    for what, of_us, of_them in (
        ("authorise", [one.authorise for one in ours], [one.authorise for one in theirs]),
        ("account", [one.account for one in ours], [one.account for one in theirs]),
    ):
        found += [
            _rate(f"{what} through us", of_us, sender.LANES),
            _freeradius(f"{what}: FreeRADIUS asking us", of_us),
            _freeradius(f"{what}: FreeRADIUS alone", of_them),
        ]
    lonely = [one.lonely for one in ours if one.lonely is not None]
    return (*found, replace(_rate("account through us, one by one", lonely, 1), goal=None))


def _rate(name: str, spent: Sequence[Spent], at_once: int) -> Figure:
    """Of our role's CPU."""
    each = ", ".join(f"{1000 / one.ours_ms:,.0f}" for one in spent)
    clock = 1000 / min(one.clock_ms for one in spent)
    details = f"{each}; {at_once} at once; {clock:,.0f}/s by the clock"
    return Figure(name, max(1000 / one.ours_ms for one in spent), "a CPU-second", RADIUS_PER_CPU_S, details)


def _freeradius(name: str, spent: Sequence[Spent]) -> Figure:
    """Of its own CPU."""
    each = [one.freeradius_ms for one in spent]
    details = f"at most {max(each):.3f}; {debian_version('freeradius')}"
    return Figure(name, min(each), "ms of CPU", details=details)


def _round(town: Town, asked: Asked, taps: Sequence[str]) -> Round:
    authorised = _spent(asked, asked.auth_port, _asking(town, taps), sender.ACCESS_ACCEPT)
    reports = _telling(town, taps)
    many, few = reports[:-LONELY], reports[-LONELY:]
    accounted = _spent(asked, asked.acct_port, many, sender.ACCOUNTING_RESPONSE)
    lonely = _spent(asked, asked.acct_port, few, sender.ACCOUNTING_RESPONSE, lanes=1)
    return Round(authorised, accounted, lonely)


def _spent(
    asked: Asked, port: int, packets: Sequence[bytes], wanted: int, lanes: int = sender.LANES
) -> Spent:
    def read() -> tuple[float, float, float]:
        role_s = asked.role.cpu_s() if asked.role else 0.0
        return process_cpu_s(asked.pid), role_s, time.perf_counter()

    before = read()
    sender.send(port, packets, wanted, lanes)
    each = ((now - then) / len(packets) * 1000 for then, now in zip(before, read(), strict=True))
    return Spent(*each)


def _asking(town: Town, taps: Sequence[str]) -> list[bytes]:
    key = town.site.wiring.key
    return [
        sender.access_request(at // sender.LANES, town.secret, password(key, tap).encode(), _named(at, tap))
        for at, tap in enumerate(taps)
    ]


def _telling(town: Town, taps: Sequence[str]) -> list[bytes]:
    """All starts, then all interim reports, then all stops."""
    packets: list[bytes] = []
    for status, seconds in _STATUSES:
        for at, tap in enumerate(taps):
            told = (
                *_named(at, tap),
                (sender.CLASS, tap.encode()),
                (sender.STATUS_TYPE, status),
                (sender.SESSION_ID, f"8{at:07x}".encode()),
                (sender.SESSION_TIME, seconds),
                (sender.INPUT_OCTETS, OCTETS_UP * seconds // 90),
                (sender.OUTPUT_OCTETS, 10 * OCTETS_UP * seconds // 90),
                *([(sender.TERMINATE_CAUSE, 1)] if status == 2 else []),
            )
            packets.append(sender.accounting_request(len(packets) // sender.LANES, town.secret, told))
    return packets


def _named(at: int, tap: str) -> sender.Attributes:
    return (
        (sender.USER_NAME, tap.encode()),
        (sender.CALLING_STATION_ID, mac(at).upper().replace(":", "-").encode()),
        (sender.NAS_IDENTIFIER, b"ap-1"),
    )


def _taps(town: Town, number: int) -> list[str]:
    """The phones of this round; who tapped in an earlier one has stopped, and taps again."""
    stored, site = StoredSessions(town.app.engine), town.site
    found = []
    for at in range(PHONES):
        arrival = Arrival(SITE, pseudonym(site.wiring.key, mac(at)), f"{number:032x}", "", "")
        granted = stored.open(site, arrival, site.plan, utc_now())
        if not isinstance(granted, Grant):
            raise ClientFailed("a tap was refused")
        found.append(granted.session)
    return found


def _require_durable(town: Town, rounds: int) -> None:
    """Every octet that was told is in a file on a disk, once. Raises ClientFailed."""
    told = rounds * PHONES * OCTETS_UP
    with town.app.engine.connect() as connection:
        kept = connection.execute(select(func.sum(sessions.c.acctinputoctets))).scalar_one()
        waits = connection.execute(text("PRAGMA synchronous")).scalar_one()
    if kept != told or waits != FULL:
        raise ClientFailed(f"{told:,} octets were told and {kept:,} are stored, synchronous={waits}")
