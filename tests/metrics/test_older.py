"""A day that an older Plaza wrote is read and written on: nothing of it is lost, nothing is counted anew."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.errors import StoreFull
from metrics.local.files import FileShelf
from metrics.local.journal import Position, ends, following
from metrics.local.postgres import PostgresShelf
from metrics.local.repair_check import faults
from metrics.local.shelf import Layout, Shelf, Table, Volume
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics.shelves import servers, where
from tests.metrics.small import fill, small_disk

__all__ = ["servers", "where"]

DAY = "2026-11-22"
BEGIN = 1_795_305_600
ALL = Window(0, 2**33)
NAME = f"raw-{DAY}"
TOKEN = "0123456789abcdef"

TAGS = ("ap", "mun", "site", "vendor")
FIELDS = {
    "up": "INTEGER",
    "clients": "INTEGER",
    "rx_octets": "INTEGER",
    "cpu_pct": "REAL",
    "poll_ms": "REAL",
    "humidity_pct": "REAL",
}
"""The last of which the catalogue no longer knows."""
RADIO_FIELDS = {"noise_dbm": "INTEGER", "rssi_dbm": "REAL"}
_KEYS = dict.fromkeys(("time", "series", "batch"), "INTEGER NOT NULL")
_TEXTS = dict.fromkeys(TAGS, "TEXT NOT NULL")
_JOURNAL = {
    "batch": "INTEGER NOT NULL",
    "writer": "TEXT NOT NULL",
    "seq": "INTEGER NOT NULL",
    "shard": "INTEGER NOT NULL",
    "epoch": "INTEGER NOT NULL",
    "first": "INTEGER NOT NULL",
    "last": "INTEGER NOT NULL",
    "measurements": "TEXT NOT NULL",
    "points": "INTEGER NOT NULL",
}
OF_BOTH = (
    Table("journal", _JOURNAL, ("batch",), unique=("writer", "seq")),
    Table("writers", {"writer": "TEXT NOT NULL", "seq": "INTEGER NOT NULL"}, ("writer",)),
    Table("origin", {"token": "TEXT NOT NULL"}, ("token",)),
)
APS, RADIOS = (
    Table("wifi_ap", _KEYS | FIELDS, ("time", "series")),
    Table("wifi_radio", _KEYS | RADIO_FIELDS, ("time", "series")),
)
AP_SERIES = Table("wifi_ap_series", {"id": "INTEGER NOT NULL", **_TEXTS}, ("id",), unique=TAGS)
OF_RADIO = (*TAGS, "band", "radio")
RADIO_SERIES = Table(
    "wifi_radio_series",
    {"id": "INTEGER NOT NULL", **dict.fromkeys(OF_RADIO, "TEXT NOT NULL")},
    ("id",),
    unique=OF_RADIO,
)
SECOND = (*OF_BOTH, APS, RADIOS, AP_SERIES, RADIO_SERIES)

MINUTES, DEVICES = 90, 70
"""More rows than are read at a time, and more series than a stripe has."""
POLLER, LATE = 1, 2
"""Writers' batches take turns: odd ones are of the poller, even ones come late with every third device."""

Row = tuple[int, int, int, dict[str, float]]
"""Time, number of the device, batch, fields."""


def rows() -> Iterator[Row]:
    """What a day of schema 1 or 2 held: of one time rows of two batches, and several sets of fields."""
    for minute in range(MINUTES):
        for number in range(1, DEVICES + 1):
            late = number % 3 == 0
            fields: dict[str, float] = {"up": 0, "poll_ms": 2000.5}
            if number % 7:
                fields = {"up": 1, "clients": number * minute, "rx_octets": 2**62 + minute, "cpu_pct": 0.1}
            yield BEGIN + 60 * minute, number, 2 * minute + (LATE if late else POLLER), fields


def device(number: int) -> tuple[str, ...]:
    return f"ap-{number:03d}", "08019", "plaza", "openwrt"


def expected() -> list[Sample]:
    """The same as samples, and one of a radio whose band was not numbered."""
    found = [
        Sample("wifi_ap", dict(zip(TAGS, device(number), strict=True)), fields, time)
        for time, number, _, fields in rows()
    ]
    tags = dict(zip(OF_RADIO, (*device(1), "5g", "0"), strict=True))
    return [*found, Sample("wifi_radio", tags, {"noise_dbm": -95, "rssi_dbm": -61.25}, BEGIN)]


def everything(store: LocalStore) -> list[Sample]:
    found = [one for name in ("wifi_ap", "wifi_radio") for one in store.read(name, ALL)]
    return sorted(found, key=lambda one: (one.measurement, one.time, *one.tags.values()))


def filled(day: Volume) -> None:
    """A journal and writers that know of it all."""
    for minute in range(MINUTES):
        late = sum(1 for number in range(1, DEVICES + 1) if number % 3 == 0)
        for batch, writer, points in ((POLLER, "poller", DEVICES - late), (LATE, "late", late)):
            first = BEGIN + 60 * minute
            extra = 1 if batch == POLLER and minute == 0 else 0
            names = "wifi_ap wifi_radio" if minute == 0 else "wifi_ap"
            row = (2 * minute + batch, writer, minute + 1, 0, 0, first, first, names, points + extra)
            day.load(OF_BOTH[0], tuple(_JOURNAL), [row])
    day.load(OF_BOTH[1], ("writer", "seq"), [("poller", MINUTES), ("late", MINUTES)])
    day.load(OF_BOTH[2], ("token",), [(TOKEN,)])


def fill_second(day: Volume) -> None:
    filled(day)
    day.load(AP_SERIES, ("id", *TAGS), [(number, *device(number)) for number in range(1, DEVICES + 1)])
    day.load(RADIO_SERIES, ("id", *OF_RADIO), [(1, *device(1), "5g", "0")])
    columns = tuple(FIELDS)
    day.load(
        APS,
        ("time", "series", "batch", *columns),
        [(*row[:3], *map(row[3].get, columns)) for row in rows()],
    )
    day.load(RADIOS, ("time", "series", "batch", *RADIO_FIELDS), [(BEGIN, 1, POLLER, -95, -61.25)])


def made_second(place: Path | str) -> None:
    """A day of schema 2 in a directory or on a server."""
    shelf: Shelf = FileShelf(place) if isinstance(place, Path) else PostgresShelf(place)
    shelf.open(NAME, Layout(SECOND, fill_second))
    shelf.close()
    if isinstance(place, Path):
        told(place, 2)


def made_first(directory: Path) -> None:
    """A day of schema 1, when radios had no number; it was only ever in files."""
    texts = dict.fromkeys(TAGS, "TEXT NOT NULL")
    batch = {"batch": "INTEGER NOT NULL DEFAULT 0"}
    aps = Table("wifi_ap", {"time": "INTEGER NOT NULL", **texts, **batch, **FIELDS}, ("time", *TAGS))
    of_radio = {"time": "INTEGER NOT NULL", **texts, "band": "TEXT NOT NULL", **batch, **RADIO_FIELDS}
    radios = Table("wifi_radio", of_radio, ("time", *TAGS, "band"))

    def fill(day: Volume) -> None:
        filled(day)
        several = [
            (time, *device(number), batch, *map(fields.get, FIELDS)) for time, number, batch, fields in rows()
        ]
        day.load(aps, tuple(aps.columns), several)
        day.load(radios, tuple(radios.columns), [(BEGIN, *device(1), "5g", POLLER, -95, -61.25)])

    shelf = FileShelf(directory)
    shelf.open(NAME, Layout((*OF_BOTH, aps, radios), fill))
    shelf.close()
    told(directory, 1)


def told(directory: Path, version: int) -> None:
    with sqlite3.connect(directory / f"{NAME}.db") as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def taken_over(store: LocalStore) -> None:
    """All is there, and in its place in the journal; what is written on is numbered on."""
    assert everything(store) == sorted(
        expected(), key=lambda one: (one.measurement, one.time, *one.tags.values())
    )
    assert store.counts(ALL) == {"wifi_ap": MINUTES * DEVICES, "wifi_radio": 1}
    places = {place.writer: place for place in ends(store)}
    assert places.keys() == {"poller", "late"}
    assert set(places.values()) == {Position(DAY, TOKEN, "poller"), Position(DAY, TOKEN, "late")}
    assert set(ends(store).values()) == {MINUTES}
    some = following(store, places["late"], 4, 1).samples
    assert {(one.time, int(one.tags["ap"][-3:]) % 3) for one in some} == {(BEGIN + 240, 0)}
    assert len(some) == DEVICES // 3
    assert list(faults(store)) == []


def written_on(store: LocalStore) -> None:
    again = Sample("wifi_ap", dict(zip(TAGS, device(7), strict=True)), {"clients": 5}, BEGIN)
    store.write("poller", [again])
    (found,) = store.read("wifi_ap", Window(BEGIN, BEGIN + 1), {"ap": "ap-007"})
    assert found.fields == {"up": 0, "clients": 5, "poll_ms": 2000.5}
    assert store.counts(ALL)["wifi_ap"] == MINUTES * DEVICES
    place = next(place for place in ends(store) if place.writer == "poller")
    assert following(store, place, MINUTES, 100).samples == (found,)
    assert len(following(store, place, 0, 1).samples) == DEVICES - DEVICES // 3 + 1 - 1


def test_a_day_of_rows_becomes_blocks_on_either_shelf(where: Path | str) -> None:
    made_second(where)
    for _ in range(2):
        store = LocalStore.open(where)
        taken_over(store)
        store.close()
    store = LocalStore.open(where)
    written_on(store)
    store.close()


def test_a_day_that_had_its_tags_in_each_row_becomes_blocks_in_one_go(tmp_path: Path) -> None:
    made_first(tmp_path)
    store = LocalStore.open(tmp_path)
    taken_over(store)
    written_on(store)
    assert store.shelf.check(NAME) == []
    store.close()


def test_a_block_holds_the_rows_of_one_batch_and_set_of_fields(tmp_path: Path) -> None:
    made_second(tmp_path)
    store = LocalStore.open(tmp_path)
    keys = "SELECT stripe, batch, number FROM wifi_ap WHERE time = ? ORDER BY stripe, batch, number"
    found = store.day(DAY).execute(keys, (BEGIN,)).fetchall()
    assert (
        found == [(stripe, batch, number) for stripe in (0, 1) for batch in (1, 2) for number in (0, 1)][:7]
    )
    assert store.day(DAY).execute("PRAGMA user_version").fetchone() == (3,)
    store.close()


def test_a_day_for_whose_blocks_there_is_no_room_stays_as_it_was(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 4) as place:
        LocalStore.open(place / "metrics").close()
        made_second(place / "metrics")
        store = LocalStore.open(place / "metrics")
        filler = fill(place, leave=2**16)
        with pytest.raises(StoreFull):
            store.read("wifi_ap", ALL)
        filler.unlink()
        taken_over(store)
        store.close()
