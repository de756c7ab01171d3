"""Looks for damage: in the files themselves, and between what Plaza wrote into them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from metrics.catalog import MEASUREMENTS
from metrics.errors import StoreBroken, StoreUnusable
from metrics.local.cold import ColdDay
from metrics.local.files import FileShelf
from metrics.local.levels import LADDERS, Span
from metrics.local.retention import DAY_S, end_of
from metrics.local.rollup_volume import opened
from metrics.local.shelf import Volume

if TYPE_CHECKING:
    from metrics.local.store import LocalStore


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


def _raw_faults(store: "LocalStore", day: str) -> Iterator[str]:
    with store.reading(day) as raw:
        rows = 0
        for name in MEASUREMENTS:
            rows += _one(raw, f"SELECT count(*) FROM {name}")  # noqa: S608
            series = f"SELECT id FROM {name}_series"  # noqa: S608
            for column, known in (("batch", "SELECT batch FROM journal"), ("series", series)):
                strays = _one(raw, f"SELECT count(*) FROM {name} WHERE {column} NOT IN ({known})")  # noqa: S608
                if strays:
                    yield f"{strays} points of {name} belong to no {column}"
        journalled = _one(raw, "SELECT coalesce(sum(points), 0) FROM journal")
        if rows > journalled:
            yield f"{rows} points, but the journal knows of {journalled}"
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
