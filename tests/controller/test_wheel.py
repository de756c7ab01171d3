"""The polling wheel: phases, single flight, slots."""

from hypothesis import given
from hypothesis import strategies as st

from controller.wheel import HURRY_S, Wheel, phase_s, slot

NAMES = [f"ap-{number}" for number in range(600)]


def test_devices_are_spread_evenly_over_the_interval() -> None:
    phases = [phase_s(name, 60) for name in NAMES]
    per_ten_seconds = [sum(1 for p in phases if k * 10 <= p < (k + 1) * 10) for k in range(6)]
    assert all(60 <= count <= 140 for count in per_ten_seconds)


def test_every_device_comes_exactly_once_per_interval() -> None:
    wheel = Wheel.start(dict.fromkeys(NAMES, 30), now_s=1000.0, wall_s=5000.0)
    seen: list[str] = []
    for tick in range(600):
        for name in wheel.due(1000.0 + tick * 0.05, room=10_000):
            seen.append(name)
            wheel.done(name)
    assert sorted(seen) == sorted(NAMES)


def test_a_device_still_in_flight_at_its_turn_is_skipped_and_counted() -> None:
    wheel = Wheel.start({"ap": 30}, now_s=0.0, wall_s=0.0)
    assert wheel.due(30.0, room=10) == ["ap"]
    assert wheel.due(60.0, room=10) == []
    assert wheel.skipped == 1
    wheel.done("ap")
    assert wheel.due(90.0, room=10) == ["ap"]


def test_no_more_than_the_room_is_taken_and_the_rest_keep_their_turn() -> None:
    wheel = Wheel.start(dict.fromkeys(NAMES, 30), now_s=0.0, wall_s=0.0)
    first = wheel.due(30.0, room=100)
    assert len(first) == 100
    assert len(wheel.due(30.0, room=10_000)) == 500


def test_turns_missed_while_the_machine_slept_are_not_made_up_for() -> None:
    wheel = Wheel.start({"ap": 30}, now_s=0.0, wall_s=0.0)
    assert wheel.due(3600.0, room=10) == ["ap"]
    wheel.done("ap")
    assert wheel.due(3600.0, room=10) == []


def test_after_a_restart_a_device_comes_at_the_same_phase_of_the_wall_clock() -> None:
    for wall in (7.0, 19.5, 61.2):
        wheel = Wheel.start({"ap": 30}, now_s=0.0, wall_s=wall)
        at, _ = wheel.turns[0]
        assert round((wall + at) % 30, 6) == round(phase_s("ap", 30), 6)


@given(st.integers(0, 10**6), st.floats(-10, 10), st.sampled_from(NAMES))
def test_a_poll_a_little_early_or_late_falls_into_its_own_slot(turn: int, jitter: float, name: str) -> None:
    at = turn * 30 + phase_s(name, 30) + jitter
    assert slot(at, name, 30) == turn * 30


def quiet_wheel(*names: str) -> Wheel:
    """A wheel at second 0 on which nobody's turn comes within 60 s."""
    return Wheel.start(
        dict.fromkeys(names, 3600), now_s=0.0, wall_s=max(phase_s(name, 3600) for name in names) + 1.0
    )


def test_who_is_in_a_hurry_comes_now_and_keeps_its_turns() -> None:
    wheel = quiet_wheel("ap")
    turns = list(wheel.turns)
    assert wheel.due(0.0, room=10) == []
    wheel.hurry("ap", 0.0)
    assert wheel.due(0.0, room=10) == ["ap"]
    wheel.done("ap")
    assert wheel.due(0.1, room=10) == []
    assert wheel.turns == turns


def test_who_is_in_flight_comes_right_after() -> None:
    wheel = quiet_wheel("ap")
    wheel.hurry("ap", 0.0)
    assert wheel.due(0.0, room=10) == ["ap"]
    wheel.hurry("ap", 1.0)
    assert wheel.due(8.0, room=10) == []
    wheel.done("ap")
    assert wheel.due(8.0, room=10) == ["ap"]


def test_who_hurries_again_and_again_comes_once_in_five_seconds_and_the_last_call_counts() -> None:
    wheel = quiet_wheel("ap")
    came = []
    for tenth in range(120):
        if tenth < 70:
            wheel.hurry("ap", tenth / 10)
        if wheel.due(tenth / 10, room=10):
            came.append(tenth / 10)
            wheel.done("ap")
    assert came == [0.0, HURRY_S, 2 * HURRY_S]


def test_a_turn_that_comes_first_does_for_the_hurry() -> None:
    wheel = Wheel.start({"ap": 30}, now_s=0.0, wall_s=0.0)
    at, _ = wheel.turns[0]
    wheel.hurried_at["ap"] = at - 1
    wheel.hurry("ap", at - 0.5)
    assert wheel.due(at, room=10) == ["ap"]
    wheel.done("ap")
    assert wheel.due(at + HURRY_S, room=10) == []


def test_a_storm_of_notices_leaves_half_of_the_room_to_those_whose_turn_it_is() -> None:
    wheel = Wheel.start(dict.fromkeys(NAMES, 30), now_s=0.0, wall_s=0.0)
    for name in NAMES:
        wheel.hurry(name, 0.0)
    first = wheel.due(15.0, room=100)
    assert len(first) == 100
    assert len(wheel.hurried) <= len(NAMES) - 100
    hurried = [name for name in first if name in wheel.hurried_at]
    assert len(hurried) == 50


def test_nobody_else_s_device_is_hurried() -> None:
    wheel = quiet_wheel("ap")
    wheel.hurry("another", 0.0)
    assert wheel.due(0.0, room=10) == []
