"""The controller's time at a gateway: never ahead of the truth, never back, whatever happens to the box."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from captive_portal.gateway.borrowed import CORRECTION_S, KEPT, Borrowed
from captive_portal.gateway.journal import Journal
from tests.gateway.conftest import Clock
from tests.gateway.ruled import NOW


class Book(dict[str, str]):
    """What is kept."""

    def fact(self, name: str) -> str:
        return self.get(name, "")

    def keep(self, name: str, value: str) -> None:
        self[name] = value


class Time(RuleBasedStateMachine):
    """A controller whose clock is right, and a gateway that hears of it now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.book = Clock(), Book()
        self.true_s = float(NOW)
        self.borrowed = Borrowed(self.clock, self.book)
        self.seen = self.kept = 0

    def pass_s(self, seconds: float) -> None:
        self.true_s += seconds
        self.clock.seconds += seconds

    @rule(seconds=st.floats(0, 100_000))
    def wait(self, seconds: float) -> None:
        self.pass_s(seconds)

    @rule(late_s=st.floats(0, 40))
    def hear(self, late_s: float) -> None:
        """An answer may be long on its way."""
        told = int(self.true_s)
        self.pass_s(late_s)
        self.borrowed.told(told)
        assert self.borrowed.now >= told

    @rule(ago_s=st.integers(0, 10**9))
    def take_what_was_made_earlier(self, ago_s: int) -> None:
        self.borrowed.not_before(int(self.true_s) - ago_s)

    @rule()
    def keep(self) -> None:
        self.borrowed.keep()
        self.kept = self.borrowed.now

    @rule()
    def restart(self) -> None:
        """A kill, in the same boot; what was heard since it was kept is lost."""
        self.borrowed = Borrowed(self.clock, self.book)
        self.seen = self.kept
        assert self.borrowed.now >= self.kept

    @rule(off_s=st.floats(0, 10**6))
    def power_cut(self, off_s: float) -> None:
        self.true_s += off_s + 20
        self.clock.reboot()
        self.borrowed = Borrowed(self.clock, self.book)
        assert self.borrowed.now == self.kept, "counted on from what was kept"
        self.seen = self.kept

    @invariant()
    def it_is_never_ahead_and_never_goes_back(self) -> None:
        now = self.borrowed.now
        assert now <= self.true_s
        assert now >= self.seen
        self.seen = now


TestTime = Time.TestCase
TestTime.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "state.db")
    yield made
    made.close()


def test_after_a_power_cut_it_goes_on_from_what_was_kept(journal: Journal, clock: Clock) -> None:
    first = Borrowed(clock, journal)
    assert first.now == 0, "nobody has told yet"
    first.told(NOW)
    clock.seconds += 100
    first.keep()
    clock.seconds += 50
    assert Borrowed(clock, journal).now == NOW + 150, "in the same boot nothing is lost"
    clock.reboot()
    after = Borrowed(clock, journal)
    assert after.now == NOW + 100
    clock.seconds += 7
    assert after.now == NOW + 107


@pytest.mark.parametrize(("behind_s", "believed"), [(CORRECTION_S - 10, False), (CORRECTION_S + 10, True)])
def test_a_late_answer_takes_nothing_back_but_a_corrected_controller_is_believed(
    clock: Clock, behind_s: int, believed: bool
) -> None:
    borrowed = Borrowed(clock, Book())
    borrowed.told(NOW)
    borrowed.told(NOW - behind_s)
    assert (borrowed.now == NOW - behind_s) is believed


@pytest.mark.parametrize(
    "text", ["", "x", "b1 1 2 3", "b1 nan 5.0", "b1 1.0 nan", "b1 1.0 inf", "b1 1.0 -5", "b1 1.0 1e300"]
)
def test_what_is_damaged_is_the_beginning_of_time(clock: Clock, text: str) -> None:
    borrowed = Borrowed(clock, Book({KEPT: text}))
    assert borrowed.now == 0
    borrowed.told(NOW)
    assert borrowed.now == NOW
