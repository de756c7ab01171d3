"""What holds of every shelf and of every store on it: files of SQLite and a PostgreSQL database."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from metrics.errors import CatalogError, StaleEpoch, StoreUnusable
from metrics.local import cursors
from metrics.local.cursors import Cursor, Cursors, DeadLetter
from metrics.local.journal import ends, following
from metrics.local.shelf import Layout, Table
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Cell, Window
from tests.metrics.samples import any_sample, ap, slot, ssid
from tests.metrics.shelves import either, servers, where

__all__ = ["either", "servers", "where"]

MIDNIGHT = 1_795_392_000 // 86_400 * 86_400
ALL = Window(0, 2**33)
CAKES = Table(
    "cakes",
    {"name": "TEXT NOT NULL", "slices": "INTEGER", "weight": "REAL", "picture": "BLOB"},
    ("name",),
)
LAYOUT = Layout((CAKES,))
EVERY = ("name", "slices", "weight", "picture")


def test_rows_are_loaded_whole_with_the_types_of_their_columns(either: LocalStore) -> None:
    volume = either.shelf.open("cakes", LAYOUT)
    odd = "tab\tline\nreturn\rbackslash\\N ñ ?"
    rows = [(f"{odd}{number}", 7.9, 3, bytes([0, 9, 10, 92, number])) for number in range(200)]
    with volume.writing():
        volume.load(CAKES, EVERY, rows)
        volume.load(CAKES, ("name", "slices"), [("none", None), ("true", True), ("large", -(2**63) + 1)])
    found = {row[0]: row[1:] for row in volume.execute("SELECT name, slices, weight, picture FROM cakes")}
    assert found[f"{odd}199"] == (7, 3.0, bytes([0, 9, 10, 92, 199]))
    assert isinstance(found[f"{odd}0"][1], float)
    assert [found[name][0] for name in ("none", "true", "large")] == [None, 1, -(2**63) + 1]
    assert len(found) == 203


@pytest.mark.parametrize("many", [3, 100])
def test_rows_that_are_there_or_come_twice_are_merged_as_the_conflict_says(
    either: LocalStore, many: int
) -> None:
    volume = either.shelf.open("cakes", LAYOUT)
    newer = "ON CONFLICT (name) DO UPDATE SET slices = excluded.slices"
    rows = [(f"cake {number}", number, None, None) for number in range(many)]
    with volume.writing():
        volume.load(CAKES, EVERY, rows)
        volume.load(
            CAKES, ("name", "slices"), [("cake 0", 5), *((f"new {n}", n) for n in range(many))], newer
        )
        volume.load(CAKES, ("name", "slices"), [(f"cake {n % 2}", n) for n in range(many)], newer)
    found = dict(volume.execute("SELECT name, slices FROM cakes").fetchall())
    assert len(found) == 2 * many
    assert {found["cake 0"], found["cake 1"]} == {many - 1, many - 2}


def test_a_write_that_fails_leaves_nothing_and_the_volume_goes_on(either: LocalStore) -> None:
    volume = either.shelf.open("cakes", LAYOUT)

    def half(number: int) -> tuple[str, int, int, None]:
        return (str(number), 1, 10 // (30 - number), None)

    with pytest.raises(ZeroDivisionError), volume.writing():
        volume.load(CAKES, EVERY, map(half, range(50)))
    assert volume.execute("SELECT count(*) FROM cakes").fetchone() == (0,)
    with volume.writing():
        volume.load(CAKES, EVERY, [("a", 1, 1, None)], "ON CONFLICT (name) DO NOTHING")
    assert volume.execute("SELECT sum(slices), count(*) FROM cakes").fetchone() == (1, 1)


def test_a_volume_is_filled_once_whoever_opens_it(either: LocalStore, where: Path | str) -> None:
    layout = Layout(
        (CAKES,), lambda new: new.load(CAKES, EVERY, [(str(number), 1, None, None) for number in range(30)])
    )
    other = LocalStore.open(where)
    counted: list[object] = []

    def look(store: LocalStore) -> None:
        volume = store.shelf.open("filled", layout)
        counted.append(volume.execute("SELECT count(*) FROM cakes").fetchone())

    threads = [threading.Thread(target=look, args=(store,)) for store in (either, other) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert counted == [(30,)] * 6


def test_a_volume_whose_fill_fails_is_not_there(either: LocalStore) -> None:
    def fail(_volume: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        either.shelf.open("cakes", Layout((CAKES,), fail))
    assert "cakes" not in either.shelf.names()


def test_an_older_volume_gets_the_tables_and_columns_it_lacks(either: LocalStore, where: Path | str) -> None:
    less = Table("cakes", {"name": "TEXT NOT NULL", "slices": "INTEGER"}, ("name",))
    more = Table("pies", {"name": "TEXT NOT NULL"}, ("name",))
    volume = either.shelf.open("cakes", Layout((less,)))
    with volume.writing():
        volume.load(less, ("name", "slices"), [("old", 3)])
    other = LocalStore.open(where)
    volume = other.shelf.open("cakes", Layout((CAKES, more)))
    assert volume.execute("SELECT name, slices, weight FROM cakes").fetchall() == [("old", 3, None)]
    assert volume.execute("SELECT count(*) FROM pies").fetchone() == (0,)
    other.close()


def test_dropping_and_counting_room(either: LocalStore) -> None:
    volume = either.shelf.open("cakes", LAYOUT)
    with volume.writing():
        volume.load(CAKES, EVERY, [(str(number), 1, 1, b"x" * 100) for number in range(1000)])
    assert either.shelf.octets("cakes") > 100_000
    assert either.shelf.check("cakes") == []
    either.shelf.drop("cakes")
    either.shelf.drop("cakes")
    assert either.shelf.octets("cakes") == 0
    assert "cakes" not in either.shelf.names()
    again = either.shelf.open("cakes", LAYOUT)
    assert again.execute("SELECT count(*) FROM cakes").fetchone() == (0,)


def test_a_reader_sees_one_state_while_others_write(either: LocalStore, where: Path | str) -> None:
    either.write("poller", [ap(60)])
    other = LocalStore.open(where)
    with either.reading("1970-01-01") as day:
        before = day.execute("SELECT count(*) FROM wifi_ap").fetchone()
        other.write("poller", [ap(120)])
        assert day.execute("SELECT count(*) FROM wifi_ap").fetchone() == before
    other.close()
    assert either.counts(ALL) == {"wifi_ap": 2}


def test_what_is_written_is_read_counted_and_tallied(either: LocalStore) -> None:
    samples = [
        ap(60, up=1, cpu_pct=1.5, rx_octets=2**62),
        ssid(60, "Chihuahua Gratis ñ,= \\ \t"),
        any_sample("hotspot_mun", 60),
        ap(MIDNIGHT, "b"),
    ]
    either.write("poller", samples)
    names = ("wifi_ap", "wifi_ssid", "hotspot_mun")
    found = [sample for name in names for sample in either.read(name, ALL)]
    assert found == [samples[0], samples[3], samples[1], samples[2]]
    assert either.read("wifi_ap", ALL, {"ap": "b"}) == [samples[3]]
    assert either.read("wifi_ap", ALL, {"ap": "nobody"}) == []
    assert either.counts(ALL) == {"wifi_ap": 2, "wifi_ssid": 1, "hotspot_mun": 1}
    assert either.tally(Window(0, 120))[Cell("hotspot_mun", ("x",), 60)] == 1
    assert [one.time for one in either.latest("wifi_ap", 0)] == [MIDNIGHT, 60]


def test_a_slot_of_many_is_written_again_by_its_fields(either: LocalStore) -> None:
    either.write("poller", [ap(60, f"ap-{number}", up=1, clients=number) for number in range(200)])
    either.write("poller", [ap(60, f"ap-{number}", up=0, poll_ms=1.5) for number in range(100)])
    found = either.read("wifi_ap", ALL, {"ap": "ap-7"})
    assert [dict(one.fields) for one in found] == [{"up": 0, "clients": 7, "poll_ms": 1.5}]
    assert either.counts(ALL) == {"wifi_ap": 200}


def test_batches_are_journalled_fed_and_fenced(either: LocalStore) -> None:
    for time in range(60, 600, 60):
        either.write("a", slot(time, 5), shard=3, epoch=2)
    either.write("remote", [ap(900)], seq=4)
    either.write("remote", [ap(900)], seq=4)
    positions = {position.writer: (position, seq) for position, seq in ends(either).items()}
    assert {writer: seq for writer, (_, seq) in positions.items()} == {"a": 9, "remote": 4}
    found = following(either, positions["a"][0], 2, 20)
    assert (found.seq, len(found.samples)) == (4, 18)
    with pytest.raises(StaleEpoch):
        either.write("a", [ap(660)], shard=3, epoch=1)


def test_cursors_and_refused_lines_are_kept(either: LocalStore) -> None:
    either.write("a", [ap(60)])
    (position,) = ends(either)
    book = Cursors(either, "influx")
    book.advance({position: Cursor(5, 50)}, 0)
    book.advance({position: Cursor(3, 30)}, 0)
    assert book.load() == {position: Cursor(5, 50)}
    now = datetime(2026, 11, 22, tzinfo=UTC)
    for reason in ("first", "second"):
        book.bury([DeadLetter("line", reason, now)])
    assert book.dead_letters() == [DeadLetter("line", "second", now)]
    book.reset(["1970-01-02"])
    assert book.load() == {position: Cursor(5, 50)}
    book.reset(["1970-01-01"])
    assert (book.load(), book.resets()) == ({}, 2)


def test_of_refused_lines_only_the_newest_are_kept(
    either: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "MOST_LETTERS", 10)
    book = Cursors(either, "influx")
    start = datetime(2026, 11, 22, tzinfo=UTC)
    book.bury(DeadLetter(f"line {n:02d}", "no", start + timedelta(seconds=n)) for n in range(10))
    assert book.dead() == 10
    book.bury([DeadLetter("line 10", "no", start + timedelta(seconds=10))])
    assert [letter.line for letter in book.dead_letters()] == [f"line {n:02d}" for n in range(1, 11)]


def test_a_batch_with_one_bad_sample_stores_nothing_there_either(either: LocalStore) -> None:
    with pytest.raises(CatalogError):
        either.write("poller", [ap(60), Sample("wifi_ap", ap(60).tags, {"mac": 1}, 60)])
    assert either.counts(ALL) == {}


def test_many_threads_and_two_stores_write_one_day(either: LocalStore, where: Path | str) -> None:
    other = LocalStore.open(where)
    failures: list[Exception] = []

    def write(store: LocalStore, writer: str) -> None:
        try:
            for time in range(60, 360, 60):
                store.write(writer, [ap(time, writer)])
        except StoreUnusable as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(store, f"{number}-{id(store)}"))
        for store in (either, other)
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    assert either.counts(ALL) == {"wifi_ap": 30}


def test_a_server_that_is_not_there_is_one_clear_line_without_its_password() -> None:
    with pytest.raises(StoreUnusable) as caught:
        LocalStore.open("postgresql://plaza:hush@127.0.0.1:1/plaza")
    said = str(caught.value)
    assert said.startswith("postgresql://127.0.0.1:1/plaza: ")
    assert "hush" not in said
    assert "\n" not in said
