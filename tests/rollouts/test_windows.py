"""Maintenance windows in the zone of each site, through every change of its clock; when to try again."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controller.model import Hours, Opening
from controller.rollouts.seam import Policy
from controller.rollouts.windows import fits, next_open, next_try, open_now, spans

CHIHUAHUA, JUAREZ, OJINAGA = "America/Chihuahua", "America/Ciudad_Juarez", "America/Ojinaga"
NIGHT = (Opening(time(0), time(5)), Opening(time(23), time(0)))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def window(zone: str, *openings: Opening) -> Hours:
    """The same hours every day."""
    return Hours(zone, (openings,) * 7)


def at(zone: str, said: str, fold: int = 0) -> datetime:
    """What a clock at the place shows."""
    return datetime.fromisoformat(said).replace(tzinfo=ZoneInfo(zone), fold=fold)


def test_without_a_window_any_time_is_good() -> None:
    moment = at(JUAREZ, "2026-07-01 12:00")
    assert open_now(None, moment)
    assert next_open(None, moment) == moment
    assert fits(None, moment, 1e6)


def test_each_site_has_its_own_clock() -> None:
    """In summer it is an hour earlier in Chihuahua than the border's clocks say."""
    moment = datetime(2026, 7, 1, 5, 30, tzinfo=UTC)
    assert open_now(window(OJINAGA, *NIGHT), moment)  # 00:30
    assert open_now(window(CHIHUAHUA, *NIGHT), moment)  # 23:30
    assert open_now(window(JUAREZ, *NIGHT), moment)  # 23:30
    earlier = moment - HOUR
    assert open_now(window(OJINAGA, *NIGHT), earlier)  # 23:30
    assert not open_now(window(CHIHUAHUA, *NIGHT), earlier)  # 22:30
    assert next_open(window(CHIHUAHUA, *NIGHT), earlier) == at(CHIHUAHUA, "2026-06-30 23:00")


def test_spans_that_touch_at_midnight_are_one() -> None:
    hours = window(CHIHUAHUA, *NIGHT)
    begun = at(CHIHUAHUA, "2026-05-04 23:50")
    assert fits(hours, begun, 5 * 3600)
    assert not fits(hours, begun, 5 * 3600 + 601)
    around = spans(hours, begun - 12 * HOUR, begun + 12 * HOUR)
    assert [(start.hour, end.hour) for start, end in around] == [(5, 11)]


def test_nothing_is_begun_whose_timer_would_pass_the_windows_end() -> None:
    hours = window(JUAREZ, Opening(time(1), time(4)))
    assert fits(hours, at(JUAREZ, "2026-05-04 03:50"), 600)
    assert not fits(hours, at(JUAREZ, "2026-05-04 03:50"), 601)
    assert not fits(hours, at(JUAREZ, "2026-05-04 00:59"), 1)
    assert not fits(hours, at(JUAREZ, "2026-05-04 04:00"), 0)


def test_an_hour_that_the_clock_leaps_over_is_no_hour() -> None:
    hours = window(JUAREZ, Opening(time(2), time(3)))
    assert next_open(hours, at(JUAREZ, "2026-03-08 01:30")) == at(JUAREZ, "2026-03-09 02:00")
    longer = window(JUAREZ, Opening(time(1), time(4)))
    assert fits(longer, at(JUAREZ, "2026-03-08 01:00"), 7200)
    assert not fits(longer, at(JUAREZ, "2026-03-08 01:00"), 7201)


def test_an_hour_that_the_clock_shows_twice_is_open_twice() -> None:
    longer = window(JUAREZ, Opening(time(0), time(4)))
    assert fits(longer, at(JUAREZ, "2026-11-01 00:00"), 5 * 3600)
    half = window(JUAREZ, Opening(time(1), time(1, 30)))
    first, second = at(JUAREZ, "2026-11-01 01:00"), at(JUAREZ, "2026-11-01 01:00", fold=1)
    assert spans(half, first - HOUR, first + 4 * HOUR) == [
        (first.astimezone(UTC), first.astimezone(UTC) + 30 * MINUTE),
        (second.astimezone(UTC), second.astimezone(UTC) + 30 * MINUTE),
    ]
    assert not fits(half, first, 1801)


def test_the_weekly_hour_that_the_clock_leaps_over_comes_a_week_later() -> None:
    week = ((),) * 6 + ((Opening(time(2), time(3)),),)
    assert next_open(Hours(JUAREZ, week), at(JUAREZ, "2026-03-08 00:00")) == at(JUAREZ, "2026-03-15 02:00")


def test_a_week_without_hours_never_comes() -> None:
    closed = Hours(CHIHUAHUA, ((),) * 7)
    assert next_open(closed, at(CHIHUAHUA, "2026-05-04 00:00")) is None
    assert not open_now(closed, at(CHIHUAHUA, "2026-05-04 00:00"))


LEAPS = [datetime(2026, 3, 8, 9, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)]
clocks = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30)))
openings = (
    st.tuples(clocks, clocks)
    .filter(lambda pair: pair[1] == time(0) or pair[0] < pair[1])
    .map(lambda pair: Opening(*pair))
)
hours_of_any_kind = st.builds(
    Hours,
    st.sampled_from((CHIHUAHUA, JUAREZ, OJINAGA, "Australia/Lord_Howe", "Asia/Kathmandu")),
    st.tuples(*[st.lists(openings, max_size=2).map(tuple)] * 7),
)
moments = st.builds(
    lambda leap, minutes: leap + minutes * MINUTE,
    st.sampled_from((*LEAPS, datetime(2026, 4, 4, 15, tzinfo=UTC))),
    st.integers(-3 * 1440, 3 * 1440),
)


@given(hours_of_any_kind, moments, st.integers(1, 600))
@example(window(JUAREZ, Opening(time(0), time(0))), LEAPS[0] - HOUR, 600)
def test_it_fits_exactly_where_every_minute_of_it_is_in_the_window(
    hours: Hours, moment: datetime, minutes: int
) -> None:
    every_minute = all(open_now(hours, moment + minute * MINUTE) for minute in range(minutes))
    assert fits(hours, moment, minutes * 60) == every_minute


@given(hours_of_any_kind, moments)
def test_the_next_open_moment_is_the_first(hours: Hours, moment: datetime) -> None:
    found = next_open(hours, moment)
    if found is None:
        assert not any(open_now(hours, moment + hour * HOUR / 4) for hour in range(4 * 24 * 7))
        return
    assert open_now(hours, found)
    checked = min(found - moment, timedelta(days=2))
    assert not any(open_now(hours, moment + minute * MINUTE) for minute in range(checked // MINUTE))


NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 600), (2, 1200), (3, 2400), (7, 38_400), (8, 43_200), (10_000, 43_200)]
)
def test_who_is_away_is_tried_ever_less_often(attempts: int, seconds: int) -> None:
    waited = (next_try(Policy(), attempts, NOW, "ap-1") - NOW).total_seconds()
    assert 0.9 * seconds < waited <= seconds


def test_devices_that_were_lost_together_are_not_all_tried_together() -> None:
    tried = {next_try(Policy(), 1, NOW, f"ap-{i}") for i in range(100)}
    assert len(tried) > 90
    assert next_try(Policy(), 1, NOW, "ap-7") == next_try(Policy(), 1, NOW, "ap-7")
