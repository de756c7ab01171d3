"""A copy of a store of files while it is in use, and the way back: whole and checked, or refused."""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from metrics.errors import StoreUnusable
from metrics.local.database import check_file
from metrics.local.files import FileShelf
from metrics.local.levels import Span
from metrics.local.sqlite import translated

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

MANIFEST: Final = "manifest.json"
_VERSION: Final = 1
# What follows from samples, or says what was done with them, must not be newer than they are: a cursor ahead
# of its journal would skip points for ever. Only the fences must not be older than what they fence.
_FIRST: Final = ("cursors", "gaps", "rollup")
_LAST: Final = ("fences",)
_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class Copied:
    """A volume in a backup."""

    name: str
    octets: int
    sha256: str


def back_up(store: "LocalStore", directory: Path) -> Iterator[Copied]:
    """Copy each volume into a new directory; the manifest, written last, makes it a backup.

    Raises StoreUnusable, also when a copy turns out to be damaged.
    """
    shelf = _files(store)
    with translated(directory):
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise StoreUnusable(directory, "not empty", "name a new directory")
    done: dict[str, Copied] = {}
    for _ in range(_ROUNDS):
        wanted = [name for name in _ordered(shelf.names()) if name not in done]
        if not wanted:
            break
        for name in wanted:
            copied = _copied(shelf, name, directory)
            if copied is not None:
                done[name] = copied
                yield copied
    _write_manifest(directory, done)


def restore(backup: Path, directory: Path) -> list[Copied]:
    """Put a backup where there must be no store yet. Raises StoreUnusable, changing nothing."""
    if directory.exists() and not _holds_nothing(directory):
        raise StoreUnusable(directory, "there is a store already", "stop Plaza and move that directory away")
    listed = _manifest(backup)
    draft = directory.with_name(f".{directory.name}.restoring")
    with translated(directory):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o750, parents=True)
        try:
            for copied in listed:
                _fetch(backup, copied, draft)
            if directory.exists():
                shutil.rmtree(directory)
            draft.rename(directory)
            _sync(directory.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return listed


_LOOKED: Final = frozenset({"fences.db", "gaps.db", "cursors.db", "rollup.db"})
"""What a mere look makes where there was nothing."""


def _holds_nothing(directory: Path) -> bool:
    """Whether nothing but looks into it ever came there: no sample, and no bucket of any."""
    names = {path.name.removesuffix("-wal").removesuffix("-shm") for path in directory.iterdir()}
    if not names <= _LOOKED:
        return False
    rollup = directory / "rollup.db"
    if not rollup.exists():
        return True
    with translated(rollup), closing(sqlite3.connect(f"file:{quote(str(rollup))}?mode=ro", uri=True)) as held:
        tables = [name for (name,) in held.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        spans = tuple(f"_{span}" for span in Span)
        buckets = [name for name in tables if name.endswith(spans)]
        return not any(held.execute(f"SELECT 1 FROM '{name}' LIMIT 1").fetchone() for name in buckets)  # noqa: S608


def _files(store: "LocalStore") -> FileShelf:
    if not isinstance(store.shelf, FileShelf):
        hint = f"pg_dump --format=custom --file=plaza-samples.dump {store.shelf.place}"
        raise StoreUnusable(store.shelf.place, "PostgreSQL is backed up by its own tool", hint)
    return store.shelf


def _ordered(names: list[str]) -> list[str]:
    first = [name for name in _FIRST if name in names]
    last = [name for name in _LAST if name in names]
    return [*first, *(name for name in names if name not in {*first, *last}), *last]


def _copied(shelf: FileShelf, name: str, directory: Path) -> Copied | None:
    """None where the volume went meanwhile: what was in it is in another one by now."""
    source, target = shelf.path(name), directory / f"{name}.db"
    if not source.exists():
        return None
    with translated(source):
        try:
            reading = sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True, isolation_level=None)
        except sqlite3.OperationalError:
            if source.exists():
                raise
            return None
        with closing(reading), closing(sqlite3.connect(target, isolation_level=None)) as writing:
            try:
                reading.backup(writing)  # one state of it; who writes there is not kept waiting
            except sqlite3.OperationalError:
                if source.exists():
                    raise
                target.unlink()
                return None
            writing.execute("PRAGMA journal_mode = DELETE")
    found = check_file(target)
    if found:
        raise StoreUnusable(source, f"damaged: {found[0]}", "plaza store repair, then back up again")
    for part in ("-wal", "-shm"):
        target.with_name(target.name + part).unlink(missing_ok=True)
    _sync(target)
    return Copied(name, target.stat().st_size, _sha256(target))


def _write_manifest(directory: Path, done: Mapping[str, Copied]) -> None:
    listed = [{"name": one.name, "octets": one.octets, "sha256": one.sha256} for one in done.values()]
    draft = directory / f".{MANIFEST}"
    with translated(directory):
        draft.write_text(json.dumps({"version": _VERSION, "volumes": listed}, indent=1) + "\n")
        _sync(draft)
        draft.rename(directory / MANIFEST)
        _sync(directory)


def _manifest(backup: Path) -> list[Copied]:
    path = backup / MANIFEST
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        if found["version"] != _VERSION:
            raise StoreUnusable(path, f"a backup of version {found['version']}", "install a newer Plaza")
        return [Copied(one["name"], one["octets"], one["sha256"]) for one in found["volumes"]]
    except FileNotFoundError:
        reason = "no manifest: not a backup, or one that was cut short"
        raise StoreUnusable(backup, reason, "use another one") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreUnusable(path, f"not readable: {error}", "use another backup") from error


def _fetch(backup: Path, copied: Copied, directory: Path) -> None:
    source, target = backup / f"{copied.name}.db", directory / f"{copied.name}.db"
    if not source.exists():
        raise StoreUnusable(source, "missing from the backup", "use another backup")
    shutil.copyfile(source, target)
    if _sha256(target) != copied.sha256:
        raise StoreUnusable(source, "not as it was when it was backed up", "use another backup")
    target.chmod(0o640)
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    _sync(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
