"""What was measured in a window, by columns: from blocks, or from chunks and what came late."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Final, Protocol

import numpy as np

from metrics.catalog import MEASUREMENTS
from metrics.local import blocks as packed
from metrics.local import cold_days, frames, raw_days
from metrics.local.blocks import STRIPE, Block
from metrics.local.cold_days import Kept
from metrics.local.exact import Places
from metrics.local.frames import Frame, Integers, begins
from metrics.local.levels import HOUR_S
from metrics.local.numbering import Numbering
from metrics.local.schema import Tags, origin, tags_of
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore, day_of
from metrics.sample import Sample
from metrics.sink import Window

AT_ONCE: Final = 16
"""So many stripes of an hour are held in memory at a time; a large network has millions of rows in one."""


class Readings(Protocol):
    """One measurement of one UTC day, in one state of it."""

    @property
    def numbering(self) -> Numbering:
        """Of the series in the frames."""
        ...

    def numbers(self, series: Iterable[Tags]) -> Places:
        """Of these series; NOBODY where there is none."""
        ...

    def frames(self, window: Window) -> Iterable[Frame]:
        """All rows in the window, which lies in the day; so many series at a time as fit."""
        ...

    def newest(self, window: Window, series: Integers) -> Frame:
        """The newest row with at least one counter, of each of these series that has any. They are sorted."""
        ...


@contextmanager
def readings(store: LocalStore, measurement: str, time: int, fields: Sequence[str]) -> Iterator[Readings]:
    """Of the UTC day of `time`; a day of which nothing is kept has none."""
    with ExitStack() as held:
        kept = held.enter_context(cold_days.looking(store, day_of(time)))
        if kept.cold is None and kept.raw is not None:
            yield _Raw(kept.raw, measurement, fields)
        else:
            yield _Late(store, kept, measurement, fields)


def counters_of(measurement: str, fields: Sequence[str]) -> list[str]:
    """Which of these fields only grow."""
    known = MEASUREMENTS[measurement].fields
    return [field for field in fields if known[field].counter]


def last_of_each(frame: Frame, rows: Places, series: Integers) -> Frame:
    """The last of these rows of each of these series."""
    of = frame.series[rows]
    last = np.append(begins(of)[1:], len(of)) - 1 if len(of) else begins(of)
    return frame.taken(rows[last[np.isin(of[last], series)]])


class _Raw:
    """Blocks: they lie by stripe, so a few stripes are looked up at a time."""

    def __init__(self, raw: Volume, measurement: str, fields: Sequence[str]) -> None:
        self._raw = raw
        self._name = measurement
        self._fields = fields
        self._counters = frozenset(counters_of(measurement, fields))
        self.numbering = _numbered(raw, measurement)

    def numbers(self, series: Iterable[Tags]) -> Places:
        """See Readings."""
        return self.numbering.numbers(series)

    def frames(self, window: Window) -> Iterator[Frame]:
        """See Readings."""
        stripes = raw_days.all_stripes(self._raw, self._name)
        at_once = AT_ONCE * max(1, HOUR_S // (window.end - window.start))
        for first in range(0, len(stripes), at_once):
            some = stripes[first : first + at_once]
            frame = self._frame(raw_days.blocks(self._raw, self._name, window, stripes=some))
            if len(frame.series):
                yield frame

    def newest(self, window: Window, series: Integers) -> Frame:
        """See Readings."""
        blocks = [block for stripe, bits in _bits(series) for block in self._back(window, stripe, bits)]
        frame = self._frame(blocks)
        return last_of_each(frame, frame.known(self._counters), series)

    def _back(self, window: Window, stripe: int, missing: int) -> Iterator[Block]:
        """The blocks with the newest counters of these members; in most the last ones have all of them."""
        select = (
            f"SELECT time, batch, number, members FROM {self._name} "  # noqa: S608
            "WHERE stripe = ? AND time >= ? AND time < ? ORDER BY time DESC"
        )
        for time, batch, number, signed in self._raw.execute(select, (stripe, window.start, window.end)):
            members = packed.unsigned(signed)
            if members & missing:
                block = Block(stripe, time, batch, members, self._data(stripe, time, batch, number))
                if self._counts(block):
                    yield block
                    missing &= ~members
            if not missing:
                return

    def _data(self, *key: int) -> bytes:
        select = f"SELECT data FROM {self._name} WHERE stripe = ? AND time = ? AND batch = ? AND number = ?"  # noqa: S608
        return bytes(self._raw.execute(select, key).fetchone()[0])

    def _counts(self, block: Block) -> bool:
        """Whether there is any counter in it."""
        with raw_days.sound(self._raw):
            return not self._counters.isdisjoint(packed.shape(block.data).fields)

    def _frame(self, blocks: Iterable[Block]) -> Frame:
        with raw_days.sound(self._raw):
            frame = frames.of_blocks(self._name, blocks, self._fields)
            if not self.numbering.has(frame.series[begins(frame.series)]):
                raise ValueError("a row of a series that nobody named")
            return frame


def _bits(series: Integers) -> Iterator[tuple[int, int]]:
    """The stripes of these series, which are sorted, and their bits there."""
    stripes = series // STRIPE
    first = begins(stripes)
    if len(first):
        bits = np.uint64(1) << (series % STRIPE).astype(np.uint64)
        yield from zip(stripes[first].tolist(), np.bitwise_or.reduceat(bits, first).tolist(), strict=True)


@lru_cache(maxsize=64)
def _known(_token: str, _measurement: str) -> Numbering:
    """Of a volume, filled as its series become known."""
    return Numbering()


def _numbered(raw: Volume, measurement: str) -> Numbering:
    known = _known(origin(raw), measurement)
    tags = ", ".join(MEASUREMENTS[measurement].tags)
    new = f"SELECT id, {tags} FROM {measurement}_series WHERE id >= ? ORDER BY id"  # noqa: S608
    known.learn((number, tuple(values)) for number, *values in raw.execute(new, (known.size,)).fetchall())
    return known


class _Late:
    """A day in chunks, with what came since: seldom read, so out of samples."""

    def __init__(self, store: LocalStore, kept: Kept, measurement: str, fields: Sequence[str]) -> None:
        self._store = store
        self._kept = kept
        self._name = measurement
        self._fields = fields
        self._tags = tags_of(measurement)
        self.numbering = Numbering()

    def numbers(self, series: Iterable[Tags]) -> Places:
        """Whoever has none yet gets the next one. See Readings."""
        return np.array([self.numbering.number(tags) for tags in series], np.intp)

    def frames(self, window: Window) -> Iterator[Frame]:
        """See Readings."""
        if self._kept.cold is not None:
            frame = self._frame(window)
            if len(frame.series):
                yield frame

    def newest(self, window: Window, series: Integers) -> Frame:
        """See Readings."""
        if self._kept.cold is None:
            return frames.stacked(())
        frame = self._frame(window)
        return last_of_each(frame, frame.known(counters_of(self._name, self._fields)), series)

    def _frame(self, window: Window) -> Frame:
        samples = cold_days.read(self._store, self._kept, self._name, window, {})
        return frames.of_samples(self._name, samples, self._number, self._fields)

    def _number(self, sample: Sample) -> int:
        return self.numbering.number(self._tags(sample))
