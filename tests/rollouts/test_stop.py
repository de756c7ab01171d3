"""A rollout stops at a number of failures, or at a percentage from the fifth device on that ended."""

from hypothesis import given
from hypothesis import strategies as st

from controller.journal import State
from controller.rollouts import stop
from controller.rollouts.seam import Policy
from controller.rollouts.stop import Count

BY_NUMBER = Policy(stop_number=3, stop_percent=0)
BY_PERCENT = Policy(stop_number=0, stop_percent=20)


def counts(confirmed: int = 0, failed: int = 0, lost: int = 0) -> list[Count]:
    """So many devices of each kind."""
    return [
        *(Count(f"ok-{i}", State.CONFIRMED) for i in range(confirmed)),
        *(Count(f"bad-{i}", State.ROLLED_BACK) for i in range(failed)),
        *(Count(f"lost-{i}", State.ROLLED_BACK, lost=True) for i in range(lost)),
    ]


def test_it_stops_at_a_number_and_names_the_devices() -> None:
    assert stop.why(counts(100, 2), BY_NUMBER) == ""
    said = stop.why(counts(100, 3), BY_NUMBER)
    assert said == "3 of 103 failed (bad-0, bad-1, bad-2); it stops at 3"


def test_a_percentage_counts_from_the_fifth_device_that_ended() -> None:
    assert stop.why(counts(0, 4), BY_PERCENT) == ""
    assert stop.why(counts(4, 1), BY_PERCENT) == "1 of 5 failed (bad-0); it stops at 20 %"
    assert stop.why(counts(5, 1), BY_PERCENT) == ""


def test_who_could_not_be_reached_after_its_change_counts_double() -> None:
    assert stop.why(counts(100, 0, 1), BY_NUMBER) == ""
    said = stop.why(counts(100, 1, 1), BY_NUMBER)
    assert said == (
        "2 of 102 failed (bad-0, lost-0), 1 of them out of reach after the change, which counts double; "
        "it stops at 3"
    )
    assert stop.why(counts(9, 0, 1), BY_PERCENT).endswith("it stops at 20 %")


def test_who_is_out_of_reach_with_its_trial_open_has_failed_already() -> None:
    lost = [Count(f"away-{i}", State.APPLIED, lost=True) for i in range(2)]
    assert stop.why(lost, BY_NUMBER)
    assert not stop.why([Count(f"on-{i}", State.APPLIED) for i in range(9)], BY_NUMBER)


def test_who_came_through_in_the_end_is_no_failure() -> None:
    assert stop.why([Count(f"ap-{i}", State.CONFIRMED, lost=True) for i in range(9)], BY_NUMBER) == ""


def test_zero_switches_a_limit_off() -> None:
    assert stop.why(counts(0, 50, 50), Policy(stop_number=0, stop_percent=0)) == ""


def test_no_more_than_five_devices_are_named() -> None:
    assert "bad-4 and 2 more" in stop.why(counts(0, 7), BY_NUMBER)


@given(
    st.lists(st.builds(Count, st.text(min_size=1), st.sampled_from(State), st.booleans()), max_size=30),
    st.integers(0, 9),
    st.integers(0, 100),
)
def test_it_stops_exactly_at_its_limits(rows: list[Count], number: int, percent: int) -> None:
    """Counted here the slow way."""
    failed = ended = 0
    for row in rows:
        bad = row.state in {State.ROLLED_BACK, State.FAILED} or (
            row.lost and row.state is not State.CONFIRMED
        )
        ended += bad or row.state is State.CONFIRMED
        failed += (2 if row.lost else 1) if bad else 0
    expected = bool(number and failed >= number)
    expected |= bool(percent and ended >= 5 and failed / ended >= percent / 100)
    assert bool(stop.why(rows, Policy(stop_number=number, stop_percent=percent))) == expected
