"""Saves what can be read of damaged days, and counts what cannot."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from metrics.errors import StoreBroken, StoreUnusable
from metrics.local.files import FileShelf
from metrics.local.guard_gaps import Gap, note
from metrics.local.repair_check import look_through
from metrics.local.repair_raw import salvaged_raw
from metrics.local.repair_reading import Damaged, Losses, reading, salvaged_cold
from metrics.local.retention import DAY_S, end_of
from metrics.local.schema import DAY, tags_of
from metrics.local.shelf import Layout
from metrics.sample import Sample
from metrics.sink import Window

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

log = logging.getLogger(__name__)

WRITER: Final = "repair"
_SHARD: Final = -1  # nobody polls it, so nobody is fenced out
_AT_ONCE: Final = 5_000
_FEW: Final = 20
"""So many series are asked for one by one."""
_NAME: Final = re.compile(r"(raw|cold)-(\d{4}-\d\d-\d\d).*\.db\.broken-(\d+)\Z")


@dataclass(frozen=True, slots=True)
class Repaired:
    """`saved` points of a damaged file are in the store again; about so many of each measurement are `lost`.

    In `lost` the empty name is of any measurement, and 0 an unknown number.
    """

    file: Path
    day: str
    saved: int
    lost: Mapping[str, int]


def repair(store: "LocalStore", now: int) -> Iterator[Repaired]:
    """Set aside every damaged day, then save what can be read of all that are aside. May run beside a Plaza.

    Nothing is deleted: the damaged file is renamed, from `.broken-` to `.repaired-`.
    """
    shelf = store.shelf
    if not isinstance(shelf, FileShelf):
        raise StoreUnusable(
            shelf.place, "PostgreSQL mends its own files", "see its documentation on recovery"
        )
    for name in shelf.names():
        if name.startswith(("raw-", "cold-")):
            _set_aside_if_damaged(store, shelf, name)
    for path in shelf.aside():
        found = _NAME.match(path.name)
        if found is not None:
            yield _saved(store, path, found[2], now)


def beyond_repair(store: "LocalStore") -> Iterator[str]:
    """What is wrong with volumes that are no days: nothing can be saved out of them, a backup has them."""
    shelf = store.shelf
    for name in shelf.names():
        if not name.startswith(("raw-", "cold-")):
            for fault in shelf.check(name):
                yield f"{fault} (plaza store restore brings it back out of a backup; stop Plaza before)"


def _set_aside_if_damaged(store: "LocalStore", shelf: FileShelf, name: str) -> None:
    faults = shelf.check(name)
    layout = DAY if name.startswith("raw-") else Layout(())
    try:
        shelf.open(name, layout)  # so that it is this very file which is moved
        if not faults:
            look_through(store, name)
    except StoreBroken as error:
        store.set_aside(error)
    except StoreUnusable:
        return  # a newer Plaza's, or not ours: it stays
    else:
        if faults:
            store.set_aside(StoreBroken(shelf.path(name), faults[0], "plaza store repair"))


def _saved(store: "LocalStore", path: Path, day: str, now: int) -> Repaired:
    """Points that were written again since are newer and stay."""
    cold, losses = path.name.startswith("cold-"), Losses()
    with closing(reading(path)) as connection:
        damaged = Damaged(connection, end_of(day) - DAY_S)
        for samples in (salvaged_cold if cold else salvaged_raw)(damaged, losses):
            fresh = _absent(store, samples)
            for start in range(0, len(fresh), _AT_ONCE):
                store.write(WRITER, fresh[start : start + _AT_ONCE], shard=_SHARD)
        lost = losses.of_cold(damaged) if cold else losses.of_raw(damaged)
    end = end_of(day)
    reason = f"{path.name} was damaged"
    note(store, [Gap(now, "", name, end - DAY_S, end - 1, points, reason) for name, points in lost.items()])
    for part in ("", "-wal", "-shm"):
        one = path.with_name(path.name + part)
        if one.exists():
            one.rename(one.with_name(one.name.replace(".broken-", ".repaired-")))
    log.warning("repaired a day", extra={"day": day, "saved": losses.saved, "lost": dict(lost)})
    return Repaired(path.with_name(path.name.replace(".broken-", ".repaired-")), day, losses.saved, lost)


def _absent(store: "LocalStore", samples: list[Sample]) -> list[Sample]:
    """Those of which the store has no point; they are of one measurement."""
    if not samples:
        return []
    name, times = samples[0].measurement, [sample.time for sample in samples]
    window = Window(min(times), max(times) + 1)
    tags = tags_of(name)
    series = {tags(sample): sample.tags for sample in samples}
    asked = [*series.values()] if len(series) <= _FEW else [{}]
    there = {(tags(one), one.time) for wanted in asked for one in store.read(name, window, wanted)}
    return [sample for sample in samples if (tags(sample), sample.time) not in there]
