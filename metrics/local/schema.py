"""The tables of a day: per measurement its series and their blocks, and the day's journal."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, TAG_BEFORE, Measurement
from metrics.errors import CatalogError
from metrics.local import older
from metrics.local.shelf import Layout, Table, Volume
from metrics.sample import Sample

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
    """A row per block (blocks.py); `number` tells those of one batch and time from each other.

    The members belong to the key so that who asks for them need not touch the data.
    """
    key = dict.fromkeys(("stripe", "time", "batch", "number", "members"), "INTEGER NOT NULL")
    return Table(measurement.name, {**key, "data": "BLOB NOT NULL"}, tuple(key), large=True)


def _tag(name: str) -> str:
    """A tag that came later has a value in the rows that older versions wrote."""
    return f"TEXT NOT NULL DEFAULT '{TAG_BEFORE[name]}'" if name in TAG_BEFORE else "TEXT NOT NULL"


def _new_origin(day: Volume) -> None:
    """Give a new day its token."""
    day.execute("INSERT INTO origin (token) VALUES (?)", (os.urandom(8).hex(),))


def _upgrade(day: Volume) -> None:
    """Schema 1 had the tags in each row, schema 2 a row for each series and time."""
    for measurement in MEASUREMENTS.values():
        older.into_blocks(day, measurement, series_table(measurement), samples_table(measurement))


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


def known(name: str) -> Measurement:
    """Raises CatalogError for a measurement that does not exist."""
    if name not in MEASUREMENTS:
        raise CatalogError(f"unknown measurement {name!r}")
    return MEASUREMENTS[name]


Tags = tuple[str, ...]


@cache
def tags_of(name: str) -> Callable[[Sample], Tags]:
    """How the tags of a sample of this measurement become a tuple in the catalogue's order."""
    first, *others = known(name).tags
    if others:
        values = itemgetter(first, *others)
        return lambda sample: values(sample.tags)
    return lambda sample: (sample.tags[first],)


Maker = Callable[[Sequence[Any], Mapping[str, str], int], Sample]


@cache
def maker(name: str, fields: tuple[str, ...]) -> Maker:
    """How the values of these fields, the tags and the time become a sample.

    Fields that the catalogue no longer knows are left out.
    """
    known_fields = known(name).fields
    made = ", ".join(f"{one!r}: row[{at}]" for at, one in enumerate(fields) if one in known_fields)
    # Made of nothing but the catalogue's names; a dict from zip takes three times as long.
    make: Maker = eval(  # noqa: S307
        f"lambda row, tags, time: Sample({name!r}, tags, {{{made}}}, time)", {"Sample": Sample}
    )
    return make
