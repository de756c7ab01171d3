"""The embedded store: samples in, samples out, one SQLite file per UTC day."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from metrics.catalog import MEASUREMENTS, check
from metrics.errors import CatalogError
from metrics.local import fences
from metrics.local.connections import Connections
from metrics.local.database import Table, immediate, open_file, snapshot, translated
from metrics.local.schema import day_tables, known, new_origin, row_maker, sample_maker, statements
from metrics.sample import Sample
from metrics.sink import Window

DAY_S: Final = 86_400
_DAY_FILES: Final = "raw-????-??-??.db"
_DAY_TABLES: Final = tuple(day_tables())
_JOURNAL_COLUMNS: Final = "batch, writer, seq, shard, epoch, first, last, measurements, points"


def day_of(time: int) -> str:
    """The UTC day of an epoch second, as in the file's name: 2026-11-22."""
    return datetime.fromtimestamp(time, UTC).date().isoformat()


@dataclass(frozen=True, slots=True)
class _Author:
    writer: str
    shard: int
    epoch: int


class LocalStore:
    """A directory of day files; any number of processes and threads may use it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._connections = Connections()

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Make the directory if need be and look into every file. Raises StoreUnusable, losing nothing."""
        with translated(directory):
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            files = sorted(path for path in directory.iterdir() if path.suffix == ".db")
        for path in files:
            open_file(path, ()).close()
        store = cls(directory)
        try:
            store._fences()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close every connection; the store is of no use afterwards."""
        self._connections.close()

    def days(self) -> list[str]:
        """The kept UTC days, oldest first."""
        self._connections.forget_dropped()
        return sorted(path.stem.removeprefix("raw-") for path in self.directory.glob(_DAY_FILES))

    def day(self, day: str) -> sqlite3.Connection:
        """This thread's connection to one day's file, which is made when absent."""
        return self._connections.get(self.day_path(day), _DAY_TABLES, new_origin)

    def day_path(self, day: str) -> Path:
        """Where the day is or would be."""
        return self.directory / f"raw-{day}.db"

    def beside(self, name: str, tables: Sequence[Table]) -> sqlite3.Connection:
        """This thread's connection to a file of another kind in the same directory."""
        return self._connections.get(self.directory / name, tables)

    def drop(self, day: str) -> None:
        """Give a day's space back. Its log is emptied first: no new file of that name may find an old one."""
        path = self.day_path(day)
        with translated(path):
            self.day(day).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._connections.forget(path)
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def reading(self, day: str) -> Iterator[sqlite3.Connection]:
        """One state of a day for several reads."""
        with translated(self.day_path(day)):
            connection = self.day(day)
            with snapshot(connection):
                yield connection

    def write(self, writer: str, samples: Sequence[Sample], *, shard: int = 0, epoch: int = 0) -> None:
        """All samples of a day in one transaction with their journal row, on the disk on return.

        Raises CatalogError or StaleEpoch (nothing stored), StoreUnusable (days before the failing one stored;
        writing all of them again is harmless).
        """
        for sample in samples:
            check(sample)
        author = _Author(writer, shard, epoch)
        with translated(self.directory), fences.held(self._fences(), shard, epoch):
            for day, batch in sorted(_by_day(samples).items()):
                with translated(self.day_path(day)):
                    self._commit(self.day(day), author, batch)

    def _commit(self, connection: sqlite3.Connection, author: _Author, samples: Sequence[Sample]) -> None:
        groups = _by_measurement(samples)
        with immediate(connection):
            batch = _journal(connection, author, samples, groups)
            for name, group in groups.items():
                row = row_maker(name)
                connection.executemany(statements(name).insert, [row(sample, batch) for sample in group])

    def latest(self, measurement: str, since: int) -> list[Sample]:
        """The newest sample of every set of tags, none older than `since`."""
        sample = sample_maker(measurement)
        found: dict[tuple[str, ...], Sample] = {}
        for day in reversed(self._days_from(day_of(since))):
            with self.reading(day) as connection:
                for row in connection.execute(statements(measurement).newest, (since,)):
                    newest = sample(row)
                    found.setdefault(tuple(newest.tags.values()), newest)
        return list(found.values())

    def read(self, measurement: str, window: Window, tags: Mapping[str, str] | None = None) -> list[Sample]:
        """Every sample in the window whose tags match, oldest first. Raises CatalogError."""
        wanted = dict(tags or {})
        unknown = wanted.keys() - set(known(measurement).tags)
        if unknown:
            raise CatalogError(f"{measurement}: unknown tags {sorted(unknown)}")
        conditions = "".join(f" AND {tag} = ?" for tag in wanted)
        select = f"{statements(measurement).select} WHERE time >= ? AND time < ?{conditions} ORDER BY time"
        sample = sample_maker(measurement)
        found: list[Sample] = []
        for day in self._days_in(window):
            with self.reading(day) as connection:
                rows = connection.execute(select, (window.start, window.end, *wanted.values()))
                found.extend(map(sample, rows))
        return found

    def counts(self, window: Window) -> Mapping[str, int]:
        """How many points the store holds per measurement; a measurement without points is absent."""
        found = dict.fromkeys(MEASUREMENTS, 0)
        for day in self._days_in(window):
            with self.reading(day) as connection:
                for name in found:
                    count = f"SELECT count(*) FROM {name} WHERE time >= ? AND time < ?"  # noqa: S608
                    found[name] += connection.execute(count, (window.start, window.end)).fetchone()[0]
        return {name: count for name, count in found.items() if count}

    def _days_from(self, first: str) -> list[str]:
        return [day for day in self.days() if day >= first]

    def _days_in(self, window: Window) -> list[str]:
        return [day for day in self._days_from(day_of(window.start)) if day <= day_of(max(window.end - 1, 0))]

    def _fences(self) -> sqlite3.Connection:
        return self._connections.get(self.directory / "fences.db", (fences.FENCES,), self._newest_epochs)

    def _newest_epochs(self, connection: sqlite3.Connection) -> None:
        """A store that lost its fences finds them again in its journals."""
        for day in self.days():
            newest = self.day(day).execute("SELECT shard, max(epoch) FROM journal GROUP BY shard")
            for shard, epoch in newest.fetchall():
                fences.raise_to(connection, shard, epoch)


def _by_day(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    days: dict[int, list[Sample]] = {}
    for sample in samples:
        days.setdefault(sample.time // DAY_S, []).append(sample)
    return {day_of(number * DAY_S): group for number, group in days.items()}


def _by_measurement(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.measurement, []).append(sample)
    return groups


def _journal(
    connection: sqlite3.Connection, author: _Author, samples: Sequence[Sample], measurements: Iterable[str]
) -> int:
    """Write the batch's journal row; the answer marks the batch's rows."""
    (seq,) = connection.execute(
        "INSERT INTO writers (writer, seq) VALUES (?, 1) "
        "ON CONFLICT DO UPDATE SET seq = seq + 1 RETURNING seq",
        (author.writer,),
    ).fetchone()
    (batch,) = connection.execute("SELECT coalesce(max(batch), 0) + 1 FROM journal").fetchone()
    times = [sample.time for sample in samples]
    span = (min(times), max(times), " ".join(measurements), len(samples))
    connection.execute(
        f"INSERT INTO journal ({_JOURNAL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (batch, author.writer, seq, author.shard, author.epoch, *span),
    )
    return int(batch)
