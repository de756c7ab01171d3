"""What is damaged is named, what can be read of it is saved, what is lost is counted; nothing is deleted."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from metrics.errors import StoreUnusable
from metrics.local.cold import generations
from metrics.local.guard_gaps import noted
from metrics.local.repair import Repaired, repair
from metrics.local.repair_check import faults
from metrics.local.retention import cool
from metrics.local.rollup import roll_up
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests import need
from tests.metrics.samples import ap, slot
from tests.metrics.test_older import expected, made_second, rows
from tests.postgres import Cluster

DAY_S = 86_400
BEGIN = 1_795_305_600
DAY = "2026-11-22"
RAW = f"raw-{DAY}"
ALL = Window(0, 2**33)
PAGE = 4096
APS = 150


@pytest.fixture
def day(store: LocalStore) -> LocalStore:
    """A day of 48 slots of 150 access points and their radios, and a sample of the day after."""
    for time in range(BEGIN, BEGIN + DAY_S, 3600):
        batch = [one for half in (0, 1800) for one in slot(time + half, APS)]
        store.write("poller", batch)
    store.write("poller", [ap(BEGIN + DAY_S)])
    return store


def reopened(store: LocalStore, spoil: Callable[[Path], None], name: str = RAW) -> LocalStore:
    """The same store after something was done to the file of a volume while nobody had it open."""
    directory = Path(store.shelf.place)
    store.close()
    spoil(directory / f"{name}.db")
    return LocalStore.open(directory)


def pages(path: Path, first: float, last: float) -> None:
    """Write rubbish over a part of the pages, the first of them spared."""
    count = path.stat().st_size // PAGE
    with path.open("r+b") as file:
        for page in range(max(1, int(count * first)), max(2, int(count * last))):
            file.seek(page * PAGE)
            file.write(os.urandom(PAGE))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 3 // 4 // PAGE * PAGE)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def run(store: LocalStore) -> Repaired:
    (found,) = repair(store, BEGIN + 5 * DAY_S)
    return found


def test_a_whole_store_has_no_faults_raw_or_cold(day: LocalStore) -> None:
    roll_up(day, BEGIN + 3 * DAY_S)
    assert list(faults(day)) == []
    cool(day, DAY, BEGIN + 5 * DAY_S, (), lambda *_: True)
    assert list(faults(day)) == []
    assert list(repair(day, 0)) == []


def test_a_file_whose_end_is_missing_gives_what_is_left_of_it(day: LocalStore) -> None:
    before = day.read("wifi_ap", ALL)
    total = sum(day.counts(Window(BEGIN, BEGIN + DAY_S)).values())
    store = reopened(day, cut)
    assert any("set aside" in line for line in faults(store))
    found = run(store)
    after = {key(one): one.fields for one in store.read("wifi_ap", ALL)}
    assert {key(one): one.fields for one in before if key(one) in after} == after
    assert found.day == DAY
    assert found.saved == sum(store.counts(Window(BEGIN, BEGIN + DAY_S)).values())
    assert total / 4 < found.saved < total
    assert (total - found.saved) / 3 <= sum(found.lost.values()) <= (total - found.saved) * 2
    assert list(faults(store)) == []
    assert [(gap.first, gap.last) for gap in noted(store)] == [(BEGIN, BEGIN + DAY_S - 1)] * len(found.lost)
    store.close()


def key(sample: Sample) -> tuple[object, ...]:
    return sample.measurement, sample.time, *sample.tags.values()


def rubbish(path: Path, tree: str, kind: str = "leaf") -> None:
    """Write some over the middle page of a table or an index."""
    with sqlite3.connect(path) as connection:
        select = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno"
        found = connection.execute(select, (tree, kind)).fetchall()
    connection.close()
    with path.open("r+b") as file:
        file.seek((found[len(found) // 2][0] - 1) * PAGE)
        file.write(os.urandom(PAGE))


def test_rubbish_in_the_middle_costs_what_was_there_to_the_point(day: LocalStore) -> None:
    need_dbstat()
    total = sum(day.counts(Window(BEGIN, BEGIN + DAY_S)).values())
    store = reopened(day, lambda path: rubbish(path, "wifi_ap"))
    assert any(RAW in line for line in faults(store))
    found = run(store)
    assert total - 500 < found.saved < total
    assert found.lost == {"wifi_ap": total - found.saved}
    assert sum(store.counts(Window(BEGIN, BEGIN + DAY_S)).values()) == found.saved
    store.close()


def test_without_the_index_of_its_keys_everything_of_a_day_is_saved(day: LocalStore) -> None:
    need_dbstat()
    before = day.counts(ALL)
    store = reopened(day, lambda path: rubbish(path, "sqlite_autoindex_wifi_ap_1"))
    found = run(store)
    assert (found.saved, found.lost) == (sum(before.values()) - 1, {})
    assert store.counts(ALL) == before
    store.close()


def test_a_table_of_which_nothing_can_be_found_is_lost_to_the_point_by_its_index(day: LocalStore) -> None:
    need_dbstat()
    before = day.counts(Window(BEGIN, BEGIN + DAY_S))
    store = reopened(day, lambda path: rubbish(path, "wifi_ap", "internal"))
    found = run(store)
    assert (found.saved, found.lost) == (before["wifi_radio"], {"wifi_ap": before["wifi_ap"]})
    store.close()


def need_dbstat() -> None:
    with sqlite3.connect(":memory:") as connection:
        if ("ENABLE_DBSTAT_VTAB",) not in connection.execute("PRAGMA compile_options").fetchall():
            need.missing("SQLite tells here which pages a table has")
    connection.close()


def spoil_block(path: Path) -> None:
    """Turn a bit of one block over; SQLite has no sums of its own."""
    with sqlite3.connect(path) as connection:
        where = f"WHERE stripe = 1 AND time = {BEGIN + 3600}"
        ((members, data),) = connection.execute(
            f"SELECT members, data FROM wifi_ap {where} LIMIT 1"
        ).fetchall()
        connection.execute(
            f"UPDATE wifi_ap SET data = ? {where} AND members = ?",
            (data[:-5] + bytes([data[-5] ^ 4]) + data[-4:], members),
        )
    connection.close()


def test_a_block_of_which_a_bit_is_wrong_is_named_and_costs_its_points(day: LocalStore) -> None:
    before = day.counts(ALL)
    store = reopened(day, spoil_block)
    (line,) = faults(store)
    assert line.startswith(f"{RAW}: 1 blocks of wifi_ap are damaged: stripe 1 at {BEGIN + 3600}: ")
    assert line.endswith("checksum is wrong")
    found = run(store)
    assert 1 < found.lost["wifi_ap"] <= 64
    assert store.counts(ALL) == {**before, "wifi_ap": before["wifi_ap"] - found.lost["wifi_ap"]}
    assert list(faults(store)) == []
    store.close()


def test_who_reads_a_block_of_which_a_bit_is_wrong_sets_the_day_aside(day: LocalStore) -> None:
    store = reopened(day, spoil_block)
    assert store.read("wifi_ap", Window(BEGIN, BEGIN + DAY_S)) == []
    assert any("set aside" in line for line in faults(store))
    assert run(store).saved > 0
    store.close()


def test_a_damaged_day_of_an_older_plaza_is_saved_row_by_row(tmp_path: Path) -> None:
    LocalStore.open(tmp_path).close()
    made_second(tmp_path)
    path = tmp_path / f"{RAW}.db"
    count = path.stat().st_size // PAGE
    pages(path, 0.5, 0.5 + 2 / count)
    store = LocalStore.open(tmp_path)
    total = sum(1 for _ in rows()) + 1
    assert store.read("wifi_ap", ALL) == []
    found = run(store)
    assert total / 2 < found.saved < total
    assert 0 < sum(found.lost.values()) < total / 2
    times = {
        (key(one), *one.fields.items()) for name in ("wifi_ap", "wifi_radio") for one in store.read(name, ALL)
    }
    assert times <= {(key(one), *one.fields.items()) for one in expected()}
    assert len(times) == found.saved
    store.close()


@pytest.mark.parametrize("spoil", [empty, header])
def test_a_file_of_which_nothing_can_be_read_is_an_unknown_loss(
    day: LocalStore, spoil: Callable[[Path], None]
) -> None:
    store = reopened(day, spoil)
    found = run(store)
    assert (found.saved, found.lost) == (0, {"": 0})
    assert [(gap.measurement, gap.points) for gap in noted(store)] == [("", 0)]
    assert store.counts(ALL) == {"wifi_ap": 1}
    store.close()


def test_what_was_written_since_is_newer_and_stays(day: LocalStore) -> None:
    store = reopened(day, cut)
    store.write("poller", [ap(BEGIN, "ap-1", clients=99), ap(BEGIN + 5, "ap-1", clients=98)])
    run(store)
    found = store.read("wifi_ap", Window(BEGIN, BEGIN + 60), {"ap": "ap-1"})
    assert [one.fields for one in found] == [{"clients": 99}, {"clients": 98}]
    store.close()


def test_the_damaged_file_stays_as_it_was_and_is_repaired_once(day: LocalStore) -> None:
    path = Path(day.shelf.place) / f"{RAW}.db"
    store = reopened(day, cut)
    aside = next(one for one in path.parent.iterdir() if ".broken-" in one.name and one.name[-1].isdigit())
    content = aside.read_bytes()
    found = run(store)
    assert found.file.read_bytes() == content
    assert list(repair(store, 0)) == []
    store.close()


def test_a_log_that_is_cut_off_costs_only_the_batches_in_its_missing_part(
    store: LocalStore, tmp_path: Path
) -> None:
    """As a machine that lost its power may leave it; what SQLite's sums cover is all there."""
    for time in range(BEGIN, BEGIN + 600, 60):
        store.write("poller", slot(time, 20))
    source, copy = Path(store.shelf.place), tmp_path / "copy"
    shutil.copytree(source, copy)
    log = copy / f"{RAW}.db-wal"
    os.truncate(log, log.stat().st_size * 2 // 3)
    again = LocalStore.open(copy)
    times = {sample.time for sample in again.read("wifi_ap", ALL)}
    assert times == set(range(BEGIN, BEGIN + 60 * len(times), 60))
    assert 0 < len(times) < 10
    assert again.counts(ALL)["wifi_ap"] == 20 * len(times)
    assert list(faults(again)) == []
    again.write("poller", slot(BEGIN + 6000, 20))
    again.close()


def test_what_is_only_in_the_log_of_a_damaged_file_is_saved_too(day: LocalStore, tmp_path: Path) -> None:
    directory = Path(day.shelf.place)
    day.close()
    again = LocalStore.open(directory)
    last = [ap(BEGIN + 100 + number, "in-the-log") for number in range(20)]
    again.write("poller", last)
    shutil.copytree(directory, tmp_path / "copy")
    again.close()
    cut(tmp_path / "copy" / f"{RAW}.db")
    store = LocalStore.open(tmp_path / "copy")
    list(faults(store))
    run(store)
    assert len(store.read("wifi_ap", ALL, {"ap": "in-the-log"})) == 20
    store.close()


@pytest.mark.parametrize("read_before", ["read before", "not read before"])
def test_a_cold_day_with_a_damaged_chunk_gives_the_others(day: LocalStore, read_before: str) -> None:
    before = day.counts(ALL)
    cool(day, DAY, BEGIN + 5 * DAY_S, (), lambda *_: True)
    name = next(name for name in day.shelf.names() if name.startswith("cold-"))
    directory = Path(day.shelf.place)
    day.close()
    with sqlite3.connect(directory / f"{name}.db") as connection:
        connection.execute("UPDATE chunk SET data = substr(data, 1, length(data) - 9) WHERE number = 7")
    store = LocalStore.open(directory)
    assert [line for line in faults(store) if "chunk 7" in line]
    if read_before == "read before":
        assert len(store.read("wifi_ap", ALL)) < before["wifi_ap"]
        (aside,) = (line for line in faults(store) if "set aside" in line)
        assert name in aside
    found = run(store)
    assert found.lost == {"wifi_ap": 48}
    assert store.counts(ALL) == {**before, "wifi_ap": before["wifi_ap"] - 48}
    cool(store, DAY, BEGIN + 5 * DAY_S, (), lambda *_: True)
    assert list(generations(store.shelf.names())) == [DAY]
    store.close()


def test_rows_without_a_journal_and_writers_that_are_behind_are_faults(day: LocalStore) -> None:
    raw = day.day(DAY)
    with raw.writing():
        raw.execute("DELETE FROM journal WHERE seq = 3")
        raw.execute("UPDATE writers SET seq = 5")
    found = list(faults(day))
    assert any("belong to no batch" in line for line in found)
    assert any("writer poller has batches beyond its last one" in line for line in found)
    assert any("the journal knows of" in line for line in found)


def test_points_of_nobody_and_points_in_two_blocks_are_faults(day: LocalStore) -> None:
    raw = day.day(DAY)
    with raw.writing():
        raw.execute("DELETE FROM wifi_radio_series WHERE id = 7")
        columns = "stripe, time, batch, number + 9, members, data"
        raw.execute(f"INSERT INTO wifi_ap SELECT {columns} FROM wifi_ap WHERE time = {BEGIN} AND stripe = 0")
    found = list(faults(day))
    assert f"{RAW}: 48 points of wifi_radio belong to no series" in found
    assert f"{RAW}: 63 points of wifi_ap are in two blocks" in found
    assert any("the journal knows of" in line for line in found)


def test_a_day_without_hours_is_a_fault(day: LocalStore) -> None:
    roll_up(day, BEGIN + 3 * DAY_S)
    later = BEGIN + 2 * DAY_S
    day.write("poller", [ap(later)])
    cool(day, "2026-11-24", BEGIN + 9 * DAY_S, (), lambda *_: True)
    (line,) = faults(day)
    assert "no hours of wifi_ap" in line


def test_a_server_mends_its_own_files(postgres: Cluster) -> None:
    store = LocalStore.open(postgres.new())
    with pytest.raises(StoreUnusable, match="PostgreSQL mends its own files"):
        list(repair(store, 0))
    assert list(faults(store)) == []
    store.close()


def test_slots_that_were_written_twice_are_no_loss(day: LocalStore) -> None:
    again = [one for one in slot(BEGIN, APS) if one.measurement == "wifi_ap"]
    day.write("poller", again)
    points = day.counts(ALL)

    def spoil(path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute(
                "UPDATE wifi_ap SET data = x'00' WHERE rowid = (SELECT max(rowid) - 1 FROM wifi_ap)"
            )

    opened = reopened(day, spoil)
    (repaired,) = repair(opened, BEGIN + DAY_S)
    lost = points["wifi_ap"] - opened.counts(ALL)["wifi_ap"]
    assert lost > 0
    assert dict(repaired.lost) == {"wifi_ap": lost}
    opened.close()
