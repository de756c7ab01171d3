"""The polling wheel: phases, single flight, slots."""

from hypothesis import given
from hypothesis import strategies as st

from controller.poller import Wheel, phase_s, slot

NAMES = [f"ap-{number}" for number in range(600)]


def test_devices_are_spread_evenly_over_the_interval() -> None:
    phases = [phase_s(name, 60) for name in NAMES]
    per_ten_seconds = [sum(1 for p in phases if k * 10 <= p < (k + 1) * 10) for k in range(6)]
    assert all(60 <= count <= 140 for count in per_ten_seconds)


def test_every_device_comes_exactly_once_per_interval() -> None:
    wheel = Wheel.start(NAMES, 30, now_s=1000.0, wall_s=5000.0)
    seen: list[str] = []
    for tick in range(600):
        for name in wheel.due(1000.0 + tick * 0.05, room=10_000):
            seen.append(name)
            wheel.done(name)
    assert sorted(seen) == sorted(NAMES)


def test_a_device_still_in_flight_at_its_turn_is_skipped_and_counted() -> None:
    wheel = Wheel.start(["ap"], 30, now_s=0.0, wall_s=0.0)
    assert wheel.due(30.0, room=10) == ["ap"]
    assert wheel.due(60.0, room=10) == []
    assert wheel.skipped == 1
    wheel.done("ap")
    assert wheel.due(90.0, room=10) == ["ap"]


def test_no_more_than_the_room_is_taken_and_the_rest_keep_their_turn() -> None:
    wheel = Wheel.start(NAMES, 30, now_s=0.0, wall_s=0.0)
    first = wheel.due(30.0, room=100)
    assert len(first) == 100
    assert len(wheel.due(30.0, room=10_000)) == 500


def test_turns_missed_while_the_machine_slept_are_not_made_up_for() -> None:
    wheel = Wheel.start(["ap"], 30, now_s=0.0, wall_s=0.0)
    assert wheel.due(3600.0, room=10) == ["ap"]
    wheel.done("ap")
    assert wheel.due(3600.0, room=10) == []


def test_after_a_restart_a_device_comes_at_the_same_phase_of_the_wall_clock() -> None:
    for wall in (7.0, 19.5, 61.2):
        wheel = Wheel.start(["ap"], 30, now_s=0.0, wall_s=wall)
        at, _ = wheel.turns[0]
        assert round((wall + at) % 30, 6) == round(phase_s("ap", 30), 6)


@given(st.integers(0, 10**6), st.floats(-10, 10), st.sampled_from(NAMES))
def test_a_poll_a_little_early_or_late_falls_into_its_own_slot(turn: int, jitter: float, name: str) -> None:
    at = turn * 30 + phase_s(name, 30) + jitter
    assert slot(at, name, 30) == turn * 30
