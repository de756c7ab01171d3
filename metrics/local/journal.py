"""What a writer has written, in its order: the spool that sinks are fed from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from metrics.local.schema import origin
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore
from metrics.sample import Sample

_MOST_BATCHES: Final = 200  # SQLite takes 32,766 parameters; a step should stay short anyway


@dataclass(frozen=True, slots=True)
class Position:
    """A writer's place in one day, in the file with this token: the key of a cursor."""

    day: str
    origin: str
    writer: str


@dataclass(frozen=True, slots=True)
class Batches:
    """Consecutive batches of one writer and day, up to `seq`, as the store holds their points now."""

    position: Position
    seq: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    batch: int
    seq: int
    first: int
    last: int
    measurements: frozenset[str]
    points: int


def ends(store: LocalStore) -> dict[Position, int]:
    """The last seq of every writer and kept day, oldest day first."""
    found: dict[Position, int] = {}
    for day in store.days():
        with store.reading(day) as volume:
            token = origin(volume)
            for writer, seq in volume.execute("SELECT writer, seq FROM writers ORDER BY writer"):
                found[Position(day, token, writer)] = seq
    return found


def following(store: LocalStore, position: Position, seq: int, points: int) -> Batches:
    """The batches after `seq`, at least one if there is any, and no more than about `points` points.

    A point that a later batch has written again is left to that one, so fewer may come than were journalled.
    """
    with store.reading(position.day) as volume:
        entries = _entries(volume, position.writer, seq, points)
        samples = tuple(
            sample for name in _measurements(entries) for sample in _samples(store, volume, name, entries)
        )
    return Batches(position, entries[-1].seq if entries else seq, samples)


def _entries(volume: Volume, writer: str, seq: int, points: int) -> list[_Entry]:
    rows = volume.execute(
        "SELECT batch, seq, first, last, measurements, points FROM journal "
        "WHERE writer = ? AND seq > ? ORDER BY seq LIMIT ?",
        (writer, seq, _MOST_BATCHES),
    )
    found: list[_Entry] = []
    total = 0
    for batch, number, first, last, measurements, count in rows:
        total += count
        if found and total > points:
            break
        found.append(_Entry(batch, number, first, last, frozenset(measurements.split()), count))
    return found


def _measurements(entries: list[_Entry]) -> list[str]:
    return sorted({name for entry in entries for name in entry.measurements})


def _samples(store: LocalStore, volume: Volume, name: str, entries: list[_Entry]) -> Iterator[Sample]:
    mine = [entry for entry in entries if name in entry.measurements]
    span = (min(entry.first for entry in mine), max(entry.last for entry in mine))
    marks = ", ".join("?" * len(mine))
    condition = f"s.time BETWEEN ? AND ? AND s.batch IN ({marks})"
    return store.samples(volume, name, condition, (*span, *(entry.batch for entry in mine)))
