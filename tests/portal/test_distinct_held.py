"""A crowd's devices are held for a moment: only kill -9 loses any, and then those of that moment."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from captive_portal.monthly import Devices, Noted, noted
from captive_portal.monthly_held import EVERY_S, Held
from tests.gateway.town import wait_for
from tests.portal.counted import PHONES, TIKS, Town, town_in

LONG_S = 60.0
MONTH = "2026-11"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = town_in(tmp_path)
    yield made
    made.engine.dispose()


class Heard(Devices):
    """It notes how many it is given at a time."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.heard: list[int] = []

    def add(self, connection: Connection, many: Iterable[Noted | None]) -> Callable[[], None]:
        self.heard.append(len(given := list(many)))
        return super().add(connection, given)


class Crowd:
    """Taps of phones by their number, on a clock that stands until it is moved."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.now_s = 100.0
        self.devices = Heard(town.engine)
        self.asked: list[tuple[float, Callable[[], None]]] = []
        self.held = Held(
            self.devices,
            self.tap,
            LONG_S,
            lambda: self.now_s,
            lambda after_s, work: self.asked.append((after_s, work)),
        )

    def tap(self, *numbers: int) -> None:
        with self.town.engine.begin() as connection:
            after = self.held.add(connection, [self.noted(number) for number in numbers])
        after()

    def fail(self, number: int) -> None:
        with self.town.engine.connect() as connection, connection.begin() as transaction:
            self.held.add(connection, [self.noted(number)])
            transaction.rollback()

    def noted(self, number: int) -> Noted | None:
        site = self.town.sites[TIKS]
        return noted(site, self.town.read(TIKS, PHONES[number]), self.town.clock())


@pytest.fixture
def crowd(town: Town) -> Crowd:
    return Crowd(town)


def test_the_first_is_counted_with_its_tap_and_who_follows_at_once_with_one_after_the_moment(
    crowd: Crowd,
) -> None:
    crowd.tap(0)
    assert crowd.town.stored(MONTH) == pytest.approx(1)
    crowd.tap(1, 2)
    assert crowd.town.stored(MONTH) == pytest.approx(1)
    assert [after_s for after_s, _ in crowd.asked] == [LONG_S]
    crowd.now_s += LONG_S
    crowd.tap(3)
    assert crowd.town.stored(MONTH) == pytest.approx(4)
    crowd.now_s += LONG_S
    crowd.tap(4)
    assert crowd.devices.heard == [1, 3, 1], "whoever is counted is held no longer"


def test_what_a_transaction_took_back_is_held_on_and_its_own_phone_is_not_counted(crowd: Crowd) -> None:
    crowd.tap(0)
    crowd.tap(1)
    crowd.now_s += LONG_S
    crowd.fail(2)
    assert crowd.town.stored(MONTH) == pytest.approx(1)
    crowd.tap()
    assert crowd.town.stored(MONTH) == pytest.approx(2)


def test_who_is_held_after_another_tap_wrote_waits_for_the_next_one_and_not_for_ever(crowd: Crowd) -> None:
    crowd.tap(0)
    crowd.tap(1)
    crowd.now_s += LONG_S
    crowd.tap(2)
    crowd.now_s += 1
    crowd.tap(3)
    ((of_first, look),) = crowd.asked
    crowd.asked.clear()
    look()
    assert (of_first, crowd.asked[-1][0]) == (LONG_S, LONG_S - 1)
    assert crowd.town.stored(MONTH) == pytest.approx(3)
    crowd.now_s += LONG_S
    crowd.asked.pop()[1]()
    assert crowd.town.stored(MONTH) == pytest.approx(4)
    assert crowd.asked == []


def test_whoever_is_in_a_hurry_has_all_counted(crowd: Crowd) -> None:
    crowd.tap(0)
    crowd.tap(1)
    crowd.held.hurry()
    crowd.tap()
    assert crowd.town.stored(MONTH) == pytest.approx(2)


def test_when_nobody_else_comes_they_are_counted_all_the_same(town: Town) -> None:
    for mac in PHONES[:5]:
        town.tap(TIKS, mac)
    wait_for(lambda: town.stored(MONTH) > 4.9, "all five")


def test_of_two_processes_at_once_one_ends_and_loses_nobody_and_kill_9_loses_the_last_moment(
    town: Town, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.portal.counting", str(tmp_path / "store.db")]
    with (
        subprocess.Popen([*command, "1"], stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen([*command, "2", "60"], stdout=subprocess.PIPE, text=True) as ends,
    ):
        assert killed.stdout is not None
        began = [float(killed.stdout.readline()) for _ in range(40)]
        whole, _ = ends.communicate()
        killed.kill()
        began += [float(line) for line in killed.stdout.readlines() if line.endswith("\n")]
    assert (killed.returncode, ends.returncode, len(whole.split())) == (-9, 0, 60)
    sure = sum(1 for next_s in began[1:] if next_s < began[-1] - EVERY_S)
    (month,) = (term for term, _ in town.rows() if len(term) == len(MONTH))
    found = town.stored(month)
    slack = 0.01 if found < 370 else 0.08 * found  # beyond that a sketch estimates
    assert sure + 60 - slack <= found <= len(began) + 1 + 60 + slack
