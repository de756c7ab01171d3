"""A past day as chunks: its volume, and what it says of itself."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby, repeat
from operator import is_not
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.errors import StoreBroken, VolumeGone
from metrics.local.chunks import Columns, Value, check, decode
from metrics.local.schema import ORIGIN, Tags, series_table
from metrics.local.shelf import Fill, Layout, Shelf, Table, Volume
from metrics.sample import Sample

WRITER: Final = "chunks"
"""Whoever reads a cold day's journal finds one writer, whose batches are the chunks."""

# What of other volumes is in here: of a raw day up to which seq of each writer and up to which batch of all,
# of an earlier generation all its chunks.
INCLUDED: Final = Table(
    "included",
    {
        "origin": "TEXT NOT NULL",
        "writer": "TEXT NOT NULL",
        "seq": "INTEGER NOT NULL",
        "batch": "INTEGER NOT NULL",
    },
    ("origin", "writer"),
)
CHUNKS: Final = Table(
    "chunk",
    {
        "number": "INTEGER NOT NULL",
        "measurement": "TEXT NOT NULL",
        "series": "INTEGER NOT NULL",
        "points": "INTEGER NOT NULL",
        "first": "INTEGER NOT NULL",
        "last": "INTEGER NOT NULL",
        "data": "BLOB NOT NULL",
    },
    ("number",),
    unique=("measurement", "series"),
)
_TABLES: Final = (ORIGIN, INCLUDED, CHUNKS, *(series_table(m) for m in MEASUREMENTS.values()))
_NAME: Final = re.compile(r"cold-(\d{4}-\d\d-\d\d)-(\d+)\Z")


def layout(fill: Fill) -> Layout:
    """Of a new generation."""
    return Layout(_TABLES, fill)


def never_made(volume: Volume) -> None:
    """The fill of a volume that is only looked into. Raises VolumeGone."""
    raise VolumeGone(volume.name, "is gone", "it was dropped at this moment; try again")


_KEPT: Final = layout(never_made)


def name_of(day: str, generation: int) -> str:
    """The volume of a generation; whoever reads takes the highest."""
    return f"cold-{day}-{generation}"


def new_token() -> str:
    """What tells two volumes of one name from each other."""
    return os.urandom(8).hex()


def generations(names: Iterable[str]) -> dict[str, list[int]]:
    """The generations of each day, the highest last."""
    found: dict[str, list[int]] = {}
    for match in filter(None, map(_NAME.match, names)):
        found.setdefault(match[1], []).append(int(match[2]))
    return {day: sorted(numbers) for day, numbers in sorted(found.items())}


@dataclass(frozen=True, slots=True)
class Part:
    """How far another volume is in this one: a writer of a raw day, or the chunks of a generation."""

    seq: int
    batch: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What never changes of a generation. `chunks` are numbered from 1."""

    name: str
    token: str
    chunks: int
    included: Mapping[tuple[str, str], Part]

    def batch(self, origin: str) -> int:
        """Up to which batch a raw day is in here, 0 when nothing is."""
        return max((part.batch for (token, _), part in self.included.items() if token == origin), default=0)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One series of the day without its data."""

    number: int
    tags: Tags
    points: int
    first: int
    last: int


class ColdDay:
    """One generation as this thread holds it. Everything raises StoreBroken where a chunk is damaged."""

    __slots__ = ("_volume", "facts", "place")

    def __init__(self, shelf: Shelf, name: str) -> None:
        """Raises VolumeGone."""
        self._volume = shelf.open(name, _KEPT)
        self.place = f"{shelf.place}/{name}"
        self.facts = facts(self._volume)

    @property
    def volume(self) -> Volume:
        """For who reads it whole."""
        return self._volume

    def chunks(self, measurement: str, wanted: Mapping[str, str] | None = None) -> list[Chunk]:
        """The series of a measurement whose tags match."""
        tags = MEASUREMENTS[measurement].tags
        equal = "".join(f" AND t.{tag} = ?" for tag in wanted or {})
        select = (
            f"SELECT c.number, c.points, c.first, c.last, {', '.join(f't.{tag}' for tag in tags)} "  # noqa: S608
            f"FROM {measurement}_series t CROSS JOIN chunk c "  # not the other way round: SQLite keeps to it
            f"WHERE c.measurement = ? AND c.series = t.id{equal} ORDER BY c.number"
        )
        rows = self._volume.execute(select, (measurement, *(wanted or {}).values()))
        return [
            Chunk(number, tuple(values), points, first, last) for number, points, first, last, *values in rows
        ]

    def data(self, number: int) -> bytes:
        """A chunk as it is stored."""
        row = self._volume.execute("SELECT data FROM chunk WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise StoreBroken(self.place, f"chunk {number} is missing", MEND)
        return bytes(row[0])

    def checked(self, number: int) -> bytes:
        """The same, once its checksum is right."""
        data = self.data(number)
        try:
            check(data)
        except ValueError as error:
            raise StoreBroken(self.place, f"chunk {number}: {error}", MEND) from error
        return data

    def columns(self, number: int, fields: Sequence[str] | None = None) -> Columns:
        """What is in a chunk."""
        try:
            return decode(self.data(number), fields)
        except ValueError as error:
            raise StoreBroken(self.place, f"chunk {number}: {error}", MEND) from error

    def points(self, number: int) -> int:
        """How many are in the chunks after this one."""
        total = "SELECT coalesce(sum(points), 0) FROM chunk WHERE number > ?"
        (points,) = self._volume.execute(total, (number,)).fetchone()
        return int(points)

    def following(self, number: int, points: int) -> tuple[int, list[Sample]]:
        """The next chunks, of about so many points but at least one; before them the last one's number."""
        rows = self._volume.execute(
            "SELECT number, measurement, series, points FROM chunk WHERE number > ? ORDER BY number LIMIT ?",
            (number, _MOST_CHUNKS),
        ).fetchall()
        found: list[Sample] = []
        for one, measurement, series, count in rows:
            if found and len(found) + count > points:
                break
            number = one
            if measurement in MEASUREMENTS:
                found.extend(samples(measurement, self._tags(measurement, series), self.columns(one)))
        return number, found

    def _tags(self, measurement: str, series: int) -> Tags:
        tags = ", ".join(MEASUREMENTS[measurement].tags)
        select = f"SELECT {tags} FROM {measurement}_series WHERE id = ?"  # noqa: S608
        return tuple(self._volume.execute(select, (series,)).fetchone())


MEND: Final = "plaza store repair saves what can be read"
_MOST_CHUNKS: Final = 200


def facts(volume: Volume) -> Facts:
    """What a generation says of itself."""
    (token,) = volume.execute("SELECT token FROM origin").fetchone()
    (chunks,) = volume.execute("SELECT coalesce(max(number), 0) FROM chunk").fetchone()
    rows = volume.execute("SELECT origin, writer, seq, batch FROM included")
    included = {(origin, writer): Part(seq, batch) for origin, writer, seq, batch in rows}
    return Facts(volume.name, token, chunks, included)


def samples(measurement: str, tags: Tags, columns: Columns) -> Iterator[Sample]:
    """The rows of a chunk as they were written; fields that the catalogue no longer knows are left out."""
    known = MEASUREMENTS[measurement]
    labels = dict(zip(known.tags, tags, strict=True))
    fields = {name: values for name, values in columns.fields.items() if name in known.fields}
    for begin, end, names in _stretches(fields, len(columns.times)):
        make = partial(_maker(measurement, names), labels)
        yield from map(make, columns.times[begin:end], *(fields[name][begin:end] for name in names))


def _stretches(
    fields: Mapping[str, Sequence[Value]], count: int
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Stretches of rows that have the same fields."""
    names = tuple(fields)
    gappy = [name for name in names if None in fields[name]]
    if not gappy:
        yield 0, count, names
        return
    known = zip(*(map(is_not, fields[name], repeat(None)) for name in gappy), strict=True)
    begin = 0
    for there, several in groupby(known):
        end = begin + sum(1 for _ in several)
        absent = {name for name, is_there in zip(gappy, there, strict=True) if not is_there}
        yield begin, end, tuple(name for name in names if name not in absent)
        begin = end


@cache
def _maker(measurement: str, names: tuple[str, ...]) -> Callable[..., Sample]:
    """How tags, a time and the values of these fields become a sample."""
    values = [f"value{place}" for place in range(len(names))]
    fields = ", ".join(f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
    # Made of nothing but the catalogue's names; a dict from zip takes three times as long.
    made: Callable[..., Sample] = eval(  # noqa: S307
        f"lambda {', '.join(('tags', 'time', *values))}: Sample({measurement!r}, tags, {{{fields}}}, time)",
        {"Sample": Sample},
    )
    return made
