"""The embedded store: samples by UTC day, each day with its journal inside."""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Final, Self

from metrics.catalog import MEASUREMENTS
from metrics.errors import CatalogError, StoreBroken
from metrics.local import cold, cold_days, fences, raw_days
from metrics.local.blocks import Block
from metrics.local.files import FileShelf
from metrics.local.intake import DAY_S, Author, Group, commit, sorted_out
from metrics.local.schema import DAY, known, origin
from metrics.local.series import Series
from metrics.local.shelf import Layout, Shelf, Volume
from metrics.sample import Sample
from metrics.sink import Cell, Window

_RAW: Final = re.compile(r"raw-(\d{4}-\d\d-\d\d)\Z")
_REMEMBERED_DAYS: Final = 4


def day_of(time: int) -> str:
    """The UTC day of an epoch second, as in its volume's name: 2026-11-22."""
    return datetime.fromtimestamp(time, UTC).date().isoformat()


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.series: dict[str, Series] = {}


class LocalStore:
    """Samples on a shelf; any number of processes and threads may use it at once."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._fencing = Layout((fences.FENCES,), self._newest_epochs)
        self._own = _OfThread()
        self.facts: dict[str, cold.Facts] = {}
        """Of generations, by name, as far as somebody has looked: they never change."""

    @classmethod
    def open(cls, where: Path | str) -> Self:
        """A store of files in a directory, or in the PostgreSQL database of a URL.

        Raises StoreUnusable, losing nothing.
        """
        store = cls(_shelf(where))
        try:
            store._fences()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close every connection; the store is of no use afterwards."""
        self.shelf.close()

    def days(self) -> list[str]:
        """The UTC days that have samples as they came, oldest first."""
        return self.days_of(self.shelf.names())

    def days_of(self, names: Iterable[str]) -> list[str]:
        """Those that these names of volumes are of."""
        return [found[1] for found in map(_RAW.match, names) if found]

    def kept(self) -> list[str]:
        """The UTC days of which there are samples, as they came or in chunks, oldest first."""
        names = self.shelf.names()
        return sorted({*self.days_of(names), *cold.generations(names)})

    def begun(self) -> int:
        """The time of the oldest sample that is kept, 0 where there is none."""
        for day in self.kept():
            with cold_days.looking(self, day) as kept:
                first = cold_days.first(kept)
                if first is not None:
                    return first
        return 0

    def day(self, day: str) -> Volume:
        """This thread's hold of one day, which is made when absent."""
        return self.shelf.open(f"raw-{day}", DAY)

    def drop(self, day: str) -> None:
        """Give a day's space back."""
        self.shelf.drop(f"raw-{day}")

    @contextmanager
    def reading(self, day: str) -> Iterator[Volume]:
        """One state of a day for several reads. Raises VolumeGone."""
        volume = self.shelf.open(f"raw-{day}", cold_days.RAW_KEPT)
        with volume.reading():
            yield volume

    def write(
        self,
        writer: str,
        samples: Sequence[Sample],
        *,
        shard: int = 0,
        epoch: int = 0,
        seq: int | None = None,
    ) -> None:
        """All samples of a day in one transaction with their journal row, on the disk on return.

        A writer that numbers its batches itself gives `seq`: on a day where it is already at that number
        nothing is written, so that a batch which is sent again lands once.

        Raises CatalogError or StaleEpoch (nothing stored), StoreUnusable (days before the failing one stored;
        writing all of them again is harmless).
        """
        days = sorted_out(samples)
        author = Author(writer, shard, epoch, seq)
        try:
            self._commit(author, days)
        except StoreBroken as error:
            self.set_aside(error)
            self._commit(author, days)

    def _commit(self, author: Author, days: Mapping[int, Sequence[Group]]) -> None:
        with fences.held(self._fences(), author.shard, author.epoch):
            for number, groups in sorted(days.items()):
                day = day_of(number * DAY_S)
                volume = self.day(day)
                commit(volume, self._series(volume.name), author, groups)

    def set_aside(self, error: StoreBroken) -> None:
        """Go on without a day's volume that is damaged; raise the error where that is not possible."""
        name = str(error.path).rpartition("/")[2].removesuffix(".db")
        with self.still():
            if not self.shelf.set_aside(name, error):
                raise error

    def _series(self, name: str) -> Series:
        remembered = self._own.series
        if name not in remembered:
            while len(remembered) >= _REMEMBERED_DAYS:
                del remembered[next(iter(remembered))]
            remembered[name] = Series()
        return remembered[name]

    def latest(self, measurement: str, since: int) -> list[Sample]:
        """The newest sample of every set of tags, none older than `since`. Raises CatalogError."""
        known(measurement)
        of_days: list[list[Sample]] = []
        for day in reversed(self._days_from(day_of(since))):
            with cold_days.looking(self, day) as kept:
                of_days.append(list(self._latest(kept, measurement, since)))
        if len(of_days) == 1:
            return of_days[0]
        found: dict[tuple[str, ...], Sample] = {}
        for sample in chain.from_iterable(of_days):
            found.setdefault(tuple(sample.tags.values()), sample)
        return list(found.values())

    def read(self, measurement: str, window: Window, tags: Mapping[str, str] | None = None) -> list[Sample]:
        """Every sample in the window whose tags match, oldest first. Raises CatalogError."""
        wanted = dict(tags or {})
        unknown = wanted.keys() - set(known(measurement).tags)
        if unknown:
            raise CatalogError(f"{measurement}: unknown tags {sorted(unknown)}")
        found: list[Sample] = []
        for day in self._days_in(window):
            with cold_days.looking(self, day) as kept:
                if kept.cold is not None:
                    found.extend(cold_days.read(self, kept, measurement, window, wanted))
                elif kept.raw is not None:
                    found.extend(self._raw(kept.raw, measurement, window, wanted))
        return found

    def _raw(
        self, volume: Volume, measurement: str, window: Window, wanted: Mapping[str, str]
    ) -> list[Sample]:
        """Of a day as it came, oldest first."""
        bits = raw_days.bits(raw_days.series(volume, measurement, wanted)) if wanted else None
        blocks = raw_days.blocks(volume, measurement, window, wanted=bits)
        return sorted(self.samples(volume, measurement, blocks, bits), key=_time)

    def samples(
        self,
        volume: Volume,
        measurement: str,
        blocks: Iterable[Block],
        wanted: Mapping[int, int] | None = None,
    ) -> Iterator[Sample]:
        """The samples in blocks of a day, in the order of the blocks; `wanted` are the bits of each stripe.

        None = all. Within `reading`. Raises StoreBroken.
        """
        return self._begun(volume).samples(volume, measurement, blocks, wanted)

    def lines(self, volume: Volume, measurement: str, blocks: Iterable[Block]) -> Iterator[str]:
        """The same as line protocol."""
        return self._begun(volume).lines(volume, measurement, blocks)

    def _begun(self, volume: Volume) -> Series:
        series = self._series(volume.name)
        series.begin(origin(volume))
        return series

    def _latest(self, kept: cold_days.Kept, measurement: str, since: int) -> Iterable[Sample]:
        if kept.cold is not None:
            return cold_days.latest(self, kept, measurement, since)
        return self._newest(kept.raw, measurement, since) if kept.raw is not None else ()

    def _newest(self, volume: Volume, measurement: str, since: int) -> Iterator[Sample]:
        series = self._begun(volume)
        for block, bits in raw_days.newest(volume, measurement, since):
            yield from series.samples(volume, measurement, (block,), {block.stripe: bits})

    def counts(self, window: Window) -> Mapping[str, int]:
        """How many points the store holds per measurement; a measurement without points is absent."""
        found = dict.fromkeys(MEASUREMENTS, 0)
        for day in self._days_in(window):
            with cold_days.looking(self, day) as kept:
                for name in found:
                    if kept.cold is not None:
                        found[name] += cold_days.count(self, kept, name, window)
                    elif kept.raw is not None:
                        found[name] += raw_days.count(kept.raw, name, window)
        return {name: count for name, count in found.items() if count}

    def tally(self, window: Window) -> Mapping[Cell, int]:
        """How many points there are of each series and minute."""
        found: dict[Cell, int] = {}
        for day in self._days_in(window):
            with cold_days.looking(self, day) as kept:
                for name in MEASUREMENTS:
                    for cell, points in self._cells(kept, name, window):
                        found[cell] = found.get(cell, 0) + points
        return found

    def _cells(self, kept: cold_days.Kept, measurement: str, window: Window) -> Iterator[tuple[Cell, int]]:
        if kept.cold is not None:
            for series, times in cold_days.points(self, kept, measurement, window):
                for time in times:
                    yield Cell(measurement, series, time // raw_days.MINUTE_S * raw_days.MINUTE_S), 1
        elif kept.raw is not None:
            yield from raw_days.cells(kept.raw, measurement, window)

    def _days_from(self, first: str) -> list[str]:
        return [day for day in self.kept() if day >= first]

    def _days_in(self, window: Window) -> list[str]:
        return [day for day in self._days_from(day_of(window.start)) if day <= day_of(max(window.end - 1, 0))]

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nobody writes samples meanwhile."""
        with self._fences().writing():
            yield

    def _fences(self) -> Volume:
        return self.shelf.open("fences", self._fencing)

    def _newest_epochs(self, volume: Volume) -> None:
        """A store that lost its fences finds them again in its journals."""
        for day in self.days():
            newest = self.day(day).execute("SELECT shard, max(epoch) FROM journal GROUP BY shard")
            for shard, epoch in newest.fetchall():
                fences.raise_to(volume, shard, epoch)


_time: Final = attrgetter("time")


def _shelf(where: Path | str) -> Shelf:
    if isinstance(where, Path):
        return FileShelf(where)
    from metrics.local.postgres import PostgresShelf  # noqa: PLC0415  psycopg is for who has a server

    return PostgresShelf(where)
