"""What may be down without anybody having to come, and what never is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.incidents.expecting import AFTER_S, Announced, Changed, Circumstances, expected
from controller.incidents.model import Fact
from controller.incidents.repair import surviving
from controller.incidents.seeing import Look, Pace, carried_on, seen
from controller.incidents.world import world_of
from controller.inventory import load
from controller.journal import State
from tests.incidents.conftest import INVENTORY

NOON = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
NOW = int(NOON.timestamp())


@pytest.fixture(scope="module")
def inventory(tmp_path_factory):
    file = tmp_path_factory.mktemp("expecting") / "inventory.yaml"
    file.write_text(INVENTORY)
    return load(file)


def names(inventory, moment=NOON, **known):
    return set(expected(world_of(inventory), Circumstances(inventory.sites, **known), moment))


def test_by_day_nothing_is_expected_to_be_down(inventory):
    assert names(inventory) == set()


def test_closed_hours_are_no_reason_for_a_device_but_for_a_service(inventory):
    assert names(inventory, NIGHT) == {"service:08027-plaza"}


def test_in_an_emergency_a_site_serves_at_any_hour(inventory):
    assert names(inventory, NIGHT, emergencies=frozenset({"08027"})) == set()


def test_in_a_maintenance_window_a_sites_devices_may_be_down(inventory):
    assert names(inventory, SUNDAY) == {"ap-4", "service:08027-plaza"}


def test_an_announced_outage_of_a_municipality_is_of_all_its_sites(inventory):
    one = Announced("x", "08019", NOW - 1, NOW + 1, "mast", "ana")

    assert names(inventory, announced=[one]) == {"ap-5", "ap-6"}
    assert names(inventory, announced=[replace(one, start_at=NOW + 1)]) == set()
    assert names(inventory, announced=[replace(one, until=NOW)]) == set()
    assert names(inventory, announced=[replace(one, cancelled_at=NOW - 1)]) == set()


@pytest.mark.parametrize(
    ("change", "away"),
    [
        (Changed("ap-1", State.APPLIED, NOW - 100, NOW + 100), True),
        (Changed("ap-1", State.APPLIED, NOW - 2000, NOW - AFTER_S - 1), False),
        (Changed("ap-1", State.CONFIRMED, NOW - 100), True),
        (Changed("ap-1", State.CONFIRMED, NOW - AFTER_S), False),
        (Changed("ap-1", State.CONFIRMED, NOW + 3600), False),
        (Changed("ap-1", State.FAILED, NOW - 100), False),
        (Changed("ap-1", State.PLANNED, NOW - 100), False),
        (Changed("stranger", State.CONFIRMED, NOW - 100), False),
    ],
)
def test_a_device_that_we_change_may_be_away_for_a_while(inventory, change, away):
    assert names(inventory, changed=[change]) == ({"ap-1"} if away else set())


looks = st.lists(st.sampled_from([True, False, None]), max_size=40)


@given(looks, st.sampled_from([5, 30, 300, 3600]))
def test_only_enough_looks_in_a_row_are_believed(found: list[bool | None], every_s: int) -> None:
    pace, look = Pace.every(every_s), None
    for number, works in enumerate(found):
        look = carried_on(look, works, NOW + number * every_s)
    now = NOW + (len(found) - 1) * every_s
    judged = seen(look, pace, now)
    told = [works for works in found if works is not None]
    if judged.sure:
        needed = pace.up if judged.fact is Fact.GOOD else pace.down
        assert len(told) >= needed
        assert set(told[-needed:]) == {judged.fact is Fact.GOOD}
    if judged.fact is not Fact.UNKNOWN:
        assert now - len(found) * every_s <= judged.since <= now


@given(st.integers(1, 100), st.integers(-40 * 86_400, 40 * 86_400))
def test_a_clock_that_was_set_moves_no_beginning_far(run: int, by_s: int) -> None:
    pace = Pace.every(30)
    judged = seen(Look(False, run, NOW - (run - 1) * 30 + by_s, NOW), pace, NOW)

    assert abs(judged.since - (NOW - (run - 1) * 30)) <= (run - 1) * 30 + 600


@given(st.integers(-40 * 86_400, 40 * 86_400))
def test_what_is_from_another_time_is_unknown_and_never_down(by_s: int) -> None:
    pace = Pace.every(30)
    judged = seen(Look(False, 50, NOW, NOW), pace, NOW + by_s)

    assert (judged.fact is Fact.UNKNOWN) == (abs(by_s) > pace.patience_s)


@pytest.mark.parametrize(
    ("done", "going_on", "share", "answer"),
    [
        ([10, 20, 30], [], 0.5, 20),
        ([10, 20, 30], [], 0.9, 30),
        ([10, 20, 30], [1000, 1000, 1000], 0.5, 30),
        ([10, 20, 30], [1000, 1000, 1000, 1000], 0.5, None),
        ([10, 20, 30], [1], 0.5, 20),
        ([], [5], 0.5, None),
        ([], [], 0.5, None),
    ],
)
def test_what_still_goes_on_makes_repairs_longer_and_never_shorter(done, going_on, share, answer):
    assert surviving(done, going_on, share) == answer
