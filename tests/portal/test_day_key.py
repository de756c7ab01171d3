"""The hour at which the key of pseudonyms changes can be chosen; no key outlives a day."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from captive_portal import privacy
from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Grant
from captive_portal.portal import Portal
from captive_portal.privacy import DAY_BEGINS, day_of, destroy_old_keys, session_device
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.tables import associations
from captive_portal.retention import Retention, purge
from captive_portal.tables import pseudonym_keys
from controller import settings
from controller.errors import SettingsError
from controller.keeping import retention
from tests.portal.conftest import GUACHOCHI, World

CHIHUAHUA, JUAREZ, OJINAGA = "America/Chihuahua", "America/Ciudad_Juarez", "America/Ojinaga"
TIJUANA, CANCUN = "America/Tijuana", "America/Cancun"
FOUR = timedelta(hours=4)


def keys(world: World) -> dict[str, str]:
    with world.engine.connect() as connection:
        found = connection.execute(select(pseudonym_keys.c.day, pseudonym_keys.c.key))
        return {row.day: row.key for row in found}


def device(world: World, begins: timedelta = DAY_BEGINS) -> str:
    with world.engine.begin() as connection:
        return session_device(connection, "device", world.clock(), begins)


def turns(begins: timedelta, zone: str) -> Iterator[int]:
    """At which local hours the key changes, on each day of two years."""
    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(730):
        turn = midnight + timedelta(days=number) + begins
        before, after = (day_of(turn - timedelta(seconds=1), begins), day_of(turn, begins))
        assert (before, after) == (f"{turn - timedelta(days=1):%Y-%m-%d}", f"{turn:%Y-%m-%d}")
        yield turn.astimezone(ZoneInfo(zone)).hour


@pytest.mark.parametrize(
    ("zone", "begins", "local"),
    [
        (CHIHUAHUA, DAY_BEGINS, {4}),  # no summer time since October 2022
        (JUAREZ, DAY_BEGINS, {3, 4}),  # the border keeps that of the United States
        (OJINAGA, DAY_BEGINS, {4, 5}),
        (CANCUN, timedelta(hours=9), {4}),
        (TIJUANA, timedelta(hours=11), {3, 4}),
    ],
)
def test_the_key_changes_in_the_small_hours_the_whole_year(
    zone: str, begins: timedelta, local: set[int]
) -> None:
    assert set(turns(begins, zone)) == local


def test_a_day_of_the_key_has_24_hours_also_when_a_clock_is_set() -> None:
    changes = datetime(2026, 3, 8, 9, tzinfo=UTC)  # 02:00 in Ciudad Juárez, where it becomes 03:00
    days = [day_of((changes + timedelta(hours=h)).astimezone(ZoneInfo(JUAREZ))) for h in range(-48, 48)]
    assert [days.count(day) for day in sorted(set(days))[1:-1]] == [24, 24, 24]


def test_one_pseudonym_until_the_chosen_hour_and_another_after_it(world: World) -> None:
    world.clock.now = datetime(2026, 11, 23, 3, 59, tzinfo=UTC)
    before = device(world, FOUR)
    assert device(world, FOUR) == before
    world.clock.forward(minutes=1)
    assert device(world, FOUR) != before
    assert list(keys(world)) == ["2026-11-23"]


def test_portal_radius_and_worker_agree_on_the_hour(world: World) -> None:
    """Were one left at the usual hour, the phone that tapped at half past four would be a stranger to it."""
    associations.metadata.create_all(world.engine)
    world.clock.now = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
    kept, site = Retention(day_begins=FOUR), world.sites[GUACHOCHI]
    portal = Portal.over(world.engine, world.sites, world.clock, retention=kept)
    granted = portal.sessions.open(site, world.arrival(), site.plan, world.clock())
    assert isinstance(granted, Grant)
    assert list(keys(world)) == ["2026-11-23"]
    known = pseudonym(site.wiring.key, "device", "02:ca:fe:12:34:56")
    held = StoredHolders(world.engine, kept.day_begins).held_by(GUACHOCHI, known, world.clock())
    assert held is not None
    assert held.session == granted.session
    assert purge(world.engine, kept, world.clock.forward(hours=23))["pseudonym_key"] == 0
    assert purge(world.engine, kept, world.clock.forward(minutes=30))["pseudonym_key"] == 1
    assert keys(world) == {}


def test_radius_forgets_a_key_whose_day_is_over_though_nobody_taps(world: World) -> None:
    held_by = StoredHolders(world.engine).held_by
    device(world)
    for _ in range(2):  # a key is remembered once it was found in the store
        held_by(GUACHOCHI, "device", world.clock())
    (made,) = keys(world).values()
    assert made in {key.hex() for _, key in privacy._known.values()}
    with world.engine.begin() as connection:  # as the worker does, in a process of its own
        connection.execute(delete(pseudonym_keys))
    held_by(GUACHOCHI, "device", world.clock.forward(days=1))
    assert made not in {key.hex() for _, key in privacy._known.values()}


def test_moving_the_hour_lets_no_key_outlive_its_day(world: World) -> None:
    """At 11:00 the hour goes from 10 to 23: the day that began an hour ago is tomorrow again."""
    world.clock.now = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    device(world)
    early = keys(world)["2026-11-23"]
    late = timedelta(hours=23)
    world.clock.now = datetime(2026, 11, 23, 11, tzinfo=UTC)
    device(world, late)
    destroy_old_keys(world.engine, world.clock(), late)
    assert list(keys(world)) == ["2026-11-22"]
    world.clock.now = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    device(world, late)
    assert keys(world)["2026-11-23"] != early


def test_a_key_that_another_process_made_a_moment_early_is_let_be(world: World) -> None:
    world.clock.now = datetime(2026, 11, 23, 9, 59, 59, tzinfo=UTC)
    behind = world.clock()
    world.clock.forward(seconds=2)
    device(world)
    made = keys(world)
    assert destroy_old_keys(world.engine, behind) == 0
    assert keys(world) == made


def test_the_hour_comes_from_the_settings_and_is_an_hour(tmp_path: Path) -> None:
    assert retention(settings.load({}, tmp_path)).day_begins == DAY_BEGINS
    chosen = settings.load({"PLAZA_PSEUDONYM_HOUR_UTC": "4", "PLAZA_SESSION_DAYS": "30"}, tmp_path)
    assert retention(chosen) == Retention(sessions=timedelta(days=30), day_begins=FOUR)
    for wrong in ("24", "-1", "4.5", "04:00", ""):
        with pytest.raises(SettingsError, match="PLAZA_PSEUDONYM_HOUR_UTC"):
            settings.load({"PLAZA_PSEUDONYM_HOUR_UTC": wrong}, tmp_path)
