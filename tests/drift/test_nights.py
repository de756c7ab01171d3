"""Every device has its turn in the night of its own municipality, whatever the clock does there."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from controller import nights
from controller.nights import Night
from drivers.model import Device, Endpoint, PollProfile, Role

AT = Endpoint("192.0.2.1", 22)


def device(name: str, profile: PollProfile = PollProfile.NORMAL) -> Device:
    """A device with nothing special."""
    return Device(name, Role.AP, "08019", "s", "openwrt", "x", AT, AT, AT, poll_profile=profile)


def found(zone: str, *when: int) -> Night:
    """The night that this UTC time is in."""
    night = nights.night(zone, datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]  # year, month, …
    assert night is not None
    return night


@pytest.mark.parametrize(
    ("zone", "start", "hours"),
    [
        ("America/Chihuahua", datetime(2026, 7, 8, 8, tzinfo=UTC), 3),  # UTC-6 the whole year
        ("America/Ciudad_Juarez", datetime(2026, 7, 8, 8, tzinfo=UTC), 3),  # summer time, UTC-6
        ("America/Ciudad_Juarez", datetime(2026, 12, 8, 9, tzinfo=UTC), 3),
        ("America/Ojinaga", datetime(2026, 7, 8, 7, tzinfo=UTC), 3),  # summer time, UTC-5
        ("America/Ojinaga", datetime(2026, 3, 8, 8, tzinfo=UTC), 2),  # two becomes three
        ("America/Ojinaga", datetime(2026, 11, 1, 8, tzinfo=UTC), 3),  # one comes twice, before our night
        ("Africa/Casablanca", datetime(2026, 2, 15, 1, tzinfo=UTC), 4),  # three comes twice
    ],
)
def test_a_night_is_that_of_the_clock_on_the_wall(zone: str, start: datetime, hours: int) -> None:
    night = nights.night(zone, start)
    assert night is not None
    assert (night.start, night.end) == (start.timestamp(), (start + timedelta(hours=hours)).timestamp())
    assert nights.night(zone, start - timedelta(seconds=1)) is None
    assert nights.night(zone, start + timedelta(hours=hours)) is None


def test_the_turns_of_a_night_are_spread_and_leave_time_for_another_try() -> None:
    night = found("America/Chihuahua", 2026, 7, 8, 9)
    turns = [nights.turn(device(f"ap-{number}"), night) for number in range(1000)]
    assert turns == [nights.turn(device(f"ap-{number}"), night) for number in range(1000)]
    tenth = (night.end - night.start) // 10
    for place in range(8):
        since = night.start + place * tenth
        assert 60 < sum(turn is not None and since <= turn < since + tenth for turn in turns) < 200
    assert all(turn is not None and nights.again(device("x"), turn) < night.end for turn in turns)


def test_a_short_night_has_room_for_all() -> None:
    night = found("America/Ojinaga", 2026, 3, 8, 9)
    turns = [nights.turn(device(f"ap-{number}"), night) for number in range(1000)]
    assert all(turn is not None and night.start <= turn < night.end for turn in turns)


def test_metered_devices_are_read_once_in_seven_nights() -> None:
    for number in range(20):
        one = device(f"ap-{number}", PollProfile.METERED)
        dates = [datetime(2026, 7, day, 9, tzinfo=UTC) for day in range(1, 22)]
        read = [day for day in dates if nights.turn(one, found("America/Chihuahua", *day.timetuple()[:4]))]
        assert len(read) == 3
        assert {after - before for before, after in itertools.pairwise(read)} == {timedelta(days=7)}
