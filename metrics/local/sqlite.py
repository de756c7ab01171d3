"""Transactions of SQLite, and its complaints in words that say how to mend what is wrong."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from metrics.errors import StoreBroken, StoreFull, StoreUnusable

WAIT_S: Final = 30.0
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_LITTLE: Final = 2**20
_REPAIR: Final = "plaza store repair saves what can be read"


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: all of it on the disk at the end, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """One state of the file for several reads."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the system's complaints about a file as StoreUnusable with the command that mends it."""
    try:
        yield
    except sqlite3.Error as error:
        hint = _HINTS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if hint is None:
            raise
        raise _kind(path, error)(path, str(error), hint(path)) from error
    except OSError as error:
        kind = StoreFull if error.errno in _NO_ROOM else StoreUnusable
        raise kind(path, error.strerror or str(error), _accessible(path)) from error


def _kind(path: Path, error: sqlite3.Error) -> type[StoreUnusable]:
    """On a full disk SQLite may also say that it could not write, or not make a file."""
    code = error.sqlite_errorcode & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreBroken
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN} and _full(path):
        return StoreFull
    return StoreFull if code == sqlite3.SQLITE_FULL else StoreUnusable


def _full(path: Path) -> bool:
    directory = path if path.is_dir() else path.parent
    try:
        room = os.statvfs(directory)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LITTLE


def _accessible(path: Path) -> str:
    directory = path if path.is_dir() else path.parent
    return f"see df {directory}, and let this user read and write there: chown -R {os.geteuid()} {directory}"


def aside(path: Path) -> str:
    """What to do with a file that is of no use where it is."""
    return f"move it away, nothing in it is touched: mv {path} {path}.aside"


def _saved(path: Path) -> str:
    """Only days are worth the trouble: of the files beside them a new one is soon as good."""
    return f"{_REPAIR}, or {aside(path)}" if path.name.startswith(("raw-", "cold-")) else aside(path)


def _held(path: Path) -> str:
    return f"another process has held it for {WAIT_S:.0f} s: fuser -v {path}"


# By SQLite's primary result code; the other ones are mistakes of ours.
_HINTS: Final[Mapping[int, Callable[[Path], str]]] = {
    sqlite3.SQLITE_BUSY: _held,
    sqlite3.SQLITE_CANTOPEN: _accessible,
    sqlite3.SQLITE_CORRUPT: _saved,
    sqlite3.SQLITE_FULL: _accessible,
    sqlite3.SQLITE_IOERR: _accessible,
    sqlite3.SQLITE_NOTADB: _saved,
    sqlite3.SQLITE_PERM: _accessible,
    sqlite3.SQLITE_READONLY: _accessible,
}
