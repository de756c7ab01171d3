"""What is past its period goes, and nothing else."""

from datetime import timedelta

from sqlalchemy import Engine, func, insert, select

from captive_portal.model import Arrival, Grant
from captive_portal.retention import Retention, purge
from captive_portal.sessions import StoredSessions
from captive_portal.tables import (
    gateway_events,
    legal_records,
    portal_counts,
    sessions,
    waiting_grants,
)
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of

HERE = site_of("08027-plaza")


def test_each_row_lives_its_period_and_counts_stay(store: Engine) -> None:
    clock = Clock()
    opened = StoredSessions(store)
    granted = opened.open(HERE, Arrival(HERE.key, "d", "b", "", ""), LIBRE, clock())
    assert isinstance(granted, Grant)
    opened.ended(granted.session, "User-Request", clock())
    at = int(clock().timestamp())
    later = int((clock() + timedelta(days=30)).timestamp())
    with store.begin() as connection:
        connection.execute(insert(gateway_events).values(site=HERE.key, event="e", received_at=at))
        sealed = {"acctuniqueid": "a" * 32, "site": HERE.key, "sealed": "s"}
        connection.execute(insert(waiting_grants).values(**sealed, made_at=at))
        connection.execute(insert(legal_records).values(**sealed, delete_at=later))

    def rows() -> dict[str, int]:
        tables = (sessions, gateway_events, waiting_grants, legal_records, portal_counts)
        with store.connect() as connection:
            return {
                t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables
            }

    kept = {"session": 1, "gateway_event": 1, "waiting_grant": 1, "legal_record": 1, "portal_count": 1}
    for days, gone in (
        (0, ""),
        (0.001, "waiting_grant"),
        (7.1, "gateway_event"),
        (30, "legal_record"),
        (89, ""),
        (90.1, "session"),
    ):
        purge(store, Retention(), clock() + timedelta(days=days))
        kept |= {gone: 0} if gone else {}
        assert rows() == kept


def test_an_open_session_is_never_purged(store: Engine) -> None:
    clock = Clock()
    StoredSessions(store).open(HERE, Arrival(HERE.key, "d", "b", "", ""), LIBRE, clock())
    assert purge(store, Retention(), clock() + timedelta(days=365))["session"] == 0
