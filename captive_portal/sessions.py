"""Sessions in the relational store: an opened one survives a crash, a report is applied once."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, select, update

from captive_portal import accounting, counts, hearing, published, reports
from captive_portal.gathered import Gathered
from captive_portal.hearing import OPENED
from captive_portal.model import (
    Arrival,
    FailureReason,
    GatewayEvent,
    Grant,
    Past,
    Plan,
    PortalSite,
    Refusal,
    RefusalReason,
    Report,
    Running,
    Standing,
    Usage,
)
from captive_portal.monthly import Devices, Noted, noted
from captive_portal.monthly_held import Held
from captive_portal.opening import (
    OF_DEVICE,
    Tap,
    cause_of,
    epoch,
    extend_session,
    extendable_at,
    gives_more,
    is_running,
    left_of,
    named,
    noun,
    open_session,
    past,
    running_at,
)
from captive_portal.privacy import DAY_BEGINS, KEY_OF_DAY, forget_old_key, known_device
from captive_portal.quick_read import QuickRead
from captive_portal.tables import sessions
from captive_portal.together import Together

log = logging.getLogger(__name__)

LATELY: Final = timedelta(minutes=30)
USER_REQUEST: Final = "User-Request"
SEEN: Final = "seen-"
"""How the event begins by which the portal itself tells that a door opened; the session follows."""
READ_ONLY: Final = {"read_only": True}


class StoredSessions:
    """Sessions behind an engine whose write blocks exclude each other; all but `seen` is durable on return.

    `day_begins` is when the key of pseudonyms changes, since midnight UTC.
    """

    def __init__(self, engine: Engine, day_begins: timedelta = DAY_BEGINS) -> None:
        self._engine = engine
        self._day_begins = day_begins
        self._devices = Devices(engine)
        self._held = Held(self._devices, self.settle)
        self._together = Together(engine, self._held.add)
        self._keys = QuickRead(engine, KEY_OF_DAY)
        self._of_device = QuickRead(engine, OF_DEVICE)
        self._gathered = Gathered(engine)

    def open(
        self,
        site: PortalSite,
        arrival: Arrival,
        plan: Plan,
        now: datetime,
        *,
        session: str = "",
        notice: str = "",
    ) -> Grant | Refusal:
        """Open, or return what is left of the running session of the same device at the same site.

        A new one is named `session` (32 hex digits) or at random; `notice` is the version of the privacy
        notice that was shown. Refuses a device whose day (`plan.daily`) is used up, and one for whom the site
        has no place (`site.plan.devices`). The tap and its outcome are counted.
        """
        tap = Tap(site, arrival, plan, session, notice, self._day_begins, noted(site, arrival, now))
        outcomes: list[Grant | Refusal] = []

        def work(connection: Connection) -> Noted | None:
            outcomes.append(open_session(connection, tap, now))
            return tap.noted if isinstance(outcomes[-1], Grant) else None

        self._together.write(work)
        return outcomes[-1]

    def extend(
        self,
        site: PortalSite,
        session: str,
        plan: Plan,
        now: datetime,
        *,
        once: str = "",
        arrival: Arrival | None = None,
    ) -> Grant | Refusal:
        """As long as `plan` again, once less than a quarter of the time is left; before, what is left.

        No longer than `plan.until`. What is asked under one name (`once`, 32 characters) is
        given once; again, it is what is left. Refuses a session that is over, and a day used up. The device
        of the `arrival` is counted anew, for it may be another day.
        """
        outcomes: list[Grant | Refusal] = []

        def work(connection: Connection) -> Noted | None:
            if once and not hearing.is_new(connection, site.key, f"again-{once}", now):
                outcomes.append(left_of(connection, site.key, session, now))
                return None
            outcomes.append(extend_session(connection, site.key, session, plan, now))
            is_counted = arrival is not None and isinstance(outcomes[-1], Grant)
            return noted(site, arrival, now) if arrival is not None and is_counted else None

        self._together.write(work)
        return outcomes[-1]

    def running(self, site: str, session: str, now: datetime) -> Running | None:
        """A session of this site, unless it is over."""
        with self._read() as connection:
            found = named(connection, site, session)
        return noun(found) if found is not None and is_running(found, now) else None

    def standing(self, site: str, session: str, now: datetime, plan: Plan | None = None) -> Standing:
        """How a session of this site stands; one that nobody knows is over without a cause.

        With the `plan` of which more time would be given, also from when on it is.
        """
        with self._read() as connection:
            found = named(connection, site, session)
            if found is None or not is_running(found, now):
                return Standing(is_running=False, cause="" if found is None else cause_of(found))
            more = plan is not None and gives_more(connection, site, found, plan, now)
        extendable = datetime.fromtimestamp(extendable_at(found, plan), UTC) if plan and more else None
        return _standing(found, now, extendable)

    def past(self, site: PortalSite, device: str, now: datetime) -> Past:
        """What the sessions of this device (as its arrival names it) say; an end is told for half an hour."""
        name = known_device(self._keys, device, now, self._day_begins)
        before = self._of_device.rows(of_site=site.key, of_device=name) if name else ()
        return past(before, site.plan, now - LATELY, now)

    def is_full(self, site: PortalSite, device: str, now: datetime) -> bool:
        """Whether a device without a session would be refused for want of a place; `open` judges again."""
        if not site.plan.devices:
            return False
        name = known_device(self._keys, device, now, self._day_begins)
        before = self._of_device.rows(of_site=site.key, of_device=name) if name else ()
        if any(is_running(row, now) for row in before):
            return False
        with self._read() as connection:
            return running_at(connection, site.key, now) >= site.plan.devices

    def leave(self, site: str, session: str, now: datetime) -> bool:
        """A citizen ends it: asked of the gateway like a dismissal. False when it does not run."""
        row = sessions.c
        asked = (
            update(sessions)
            .where(row.acctuniqueid == session, row.site == site, row.acctstoptime.is_(None))
            .where(row.dismissed_at.is_(None))
            .values(dismissed_at=epoch(now), acctterminatecause=USER_REQUEST)
        )
        with self._engine.begin() as connection:
            return connection.execute(asked).rowcount == 1

    def ended(self, session: str, cause: str, at: datetime) -> None:
        """Record the end, once; a second report of the same end changes nothing."""
        with self._engine.begin() as connection:
            stored = hearing.stored_of(connection, session)
            if stored is not None:
                hearing.change(connection, session, accounting.end(stored, cause, epoch(at)))

    def account(self, usage: Sequence[Usage], at: datetime) -> None:
        """Record usage; a total never goes down, and one that tries is logged as an accounting gap."""
        with self._engine.begin() as connection:
            for one in usage:
                hearing.use(connection, None, one, at)

    def apply(self, site: str, events: Sequence[GatewayEvent], now: datetime) -> list[str]:
        """Apply a gateway's events in one transaction; the ids applied or already known, all of them.

        An event about a session of another site, or about none, is acknowledged and changes nothing:
        sending it again would not mend it. Sessions this gateway never spoke of again are ended too.
        """
        with self._engine.begin() as connection:
            for event in events:
                _hear(connection, site, event, now)
            hearing.end_overdue(connection, now, sessions.c.site == site)
        return [event.id for event in events]

    def take(self, site: str, report: Report, now: datetime) -> int:
        """Apply what a box of this site reports, in one transaction; up to which number we have its events.

        Sessions this gateway never spoke of again are ended too.
        """
        with self._engine.begin() as connection:
            return reports.take(connection, site, report, now)

    def opened(self, site: str, session: str, now: datetime) -> None:
        """The door opened, as far as the portal can know; the gateway's own word comes or not."""
        event = GatewayEvent(f"{SEEN}{session}", OPENED, session, 0)
        self._together.write(lambda connection: _hear(connection, site, event, now))

    def end_overdue(self, now: datetime) -> int:
        """End the sessions, of all sites, whose gateway says nothing long after their time; how many."""
        with self._engine.begin() as connection:
            return hearing.end_overdue(connection, now)

    def dismiss(self, session: str, now: datetime) -> bool:
        """Ask the gateway to end a session; False when there is none or it has ended."""
        asked = (
            update(sessions)
            .where(sessions.c.acctuniqueid == session, sessions.c.acctstoptime.is_(None))
            .values(dismissed_at=epoch(now))
        )
        with self._engine.begin() as connection:
            return connection.execute(asked).rowcount == 1

    def dismissals(self, site: str) -> list[str]:
        """The sessions staff asked this site's gateway to end, until it reports that it did."""
        wanted = (
            select(sessions.c.acctuniqueid)
            .where(sessions.c.site == site, sessions.c.acctstoptime.is_(None))
            .where(sessions.c.dismissed_at.is_not(None))
            .order_by(sessions.c.dismissed_at, sessions.c.acctuniqueid)
        )
        with self._read() as connection:
            return list(connection.execute(wanted).scalars())

    def publish(self, version: str, municipality: str, words: Callable[[], str], now: datetime) -> None:
        """Keep the words of a privacy notice before a session names its version; made only once."""
        published.publish(self._engine, version, municipality, words, now)

    def settle(self) -> None:
        """Count the devices that are held in memory, at once instead of in a moment."""
        self._held.hurry()
        self._together.write(lambda _connection: None)

    def seen(self, site: str, now: datetime) -> None:
        """Count a first page that was shown; the store has it within a second."""
        forget_old_key(self._engine, now, self._day_begins)
        self._devices.forget(now)
        self._gathered.add(site, epoch(now))

    def refused(self, site: str, reason: RefusalReason, now: datetime) -> None:
        """Count a refusal that needed no store; `open` counts its own."""
        with self._engine.begin() as connection:
            counts.refuse(connection, site, reason, epoch(now))

    def failed(self, site: str, reason: FailureReason, now: datetime) -> None:
        """Count what of ours went wrong."""
        with self._engine.begin() as connection:
            counts.fail(connection, site, reason, epoch(now))

    def store_failed(self, site: str, now: datetime) -> None:
        """Count that the store failed a phone; it is written when the store is back."""
        self._gathered.failed(site, epoch(now))

    def slot_counts(self, start: int, end: int) -> list[counts.SessionCounts]:
        """Sessions per site between two UTC epoch seconds."""
        with self._read() as connection:
            return counts.of_sessions(connection, start, end)

    def portal_counts(self, start: int, end: int) -> list[counts.PortalCounts]:
        """What the portal did per site between two UTC epoch seconds; both on a full minute."""
        with self._read() as connection:
            return counts.of_portal(connection, start, end)

    def _read(self) -> Connection:
        return self._engine.connect().execution_options(**READ_ONLY)


def _standing(row: Row[Any], now: datetime, extendable: datetime | None) -> Standing:
    running = noun(row)
    octets_left = max(0, running.octets - running.octets_used) if running.octets else None
    return Standing(True, row.expires_at - epoch(now), octets_left, extendable)


def _hear(connection: Connection, site: str, event: GatewayEvent, now: datetime) -> None:
    if hearing.is_new(connection, site, event.id, now):
        hearing.hear(connection, site, event, now)
