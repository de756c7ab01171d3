"""The tables of a day: per measurement its series and their samples, and the day's journal."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, TAG_BEFORE, Kind, Measurement
from metrics.errors import CatalogError
from metrics.local import older
from metrics.local.shelf import Layout, Table, Volume
from metrics.sample import Sample

TYPES: Final = {Kind.INTEGER: "INTEGER", Kind.FLOAT: "REAL"}

JOURNAL: Final = Table(
    "journal",
    {
        "batch": "INTEGER NOT NULL",  # the mark on the batch's rows
        "writer": "TEXT NOT NULL",
        "seq": "INTEGER NOT NULL",
        "shard": "INTEGER NOT NULL",
        "epoch": "INTEGER NOT NULL",
        "first": "INTEGER NOT NULL",
        "last": "INTEGER NOT NULL",
        "measurements": "TEXT NOT NULL",
        "points": "INTEGER NOT NULL",
    },
    ("batch",),
    unique=("writer", "seq"),
)
# A day that was dropped and began anew counts from 1 again: whoever remembers a place needs to know the file.
ORIGIN: Final = Table("origin", {"token": "TEXT NOT NULL"}, ("token",))
# Each writer's last seq, so that no look at the backlog has to search the journal.
WRITERS: Final = Table("writers", {"writer": "TEXT NOT NULL", "seq": "INTEGER NOT NULL"}, ("writer",))


def series_table(measurement: Measurement) -> Table:
    """The sets of tags that have samples, each with a number of its own."""
    tags = {tag: _tag(tag) for tag in measurement.tags}
    name = f"{measurement.name}_series"
    return Table(name, {"id": "INTEGER NOT NULL", **tags}, ("id",), unique=measurement.tags)


def samples_table(measurement: Measurement) -> Table:
    """A row per series and time: what arrives together lies together."""
    fields = {name: TYPES[field.kind] for name, field in measurement.fields.items()}
    keys = dict.fromkeys(("time", "series", "batch"), "INTEGER NOT NULL")
    return Table(measurement.name, {**keys, **fields}, ("time", "series"))


def _tag(name: str) -> str:
    """A tag that came later has a value in the rows that older versions wrote."""
    return f"TEXT NOT NULL DEFAULT '{TAG_BEFORE[name]}'" if name in TAG_BEFORE else "TEXT NOT NULL"


def _new_origin(day: Volume) -> None:
    """Give a new day its token."""
    day.execute("INSERT INTO origin (token) VALUES (?)", (os.urandom(8).hex(),))


def _upgrade(day: Volume) -> None:
    """Schema 1 had the tags in each row."""
    for measurement in MEASUREMENTS.values():
        older.number_series(day, series_table(measurement), samples_table(measurement))


DAY: Final = Layout(
    (
        ORIGIN,
        JOURNAL,
        WRITERS,
        *(make(m) for m in MEASUREMENTS.values() for make in (series_table, samples_table)),
    ),
    _new_origin,
    _upgrade,
)


def origin(day: Volume) -> str:
    """The token of a day."""
    (token,) = day.execute("SELECT token FROM origin").fetchone()
    return str(token)


@cache
def select(name: str) -> str:
    """Rows for `maker`, of the samples `s`; it wants a WHERE after it. Raises CatalogError."""
    fields = ", ".join(f"s.{field}" for field in known(name).fields)
    return f"SELECT s.time, s.series, {fields} FROM {name} s "  # noqa: S608


def known(name: str) -> Measurement:
    """Raises CatalogError for a measurement that does not exist."""
    if name not in MEASUREMENTS:
        raise CatalogError(f"unknown measurement {name!r}")
    return MEASUREMENTS[name]


@cache
def on_conflict(name: str, fields: tuple[str, ...]) -> str:
    """A slot written again keeps what the second writing does not know, as InfluxDB does with a point."""
    merged = "".join(f", {field} = excluded.{field}" for field in fields)
    return f"ON CONFLICT (time, series) DO UPDATE SET batch = excluded.batch{merged}"


Tags = tuple[str, ...]


@cache
def tags_of(name: str) -> Callable[[Sample], Tags]:
    """How the tags of a sample of this measurement become a tuple in the catalogue's order."""
    first, *others = known(name).tags
    if others:
        values = itemgetter(first, *others)
        return lambda sample: values(sample.tags)
    return lambda sample: (sample.tags[first],)


Row = Sequence[Any]
Maker = Callable[[Row, Mapping[str, str]], Sample]


def maker(name: str, row: Row) -> Maker:
    """How rows of the select that have the same fields as `row` become samples, given their tags."""
    return _maker(name, tuple(value is not None for value in row[2:]))


@cache
def _maker(name: str, present: tuple[bool, ...]) -> Maker:
    fields = ", ".join(
        f"{field!r}: row[{place}]"
        for place, (field, is_there) in enumerate(zip(known(name).fields, present, strict=True), start=2)
        if is_there
    )
    # Made of nothing but the catalogue's names; a dict from zip takes three times as long.
    made: Maker = eval(  # noqa: S307
        f"lambda row, tags: Sample({name!r}, tags, {{{fields}}}, row[0])", {"Sample": Sample}
    )
    return made
