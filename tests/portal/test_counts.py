"""Numbers: named after the portal's own words, absent where nobody can know."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from captive_portal.counts import PortalCounts
from captive_portal.model import (
    Arrival,
    FailureReason,
    GatewayEvent,
    Grant,
    Past,
    Refusal,
    RefusalReason,
    Usage,
)
from captive_portal.sessions import StoredSessions
from metrics.catalog import FAILED, REFUSED
from tests.gateway.town import wait_for
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of

HERE = site_of("08027-plaza")
ARRIVAL = Arrival(HERE.key, "d", "b", "", "")
DAILY = replace(LIBRE, daily=timedelta(hours=2))


@pytest.fixture
def engine(store: Engine) -> Engine:
    return store


def test_the_catalogue_has_every_reason_and_no_other() -> None:
    assert set(REFUSED) == {reason.value.replace("-", "_") for reason in RefusalReason}
    assert set(FAILED) == {reason.value.replace("-", "_") for reason in FailureReason}


def test_taps_refusals_failures_and_the_wait_for_the_door_are_counted(engine: Engine) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    slot = int(clock().timestamp())
    sessions.seen(HERE.key, clock())
    granted = sessions.open(HERE, ARRIVAL, LIBRE, clock())
    assert isinstance(granted, Grant)
    opened = GatewayEvent("e", "opened", granted.session, 0)
    sessions.apply(HERE.key, [opened, replace(opened, id="again")], clock.forward(seconds=7))
    sessions.refused(HERE.key, RefusalReason.NO_INTERNET, clock())
    sessions.failed(HERE.key, FailureReason.GATEWAY_AWAY, clock())

    def counted() -> list[PortalCounts]:
        return [one for one in sessions.portal_counts(slot, slot + 60) if one.arrivals]

    (one,) = wait_for(counted, "the first page, which is counted within a second")
    assert (one.arrivals, one.taps, one.grants, one.refusals, one.failures) == (1, 1, 1, 1, 1)
    assert (one.online, one.online_s) == (1, 7)
    assert one.reasons == {"no-internet": 1, "gateway-away": 1}


def test_active_and_octets_are_unknown_where_nobody_tells_octets(engine: Engine) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    granted = sessions.open(HERE, ARRIVAL, LIBRE, clock())
    assert isinstance(granted, Grant)
    sessions.apply(HERE.key, [GatewayEvent("o", "opened", granted.session, 0)], clock())
    slot = int(clock().timestamp())
    (silent,) = sessions.slot_counts(slot, slot + 60)
    assert (silent.admitted, silent.active) == (1, None)
    sessions.account([Usage(granted.session, 30, 10, 10)], clock.forward(seconds=30))
    (told,) = sessions.slot_counts(slot, slot + 60)
    assert told.active == 1
    (idle,) = sessions.slot_counts(slot + 1200, slot + 1260)
    assert (idle.admitted, idle.active) == (1, 0)


def test_a_day_used_up_is_refused_until_the_key_of_the_next(engine: Engine) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    for seconds in (3600, 3600):
        granted = sessions.open(HERE, ARRIVAL, DAILY, clock())
        assert isinstance(granted, Grant)
        assert granted.seconds == seconds
        clock.forward(hours=1)
    assert sessions.open(HERE, ARRIVAL, DAILY, clock()) == Refusal(RefusalReason.DAY_USED_UP)
    assert isinstance(sessions.open(HERE, ARRIVAL, DAILY, clock.forward(days=1)), Grant)


def test_a_session_is_cut_to_what_is_left_of_the_day(engine: Engine) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    plan = replace(LIBRE, daily=timedelta(minutes=90))
    sessions.open(HERE, ARRIVAL, plan, clock())
    granted = sessions.open(HERE, ARRIVAL, plan, clock.forward(hours=1))
    assert isinstance(granted, Grant)
    assert granted.seconds == 1800


def test_more_time_is_given_in_the_last_quarter_and_never_before(engine: Engine) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    first = sessions.open(HERE, ARRIVAL, LIBRE, clock())
    assert isinstance(first, Grant)
    clock.forward(minutes=45)
    assert sessions.extend(HERE, first.session, LIBRE, clock()) == Grant(first.session, 900)
    standing = sessions.standing(HERE.key, first.session, clock(), LIBRE)
    assert (standing.is_running, standing.extendable_at) == (True, clock())
    clock.forward(seconds=1)
    assert sessions.extend(HERE, first.session, LIBRE, clock()) == Grant(first.session, 3600)
    clock.forward(hours=1)
    assert sessions.extend(HERE, first.session, LIBRE, clock()) == Refusal(RefusalReason.NOT_RECOGNISED)
    assert sessions.standing(HERE.key, first.session, clock()).cause == "Session-Timeout"
    assert sessions.past(HERE, ARRIVAL.device, clock()) == Past("Session-Timeout")
    assert sessions.past(HERE, ARRIVAL.device, clock.forward(minutes=31)) == Past()


STEPS = st.lists(st.tuples(st.sampled_from(["open", "extend", "end"]), st.integers(1, 3000)), max_size=25)


@given(steps=STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_taps_gives_more_than_the_plan_or_the_day(
    engine: Engine, steps: list[tuple[str, int]]
) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    clock.now = clock.now.replace(hour=10)
    arrival = replace(ARRIVAL, device=uuid4().hex)
    online_s, until, session = 0.0, clock(), ""
    for step, seconds in steps:
        if step == "end" and session:
            sessions.ended(session, "User-Request", clock())
            until = min(until, clock())
        granted: Grant | Refusal = Refusal(RefusalReason.NOT_RECOGNISED)
        if step == "open":
            granted = sessions.open(HERE, arrival, DAILY, clock())
        elif step == "extend" and session:
            granted = sessions.extend(HERE, session, DAILY, clock())
        if isinstance(granted, Grant):
            assert granted.seconds <= LIBRE.duration.total_seconds()
            session, until = granted.session, clock() + timedelta(seconds=granted.seconds)
        online_s += min(max(0.0, (until - clock()).total_seconds()), seconds)
        clock.forward(seconds=seconds)
    assert clock() < Clock().now.replace(hour=10) + timedelta(days=1)
    assert online_s <= DAILY.daily.total_seconds()
