"""What is kept for how long: raw days become cold, cold days go once every sink has them."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from metrics.local import cold
from metrics.local.cold import WRITER as CHUNKS
from metrics.local.cold import Facts
from metrics.local.cold_days import looking
from metrics.local.cold_making import make
from metrics.local.cursors import Cursor, Cursors
from metrics.local.files import FileShelf
from metrics.local.guard_clock import may_drop
from metrics.local.journal import Position, ends_of, positions
from metrics.local.schema import origin
from metrics.local.store import LocalStore

log = logging.getLogger(__name__)

DAY_S: Final = 86_400
_TRIES: Final = 3

RolledUp = Callable[[str, str, int], bool]
"""Whether the rollups are done with a day whose raw volume has this token, up to this batch."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long after its end a day stays as it came, and how long in chunks."""

    raw_hours: int
    chunk_days: int


def retain(store: LocalStore, now: int, terms: Terms, sinks: Sequence[str], rolled_up: RolledUp) -> None:
    """Make cold and drop what is due. May be called at any time, by anyone. Raises StoreUnusable.

    A day is made cold although sinks lag, and dropped only when each of `sinks` has it. After a leap of the
    clock nothing is dropped for a day: it may be the clock that is wrong.
    """
    if isinstance(store.shelf, FileShelf):
        store.shelf.sweep()
    waiting: list[str] = []
    dropping = may_drop(store, now)
    for day in store.kept():
        age_s = now - end_of(day)
        if age_s >= terms.raw_hours * 3600:
            cool(store, day, now, sinks, rolled_up)
        if dropping and age_s >= terms.chunk_days * DAY_S and not _drop_if_safe(store, day, sinks):
            waiting.append(day)
    if waiting:
        log.warning(
            "old days wait for a sink or a rollup", extra={"days": len(waiting), "oldest": waiting[0]}
        )
    here = positions(store)
    for sink in Cursors(store, "").known():
        Cursors(store, sink).tidy(here)


def end_of(day: str) -> int:
    """The epoch second at which a UTC day is over."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) + DAY_S


def cool(store: LocalStore, day: str, now: int, sinks: Sequence[str], rolled_up: RolledUp) -> bool:
    """Put a day's samples into chunks and drop the raw day; answer whether there is none any more.

    What is written meanwhile is put into the next generation, and so is what comes later.
    """
    for _ in range(_TRIES):
        if day not in store.days():
            return True
        if not _is_rolled_up(store, day, rolled_up):
            return False
        make(store, day, now)
        if _gave_up_raw(store, day, sinks):
            log.info("made a day cold", extra={"day": day})
            return True
    return False


def _is_rolled_up(store: LocalStore, day: str, rolled_up: RolledUp) -> bool:
    found = False
    with looking(store, day) as kept:
        found = kept.raw is None
        if kept.raw is not None:
            (last,) = kept.raw.execute("SELECT max(batch) FROM journal").fetchone()
            found = rolled_up(day, origin(kept.raw), last)
    return found


def _gave_up_raw(store: LocalStore, day: str, sinks: Sequence[str]) -> bool:
    """Drop the raw day if all of it is in the newest generation, and the generations before that one.

    A sink that has all which the generation was made of has nothing to get from it.
    """
    newest: str | None = None
    with store.still():
        with looking(store, day) as kept:
            if kept.raw is None:
                newest = kept.cold.facts.name if kept.cold is not None else ""
            if newest and kept.cold is not None:
                _cover(store, day, kept.cold.facts, {*sinks, *Cursors(store, "").known()})
        if newest is not None:
            store.drop(day)
            _drop_generations(store, day, but=newest)
    return newest is not None


def _cover(store: LocalStore, day: str, facts: Facts, sinks: Iterable[str]) -> None:
    place = Position(day, facts.token, CHUNKS)
    parts = {Position(day, token, writer): part.seq for (token, writer), part in facts.included.items()}
    for sink in sinks:
        Cursors(store, sink).cover(place, facts.chunks, parts)


def _drop_generations(store: LocalStore, day: str, *, but: str = "") -> None:
    for generation in cold.generations(store.shelf.names()).get(day, []):
        name = cold.name_of(day, generation)
        if name != but:
            store.shelf.drop(name)


def drop_cold(store: LocalStore, day: str) -> None:
    """Give the space of a day's chunks back."""
    _drop_generations(store, day)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many points a day has, and how many of them sinks have not got."""

    day: str
    points: int
    lacking: Mapping[str, int]


def standing(store: LocalStore, day: str, sinks: Sequence[str]) -> Standing | None:
    """None when the day is not cold, or not only cold."""
    found: Standing | None = None
    with looking(store, day) as kept:
        if kept.cold is not None and kept.whole is None:
            place = Position(day, kept.cold.facts.token, CHUNKS)
            cursors = {sink: Cursors(store, sink).load().get(place, Cursor(0, 0)) for sink in sinks}
            lacking = {sink: kept.cold.points(cursor.seq) for sink, cursor in cursors.items()}
            found = Standing(
                day, kept.cold.points(0), {sink: points for sink, points in lacking.items() if points}
            )
    return found


def raw_standing(store: LocalStore, day: str, sinks: Sequence[str]) -> Standing:
    """Of a day as it came, by its journal."""
    lacking = dict.fromkeys(sinks, 0)
    total = 0
    left = "SELECT coalesce(sum(points), 0) FROM journal WHERE writer = ? AND seq > ?"
    with looking(store, day) as kept:
        for place in ends_of(kept) if kept.whole is not None else ():
            if kept.whole is not None and place.writer != CHUNKS:
                total += kept.whole.execute(left, (place.writer, 0)).fetchone()[0]
                for sink in sinks:
                    reached = Cursors(store, sink).load().get(place, Cursor(0, 0)).seq
                    lacking[sink] += kept.whole.execute(left, (place.writer, reached)).fetchone()[0]
    return Standing(day, total, {sink: points for sink, points in lacking.items() if points})


def _drop_if_safe(store: LocalStore, day: str, sinks: Sequence[str]) -> bool:
    found = standing(store, day, sinks)
    if found is None or found.lacking:
        return False
    drop_cold(store, day)
    log.info("dropped an old day", extra={"day": day})
    return True
