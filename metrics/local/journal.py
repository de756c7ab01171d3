"""What a writer has written, in its order: the spool that sinks are fed from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from metrics.line_protocol import encode
from metrics.local import raw_days
from metrics.local.blocks import Block
from metrics.local.cold import WRITER as CHUNKS
from metrics.local.cold import generations, name_of
from metrics.local.cold_days import Kept, looking
from metrics.local.schema import origin
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window

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
class Lines:
    """The same as line protocol, a line for each point: what sinks are fed with."""

    position: Position
    seq: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    batch: int
    seq: int
    first: int
    last: int
    measurements: frozenset[str]
    points: int


def ends(store: LocalStore) -> dict[Position, int]:
    """The last seq of every writer and kept day, oldest day first.

    A day's chunks are one writer, ahead of what came late for it. Where the raw day that they were made of is
    still there, that one is read.
    """
    found: dict[Position, int] = {}
    names = store.shelf.names()
    raw, chunks = store.days_of(names), generations(names)
    for day in sorted({*raw, *chunks}):
        if day in raw or name_of(day, chunks[day][-1]) not in store.facts:
            with looking(store, day) as kept:
                found |= ends_of(kept)
                if kept.cold is not None:
                    store.facts[kept.cold.facts.name] = kept.cold.facts
        else:
            facts = store.facts[name_of(day, chunks[day][-1])]
            found[Position(day, facts.token, CHUNKS)] = facts.chunks
    for gone in store.facts.keys() - set(names):
        store.facts.pop(gone, None)
    return found


def positions(store: LocalStore) -> set[Position]:
    """Everything that a cursor may stand for."""
    found: set[Position] = set()
    for day in store.kept():
        with looking(store, day) as kept:
            found |= ends_of(kept).keys()
            if kept.cold is not None:
                found.add(Position(day, kept.cold.facts.token, CHUNKS))
                found |= {Position(day, token, writer) for token, writer in kept.cold.facts.included}
    return found


def ends_of(kept: Kept) -> dict[Position, int]:
    """The last seqs of one day."""
    found: dict[Position, int] = {}
    token = origin(kept.whole) if kept.whole is not None else ""
    if kept.cold is not None and not kept.cold.facts.batch(token):
        facts = kept.cold.facts
        found[Position(kept.day, facts.token, CHUNKS)] = facts.chunks
    if kept.whole is not None:
        for writer, seq in kept.whole.execute("SELECT writer, seq FROM writers ORDER BY writer"):
            found[Position(kept.day, token, writer)] = seq
    return found


def following(store: LocalStore, position: Position, seq: int, points: int) -> Batches:
    """The batches after `seq`, at least one if there is any, and no more than about `points` points.

    A point that a later batch has written again is left to that one, so fewer may come than were journalled.
    Of a day that is gone, or made cold meanwhile, nothing comes.
    """
    with looking(store, position.day) as kept:
        if kept.cold is not None and kept.cold.facts.token == position.origin:
            reached, chunked = kept.cold.following(seq, points)
            return Batches(position, reached, tuple(chunked))
        if kept.whole is not None and origin(kept.whole) == position.origin:
            entries = _entries(kept.whole, position.writer, seq, points)
            samples = [
                one
                for name, blocks in _chosen(kept.whole, entries)
                for one in store.samples(kept.whole, name, blocks)
            ]
            return Batches(position, entries[-1].seq if entries else seq, tuple(samples))
    return Batches(position, seq, ())


def following_lines(store: LocalStore, position: Position, seq: int, points: int) -> Lines:
    """The same as `following`, at half the cost: no sample is made of what lies there as it came."""
    with looking(store, position.day) as kept:
        if kept.whole is not None and origin(kept.whole) == position.origin and not _is_cold(kept, position):
            entries = _entries(kept.whole, position.writer, seq, points)
            lines: list[str] = []
            for name, blocks in _chosen(kept.whole, entries):
                lines.extend(store.lines(kept.whole, name, blocks))
            return Lines(position, entries[-1].seq if entries else seq, tuple(lines))
    found = following(store, position, seq, points)
    text = encode(found.samples).decode()
    return Lines(position, found.seq, tuple(text.split("\n")) if text else ())


def _is_cold(kept: Kept, position: Position) -> bool:
    return kept.cold is not None and kept.cold.facts.token == position.origin


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


def _chosen(volume: Volume, entries: list[_Entry]) -> Iterator[tuple[str, Iterator[Block]]]:
    """The blocks of these batches, measurement by measurement."""
    for name in sorted({name for entry in entries for name in entry.measurements}):
        mine = [entry for entry in entries if name in entry.measurements]
        window = Window(min(entry.first for entry in mine), max(entry.last for entry in mine) + 1)
        yield name, raw_days.of_batches(volume, name, window, [entry.batch for entry in mine])
