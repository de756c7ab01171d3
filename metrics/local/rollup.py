"""Hours from samples: derived once an hour is closed, and again whenever a late sample touches it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, Measurement
from metrics.errors import CatalogError
from metrics.local.counters import LONGEST_SILENCE_S, Growths, Reading
from metrics.local.schema import origin
from metrics.local.shelf import Layout, Table, Volume
from metrics.local.store import LocalStore, day_of
from metrics.sink import Window

HOUR_S: Final = 3_600
_NAME: Final = "rollup"
_RAW: Final = MEASUREMENTS["wifi_ap"]  # the one whose counters have an uptime beside them
_COUNTERS: Final = tuple(name for name, field in _RAW.fields.items() if field.counter)
_GAUGES: Final = tuple(name for name in _RAW.fields if name not in _COUNTERS)


def _hour_table(name: str, measurement: Measurement) -> Table:
    """Every figure has the number of values behind it: none known is not zero."""
    columns = {"hour": "INTEGER NOT NULL", **dict.fromkeys(measurement.tags, "TEXT NOT NULL")}
    columns |= {"expected": "INTEGER NOT NULL DEFAULT 0", "got": "INTEGER NOT NULL DEFAULT 0"}
    for field in _GAUGES:
        columns |= {
            f"{field}_n": "INTEGER NOT NULL DEFAULT 0",
            f"{field}_sum": "REAL",
            f"{field}_max": "REAL",
        }
    for field in _COUNTERS:
        columns |= {f"{field}_n": "INTEGER NOT NULL DEFAULT 0", f"{field}_sum": "INTEGER"}
    return Table(name, columns, ("hour", *measurement.tags))


_AP_HOURS: Final = _hour_table("ap_hour", _RAW)
_MUN_HOURS: Final = _hour_table("mun_hour", MEASUREMENTS["hotspot_mun"])
_HOURS: Final = {"wifi_ap": _AP_HOURS, "hotspot_mun": _MUN_HOURS}
_AP: Final = _RAW.tags.index("ap")

Expected = Callable[[str], int]
"""Samples an hour of an access point should have."""

_SEEN: Final = Table("seen", {"origin": "TEXT NOT NULL", "batch": "INTEGER NOT NULL"}, ("origin",))
_PENDING: Final = Table("pending", {"hour": "INTEGER NOT NULL"}, ("hour",))
_LAYOUT: Final = Layout((_AP_HOURS, _MUN_HOURS, _SEEN, _PENDING))


@dataclass(frozen=True, slots=True)
class Figure:
    """`total` of `known` values and the largest of them; of a counter, its growth over `known` intervals."""

    known: int
    total: float
    largest: float | None = None

    @property
    def mean(self) -> float:
        """Of the known values."""
        return self.total / self.known


@dataclass(frozen=True, slots=True)
class Hour:
    """One access point (`wifi_ap`) or municipality (`hotspot_mun`) in the UTC hour that begins at `start`.

    `got` of `expected` samples are there; a figure nobody measured is absent, and an hour without samples has
    no Hour. In a municipality `largest` is the largest of a single access point.
    """

    tags: Mapping[str, str]
    start: int
    expected: int
    got: int
    figures: Mapping[str, Figure]


def roll_up(store: LocalStore, now: int, *, expected_per_hour: int | Expected = 60) -> int:
    """Derive every closed hour that has new samples; answer how many. May be called at any time, by anyone.

    `expected_per_hour` is how many samples a polled access point should give: 3600 / polling interval in s,
    the same for all or by its tag `ap`.
    """
    expected = expected_per_hour if callable(expected_per_hour) else _of_all(expected_per_hour)
    volume = store.shelf.open(_NAME, _LAYOUT)
    _note_new_samples(store, volume)
    closed = (now // HOUR_S) * HOUR_S
    rows = volume.execute("SELECT hour FROM pending WHERE hour < ? ORDER BY hour", (closed,)).fetchall()
    for (hour,) in rows:
        with volume.writing():
            _derive(store, volume, hour, expected)
    return len(rows)


def hours(
    store: LocalStore, measurement: str, window: Window, tags: Mapping[str, str] | None = None
) -> list[Hour]:
    """The derived hours of `wifi_ap` or `hotspot_mun` that begin in the window, oldest first."""
    table = _HOURS.get(measurement)
    wanted = dict(tags or {})
    if table is None or not wanted.keys() <= set(table.key):
        raise CatalogError(f"no hours of {measurement!r} by {sorted(wanted)}")
    conditions = "".join(f" AND {tag} = ?" for tag in wanted)
    select = f"SELECT * FROM {table.name} WHERE hour >= ? AND hour < ?{conditions} ORDER BY hour"  # noqa: S608
    found = store.shelf.open(_NAME, _LAYOUT).execute(select, (window.start, window.end, *wanted.values()))
    names = [column[0] for column in found.description]
    return [_hour(table, dict(zip(names, row, strict=True))) for row in found]


def _hour(table: Table, row: Mapping[str, Any]) -> Hour:
    figures = {
        field: Figure(row[f"{field}_n"], row[f"{field}_sum"], row.get(f"{field}_max"))
        for field in _RAW.fields
        if row[f"{field}_n"]
    }
    return Hour({tag: row[tag] for tag in table.key[1:]}, row["hour"], row["expected"], row["got"], figures)


def _note_new_samples(store: LocalStore, volume: Volume) -> None:
    """Every hour a new batch reaches becomes pending, and the next one: its first growth may begin here."""
    seen = dict(volume.execute("SELECT origin, batch FROM seen").fetchall())
    for day in store.days():
        with store.reading(day) as raw:
            token = origin(raw)
            journal = raw.execute(
                "SELECT batch, first, last, measurements FROM journal WHERE batch > ? ORDER BY batch",
                (seen.get(token, 0),),
            ).fetchall()
        if not journal:
            continue
        touched = {hour for row in journal for hour in _touched(row)}
        with volume.writing():
            volume.executemany("INSERT OR IGNORE INTO pending VALUES (?)", [(hour,) for hour in touched])
            volume.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (token, journal[-1][0]))


def _touched(entry: tuple[int, int, int, str]) -> Iterator[int]:
    _, first, last, measurements = entry
    if _RAW.name in measurements.split():
        yield from range(first // HOUR_S * HOUR_S, last + HOUR_S + 1, HOUR_S)


def _of_all(number: int) -> Expected:
    return lambda _: number


def _derive(store: LocalStore, volume: Volume, hour: int, expected: Expected) -> None:
    day = day_of(hour)
    if day in store.days():
        width = len(_RAW.tags)
        grown = _growths(store, hour)
        with store.reading(day) as raw:
            rows = raw.execute(_SUMMARY, (hour, hour + HOUR_S)).fetchall()
        whole = [
            (hour, *row[:width], expected(row[_AP]), *row[width:], *_columns(grown.get(row[:width])))
            for row in rows
        ]
        volume.executemany(_KEEP, whole)
        volume.execute(_MUNICIPALITIES, (hour,))
    volume.execute("DELETE FROM pending WHERE hour = ?", (hour,))


def _columns(growths: Growths | None) -> Iterator[int | None]:
    for index in range(len(_COUNTERS)):
        known = growths.known[index] if growths else 0
        yield known
        yield growths.total[index] if growths and known else None


_Tags = tuple[str, ...]
_TAGS_FROM: Final = 2 + len(_COUNTERS)


def _growths(store: LocalStore, hour: int) -> dict[_Tags, Growths]:
    """An interval counts in the hour it ends in."""
    first: dict[_Tags, Reading] = {}
    last: dict[_Tags, Reading] = {}
    grown: dict[_Tags, Growths] = {}
    for reading in _readings(store, Window(hour, hour + HOUR_S), "ASC"):
        tags = reading[_TAGS_FROM:]
        before = last.get(tags)
        if before is None:
            first[tags] = reading
            grown[tags] = Growths(len(_COUNTERS))
        else:
            grown[tags].add(before, reading)
        last[tags] = reading
    for before in _readings(store, Window(hour - LONGEST_SILENCE_S, hour), "DESC"):
        if not first:
            break
        after = first.pop(before[_TAGS_FROM:], None)
        if after is not None:
            grown[before[_TAGS_FROM:]].add(before, after)
    return grown


def _readings(store: LocalStore, window: Window, order: str) -> Iterator[tuple[Any, ...]]:
    """A window lies in one day: both its ends are hours of the clock."""
    day = day_of(window.start)
    select = (
        f"SELECT time, uptime_s, {', '.join(_COUNTERS)}, {', '.join(_RAW.tags)} FROM {_RAW.name} s "  # noqa: S608
        f"JOIN {_RAW.name}_series t ON t.id = s.series WHERE time >= ? AND time < ? "
        f"AND coalesce({', '.join(_COUNTERS)}) IS NOT NULL ORDER BY time {order}"
    )
    if day in store.days():
        with store.reading(day) as raw:
            yield from raw.execute(select, (window.start, window.end))


def _summary() -> str:
    tags = ", ".join(_RAW.tags)
    figures = ", ".join(f"count({field}), sum({field}), max({field})" for field in _GAUGES)
    return (
        f"SELECT {tags}, count(*), {figures} FROM {_RAW.name} s "  # noqa: S608
        f"JOIN {_RAW.name}_series t ON t.id = s.series WHERE time >= ? AND time < ? GROUP BY {tags}"
    )


def _keep() -> str:
    """Fewer samples than before means that raw ones were dropped since: then the old hour is better."""
    columns = list(_AP_HOURS.columns)
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in _AP_HOURS.key)
    return (
        f"INSERT INTO {_AP_HOURS.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "  # noqa: S608
        f"ON CONFLICT DO UPDATE SET {updates} WHERE excluded.got >= got"
    )


def _municipalities() -> str:
    sums = {column: f"sum({column})" for column in _MUN_HOURS.columns if column not in _MUN_HOURS.key}
    sums |= {column: f"max({column})" for column in sums if column.endswith("_max")}
    return (
        f"INSERT OR REPLACE INTO {_MUN_HOURS.name} (hour, mun, {', '.join(sums)}) "  # noqa: S608
        f"SELECT hour, mun, {', '.join(sums.values())} FROM {_AP_HOURS.name} WHERE hour = ? GROUP BY mun"
    )


_SUMMARY: Final = _summary()
_KEEP: Final = _keep()
_MUNICIPALITIES: Final = _municipalities()
