"""The one SQLite file in which a gateway remembers; the only module that speaks SQL.

Each write is one transaction, durable on return (WAL, synchronous FULL). A file that cannot be read is set
aside and a new one begun.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from captive_portal.gateway import files

VERSION: Final = 1
DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
BOOTS_AT_MOST: Final = 500
PATIENCE_S: Final = 2

ASIDE: Final = ".damaged"
BESIDE: Final = ("", "-wal")
"""What SQLite keeps in files of their own; a third, `-shm`, it makes anew."""

SETTINGS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -512",
    "wal_autocheckpoint = 256",
    "journal_size_limit = 1048576",
)
SCHEMA: Final = (
    "CREATE TABLE event (n INTEGER PRIMARY KEY, seq INTEGER, kind TEXT NOT NULL, session TEXT NOT NULL,"
    " told TEXT NOT NULL)",
    "CREATE INDEX ending ON event (session) WHERE kind = 'closed'",
    "CREATE TABLE live (session TEXT PRIMARY KEY, told TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE boot (id INTEGER PRIMARY KEY, boot TEXT UNIQUE NOT NULL, seconds REAL NOT NULL)",
    f"PRAGMA user_version = {VERSION}",
)
LIVED: Final = """INSERT INTO boot (boot, seconds) VALUES (?, ?)
ON CONFLICT (boot) DO UPDATE SET seconds = excluded.seconds"""


class StateFailed(Exception):
    """Nothing was written or read now: the disk is full, or is not there."""


class StateDamaged(StateFailed):
    """The file is no state of ours, or was torn."""


@dataclass(frozen=True, slots=True)
class Row:
    """An event: `n` orders them; `seq` is its number for the controller, None until it is first told."""

    n: int
    seq: int | None
    kind: str
    session: str
    told: str


@dataclass(slots=True)
class Changes:
    """What is to be written. A live session that is None is to be removed; events up to `done` are, too."""

    rows: dict[int, Row] = field(default_factory=dict)
    lives: dict[str, str | None] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict, repr=False)
    boots: dict[str, float] = field(default_factory=dict)
    done: int = 0

    def __bool__(self) -> bool:
        return bool(self.rows or self.lives or self.facts or self.boots or self.done)


@dataclass(frozen=True, slots=True)
class Found:
    """What the file holds, but for the events; `last` is the highest `n`, `events` their number."""

    lives: Mapping[str, str]
    facts: Mapping[str, str] = field(repr=False)
    boots: Mapping[str, float]
    last: int
    events: int


class State:
    """One file, one small connection. The caller's lock keeps threads apart.

    Every method raises StateFailed, or StateDamaged where only setting the file aside helps.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: sqlite3.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether `open` has succeeded."""
        return self._open is not None

    def open(self) -> Found:
        """Begin, or go on with, the file."""
        self.close()
        try:
            return self._opened("NORMAL")
        except StateDamaged:
            raise
        except StateFailed:
            # a full disk has no room for the memory that processes share: alone we need none
            return self._opened("EXCLUSIVE")

    def close(self) -> None:
        """Let go of the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def set_aside(self) -> None:
        """Keep a damaged file beside, for who wants to look, in the place of an earlier one."""
        self.close()
        with _translated():
            for end in BESIDE:
                with suppress(FileNotFoundError):
                    os.replace(f"{self._path}{end}", f"{self._path}{ASIDE}{end}")
            Path(f"{self._path}-shm").unlink(missing_ok=True)
            files.settle(self._path.parent)

    def write(self, changes: Changes) -> None:
        """All of it or nothing."""
        here = [one for one in changes.lives.items() if one[1] is not None]
        gone = [(session,) for session, told in changes.lives.items() if told is None]
        rows = [(row.n, row.seq, row.kind, row.session, row.told) for row in changes.rows.values()]
        many: tuple[tuple[str, Sequence[tuple[Any, ...]]], ...] = (
            ("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?)", rows),
            ("INSERT OR REPLACE INTO live VALUES (?, ?)", here),
            ("DELETE FROM live WHERE session = ?", gone),
            ("INSERT OR REPLACE INTO fact VALUES (?, ?)", list(changes.facts.items())),
            (LIVED, list(changes.boots.items())),
            (
                "DELETE FROM boot WHERE id <= (SELECT max(id) FROM boot) - ?",
                [(BOOTS_AT_MOST,)] if changes.boots else [],
            ),
            ("DELETE FROM event WHERE n <= ?", [(changes.done,)] if changes.done else []),
        )
        with self._transaction() as file:
            for statement, given in many:
                if given:
                    file.executemany(statement, given)

    def rows(self, done: int, at_most: int) -> list[Row]:
        """The oldest events after this one."""
        wanted = "SELECT * FROM event WHERE n > ? ORDER BY n LIMIT ?"
        return [Row(*found) for found in self._asked(wanted, done, at_most)]

    def count(self, done: int) -> int:
        """How many events there are after this one."""
        return int(self._asked("SELECT count(*) FROM event WHERE n > ?", done)[0][0])

    def has_other_than(self, kind: str, done: int) -> bool:
        """Whether there is an event of another kind after this one."""
        return bool(self._asked("SELECT 1 FROM event WHERE n > ? AND kind != ? LIMIT 1", done, kind))

    def ends(self, session: str, done: int) -> bool:
        """Whether the end of this session is there, after this one."""
        wanted = "SELECT 1 FROM event WHERE session = ? AND kind = 'closed' AND n > ?"
        return bool(self._asked(wanted, session, done))

    def numbered(self, seq: int) -> int:
        """The last event whose number is at most this; 0 when there is none."""
        return int(self._asked("SELECT coalesce(max(n), 0) FROM event WHERE seq <= ?", seq)[0][0])

    def drop(self, kinds: str, at_most: int) -> int:
        """Forget the oldest events that were never told, of the kinds that fit (`*`: all); how many."""
        wanted = "SELECT n FROM event WHERE seq IS NULL AND kind GLOB ? ORDER BY n LIMIT ?"
        with self._transaction() as file:
            gone = [(n,) for (n,) in file.execute(wanted, (kinds, at_most)).fetchall()]
            file.executemany("DELETE FROM event WHERE n = ?", gone)
        return len(gone)

    def forget(self, row: Row) -> None:
        """Remove one event that cannot be read."""
        with self._transaction() as file:
            file.execute("DELETE FROM event WHERE n = ?", (row.n,))

    def shrink(self) -> None:
        """Give room that is not used back to the disk."""
        with _translated():
            # as a script, for as a statement it is stepped once and gives back one page
            self._connection.executescript("PRAGMA incremental_vacuum")

    def _opened(self, locking: str) -> Found:
        try:
            with _translated():
                self._begin(locking)
            return self._found()
        except StateFailed:
            self.close()
            raise

    def _begin(self, locking: str) -> None:
        """Raises sqlite3.Error, OSError, StateFailed."""
        is_new = not self._path.exists() or not self._path.stat().st_size
        if is_new:
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            files.settle(self._path.parent)
        self._open = file = sqlite3.connect(
            self._path, PATIENCE_S, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        first = ("auto_vacuum = INCREMENTAL",) if is_new else ()  # which an older file has, too
        for setting in (f"locking_mode = {locking}", *first, *SETTINGS):
            file.execute(f"PRAGMA {setting}").fetchall()
        (version,) = file.execute("PRAGMA user_version").fetchone()
        if version == 0:
            with self._transaction():
                for statement in SCHEMA:
                    file.execute(statement)
        elif version != VERSION:
            raise StateDamaged(f"of version {version}")

    def _found(self) -> Found:
        return Found(
            dict(self._asked("SELECT session, told FROM live")),
            dict(self._asked("SELECT name, value FROM fact")),
            dict(self._asked("SELECT boot, seconds FROM boot ORDER BY id")),
            *self._asked("SELECT coalesce(max(n), 0), count(*) FROM event")[0],
        )

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            raise StateFailed("not open")
        return self._open

    def _asked(self, question: str, *given: object) -> list[Any]:
        with _translated():
            return self._connection.execute(question, given).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        file = self._connection
        with _translated():
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
                file.execute("COMMIT")
            except BaseException:
                if file.in_transaction:
                    file.execute("ROLLBACK")
                raise


@contextmanager
def _translated() -> Iterator[None]:
    """What SQLite or the system says, in our words."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
            raise StateDamaged(name) from error
        raise StateFailed(name) from error
    except OSError as error:
        raise StateFailed(error.strerror or type(error).__name__) from error
