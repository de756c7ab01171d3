"""Distinct devices of a municipality: the same phones at three sites and on many days, each counted once."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, update

from captive_portal import own_probe
from captive_portal.gateway.monthly import MonthKey, value_of
from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import GatewayEvent, Grant, Refusal
from captive_portal.monthly import Devices, noted
from captive_portal.monthly_tables import device_counts
from captive_portal.retention import Retention, purge
from captive_portal.sessions import StoredSessions
from captive_portal.tables import portal_counts
from metrics.distinct import Sketch
from tests.portal.conftest import _for_tests
from tests.portal.counted import CHIHUAHUA, CLUB, HERE, OURS, PHONES, TIKS, Town, town_in

PHONE = PHONES[1]
PLACES = (OURS, TIKS, CLUB)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = town_in(tmp_path)
    event.listen(made.engine, "connect", _for_tests)
    made.engine.dispose()  # so that lines that are open already are opened anew
    yield made
    made.engine.dispose()


def grants(town: Town) -> tuple[int, int]:
    """With a device that was counted, and without."""
    row = portal_counts.c
    with town.engine.connect() as connection:
        marked, unmarked = connection.execute(select(func.sum(row.marked), func.sum(row.unmarked))).one()
    return int(marked), int(unmarked)


def key_of_month(town: Town) -> MonthKey:
    found = Devices(town.engine).month(HERE, CHIHUAHUA, town.clock())
    assert found is not None
    return found


def test_the_same_100_phones_for_30_days_at_three_sites_count_100_in_the_month_and_each_day(
    town: Town,
) -> None:
    town.clock.now = datetime(2026, 11, 1, 18, tzinfo=UTC)
    for day in range(30):
        town.box.sync.step()
        visits = [(PLACES[(number + day) % 3], mac) for number, mac in enumerate(PHONES)]
        visits += [(PLACES[day % 2], mac) for mac in PHONES[::10]]  # some go to two places
        if day % 5 == 0:
            assert all(isinstance(town.tap(*visit), Grant) for visit in visits)
        else:
            town.crowd(visits)
        town.sessions.settle()  # this day takes less time than a crowd is held
        town.clock.forward(days=1)
        town.box.clock.seconds += 86_400
    assert town.counted("2026-11") == pytest.approx(100, abs=3)
    each = [town.counted(f"2026-11-{day:02}") for day in range(1, 31)]
    assert each == pytest.approx([100.0] * 30, abs=0.05)
    local = Sketch.read(town.rows()["2026-11", "local"][0]).estimate()
    assert local.names == pytest.approx(80, abs=0.05)
    assert grants(town)[1] == 0


def test_after_a_tap_neither_mac_nor_mark_nor_what_the_gateway_calls_it_is_in_the_store(town: Town) -> None:
    town.box.sync.step()
    for key in PLACES:
        town.tap(key, PHONE)
    mark = value_of(key_of_month(town).key, PHONE)
    key = town.sites[OURS].wiring.key
    digits = PHONE.replace(":", "")
    names = (pseudonym(key, "device", PHONE), pseudonym(key, PHONE))
    said = (PHONE, digits, PHONE.replace(":", "-"), mark, *names)
    octets = town.files()
    assert [one for one in said if one.encode() in octets or one.upper().encode() in octets] == []
    assert bytes.fromhex(digits) not in octets
    assert bytes.fromhex(mark) not in octets


def test_a_day_cannot_be_joined_with_another_nor_with_the_month(town: Town) -> None:
    """One phone, three terms: the same name in two of them would leave the same octets."""
    town.tap(TIKS, PHONE)
    town.clock.forward(days=1)
    town.tap(TIKS, PHONE)
    sketches = {octets for octets, _ in town.rows().values()}
    assert len(town.rows()) == len(sketches) == 3


def test_the_same_phones_next_month_cannot_be_linked(town: Town) -> None:
    town.tap(TIKS, PHONE)
    before, old = town.rows(), key_of_month(town)
    town.clock.now = datetime(2026, 12, 1, 18, tzinfo=UTC)
    assert purge(town.engine, Retention(), town.clock())["device_key"] == 2
    town.tap(TIKS, PHONE)
    new = key_of_month(town)
    assert new.key != old.key
    assert new.mark(PHONE).value != old.mark(PHONE).value
    assert town.rows()["2026-12", "local"][0] != before["2026-11", "local"][0]
    assert town.rows()["2026-11", "local"] == (b"", pytest.approx(1))


def test_what_is_over_is_three_numbers_its_key_and_its_sketch_are_gone_from_the_file(town: Town) -> None:
    for mac in PHONES[:40]:
        town.tap(TIKS, mac)
    keys, sketches = town.keys(), [octets for octets, _ in town.rows().values()]
    town.clock.forward(days=1)
    assert purge(town.engine, Retention(), town.clock())["device_key"] == 1
    assert list(town.keys()) == ["2026-11"]
    town.clock.forward(days=31)
    assert purge(town.engine, Retention(), town.clock())["device_key"] == 1
    raw = town.engine.raw_connection()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
    raw.close()
    assert town.keys() == {}
    assert town.counted("2026-11-22") == town.counted("2026-11") == pytest.approx(40, abs=0.05)
    octets = town.files()
    assert [key for key in keys.values() if key.encode() in octets] == []
    assert [one for one in sketches if one in octets] == []


def test_a_term_that_is_over_lives_an_hour_longer_for_clocks_and_zones_beside(town: Town) -> None:
    town.tap(TIKS, PHONE)
    over = datetime(2026, 11, 23, 6, tzinfo=UTC)  # midnight in Chihuahua
    assert purge(town.engine, Retention(), over + timedelta(minutes=59))["device_key"] == 0
    assert purge(town.engine, Retention(), over + timedelta(hours=1))["device_key"] == 1


def test_after_its_key_is_destroyed_nothing_is_added_to_a_term(town: Town) -> None:
    """Neither by a process that remembers the key, nor by one whose clock stands still."""
    town.tap(TIKS, PHONE)
    purge(town.engine, Retention(), town.clock() + timedelta(days=40))
    before = town.rows()
    assert isinstance(town.tap(TIKS, PHONES[2]), Grant)
    assert isinstance(StoredSessions(town.engine).open(
        town.sites[CLUB], town.read(CLUB, PHONES[3]), town.sites[CLUB].plan, town.clock()
    ), Grant)  # fmt: skip
    assert town.rows() == before
    assert town.keys() == {}


def test_the_first_phone_of_a_term_ends_those_that_are_over_though_no_worker_runs(town: Town) -> None:
    town.tap(TIKS, PHONE)
    town.clock.forward(days=1)
    town.tap(TIKS, PHONE)
    assert sorted(town.keys()) == ["2026-11", "2026-11-23"]


def test_a_phone_that_comes_again_on_its_day_adds_nothing_and_costs_no_write(town: Town) -> None:
    town.tap(TIKS, PHONE)
    before, wrote = town.rows(), []
    event.listen(town.engine, "before_cursor_execute", lambda *said: wrote.append(said[2]))
    town.clock.forward(minutes=10)
    town.tap(TIKS, PHONE)
    town.tap(CLUB, PHONE)
    assert [one for one in wrote if "device_" in one] == []
    assert town.rows() == before


def test_days_and_months_are_those_of_the_zone_also_when_its_clocks_are_set(town: Town) -> None:
    town.sites[TIKS] = replace(town.sites[TIKS], zone="America/Ojinaga")
    for hour in (5, 29, 30):  # the first of November has 25 hours there, from 05:00 to 06:00 UTC
        town.clock.now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour)
        town.tap(TIKS, PHONES[hour])
    assert town.counted("2026-11-01") == pytest.approx(2)
    assert town.counted("2026-11-02") == pytest.approx(1)
    assert town.counted("2026-11") == pytest.approx(3)


def test_an_own_gateway_without_the_key_lets_in_and_its_phones_are_told_as_not_counted(town: Town) -> None:
    assert town.read(OURS, PHONE).mark is None
    town.tap(OURS, PHONE)
    assert grants(town) == (0, 1)
    assert town.rows() == {}
    town.box.sync.step()
    town.tap(OURS, PHONE)
    assert grants(town) == (1, 1)
    assert town.counted("2026-11") == pytest.approx(1)


def test_who_is_let_in_without_the_portal_is_told_as_not_counted(town: Town) -> None:
    known = [GatewayEvent(f"e{n}", "continued", f"away-{n}", 30, 3600, device="d" * 32) for n in (1, 2, 2)]
    town.sessions.apply(OURS, known, town.clock())
    assert grants(town) == (0, 2)


def test_the_key_is_told_once_and_again_after_a_restart_and_is_on_no_disk_of_the_gateway(town: Town) -> None:
    call = town.box.call
    for _ in range(3):
        town.box.sync.step()
    assert [b'"month"' in answer for answer in call.answers] == [True, False, False]
    key = key_of_month(town)
    assert key.key.hex().encode() not in b"".join(call.answers), "it travels under a pad"
    arrival = town.read(OURS, PHONE)
    assert arrival.mark == key.mark(PHONE)
    on_disk = b"".join(path.read_bytes() for path in town.directory.glob("state.db*"))
    on_disk += b"".join(path.read_bytes() for path in town.directory.glob("ledger.json"))
    assert key.key.hex().encode() not in on_disk
    assert key.key not in on_disk
    assert key.mark(PHONE).value.encode() not in on_disk
    town.box.start()
    assert town.read(OURS, PHONE).mark is None
    town.box.sync.step()
    assert town.read(OURS, PHONE).mark == key.mark(PHONE)


def test_a_gateway_forgets_the_key_when_its_month_is_over_though_nobody_answers(town: Town) -> None:
    town.box.sync.step()
    assert town.read(OURS, PHONE).mark is not None
    town.box.clock.seconds += 9 * 86_400
    assert town.read(OURS, PHONE).mark is None
    town.clock.forward(days=9)
    town.box.sync.step()
    mark = town.read(OURS, PHONE).mark
    assert mark is not None
    assert mark.month == "2026-12"


def test_a_mark_of_another_month_is_not_counted(town: Town) -> None:
    town.box.sync.step()
    late = town.read(OURS, PHONE)
    town.clock.now = datetime(2026, 12, 1, 6, 0, 1, tzinfo=UTC)
    assert noted(town.sites[OURS], late, town.clock()) is None
    town.sessions.open(town.sites[OURS], late, town.sites[OURS].plan, town.clock())
    assert grants(town) == (0, 1)


def test_more_time_on_the_next_day_counts_there(town: Town) -> None:
    town.box.sync.step()
    site = town.sites[OURS]
    town.clock.now = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)  # 23:30
    granted = town.tap(OURS, PHONE)
    assert isinstance(granted, Grant)
    town.clock.forward(minutes=50)
    again = town.read(OURS, PHONE)
    town.sessions.extend(site, granted.session, site.plan, town.clock(), once="a" * 32, arrival=again)
    assert town.counted("2026-11-22") == town.counted("2026-11-23") == pytest.approx(1)
    assert town.counted("2026-11") == pytest.approx(1)


def test_our_own_probe_is_nobody(town: Town) -> None:
    site = town.sites[TIKS]
    mac = own_probe.mac_at(site.wiring.key, site.key, int(town.clock().timestamp()))
    assert isinstance(town.tap(TIKS, mac), Grant)
    assert town.rows() == {}


def test_who_is_refused_is_not_counted(town: Town) -> None:
    site = town.sites[TIKS]
    town.sites[TIKS] = replace(site, plan=replace(site.plan, devices=1))
    town.tap(TIKS, PHONE)
    assert isinstance(town.tap(TIKS, PHONES[2]), Refusal)
    assert town.counted("2026-11") == pytest.approx(1)


def test_what_a_transaction_took_back_is_not_believed_to_be_stored(town: Town) -> None:
    devices, here = Devices(town.engine), noted(town.sites[TIKS], town.read(TIKS, PHONE), town.clock())
    with town.engine.connect() as connection, connection.begin() as transaction:
        devices.add(connection, [here])
        transaction.rollback()
    assert town.rows() == {}
    with town.engine.begin() as connection:
        after = devices.add(connection, [here])
    after()
    assert town.counted("2026-11") == pytest.approx(1)


def test_two_processes_that_know_nothing_of_each_other_lose_no_device(town: Town) -> None:
    others = [StoredSessions(town.engine) for _ in range(2)]
    for number, mac in enumerate(PHONES[:20]):
        site = town.sites[TIKS]
        others[number % 2].open(site, town.read(TIKS, mac), site.plan, town.clock())
        others[number % 2].settle()
    assert town.counted("2026-11") == pytest.approx(20, abs=0.01)


def test_a_damaged_sketch_costs_its_figure_and_nobody_the_door(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.tap(TIKS, PHONE)
    with town.engine.begin() as connection:
        connection.execute(update(device_counts).values(sketch=b"torn"))
    with caplog.at_level(logging.ERROR):
        assert isinstance(StoredSessions(town.engine).open(
            town.sites[CLUB], town.read(CLUB, PHONES[2]), town.sites[CLUB].plan, town.clock()
        ), Grant)  # fmt: skip
    assert "sketch is damaged: its devices are counted anew" in caplog.messages
    assert town.counted("2026-11") == pytest.approx(1)
    with town.engine.begin() as connection:
        connection.execute(update(device_counts).values(sketch=b"torn"))
    purge(town.engine, Retention(), town.clock() + timedelta(days=40))
    assert (town.rows(), town.keys()) == ({}, {})
