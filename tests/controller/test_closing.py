"""When a site that serves now closes next: its own zone, across midnight, the days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.model import Hours, Opening

CHIHUAHUA, JUAREZ = "America/Chihuahua", "America/Ciudad_Juarez"
DAY, EVENING = Opening(time(8), time(14)), Opening(time(16), time(22))
WHOLE = Opening(time(0), time(0))


def week(*openings: Opening) -> tuple[tuple[Opening, ...], ...]:
    return (openings,) * 7


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ("2026-11-25 07:59", None),
        ("2026-11-25 08:00", "2026-11-25 14:00"),
        ("2026-11-25 13:59", "2026-11-25 14:00"),
        ("2026-11-25 14:00", None),
        ("2026-11-25 21:00", "2026-11-25 22:00"),
    ],
)
def test_a_site_closes_at_the_end_of_the_opening_around_now(now: str, closes: str | None) -> None:
    hours = Hours(CHIHUAHUA, week(DAY, EVENING))
    found = hours.open_until(local(CHIHUAHUA, now).astimezone(UTC))
    assert found == (local(CHIHUAHUA, closes) if closes else None)


def test_openings_that_touch_are_one_also_across_midnight() -> None:
    night = Hours(
        CHIHUAHUA, week(Opening(time(0), time(2)), Opening(time(18), time(20)), Opening(time(20), time(0)))
    )
    assert night.open_until(local(CHIHUAHUA, "2026-11-25 18:30")) == local(CHIHUAHUA, "2026-11-26 02:00")
    assert night.open_until(local(CHIHUAHUA, "2026-11-26 01:59")) == local(CHIHUAHUA, "2026-11-26 02:00")


def test_a_holiday_ends_what_would_go_on_at_midnight_and_an_exception_moves_the_hour() -> None:
    hours = Hours(
        CHIHUAHUA,
        week(WHOLE),
        frozenset({date(2026, 11, 27)}),
        {date(2026, 11, 29): (Opening(time(0), time(9, 30)),)},
    )
    assert hours.open_until(local(CHIHUAHUA, "2026-11-25 10:00")) == local(CHIHUAHUA, "2026-11-27 00:00")
    assert hours.open_until(local(CHIHUAHUA, "2026-11-27 10:00")) is None
    assert hours.open_until(local(CHIHUAHUA, "2026-11-28 10:00")) == local(CHIHUAHUA, "2026-11-29 09:30")


def test_a_site_that_never_closes_closes_after_any_session() -> None:
    found = Hours(CHIHUAHUA, week(WHOLE)).open_until(local(CHIHUAHUA, "2026-11-25 10:00"))
    assert found is not None
    assert found - local(CHIHUAHUA, "2026-11-25 10:00") > timedelta(days=31)


def test_the_hour_is_the_sites_own_on_the_days_on_which_its_clock_changes() -> None:
    night = Hours(JUAREZ, week(Opening(time(0), time(6)), Opening(time(20), time(0))))
    for evening, hours in (("2026-03-07 23:00", 6), ("2026-10-31 23:00", 8), ("2026-06-01 23:00", 7)):
        now = local(JUAREZ, evening).astimezone(UTC)
        assert night.open_until(now) == now + timedelta(hours=hours), evening


@given(
    zone=st.sampled_from([CHIHUAHUA, JUAREZ, "UTC"]),
    minute=st.integers(0, 366 * 24 * 60),
    bounds=st.lists(st.integers(0, 24 * 60 - 1), min_size=2, max_size=6, unique=True).map(sorted),
)
def test_what_is_open_closes_later_and_what_is_closed_does_not(
    zone: str, minute: int, bounds: list[int]
) -> None:
    clock = [time(one // 60, one % 60) for one in bounds]
    hours = Hours(zone, week(*(Opening(*pair) for pair in zip(clock[::2], clock[1::2], strict=False))))
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    until = hours.open_until(now)
    assert (until is not None) == hours.open_at(now)
    if until is not None:
        assert now < until <= now + timedelta(days=1, hours=1)
