"""Distinct devices on each engine that may hold them, counted by several processes at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from captive_portal.model import Arrival, Phone
from captive_portal.monthly import Devices, noted
from captive_portal.monthly_tables import device_counts, device_keys
from captive_portal.retention import Retention, purge
from captive_portal.sessions import StoredSessions
from metrics.distinct import Sketch
from tests.portal.places import site_of

HERE = [site_of(key) for key in ("08027-plaza", "08037-plaza")]
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
EACH = 15


def counted(store: Engine, municipality: str, term: str) -> float:
    row = device_counts.c
    wanted = select(device_counts).where(row.municipality == municipality, row.term == term)
    with store.connect() as connection:
        (found,) = connection.execute(wanted)
    return found.devices if found.devices is not None else Sketch.read(found.sketch).estimate().names


def let_in(store: Engine, process: int) -> None:
    """One process: it knows nothing of the others, and some of its phones went to them too."""
    devices = Devices(store)
    for number in range(EACH):
        phone = Phone(f"02:ca:fe:00:{process if number % 3 else 0:02x}:{number:02x}")
        many = [
            noted(site, Arrival(site.key, "d", "b", "", "", phone), NOW)
            for site in HERE[:: 1 - 2 * (process % 2)]
        ]
        with store.begin() as connection:
            after = devices.add(connection, many)
        after()


def test_many_processes_at_once_lose_no_device_and_make_one_key_and_the_end_leaves_numbers(
    store: Engine,
) -> None:
    with ThreadPoolExecutor(4) as processes:
        list(processes.map(lambda process: let_in(store, process), range(1, 5)))
    different = 4 * (EACH - EACH // 3) + EACH // 3
    for term in ("2026-11", "2026-11-22"):
        for site in HERE:
            assert counted(store, site.municipality, term) == pytest.approx(different, abs=0.05)
    with store.connect() as connection:
        assert len(connection.execute(select(device_keys)).all()) == 4
    assert purge(store, Retention(), NOW + timedelta(days=40))["device_key"] == 4
    with store.connect() as connection:
        assert connection.execute(select(device_keys)).all() == []
        assert {row.sketch for row in connection.execute(select(device_counts))} == {b""}
    assert counted(store, "08027", "2026-11") == pytest.approx(different, abs=0.05)


def test_a_tap_is_counted_and_the_key_of_a_gateway_is_that_of_the_portal(store: Engine) -> None:
    phone, site = Phone("02:ca:fe:00:00:01"), HERE[0]
    key = Devices(store).month(site.municipality, site.zone, NOW)
    assert key is not None
    sessions = StoredSessions(store)
    marked = Arrival(site.key, "d", "b", "", "", mark=key.mark(phone.mac))
    for arrival in (Arrival(site.key, "e", "b", "", "", phone), marked):
        sessions.open(site, arrival, site.plan, NOW)
    sessions.settle()
    assert counted(store, site.municipality, "2026-11") == pytest.approx(1)
