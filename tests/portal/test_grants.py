"""Decisions about who gets in, without any store."""

from datetime import UTC, datetime, timedelta

from captive_portal.grants import always_open, decide, remainder, renew
from captive_portal.model import Arrival, FailureReason, Grant, Refusal, RefusalReason, Running, Ticket
from tests.portal.conftest import GUACHOCHI, JUAREZ, portal_site

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
ARRIVAL = Arrival(GUACHOCHI, "device", "binding", "stamp", "nonce")
SITE = portal_site(GUACHOCHI)


def ticket(age: timedelta) -> Ticket:
    return Ticket(ARRIVAL, "s", "es", NOW - age)


def test_open_site_gives_its_plan() -> None:
    assert decide(SITE, ARRIVAL, NOW, always_open) == SITE.plan


def test_closed_site_gives_nothing() -> None:
    assert decide(SITE, ARRIVAL, NOW, lambda _site, _at: None) == Refusal(RefusalReason.SITE_CLOSED)


def test_hours_are_asked_for_this_site_at_this_moment() -> None:
    asked = []
    decide(SITE, ARRIVAL, NOW, lambda site, at: asked.append((site, at)))
    assert asked == [(GUACHOCHI, NOW)]


def test_arrival_of_another_site_is_not_recognised() -> None:
    assert decide(portal_site(JUAREZ), ARRIVAL, NOW, always_open) == Refusal(RefusalReason.NOT_RECOGNISED)


def test_young_ticket_of_a_running_session_is_worth_what_is_left() -> None:
    running = Running("s", NOW + timedelta(minutes=30))
    assert renew(ticket(timedelta(minutes=15)), running, NOW) == Grant("s", 1800)


def test_old_ticket_or_ended_session_is_worth_nothing() -> None:
    running = Running("s", NOW + timedelta(minutes=30))
    assert renew(ticket(timedelta(minutes=15, seconds=1)), running, NOW) == FailureReason.TICKET_EXPIRED
    assert renew(ticket(timedelta()), None, NOW) == Refusal(RefusalReason.NOT_RECOGNISED)


def test_remainder_is_never_nothing_because_nothing_means_no_limit() -> None:
    spent = Running("s", NOW, octets_used=10**9, octets=10**6)
    assert remainder(spent, NOW) == Grant("s", 1, 1, total=10**6)
