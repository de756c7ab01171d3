"""The daily key: one a day, and gone when its day is over."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, text

from captive_portal.privacy import day_of, destroy_old_keys, session_device
from captive_portal.tables import pseudonym_keys
from tests.portal.conftest import GUACHOCHI, World


def pseudonym_of(world: World, device: str = "device") -> str:
    with world.engine.begin() as connection:
        return session_device(connection, device, world.clock())


def keys(world: World) -> list[str]:
    with world.engine.connect() as connection:
        return list(connection.execute(select(pseudonym_keys.c.key)).scalars())


def test_a_device_has_one_pseudonym_a_day_and_another_tomorrow(world: World) -> None:
    today = pseudonym_of(world)
    world.clock.forward(hours=3)
    assert pseudonym_of(world) == today
    assert pseudonym_of(world, "another") != today
    world.clock.forward(hours=24)
    assert pseudonym_of(world) != today


def test_the_day_changes_in_the_small_hours_of_the_whole_state() -> None:
    evening = datetime(2026, 11, 23, 5, 59, tzinfo=UTC)  # 23:59 in Chihuahua
    assert day_of(evening) == day_of(evening.replace(hour=9)) == "2026-11-22"
    assert day_of(evening.replace(hour=10)) == "2026-11-23"


def test_first_tap_of_a_day_destroys_the_key_of_the_day_before(world: World) -> None:
    pseudonym_of(world)
    yesterday = keys(world)
    world.clock.forward(days=1)
    pseudonym_of(world)
    assert len(keys(world)) == 1
    assert keys(world) != yesterday


def test_a_key_is_destroyed_though_nobody_taps_and_its_octets_are_gone(world: World, tmp_path: Path) -> None:
    pseudonym_of(world)
    (key,) = keys(world)
    assert destroy_old_keys(world.engine, world.clock()) == 0
    assert destroy_old_keys(world.engine, world.clock.forward(days=1)) == 1
    raw = world.engine.raw_connection()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
    raw.close()
    world.engine.dispose()
    for path in tmp_path.glob("store.db*"):
        assert key.encode() not in path.read_bytes()


def test_many_at_once_make_one_key(world: World) -> None:
    made: list[str] = []
    makers = [threading.Thread(target=lambda: made.append(pseudonym_of(world))) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(set(made)) == 1
    assert len(keys(world)) == 1


def test_what_is_stored_is_neither_what_the_gateway_sent_nor_made_with_its_key(world: World) -> None:
    world.tap()
    with world.engine.connect() as connection:
        stored = connection.execute(text("SELECT device FROM session")).scalar_one()
    assert stored == pseudonym_of(world, world.arrival().device)
    assert stored != world.arrival(GUACHOCHI).device
