"""The tables of the rollups: per level its series and their buckets, and what is still to be derived."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from metrics.local.figures import Cells
from metrics.local.levels import LADDERS, SLOT_FIELDS, Level, Span
from metrics.local.schema import Tags
from metrics.local.shelf import Table, Volume
from metrics.sink import Window

BY_ZONE: Final = frozenset({Span.DAY, Span.MONTH})

SEEN: Final = Table("seen", {"origin": "TEXT NOT NULL", "batch": "INTEGER NOT NULL"}, ("origin",))
"""Up to which batch of a raw day it is known what has to be derived."""

DUE: Final = Table(
    "due",
    {
        "measurement": "TEXT NOT NULL",
        "span": "TEXT NOT NULL",
        "zone": "TEXT NOT NULL",
        "slot": "INTEGER NOT NULL",
    },
    ("measurement", "span", "zone", "slot"),
)
"""What has to be derived once it is over."""

CLOSED: Final = Table(
    "closed", {"measurement": "TEXT NOT NULL", "hour": "INTEGER NOT NULL"}, ("measurement",)
)
"""The end of the last hour of which everybody who was asked has a row."""


def series_table(level: Level) -> Table:
    """The sets of tags that have buckets, each with a number of its own."""
    tags = dict.fromkeys(level.by, "TEXT NOT NULL")
    return Table(f"{level.name}_series", {"id": "INTEGER NOT NULL", **tags}, ("id",), unique=level.by)


def buckets_table(level: Level, span: Span) -> Table:
    """A row per series and slot: when the bucket begins; of a day or month, the date."""
    columns = dict.fromkeys(("slot", "series", "expected", "got"), "INTEGER NOT NULL")
    if span in BY_ZONE:
        columns |= dict.fromkeys(("start", "until"), "INTEGER NOT NULL")
    return Table(f"{level.name}_{span}", {**columns, "figures": "BLOB NOT NULL"}, ("slot", "series"))


def all_tables() -> Iterator[Table]:
    """Of every level."""
    for measurement, levels in LADDERS.items():
        for level in levels:
            yield series_table(level)
            yield from (buckets_table(level, span) for span in (Span.HOUR, Span.DAY, Span.MONTH))
        if measurement in SLOT_FIELDS:
            yield buckets_table(levels[-1], Span.SLOT)


@dataclass(slots=True)
class Sum:
    """What becomes a row. `seen` counts the series that gave samples, 0 where the row is one itself."""

    expected: int = 0
    got: int = 0
    seen: int = 0
    cells: Cells = field(default_factory=dict)


class Stored(NamedTuple):
    """A row as it lies there."""

    slot: int
    tags: Tags
    expected: int
    got: int
    figures: bytes


def series_of(volume: Volume, level: Level) -> dict[Tags, int]:
    """The numbers of a level's series."""
    rows = volume.execute(f"SELECT id, {', '.join(level.by)} FROM {level.name}_series")  # noqa: S608
    return {tuple(tags): number for number, *tags in rows}


def stored(
    volume: Volume,
    level: Level,
    span: Span,
    slots: Window,
    wanted: Callable[[Tags], bool] = lambda _tags: True,
) -> Iterator[Stored]:
    """The rows whose slots lie in there, of the series that are wanted."""
    tags = {number: tags for tags, number in series_of(volume, level).items() if wanted(tags)}
    select = (
        f"SELECT slot, series, expected, got, figures FROM {level.name}_{span} "  # noqa: S608
        "WHERE slot >= ? AND slot < ?"
    )
    for slot, series, expected, got, figures in volume.execute(select, (slots.start, slots.end)):
        if series in tags:
            yield Stored(slot, tags[series], expected, got, figures)
