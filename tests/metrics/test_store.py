"""The embedded store: what was acknowledged is there, once, whole, and readable while it is written."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metrics.errors import CatalogError, StaleEpoch, StoreUnusable, VolumeGone
from metrics.local.blocks import pack
from metrics.local.journal import Position, ends, following, following_lines
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Cell, Window
from tests import need
from tests.metrics.child import FIRST_SLOT
from tests.metrics.processes import Child
from tests.metrics.samples import any_sample, ap, slot, ssid
from tests.metrics.servers import until

MIDNIGHT = 1_795_392_000 // 86_400 * 86_400
ALL = Window(0, 2**33)


def place(store: LocalStore, writer: str) -> Position:
    (found,) = (position for position in ends(store) if position.writer == writer)
    return found


def test_a_written_sample_is_read_back_as_it_was(store: LocalStore) -> None:
    samples = [
        ap(60, up=1, cpu_pct=1.5, rx_octets=2**62),
        ssid(60, "Chihuahua Gratis ñ,= \\"),
        any_sample("hotspot_mun", 60),
    ]
    store.write("poller", samples)
    found = [sample for name in ("wifi_ap", "wifi_ssid", "hotspot_mun") for sample in store.read(name, ALL)]
    assert found == samples


def test_values_take_the_catalogues_type_on_the_way_in(store: LocalStore) -> None:
    store.write("poller", [ap(60, up=True, clients=7.9, cpu_pct=3)])
    (found,) = store.read("wifi_ap", ALL)
    assert {name: (value, type(value)) for name, value in found.fields.items()} == {
        "up": (1, int),
        "clients": (7, int),
        "cpu_pct": (3.0, float),
    }


def test_reading_is_by_window_and_tags_and_oldest_first(store: LocalStore) -> None:
    store.write("poller", [ap(time, name) for time in (180, 60, 120) for name in ("b", "a")])
    found = store.read("wifi_ap", Window(60, 180), {"ap": "a"})
    assert [(sample.time, sample.tags["ap"]) for sample in found] == [(60, "a"), (120, "a")]
    with pytest.raises(CatalogError, match="'mac'"):
        store.read("wifi_ap", ALL, {"mac": "x"})
    with pytest.raises(CatalogError, match="wifi_client"):
        store.latest("wifi_client", 0)


def test_latest_is_the_newest_of_each_set_of_tags_over_days(store: LocalStore) -> None:
    store.write(
        "poller",
        [ap(MIDNIGHT - 60, "old"), ap(MIDNIGHT - 60, "new", clients=1), ap(MIDNIGHT, "new", clients=2)],
    )
    found = {sample.tags["ap"]: sample.time for sample in store.latest("wifi_ap", MIDNIGHT - 60)}
    assert found == {"old": MIDNIGHT - 60, "new": MIDNIGHT}
    assert [sample.tags["ap"] for sample in store.latest("wifi_ap", MIDNIGHT)] == ["new"]


def test_a_slot_written_again_overwrites_itself_and_keeps_what_the_second_does_not_know(
    store: LocalStore,
) -> None:
    store.write("poller", [ap(60, up=1, clients=3)])
    store.write("poller", [ap(60, up=0, poll_ms=9.0)])
    (found,) = store.read("wifi_ap", ALL)
    assert found.fields == {"up": 0, "clients": 3, "poll_ms": 9.0}
    assert store.counts(ALL) == {"wifi_ap": 1}


def test_a_batch_over_midnight_is_split_into_each_days_file_and_journal(store: LocalStore) -> None:
    store.write("poller", [ap(MIDNIGHT + offset) for offset in (-120, -60, 0)], shard=4, epoch=2)
    assert store.days() == ["2026-11-22", "2026-11-23"]
    found = {}
    for day in store.days():
        with sqlite3.connect(Path(store.shelf.place) / f"raw-{day}.db") as connection:
            found[day] = connection.execute(
                "SELECT writer, seq, shard, epoch, points FROM journal"
            ).fetchall()
    assert found == {"2026-11-22": [("poller", 1, 4, 2, 2)], "2026-11-23": [("poller", 1, 4, 2, 1)]}


def test_each_writer_counts_its_own_batches_per_day(store: LocalStore) -> None:
    for writer in ("a", "b", "a"):
        store.write(writer, [ap(60, writer)])
    assert {(place.day, place.writer): seq for place, seq in ends(store).items()} == {
        ("1970-01-01", "a"): 2,
        ("1970-01-01", "b"): 1,
    }


def test_a_batch_with_a_number_of_its_own_lands_once_on_each_of_its_days(store: LocalStore) -> None:
    over_midnight = [ap(MIDNIGHT - 60), ap(MIDNIGHT)]
    store.write("remote", over_midnight, seq=7)
    store.write("remote", [ap(MIDNIGHT, clients=9)], seq=7)
    store.write("remote", over_midnight, seq=9)
    assert sorted(ends(store).values()) == [9, 9]
    entries = [
        store.day(day).execute("SELECT seq FROM journal ORDER BY seq").fetchall() for day in store.days()
    ]
    assert entries == [[(7,), (9,)], [(7,), (9,)]]
    assert [sample.fields["clients"] for sample in store.read("wifi_ap", ALL)] == [7, 7]


def test_a_tally_counts_the_points_of_each_series_and_minute(store: LocalStore) -> None:
    store.write("poller", [ap(time, name) for time in (60, 70, 120) for name in ("a", "b")])
    store.write("poller", [ssid(MIDNIGHT, "s")])
    tags = {name: tuple(ap(0, name).tags.values()) for name in ("a", "b")}
    assert store.tally(Window(0, 120)) == {
        Cell("wifi_ap", tags["a"], 60): 2,
        Cell("wifi_ap", tags["b"], 60): 2,
    }
    (cell,) = store.tally(Window(MIDNIGHT, MIDNIGHT + 60))
    assert cell.tags == tuple(ssid(0, "s").tags.values())


def test_series_that_a_failed_batch_numbered_are_numbered_anew(store: LocalStore) -> None:
    store.write("poller", [ap(60, "known")])
    with pytest.raises(CatalogError):
        store.write("poller", [ap(120, "never"), ap(120, "", up=1)])
    store.write("poller", [ap(180, "other")])
    assert [(one.tags["ap"], one.time) for one in store.read("wifi_ap", ALL)] == [
        ("known", 60),
        ("other", 180),
    ]


def test_what_was_acknowledged_survives_a_power_cut_by_the_files_settings(store: LocalStore) -> None:
    store.write("poller", [ap(60)])
    connection = store.day("1970-01-01")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_batch_with_one_bad_sample_stores_nothing(store: LocalStore) -> None:
    with pytest.raises(CatalogError):
        store.write("poller", [ap(60), Sample("wifi_ap", ap(60).tags, {"mac": 1}, 60)])
    assert store.counts(ALL) == {}
    assert ends(store) == {}


def test_a_writer_that_lost_its_shard_is_refused_on_every_day(store: LocalStore) -> None:
    store.write("first", [ap(MIDNIGHT - 60)], shard=7, epoch=1)
    store.write("second", [ap(MIDNIGHT)], shard=7, epoch=2)
    for time in (MIDNIGHT - 30, MIDNIGHT + 60):
        with pytest.raises(StaleEpoch, match="epoch 1 is stale, epoch 2 has written"):
            store.write("first", [ap(time)], shard=7, epoch=1)
    store.write("first", [ap(MIDNIGHT)], shard=8, epoch=1)
    assert store.counts(ALL) == {"wifi_ap": 2}


def test_fences_that_were_lost_are_found_again_in_the_journals(store: LocalStore) -> None:
    store.write("second", [ap(60)], shard=7, epoch=2)
    store.close()
    for path in Path(store.shelf.place).glob("fences.db*"):
        path.unlink()
    again = LocalStore.open(Path(store.shelf.place))
    with pytest.raises(StaleEpoch):
        again.write("first", [ap(60)], shard=7, epoch=1)
    again.close()


def test_a_store_lives_on_in_another_process_with_everything(store: LocalStore) -> None:
    store.write("poller", slot(60, 5))
    other = LocalStore.open(Path(store.shelf.place))
    assert other.counts(ALL) == store.counts(ALL) == {"wifi_ap": 5, "wifi_radio": 4}
    other.close()


def test_a_journal_reader_gets_each_batch_with_the_points_it_last_wrote(store: LocalStore) -> None:
    store.write("a", [ap(60, "x"), ap(60, "y")])
    store.write("b", [ap(60, "y", clients=9), ssid(60, "s")])
    first = following(store, place(store, "a"), 0, 100)
    second = following(store, place(store, "b"), 0, 100)
    assert [sample.tags["ap"] for sample in first.samples] == ["x"]
    assert [sample.measurement for sample in second.samples] == ["wifi_ap", "wifi_ssid"]
    assert second.samples[0].fields == {"up": 1, "clients": 9}


def test_a_journal_reader_takes_whole_batches_up_to_its_limit(store: LocalStore) -> None:
    for time in range(60, 600, 60):
        store.write("a", slot(time, 5))
    found = following(store, place(store, "a"), 2, 20)
    assert found.seq == 4
    assert len(found.samples) == 18
    assert following(store, place(store, "a"), 9, 20).samples == ()


def test_a_file_made_before_a_measurement_was_known_still_opens(store: LocalStore) -> None:
    store.write("poller", [ap(60, up=1, clients=2)])
    store.close()
    with sqlite3.connect(Path(store.shelf.place) / "raw-1970-01-01.db") as connection:
        connection.execute("DROP TABLE wifi_portal")
    again = LocalStore.open(Path(store.shelf.place))
    again.write("poller", [ap(120, up=1, poll_ms=4.0), any_sample("wifi_portal", 120)])
    assert [sample.fields for sample in again.read("wifi_ap", ALL)] == [
        {"up": 1, "clients": 2},
        {"up": 1, "poll_ms": 4.0},
    ]
    assert again.counts(ALL) == {"wifi_ap": 2, "wifi_portal": 1}
    again.close()


def test_a_file_of_a_later_catalogue_is_read_by_what_is_known(store: LocalStore) -> None:
    store.write("poller", [ap(60)])
    day = store.day("1970-01-01")
    rows = [(1, 40.5), (0, 41.0)]
    with day.writing():
        day.execute("UPDATE wifi_ap SET members = 6, data = ?", (pack(("up", "humidity_pct"), "Bd", rows),))
        day.execute("INSERT INTO wifi_ap_series VALUES (2, 'ap-2', '08019', '08019-plaza', 'openwrt')")
    assert [(dict(one.fields), one.tags["ap"]) for one in store.read("wifi_ap", ALL)] == [
        ({"up": 1}, "ap-1"),
        ({"up": 0}, "ap-2"),
    ]
    (position,) = ends(store)
    assert [line.split(" ")[1] for line in following_lines(store, position, 0, 9).lines] == ["up=1i", "up=0i"]
    store.write("poller", [ap(120)])
    assert store.counts(ALL) == {"wifi_ap": 3}


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"this is a letter to the editor, not a database" * 200)


def _not_ours(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (cake TEXT)")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_not_ours, "not a file of"),
        (_newer, "newer Plaza"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_line_and_stays_as_it_is(
    store: LocalStore, spoil: Callable[[Path], None], reason: str
) -> None:
    store.write("poller", [ap(60)])
    store.close()
    path = Path(store.shelf.place) / "raw-1970-01-01.db"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=reason) as caught:
        LocalStore.open(Path(store.shelf.place))
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert f"mv {path} {path}.aside" in message
    assert path.read_bytes() == before


def set_aside(path: Path) -> list[Path]:
    """The damaged files, without the logs beside them."""
    return [one for one in path.parent.glob(f"{path.name}.broken-*") if one.name[-1].isdigit()]


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3 // 4096 * 4096)


@pytest.mark.parametrize("spoil", [_not_a_database, _empty, _cut])
def test_a_damaged_day_is_set_aside_whole_with_one_clear_line_and_all_goes_on(
    store: LocalStore, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    store.write("poller", [ap(60), ap(MIDNIGHT)])
    store.close()
    path = Path(store.shelf.place) / "raw-1970-01-01.db"
    spoil(path)
    before = path.read_bytes()
    again = LocalStore.open(path.parent)
    again.write("poller", [ap(120)])
    assert [sample.time for sample in again.read("wifi_ap", ALL)] == [120, MIDNIGHT]
    again.close()
    (aside,) = set_aside(path)
    assert aside.read_bytes() == before
    (line,) = caplog.records
    assert line.__dict__["file"] == str(aside)
    assert line.__dict__["mend"] == "plaza store repair"


def test_a_day_that_turns_out_to_be_damaged_is_set_aside_when_it_is_written(
    store: LocalStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.write("poller", [ap(60, f"ap-{number}") for number in range(500)])
    store.close()
    path = Path(store.shelf.place) / "raw-1970-01-01.db"
    with path.open("r+b") as file:
        for page in range(4096, path.stat().st_size, 4096):
            file.seek(page)
            file.write(b"\xff" * 64)
    again = LocalStore.open(path.parent)
    again.write("poller", [ap(120)])
    assert [sample.time for sample in again.read("wifi_ap", ALL)] == [120]
    again.close()
    assert len(set_aside(path)) == 1
    assert len(caplog.records) == 1


def test_the_files_beside_the_days_are_looked_into_as_well(store: LocalStore) -> None:
    store.close()
    (Path(store.shelf.place) / "cursors.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreUnusable, match=r"cursors\.db: file is not a database; move it away"):
        LocalStore.open(Path(store.shelf.place))


def test_a_directory_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("x")
    with pytest.raises(StoreUnusable, match=r"File exists; see df .*chown"):
        LocalStore.open(tmp_path / "metrics")


def test_a_directory_we_may_not_read_is_one_clear_line(store: LocalStore) -> None:
    """Root may read everything, so a process without that right tries."""
    need.root()
    store.write("poller", [ap(60)])
    store.close()
    Path(store.shelf.place).chmod(0o700)
    attempt = (
        "import os, sys; from pathlib import Path; from metrics.errors import StoreUnusable; "
        "from metrics.local.store import LocalStore\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: LocalStore.open(Path(sys.argv[1]))\n"
        "except StoreUnusable as error: sys.stdout.write(str(error))"
    )
    for directory in Path(store.shelf.place).parents:
        if directory.is_relative_to("/tmp/pytest-of-root") or "pytest" in directory.name:
            directory.chmod(0o755)
    command = [sys.executable, "-c", attempt, str(Path(store.shelf.place))]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    ).stdout
    assert "Permission denied" in said
    assert f"chown -R 65534 {Path(store.shelf.place)}" in said


def test_a_day_that_was_dropped_begins_anew_under_the_feet_of_other_processes(store: LocalStore) -> None:
    other = LocalStore.open(Path(store.shelf.place))
    other.write("late", [ap(60), ap(MIDNIGHT)])
    store.drop("1970-01-01")
    assert not list(Path(store.shelf.place).glob("raw-1970*"))
    assert other.counts(ALL) == {"wifi_ap": 1}
    other.write("late", [ap(120)])
    assert store.counts(ALL) == {"wifi_ap": 2}
    other.close()


def test_who_reads_a_day_while_it_is_dropped_reads_it_to_its_end(store: LocalStore) -> None:
    store.write("poller", [ap(60 * number) for number in range(200)])
    other = LocalStore.open(Path(store.shelf.place))
    with store.reading("1970-01-01") as day:
        rows = iter(day.execute("SELECT time FROM wifi_ap"))
        next(rows)
        other.drop("1970-01-01")
        assert store.days() == []
        assert len(list(rows)) == 199
        assert day.execute("SELECT count(*) FROM wifi_ap").fetchone() == (200,)
    other.close()


def test_a_day_that_is_gone_is_not_made_by_who_reads_it(store: LocalStore) -> None:
    with pytest.raises(VolumeGone), store.reading("1970-01-01"):
        pass
    assert store.days() == []


def test_many_threads_and_two_stores_write_one_day_at_once(store: LocalStore) -> None:
    other = LocalStore.open(Path(store.shelf.place))
    failures: list[Exception] = []

    def write(opened: LocalStore, writer: str) -> None:
        try:
            for time in range(60, 660, 60):
                opened.write(writer, [ap(time, writer)])
        except (sqlite3.Error, StoreUnusable) as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(opened, f"{number}-{id(opened)}"))
        for opened in (store, other)
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.counts(ALL) == {"wifi_ap": 80}
    assert set(ends(store).values()) == {10}
    other.close()


@pytest.fixture(params=["0"])
def writer(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Child]:
    child = Child(tmp_path / "metrics", "30", request.param)
    yield child
    child.kill()


def test_kill_9_of_a_writer_loses_nothing_acknowledged_and_tears_no_batch(
    writer: Child, store: LocalStore
) -> None:
    for round_number in range(5):
        writer.start()
        enough = len(writer.acknowledged) + 3 + round_number
        until(lambda: len(writer.acknowledged) >= enough, "the writer writes")  # noqa: B023
        writer.kill()
    found: dict[int, int] = {}
    for name in ("wifi_ap", "wifi_radio"):
        for sample in store.read(name, ALL):
            found[sample.time] = found.get(sample.time, 0) + 1
    assert len(store.days()) == 2
    assert set(writer.acknowledged) <= found.keys()
    assert set(found.values()) == {len(slot(FIRST_SLOT, 30))}
    journalled = sum(len(following(store, position, 0, 10**9).samples) for position in ends(store))
    assert journalled <= sum(found.values())
    for day in store.days():
        assert store.day(day).execute("PRAGMA integrity_check").fetchone() == ("ok",)


READER = """
import sys
from pathlib import Path
from metrics.local.store import LocalStore
from metrics.local.rollup import roll_up
from metrics.sink import Cell, Window
store, rounds, torn = LocalStore.open(Path(sys.argv[1])), 0, 0
while rounds < 10:
    samples = store.latest("wifi_ap", 0)
    counts = store.counts(Window(0, 2**33))
    torn += counts.get("wifi_ap", 0) % 30
    roll_up(store, 2**33)
    rounds += 1
sys.stdout.write(f"{rounds} {torn}")
"""


@pytest.mark.parametrize("writer", ["0.02"], indirect=True)
def test_several_processes_read_while_one_writes_and_nobody_is_locked_out(
    writer: Child, store: LocalStore
) -> None:
    writer.start()
    until(lambda: len(writer.acknowledged) > 3, "the writer writes")
    command = [sys.executable, "-c", READER, str(Path(store.shelf.place))]
    root = Path(__file__).parents[2]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)
        for _ in range(3)
    ]
    said = [reader.communicate(timeout=120) for reader in readers]
    assert said == [("10 0", "")] * 3
    before = len(writer.acknowledged)
    until(lambda: len(writer.acknowledged) > before, "the writer goes on")
    assert os.path.exists(Path(store.shelf.place) / f"raw-{store.days()[0]}.db")


def test_a_day_written_before_radios_were_numbered_is_read_and_written_on(tmp_path: Path) -> None:
    tags = {**ap(60).tags, "band": "5g"}
    store = LocalStore.open(tmp_path)
    store.write("poller", [Sample("wifi_radio", {**tags, "radio": "0"}, {"clients": 1}, MIDNIGHT)])
    path = Path(store.shelf.place) / f"raw-{store.days()[0]}.db"
    store.close()
    old = sqlite3.connect(path)
    old.executescript(
        "DROP TABLE wifi_radio; DROP TABLE wifi_radio_series;"
        "CREATE TABLE wifi_radio (time INTEGER NOT NULL, ap TEXT NOT NULL, mun TEXT NOT NULL, "
        "site TEXT NOT NULL, vendor TEXT NOT NULL, band TEXT NOT NULL, batch INTEGER NOT NULL DEFAULT 0, "
        "clients INTEGER, PRIMARY KEY (time, ap, mun, site, vendor, band)) WITHOUT ROWID;"
        f"INSERT INTO wifi_radio VALUES ({MIDNIGHT}, 'ap-1', '08019', '08019-plaza', 'openwrt', '5g', 1, 1);"
        "PRAGMA user_version = 1"
    )
    old.close()

    store = LocalStore.open(tmp_path)
    store.write("poller", [Sample("wifi_radio", {**tags, "radio": "1"}, {"clients": 2}, MIDNIGHT)])

    found = {one.tags["radio"]: dict(one.fields) for one in store.read("wifi_radio", ALL)}
    store.close()
    assert found == {"0": {"clients": 1}, "1": {"clients": 2}}


def test_a_store_is_closed_under_who_is_reading_it_and_nothing_crashes(store: LocalStore) -> None:
    store.write("poller", [one for minute in range(20) for one in slot(60 * minute, 200)])
    begun, failures = threading.Barrier(5), list[BaseException]()

    def read() -> None:
        begun.wait()
        try:
            for _ in range(20):
                store.read("wifi_ap", ALL)
        except BaseException as error:  # noqa: BLE001  whatever it is, it must not be
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait()
    for _ in range(50):
        store.close()
    for thread in threads:
        thread.join()
    assert failures == []
