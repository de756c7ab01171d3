"""How the box fares, and its calls for help."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from captive_portal.gateway.alarms import AT_MOST, Alarms
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.journal import Event, Journal, Live
from captive_portal.gateway.pulse import Pulse, Wrong, copied, nearly_full, rising
from tests.gateway.conftest import KEY, PHONE, Clock


@dataclass
class Box:
    """A journal, a clock and what is measured."""

    directory: Path
    clock: Clock
    numbers: dict[str, int] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    broken: bool = False

    def __post_init__(self) -> None:
        self.news = threading.Event()
        self.journal = Journal(self.directory / "state.db")
        self.alarms = Alarms(self.journal, self.clock, self.news)
        self.pulse = Pulse(
            self.journal, self.clock, self.alarms, [self.gauge, lambda: {"always": 1}], [self.look]
        )

    def gauge(self) -> Mapping[str, int]:
        if self.broken:
            raise OSError
        return self.numbers

    def look(self) -> Iterable[Wrong]:
        if self.broken:
            raise EnforcerFailed("no")
        return self.wrong

    def passes(self, seconds: int) -> None:
        """Step by step."""
        for _ in range(seconds // 6):
            self.clock.seconds += 6
            self.pulse.step()

    def told(self, kind: str) -> list[Event]:
        return [event for event in self.journal.pending(10_000) if event.kind == kind]


@pytest.fixture
def box(tmp_path: Path, clock: Clock) -> Box:
    return Box(tmp_path, clock)


def test_a_pulse_comes_soon_and_then_seldom_while_nobody_is_in(box: Box) -> None:
    box.numbers = {"memory_kb": 5}
    box.passes(66)
    (first,) = box.told("pulse")
    assert first.values == {"inside": 0, "memory_kb": 5, "always": 1}
    assert (first.session, first.boot) == ("", box.clock.boot)
    box.passes(2 * 3600)
    assert len(box.told("pulse")) == 5
    assert not box.news.is_set(), "a pulse waits for the next call"


def test_a_pulse_comes_each_five_minutes_while_somebody_is_in(box: Box) -> None:
    box.passes(66)
    box.journal.opened(Live("s1", box.clock.boot, box.clock.seconds, 99_999.0))
    box.passes(3600)
    pulses = box.told("pulse")
    assert len(pulses) == 13
    assert [event.values["inside"] for event in pulses if event.values] == [0] + [1] * 12


def test_a_gauge_that_cannot_tell_costs_only_its_own_numbers(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    box.broken = True
    box.passes(66)
    (pulse,) = box.told("pulse")
    assert pulse.values == {"inside": 0, "always": 1}
    assert "not measured" in caplog.text


def test_what_is_wrong_is_told_at_once_and_not_again_within_ten_minutes(box: Box) -> None:
    box.wrong = [Wrong("starved"), Wrong("copied", "d" * 32)]
    box.passes(6)
    assert [(one.cause, one.device) for one in box.told("alarm")] == [("starved", ""), ("copied", "d" * 32)]
    assert box.news.is_set()
    box.passes(594)
    assert len(box.told("alarm")) == 2
    box.passes(6)
    assert [(one.cause, one.values) for one in box.told("alarm")[2:]] == [
        ("starved", {"times": 100}),
        ("copied", {"times": 100}),
    ]


def test_what_sounded_in_between_is_told_though_it_is_over_and_then_the_next_is_told_at_once(
    box: Box,
) -> None:
    for _ in range(3):
        box.alarms.sound("rogue", more=5)
    box.passes(600)
    assert [one.values for one in box.told("alarm")] == [{"times": 1, "more": 5}, {"times": 2, "more": 10}]
    assert box.alarms.standing == ["rogue"]
    box.passes(1200)
    assert (len(box.told("alarm")), box.alarms.standing) == (2, [])
    box.alarms.sound("rogue", more=1)
    assert [one.values for one in box.told("alarm")[2:]] == [{"times": 1, "more": 1}]


def test_no_number_of_devices_makes_more_than_some_alarms(box: Box) -> None:
    for device in range(3000):
        box.alarms.sound("copied", f"{device:032x}")
    told = box.told("alarm")
    assert len(told) == AT_MOST + 1
    assert told[-1].device == ""
    box.passes(600)
    assert sum(one.values["times"] for one in box.told("alarm") if one.values) == 3000, "each is counted"


def test_no_phone_is_named_in_an_alarm_or_a_log(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    (wrong,) = copied(lambda: [PHONE.mac], KEY)()
    assert wrong == Wrong("copied", PHONE.device(KEY))
    box.wrong = [wrong]
    box.passes(6)
    (alarm,) = box.told("alarm")
    assert alarm.device == PHONE.device(KEY)
    shown = "".join(str(vars(record)) for record in caplog.records)
    assert '"alarm"' in shown or "'alarm'" in shown
    for secret in (PHONE.mac, alarm.device):
        assert secret not in shown


def test_a_counter_that_rises_is_wrong_and_one_that_begins_anew_is_not() -> None:
    counts = iter([0, 3, 3, 10, 0, 2])
    look = rising("rogue", lambda: next(counts))
    assert [[one.values for one in look()] for _ in range(6)] == [
        [], [{"more": 3}], [], [{"more": 7}], [], [{"more": 2}],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("used", "size", "wrong"), [(94, 100, False), (95, 100, True), (0, 0, False), (2000, 2000, True)]
)
def test_a_pool_that_is_nearly_empty_is_wrong(used: int, size: int, wrong: bool) -> None:
    assert list(nearly_full("starved", lambda: (used, size))()) == ([Wrong("starved")] if wrong else [])
