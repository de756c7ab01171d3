"""Looks for damage: in the files themselves, and between what Plaza wrote into them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from metrics.catalog import MEASUREMENTS
from metrics.errors import StoreBroken, StoreUnusable
from metrics.local import blocks, raw_days
from metrics.local.blocks import Block
from metrics.local.cold import ColdDay
from metrics.local.files import FileShelf
from metrics.local.levels import LADDERS, Span
from metrics.local.retention import DAY_S, end_of
from metrics.local.rollup_volume import opened
from metrics.local.shelf import Volume
from metrics.sink import Window

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

_EVER: Final = Window(-(2**63), 2**63 - 1)
_BEFORE_ALL: Final = -(2**63)


def faults(store: "LocalStore") -> Iterator[str]:
    """One clear line for each; none when all is well. Reads everything."""
    shelf = store.shelf
    for name in shelf.names():
        found = shelf.check(name)
        yield from found
        if found:
            continue
        try:
            if name.startswith("raw-"):
                yield from (f"{name}: {fault}" for fault in _raw_faults(store, name.removeprefix("raw-")))
            elif name.startswith("cold-"):
                yield from (f"{name}: {fault}" for fault in _cold_faults(ColdDay(shelf, name)))
                yield from _without_hours(store, name)
        except StoreUnusable as error:
            yield str(error)
    if isinstance(shelf, FileShelf):
        for path in shelf.aside():
            yield f"{path}: damaged and set aside; plaza store repair saves what can be read"


def look_through(store: "LocalStore", name: str) -> None:
    """Raises StoreBroken at the first block or chunk that is not as it was, however whole the file."""
    if name.startswith("raw-"):
        with store.reading(name.removeprefix("raw-")) as raw:
            for measurement in MEASUREMENTS:
                for block in _every(raw, measurement):
                    with raw_days.sound(raw):
                        blocks.check(block)
    else:
        day = ColdDay(store.shelf, name)
        for measurement in MEASUREMENTS:
            for chunk in day.chunks(measurement):
                day.checked(chunk.number)


def _every(raw: Volume, measurement: str) -> Iterator[Block]:
    """All blocks that are there, also those that are nobody's."""
    stripes = [one for (one,) in raw.execute(f"SELECT DISTINCT stripe FROM {measurement}")]  # noqa: S608
    return raw_days.blocks(raw, measurement, _EVER, stripes=stripes, after=_BEFORE_ALL)


@dataclass(slots=True)
class _Looked:
    """What the blocks of a measurement hold: in points, but of `damaged` what is wrong with each block."""

    points: int = 0
    without_batch: int = 0
    without_series: int = 0
    twice: int = 0
    damaged: list[str] = field(default_factory=list)

    def faults(self, name: str) -> Iterator[str]:
        """In words."""
        if self.damaged:
            yield f"{len(self.damaged)} blocks of {name} are damaged: {self.damaged[0]}"
        if self.without_batch:
            yield f"{self.without_batch} points of {name} belong to no batch"
        if self.without_series:
            yield f"{self.without_series} points of {name} belong to no series"
        if self.twice:
            yield f"{self.twice} points of {name} are in two blocks"


def _looked(raw: Volume, measurement: str, batches: Collection[int]) -> _Looked:
    found = _Looked()
    known = raw_days.bits(raw_days.series(raw, measurement, {}))
    at, there = (-1, -1), 0
    for block in _every(raw, measurement):
        if (block.stripe, block.time) != at:
            at, there = (block.stripe, block.time), 0
        points = block.members.bit_count()
        found.points += points
        found.without_batch += 0 if block.batch in batches else points
        found.without_series += (block.members & ~known.get(block.stripe, 0)).bit_count()
        found.twice += (block.members & there).bit_count()
        there |= block.members
        try:
            blocks.check(block)
        except ValueError as error:
            found.damaged.append(f"stripe {block.stripe} at {block.time}: {error}")
    return found


def _raw_faults(store: "LocalStore", day: str) -> Iterator[str]:
    with store.reading(day) as raw:
        batches = {batch for (batch,) in raw.execute("SELECT batch FROM journal")}
        points = 0
        for name in MEASUREMENTS:
            looked = _looked(raw, name, batches)
            points += looked.points
            yield from looked.faults(name)
        journalled = _one(raw, "SELECT coalesce(sum(points), 0) FROM journal")
        if points > journalled:
            yield f"{points} points, but the journal knows of {journalled}"
        behind = raw.execute(
            "SELECT j.writer FROM journal j LEFT JOIN writers w ON w.writer = j.writer "
            "GROUP BY j.writer, w.seq HAVING w.seq IS NULL OR max(j.seq) > w.seq"
        )
        for (writer,) in behind:
            yield f"writer {writer} has batches beyond its last one"


def _one(volume: Volume, statement: str) -> int:
    return int(volume.execute(statement).fetchone()[0])


def _cold_faults(day: ColdDay) -> Iterator[str]:
    if not day.facts.included:
        yield "it does not say what it was made of"
    found = 0
    for name in MEASUREMENTS:
        for chunk in day.chunks(name):
            found += 1
            try:
                times = day.columns(chunk.number).times
            except StoreBroken as error:
                yield str(error)
                continue
            if (len(times), times[:1], times[-1:]) != (chunk.points, [chunk.first], [chunk.last]):
                yield f"chunk {chunk.number} holds other points than it says"
    if found != day.facts.chunks:
        yield f"{day.facts.chunks} chunks, of which {found} can be told whose they are"


def _without_hours(store: "LocalStore", name: str) -> Iterator[str]:
    """A day is rolled up before it becomes cold; only where all hours of its age went there are none."""
    end, rollup = end_of(name.removeprefix("cold-")[:10]), opened(store)
    day = ColdDay(store.shelf, name)
    for measurement, levels in LADDERS.items():
        table = f"{levels[-1].name}_{Span.HOUR}"
        begin = end - DAY_S if day.chunks(measurement) else end
        there = f"SELECT count(*) FROM {table} WHERE slot >= {begin} AND slot < {end}"  # noqa: S608
        older = f"SELECT count(*) FROM {table} WHERE slot < {end}"  # noqa: S608
        if begin < end and not _one(rollup, there) and _one(rollup, older):
            yield f"{name}: no hours of {measurement}, although there are older ones"
