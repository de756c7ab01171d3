"""What is kept of a day, as samples came and in chunks, seen as one: a point in both is one, raw wins."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from metrics.errors import StoreBroken, StoreUnusable, VolumeGone
from metrics.local import cold, raw_days
from metrics.local.chunks import Columns
from metrics.local.cold import ColdDay
from metrics.local.schema import DAY, Tags, origin, tags_of
from metrics.local.shelf import Volume
from metrics.sample import Sample
from metrics.sink import Window

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

_TRIES: Final = 20
RAW_KEPT: Final = replace(DAY, fill=cold.never_made)
_Point = tuple[Tags, int]
_time: Final = attrgetter("time")


@dataclass(frozen=True, slots=True)
class Kept:
    """One state of a day: only batches of `raw` after `after` are not in `cold`; without any it is None.

    `whole` is the raw volume also then.
    """

    day: str
    raw: Volume | None
    cold: ColdDay | None
    after: int = 0
    whole: Volume | None = None


@contextmanager
def looking(store: "LocalStore", day: str) -> Iterator[Kept]:
    """One state of the day for several reads, whatever is made cold or dropped meanwhile.

    A volume that turns out to be damaged ends the block, which goes on after it: the volume is set aside.
    """
    try:
        with ExitStack() as held:
            yield _look(store, day, held)
    except StoreBroken as error:
        store.set_aside(error)


def _look(store: "LocalStore", day: str, held: ExitStack) -> Kept:
    """In a day that changes under our feet points would be missing, or seen twice: look again.

    What is too damaged to be opened is set aside at once.
    """
    for _ in range(_TRIES):
        names = volumes(store, day)
        with ExitStack() as trying:
            try:
                kept = _opened(store, day, names, trying)
            except VolumeGone:
                continue
            except StoreBroken as error:
                store.set_aside(error)
                continue
            if volumes(store, day) == names:
                held.push(trying.pop_all())
                return kept
    raise StoreUnusable(store.shelf.place, f"{day} changes all the time", "see who writes and drops there")


def volumes(store: "LocalStore", day: str) -> list[str]:
    """The raw volume of a day and its newest generation, where they are there."""
    names = store.shelf.names()
    raw = [name for name in (f"raw-{day}",) if name in names]
    numbers = cold.generations(names).get(day)
    return raw if numbers is None else [*raw, cold.name_of(day, numbers[-1])]


def _opened(store: "LocalStore", day: str, names: list[str], held: ExitStack) -> Kept:
    raw: Volume | None = None
    chunks: ColdDay | None = None
    for name in names:
        if name.startswith("raw-"):
            raw = store.shelf.open(name, RAW_KEPT)
            held.enter_context(raw.reading())
        else:
            chunks = ColdDay(store.shelf, name)
            held.enter_context(chunks.volume.reading())
    if raw is None:
        return Kept(day, None, chunks)
    token = origin(raw)
    after = chunks.facts.batch(token) if chunks is not None else 0
    (last,) = raw.execute("SELECT coalesce(max(batch), 0) FROM journal").fetchone()
    return Kept(day, raw if last > after else None, chunks, after, raw)


def read(
    store: "LocalStore", kept: Kept, measurement: str, window: Window, wanted: Mapping[str, str]
) -> list[Sample]:
    """Every sample in the window whose tags match, oldest first."""
    found = list(_cold_samples(kept, measurement, window, wanted))
    late = _late(store, kept, measurement, window, wanted)
    if late:
        merged = {_point(sample): sample for sample in found}
        for point, sample in late.items():
            merged[point] = _over(sample, merged.get(point))
        found = list(merged.values())
    return sorted(found, key=_time)


def latest(store: "LocalStore", kept: Kept, measurement: str, since: int) -> list[Sample]:
    """The newest sample of each set of tags, none older than `since`."""
    newest: dict[Tags, Sample] = {}
    assert kept.cold is not None  # noqa: S101  callers look
    for chunk in kept.cold.chunks(measurement):
        if chunk.last >= since:
            columns = kept.cold.columns(chunk.number)
            (newest[chunk.tags],) = cold.samples(measurement, chunk.tags, _rows(columns, -1, None))
    for (tags, time), sample in _late(store, kept, measurement, Window(since, 2**62), {}).items():
        before = newest.get(tags)
        if before is None or before.time < time:
            newest[tags] = sample
        elif before.time == time:
            newest[tags] = _over(sample, before)
    return list(newest.values())


def points(
    store: "LocalStore", kept: Kept, measurement: str, window: Window
) -> Iterator[tuple[Tags, list[int]]]:
    """The times of the points in the window, series by series."""
    late: dict[Tags, set[int]] = {}
    for tags, time in _late(store, kept, measurement, window, {}):
        late.setdefault(tags, set()).add(time)
    assert kept.cold is not None  # noqa: S101  callers look
    for chunk in kept.cold.chunks(measurement):
        if chunk.first < window.end and chunk.last >= window.start:
            times = kept.cold.columns(chunk.number, ()).times
            inside = [time for time in times if window.start <= time < window.end]
            yield chunk.tags, sorted({*inside, *late.pop(chunk.tags, ())})
    for tags, others in late.items():
        yield tags, sorted(others)


def first(kept: Kept) -> int | None:
    """The time of its first point, as journal and chunks tell; None when it has none."""
    times: list[int | None] = []
    if kept.cold is not None:
        times += kept.cold.volume.execute("SELECT min(first) FROM chunk").fetchone()
    if kept.raw is not None:
        times += kept.raw.execute("SELECT min(first) FROM journal").fetchone()
    return min((time for time in times if time is not None), default=None)


def count(store: "LocalStore", kept: Kept, measurement: str, window: Window) -> int:
    """How many points there are in the window; of whole chunks nothing has to be unpacked."""
    assert kept.cold is not None  # noqa: S101  callers look
    if kept.raw is None:
        chunks = kept.cold.chunks(measurement)
        if all(window.start <= chunk.first and chunk.last < window.end for chunk in chunks):
            return sum(chunk.points for chunk in chunks)
    return sum(len(times) for _, times in points(store, kept, measurement, window))


def _cold_samples(
    kept: Kept, measurement: str, window: Window, wanted: Mapping[str, str]
) -> Iterator[Sample]:
    assert kept.cold is not None  # noqa: S101  callers look
    for chunk in kept.cold.chunks(measurement, wanted):
        if chunk.first >= window.end or chunk.last < window.start:
            continue
        columns = kept.cold.columns(chunk.number)
        if chunk.first < window.start or chunk.last >= window.end:
            begin, end = (bisect_left(columns.times, time) for time in (window.start, window.end))
            columns = _rows(columns, begin, end)
        yield from cold.samples(measurement, chunk.tags, columns)


def _rows(columns: Columns, begin: int, end: int | None) -> Columns:
    fields = {name: values[begin:end] for name, values in columns.fields.items()}
    return Columns(columns.times[begin:end], fields)


def _late(
    store: "LocalStore", kept: Kept, measurement: str, window: Window, wanted: Mapping[str, str]
) -> dict[_Point, Sample]:
    """What came after the day was made cold."""
    if kept.raw is None:
        return {}
    bits = raw_days.bits(raw_days.series(kept.raw, measurement, wanted)) if wanted else None
    blocks = raw_days.blocks(kept.raw, measurement, window, stripes=bits, after=kept.after)
    return {_point(sample): sample for sample in store.samples(kept.raw, measurement, blocks, bits)}


def _point(sample: Sample) -> _Point:
    return tags_of(sample.measurement)(sample), sample.time


def _over(sample: Sample, older: Sample | None) -> Sample:
    return sample if older is None else replace(sample, fields={**older.fields, **sample.fields})
