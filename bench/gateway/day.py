"""`python -m bench.gateway.day SESSIONS PORTAL_URL`: a gateway lives one day with its controller, in seconds.

Runs in the gateway's namespace, with the settings of the controller in its environment. Its own parts are
made as the program makes them, and all of them read a clock that is moved: whenever the sync would wait, the
day goes on, and with it the rounds, the pulse, and the phones that come between OPENS_S and SHUTS_S, each for
its plan's time, or until the day ends. What it says goes over TLS and TCP to the real edge. Nothing else is
moved: the enforcer is the one that records and filters nothing, with octets that grow as if each phone took
OCTETS_PER_S. At the end it connects to the portal's port once, as the program does to see if it is there.
Prints `lived`.
"""

import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.portal.square import PLAIN
from captive_portal.gateway import rekeying
from captive_portal.gateway.admission import Admit, SiteKey
from captive_portal.gateway.alarms import Alarms
from captive_portal.gateway.backhaul import reach
from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.edge import HttpEdge
from captive_portal.gateway.enforcer import Standing
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.pulse import Pulse
from captive_portal.gateway.rounds import Rounds
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.sync import Orders, Pace, Sync
from captive_portal.gateways.kinds import gateway_of
from captive_portal.model import Grant, PortalSite, Redirect
from captive_portal.sessions import StoredSessions
from controller import settings
from controller.app import App, build, portal_sites, utc_now

DAY_S: Final = 86_400.0
OPENS_S: Final = 8 * 3600.0
SHUTS_S: Final = 22 * 3600.0
STEP_S: Final = 5.0
OCTETS_PER_S: Final = 5_000
GAUGES: Final = {
    "pool_used": 40, "pool_size": 4000, "conntrack": 1200, "conntrack_max": 65536, "memory_kb": 700_000,
    "load_pct": 3, "neighbours": 60, "copied": 0, "rogue": 0, "away_s": 0,
}  # fmt: skip
"""What a pulse tells besides; only how long the numbers are counts here."""

Act = Callable[[], None]


class MovedClock:
    """A boot in which time passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> Moment:
        """The present moment."""
        return Moment("d417d417d417", self.seconds)


class Taking(Ledger):
    """Records who is in, and tells octets as if each took the same all the time."""

    def survey(self) -> Mapping[str, Standing]:
        """How each stands; what it took grows with the time that it has no more."""
        return {
            session: replace(one, octets_down=self._taken(one), octets_up=self._taken(one) // 8)
            for session, one in super().survey().items()
        }

    def _taken(self, standing: Standing) -> int:
        return int(DAY_S - (standing.seconds_left or 0)) * OCTETS_PER_S


class Day:
    """Goes on when somebody waits: `acts` are done each STEP_S, `phones` come at their moments of the day."""

    def __init__(self, clock: MovedClock, acts: tuple[Act, ...], phones: Iterator[tuple[float, Act]]) -> None:
        self.over = threading.Event()
        self._clock = clock
        self._began_s = clock.seconds
        self._acts = acts
        self._phones = phones
        self._next = next(phones, None)

    def go(self, seconds: float, until: Callable[[], bool]) -> None:
        """Let so many seconds pass, or fewer when that is so."""
        end_s = self._clock.seconds + seconds
        while self._clock.seconds < end_s and not until() and not self.over.is_set():
            self._clock.seconds += min(STEP_S, end_s - self._clock.seconds)
            self._live(self._clock.seconds - self._began_s)

    def _live(self, at_s: float) -> None:
        while self._next and self._next[0] <= at_s:
            self._next[1]()
            self._next = next(self._phones, None)
        for act in self._acts:
            act()
        if at_s >= DAY_S:
            self.over.set()


class Passing(threading.Event):
    """An event of the program: whoever waits for it lets the day go on."""

    def __init__(self, day: Day, told: threading.Event) -> None:
        super().__init__()
        self._day = day
        self._told = told

    def is_set(self) -> bool:
        """Whether it was told."""
        return self._told.is_set()

    def set(self) -> None:
        """Tell it."""
        self._told.set()

    def clear(self) -> None:
        """Forget it."""
        self._told.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """For so long, by the moved clock."""
        self._day.go(timeout or 0.0, self._told.is_set)
        return self._told.is_set()


def live(app: App, site: PortalSite, sessions: int, directory: Path) -> None:
    """The day, with so many sessions in it. Raises GatewayError."""
    clock = MovedClock()
    journal = Journal(directory / "journal")
    keys = rekeying.keyring(SiteKey(site.key, site.wiring.key), journal)
    borrowed = Borrowed(clock, journal)
    ruling = Ruling(site.wiring.key, site.key, journal, borrowed, None)
    enforcer = Taking(directory / "ledger.json", clock)
    keeper = Doorkeeper(keys, enforcer, journal, clock, lambda: secrets.token_urlsafe(12), ruling)
    keeper.start()
    rounds = Rounds(keeper, ruling, borrowed, clock, list)
    pulse = Pulse(journal, clock, Alarms(journal, clock, keeper.news), [lambda: GAUGES], [])
    phones = _phones(sessions, keeper, site, StoredSessions(app.engine))
    day = Day(clock, (rounds.step, pulse.step), phones)
    keeper.news = Passing(day, keeper.news)
    edge = HttpEdge(f"{app.settings.public_edge_url}/gw/{site.key}/sync")
    orders = Orders(lambda: ruling.serial, ruling.take, borrowed.told)
    sync = Sync(keys, edge, keeper, journal, clock, orders)
    sync.run(Passing(day, day.over), Pace())
    if sync.away_since is not None or journal.urgent:
        raise SystemExit("the controller does not know all of the day")


def _phones(
    sessions: int, keeper: Doorkeeper, site: PortalSite, stored: StoredSessions
) -> Iterator[tuple[float, Act]]:
    """When each comes, in seconds of the day, and its coming."""
    apart_s = (SHUTS_S - OPENS_S) / max(1, sessions)
    for number in range(sessions):
        yield OPENS_S + number * apart_s, partial(_enter, number, keeper, site, stored)


def _enter(number: int, keeper: Doorkeeper, site: PortalSite, stored: StoredSessions) -> None:
    """One phone taps, with a ticket that the portal's own code signs."""
    phone = keeper.neighbour(str(IPv4Address("10.99.16.1") + number))
    gateway = gateway_of(site.wiring, utc_now)
    arrival = gateway.read(urlencode({"a": keeper.arrival(phone)})) if phone else None
    grant = stored.open(site, arrival, site.plan, datetime.now(UTC)) if arrival else None
    if phone is None or arrival is None or not isinstance(grant, Grant):
        raise SystemExit("the portal refused a phone")
    sent = gateway.admit(arrival, grant)
    token = parse_qs(urlsplit(sent.url).query)["g"][0] if isinstance(sent, Redirect) else ""
    if not isinstance(keeper.present(phone, token), Admit):
        raise SystemExit("the gateway refused a phone")


def main(sessions: str, portal_url: str) -> None:
    """Live it."""
    app = build(settings.load())
    memory = Path("/dev/shm")  # noqa: S108  a disk would only take its time
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        live(app, portal_sites(app)[PLAIN], int(sessions), Path(directory))
    reach(portal_url)
    sys.stdout.write("lived\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
