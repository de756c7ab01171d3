"""The session table: opened once, ended once, never poorer, and what a gateway tells is applied once."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DataError

from captive_portal.model import GatewayEvent, Grant, Usage
from captive_portal.sessions import StoredSessions
from captive_portal.tables import gateway_events, sessions
from tests.portal.conftest import CAPPED, GUACHOCHI, JUAREZ, World, world_over


@pytest.fixture
def world(store: Engine) -> World:
    """The same on each engine that may hold the store."""
    return world_over(store)


def open_session(world: World, site: str = GUACHOCHI, mac: str = "02:00:00:00:00:01") -> Grant:
    there = world.sites[site]
    grant = world.sessions.open(there, world.arrival(site, mac), there.plan, world.clock())
    assert isinstance(grant, Grant)
    return grant


def row(world: World, session: str) -> dict[str, object]:
    with world.engine.connect() as connection:
        found = connection.execute(select(sessions).where(sessions.c.acctuniqueid == session))
        return dict(found.mappings().one())


def epoch(world: World, **ago: float) -> int:
    return int((world.clock() - timedelta(**ago)).timestamp())


def opened(session: str, age_s: int = 0, event: str = "e-open") -> GatewayEvent:
    return GatewayEvent(event, "opened", session, age_s)


def closed(session: str, age_s: int = 0, event: str = "e-close") -> GatewayEvent:
    return GatewayEvent(event, "closed", session, age_s, 300, 9_000, 1_000, "user-request")


def test_a_device_has_one_session_at_a_site_while_it_runs(world: World) -> None:
    first = open_session(world)
    world.clock.forward(minutes=20)
    assert open_session(world) == Grant(first.session, 2400)
    assert open_session(world, mac="02:00:00:00:00:02").session != first.session
    assert open_session(world, JUAREZ).session != first.session


def test_a_session_that_ran_out_or_ended_or_was_dismissed_is_not_given_again(world: World) -> None:
    first = open_session(world)
    world.clock.forward(hours=1)
    second = open_session(world)
    world.sessions.ended(second.session, "user-request", world.clock())
    third = open_session(world)
    world.sessions.dismiss(third.session, world.clock())
    fourth = open_session(world)
    assert len({g.session for g in (first, second, third, fourth)}) == 4
    assert fourth.seconds == 3600


def test_many_taps_at_once_open_one_session(world: World) -> None:
    grants: list[Grant] = []
    taps = [threading.Thread(target=lambda: grants.append(open_session(world))) for _ in range(12)]
    for tap in taps:
        tap.start()
    for tap in taps:
        tap.join()
    assert len(grants) == 12
    assert len({grant.session for grant in grants}) == 1


def test_what_was_used_is_taken_from_what_is_left(world: World) -> None:
    first = open_session(world, CAPPED)
    assert first.octets == 500_000_000
    world.sessions.account([Usage(first.session, 60, 100_000_000, 50_000_000)], world.clock())
    assert open_session(world, CAPPED).octets == 350_000_000
    world.sessions.account([Usage(first.session, 90, 600_000_000, 50_000_000)], world.clock())
    assert open_session(world, CAPPED).octets == 1  # never 0, which would mean no cap


def test_an_end_is_recorded_once(world: World) -> None:
    session = open_session(world).session
    ended_at = world.clock.forward(minutes=5)
    world.sessions.ended(session, "user-request", ended_at)
    world.sessions.ended(session, "session-timeout", world.clock.forward(minutes=5))
    assert row(world, session)["acctstoptime"] == int(ended_at.timestamp())
    assert row(world, session)["acctterminatecause"] == "user-request"


def test_totals_never_go_down_and_unknown_is_not_zero(world: World, caplog: pytest.LogCaptureFixture) -> None:
    session = open_session(world).session
    world.sessions.account([Usage(session, 60, 5000, None)], world.clock())
    world.sessions.account([Usage(session, 30, 4000, 0), Usage("nobody's", 1, 1, 1)], world.clock())
    stored = row(world, session)
    assert stored["acctsessiontime"] == 60
    assert stored["acctoutputoctets"] == 5000
    assert stored["acctinputoctets"] == 0
    assert "accounting gap" in caplog.messages


def test_a_gateway_opens_and_closes_a_session_by_the_age_of_its_events(world: World) -> None:
    session = open_session(world).session
    world.clock.forward(minutes=10)
    known = world.sessions.apply(GUACHOCHI, [opened(session, 590), closed(session, 60)], world.clock())
    stored = row(world, session)
    assert known == ["e-open", "e-close"]
    assert stored["acctstarttime"] == epoch(world, seconds=590)
    assert stored["acctstoptime"] == epoch(world, seconds=60)
    assert stored["acctterminatecause"] == "user-request"
    assert (stored["acctsessiontime"], stored["acctoutputoctets"], stored["acctinputoctets"]) == (
        300,
        9000,
        1000,
    )


def test_an_event_that_is_sent_again_changes_nothing(world: World) -> None:
    session = open_session(world).session
    world.clock.forward(minutes=5)
    events = [opened(session, 60), closed(session, 10)]
    world.sessions.apply(GUACHOCHI, events, world.clock())
    before = row(world, session)
    world.clock.forward(minutes=5)
    assert world.sessions.apply(GUACHOCHI, events, world.clock()) == ["e-open", "e-close"]
    assert row(world, session) == before


def test_an_event_that_claims_to_be_older_than_the_tap_is_put_at_the_tap(world: World) -> None:
    session = open_session(world).session
    world.sessions.apply(GUACHOCHI, [opened(session, 10**9)], world.clock())
    assert row(world, session)["acctstarttime"] == epoch(world)


def test_who_leaves_and_comes_back_at_once_is_online_in_the_same_session(world: World) -> None:
    session = open_session(world).session
    world.clock.forward(minutes=1)
    world.sessions.apply(
        GUACHOCHI,
        [opened(session, 60), closed(session, 20), opened(session, 5, "e-again")],
        world.clock(),
    )
    assert row(world, session)["acctstoptime"] is None
    world.sessions.apply(GUACHOCHI, [closed(session, 0, "e-again-closed")], world.clock())
    assert row(world, session)["acctstoptime"] == epoch(world)


def test_a_gateway_cannot_touch_a_session_of_another_site(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    session = open_session(world, JUAREZ).session
    assert world.sessions.apply(GUACHOCHI, [closed(session)], world.clock()) == ["e-close"]
    assert row(world, session)["acctstoptime"] is None
    assert "event of an unknown session" in caplog.messages


def test_two_sites_may_use_the_same_event_id(world: World) -> None:
    here, there = open_session(world), open_session(world, JUAREZ)
    world.sessions.apply(GUACHOCHI, [closed(here.session)], world.clock())
    world.sessions.apply(JUAREZ, [closed(there.session)], world.clock())
    assert row(world, there.session)["acctstoptime"] is not None


def test_an_event_of_an_unknown_kind_is_acknowledged_and_changes_nothing(world: World) -> None:
    session = open_session(world).session
    before = row(world, session)
    assert world.sessions.apply(GUACHOCHI, [GatewayEvent("e-1", "danced", session, 0)], world.clock()) == [
        "e-1"
    ]
    assert row(world, session) == before


def test_events_are_applied_all_or_none(world: World) -> None:
    session = open_session(world).session
    broken = GatewayEvent("e-broken", "usage", session, 0, seconds=2**70)  # no integer of the store holds it
    with pytest.raises((OverflowError, DataError)):
        world.sessions.apply(GUACHOCHI, [opened(session), broken], world.clock())
    assert row(world, session)["acctstarttime"] is None
    with world.engine.connect() as connection:
        assert connection.execute(select(gateway_events)).all() == []


def test_a_dismissal_waits_until_the_gateway_says_the_session_ended(world: World) -> None:
    session = open_session(world).session
    assert world.sessions.dismissals(GUACHOCHI) == []
    assert world.sessions.dismiss(session, world.clock())
    assert world.sessions.dismissals(GUACHOCHI) == [session]
    assert world.sessions.dismissals(JUAREZ) == []
    world.sessions.apply(GUACHOCHI, [closed(session)], world.clock())
    assert world.sessions.dismissals(GUACHOCHI) == []
    assert not world.sessions.dismiss(session, world.clock())
    assert not world.sessions.dismiss("nobody's", world.clock())


def test_a_session_the_gateway_forgot_ends_at_its_time_until_the_gateway_remembers(world: World) -> None:
    session = open_session(world).session
    expires_at = row(world, session)["expires_at"]
    world.clock.forward(minutes=74)
    world.sessions.apply(GUACHOCHI, [], world.clock())
    assert row(world, session)["acctstoptime"] is None
    world.clock.forward(minutes=2)
    world.sessions.apply(GUACHOCHI, [], world.clock())
    assert row(world, session)["acctstoptime"] == expires_at
    assert row(world, session)["acctterminatecause"] == "unreported"
    world.sessions.apply(GUACHOCHI, [closed(session, 3600)], world.clock())
    assert row(world, session)["acctterminatecause"] == "user-request"
    assert row(world, session)["acctstoptime"] == epoch(world, hours=1)


def test_slot_counts_tell_what_opened_ended_and_ran(world: World) -> None:
    start = int(world.clock().timestamp())
    first, second = open_session(world), open_session(world, mac="02:00:00:00:00:02")
    open_session(world, JUAREZ)  # tapped, but its gateway never opened the door
    world.sessions.apply(
        GUACHOCHI, [opened(first.session, 0, "1"), opened(second.session, 0, "2")], world.clock()
    )
    world.clock.forward(seconds=90)
    world.sessions.apply(GUACHOCHI, [closed(first.session, 0, "3")], world.clock())
    (one,) = world.sessions.slot_counts(start, start + 60)
    assert (one.site, one.opened, one.ended, one.admitted, one.octets, one.seconds) == (
        GUACHOCHI,
        2,
        0,
        2,
        0,
        0,
    )
    (two,) = world.sessions.slot_counts(start + 60, start + 120)
    assert (two.opened, two.ended, two.admitted, two.octets, two.seconds) == (0, 1, 1, 10_000, 300)
    assert world.sessions.slot_counts(start + 3660, start + 3720) == []


def test_a_second_process_sees_the_same_sessions(world: World) -> None:
    grant = open_session(world)
    other = StoredSessions(world.engine)
    there = world.sites[GUACHOCHI]
    assert other.open(there, world.arrival(mac="02:00:00:00:00:01"), there.plan, world.clock()) == grant
