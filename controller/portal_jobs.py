"""What the worker does for the portal: samples, other makers' gateways, what expires."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache, partial
from typing import Final

from captive_portal import late
from captive_portal.counts import PortalCounts, SessionCounts, of_sessions
from captive_portal.enforcement import Keeper
from captive_portal.gateways.ending import TELL_EVERY_S
from captive_portal.gateways.kinds import gateway_of
from captive_portal.lengthening import Lengthening
from captive_portal.retention import purge
from captive_portal.sessions import StoredSessions
from captive_portal.tables import sessions as sessions_table
from controller.app import App, portal_sites
from controller.gateway_samples import Pulses
from controller.keeping import retention
from controller.scheduler import Job
from controller.store.engine import READ_ONLY
from metrics.catalog import FAILED, REFUSED
from metrics.sample import Sample

log = logging.getLogger(__name__)

WRITER: Final = "worker"
SHARD: Final = 256  # pollers have 0 to 255; the epochs of their leases are not ours
SESSION_SLOT_S: Final = 60
BACK_SLOTS: Final = 3
_LATE_AT_ONCE_S: Final = 86_400


def portal_jobs(app: App, clock: Callable[[], datetime]) -> list[Job]:
    """The portal's part of the worker's job table."""
    sites = cache(partial(portal_sites, app))
    keeper, asker = (
        Keeper(app.engine, sites, lambda wiring: gateway_of(wiring, clock), clock) for _ in range(2)
    )
    return [
        Job("sessions per slot", SESSION_SLOT_S, partial(_samples, app, clock)),
        Job("sessions told late", SESSION_SLOT_S, partial(late_samples, app, clock)),
        Job("pulses and alarms of gateways", SESSION_SLOT_S, Pulses(app, clock).turn),
        Job("ask gateways what was used", 60, keeper.account),
        Job("tell gateways who is to go", TELL_EVERY_S, keeper.dismiss),
        Job("ask gateways for more time", 5, Lengthening(asker).turn),
        Job("end overdue sessions", 60, partial(_end_overdue, app, clock)),
        Job("delete what is past its period", 3600, partial(_purge, app, clock)),
    ]


def session_samples(app: App, sessions: StoredSessions, start: int, end: int) -> list[Sample]:
    """wifi_session and wifi_portal of one slot, for the sites where something happened or runs."""
    place = {site.key: {"mun": site.municipality, "site": site.key} for site in app.inventory.sites.values()}
    of_sessions = [
        Sample("wifi_session", place[row.site], _session_fields(row), start)
        for row in sessions.slot_counts(start, end)
        if row.site in place
    ]
    return of_sessions + [
        Sample("wifi_portal", place[row.site], _portal_fields(row), start)
        for row in sessions.portal_counts(start, end)
        if row.site in place
    ]


def _session_fields(row: SessionCounts) -> dict[str, int | float]:
    """What a kind cannot report is absent, never 0."""
    fields = {
        "opened": row.opened,
        "ended": row.ended,
        "admitted": row.admitted,
        "active": row.active,
    }
    if row.ended:  # else a 0 would stay beside an end that is told late, and without octets
        fields |= {"octets": row.octets, "seconds": row.seconds}
    return {name: value for name, value in fields.items() if value is not None}


def _portal_fields(row: PortalCounts) -> dict[str, int | float]:
    """Reasons that nobody was told are absent; so is the wait, where no door opened."""
    fields: dict[str, int | float] = {
        "arrivals": row.arrivals,
        "taps": row.taps,
        "grants": row.grants,
        "refusals": row.refusals,
        "failures": row.failures,
        "online": row.online,
    }
    if row.online:
        fields["online_s"] = row.online_s
    for prefix, words in (("refused", REFUSED), ("failed", FAILED)):
        told = {word: row.reasons.get(word.replace("_", "-"), 0) for word in words}
        fields |= {f"{prefix}_{word}": times for word, times in told.items() if times}
    return fields


def _samples(app: App, clock: Callable[[], datetime]) -> None:
    """The last closed slots again: a session that ended late corrects its slot."""
    end = int(clock().timestamp()) // SESSION_SLOT_S * SESSION_SLOT_S
    sessions = StoredSessions(app.engine)
    samples: list[Sample] = []
    for start in range(end - BACK_SLOTS * SESSION_SLOT_S, end, SESSION_SLOT_S):
        samples += session_samples(app, sessions, start, start + SESSION_SLOT_S)
    if samples:
        app.samples.write(WRITER, samples, shard=SHARD)


def late_samples(app: App, clock: Callable[[], datetime]) -> None:
    """The slots again of which something was told long after: at most a day of each site in one turn."""
    end = int(clock().timestamp()) // SESSION_SLOT_S * SESSION_SLOT_S
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        waiting = late.waiting(connection)
    for site, since in waiting.items():
        until = min(since + _LATE_AT_ONCE_S, end)
        samples = list(_anew(app, site, since, until)) if site in app.inventory.sites else []
        if samples:
            app.samples.write(WRITER, samples, shard=SHARD)
        with app.engine.begin() as connection:
            late.made(connection, site, since, until, end)


def _anew(app: App, site: str, since: int, until: int) -> Iterator[Sample]:
    """A slot in which nothing remains says so: it may have had a session that was over by then."""
    tags = {"mun": app.inventory.sites[site].municipality, "site": site}
    none = SessionCounts(site=site, opened=0, ended=0, admitted=0, active=0, octets=None, seconds=None)
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        for start in range(since, until, SESSION_SLOT_S):
            counted = of_sessions(connection, start, start + SESSION_SLOT_S, sessions_table.c.site == site)
            yield Sample("wifi_session", tags, _session_fields(counted[0] if counted else none), start)


def _end_overdue(app: App, clock: Callable[[], datetime]) -> None:
    StoredSessions(app.engine).end_overdue(clock())


def _purge(app: App, clock: Callable[[], datetime]) -> None:
    gone = purge(app.engine, retention(app.settings), clock())
    deleted = {name: times for name, times in gone.items() if times}
    if deleted:
        log.info("deleted what was past its period", extra={"deleted": deleted})
