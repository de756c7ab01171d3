"""Edits devices in inventory.yaml by splicing its text, so that only the lines that are meant change."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller import inventory, inventory_splice, inventory_yaml
from controller.errors import ControllerError, InventoryError, Problem
from controller.inventory_splice import Fields, Scalar
from controller.inventory_yaml import Document
from controller.model import Inventory


def add_device(path: Path, name: str, fields: Fields) -> Inventory:
    """Add an entry behind the last device of its site. Raises like `set_keys`."""
    return add_devices(path, {name: fields})


def add_devices(path: Path, entries: Mapping[str, Fields]) -> Inventory:
    """Add several entries at once, all or none. Raises like `set_keys`."""
    return _edit(path, _adding(path, entries), Path.replace)


def try_devices(path: Path, entries: Mapping[str, Fields]) -> Inventory:
    """The inventory as `add_devices` would make it; nothing is written. Raises like it."""
    return _edit(path, _adding(path, entries), lambda draft, _path: draft)


def _adding(path: Path, entries: Mapping[str, Fields]) -> "Splice":
    def splice(text: str, data: Any) -> str:
        for name, fields in entries.items():
            if name in (data.get("devices") or {}):
                raise ControllerError(f"{path}: {name} is there already; give the new device another name")
            devices = data["devices"] = data.get("devices") or {}
            devices[name] = {key: _plain(value) for key, value in fields.items()}
        return inventory_splice.with_devices(text, entries)

    return splice


def set_key(path: Path, name: str, key: str, value: Scalar | None) -> Inventory:
    """Write `key: value` at a device, in place of what it says there; None takes the key away.

    Returns the inventory as it is now. Raises like `set_keys`.
    """
    return set_keys(path, name, {key: value})


def set_keys(path: Path, name: str, values: Mapping[str, Scalar | None]) -> Inventory:
    """Write several keys of one device at once, all or none.

    Raises InventoryError when the file has mistakes, or would have them, and ControllerError when it cannot
    be written or changed in the meantime; then nothing is written.
    """
    return _edit(path, _setting(path, name, values), Path.replace)


def try_keys(path: Path, name: str, values: Mapping[str, Scalar | None]) -> Inventory:
    """The inventory as `set_keys` would make it; nothing is written. Raises like it."""
    return _edit(path, _setting(path, name, values), lambda draft, _path: draft)


def _setting(path: Path, name: str, values: Mapping[str, Scalar | None]) -> "Splice":
    def splice(text: str, data: Any) -> str:
        entry = (data.get("devices") or {}).get(name)
        if not isinstance(entry, dict):
            raise ControllerError(
                f"{path}: there is no device {name}; `plaza inventory check` reads the file"
            )
        for key, value in values.items():
            if value is None:
                text = inventory_splice.without_key(text, name, key) if key in entry else text
                entry.pop(key, None)
            else:
                text = inventory_splice.with_key(text, name, key, value)
                entry[key] = value
        return text

    return splice


Splice = Callable[[str, Any], str]
"""Gets the text of the file and its data; changes the data in place and gives the new text."""


def _edit(path: Path, splice: Splice, keep: Callable[[Path, Path], object]) -> Inventory:
    """Change the file under its lock; `keep` puts the sound draft in place of the file."""
    path = path.resolve()
    with _locked(path.parent):
        before = path.stat() if path.exists() else None
        inventory.load(path)
        octets = path.read_bytes()
        mark = b"\xef\xbb\xbf" if octets.startswith(b"\xef\xbb\xbf") else b""
        text = octets[len(mark) :].decode()
        wanted = inventory_yaml.parse(str(path), text)
        new = splice(text, wanted.data)
        _require_as_wished(path, new, wanted)
        with _written(path, mark + new.encode()) as draft:
            loaded = _loaded(path, draft)
            if before is None or _state(path.stat()) != _state(before):
                raise ControllerError(f"{path}: somebody else is writing it; try again")
            keep(draft, path)
        _sync(path.parent)
    return loaded


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder is what is locked: the file itself is replaced, and a lock file would be left over."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _written(path: Path, octets: bytes) -> Iterator[Path]:
    """A draft beside the file, durable, with the file's owner and mode; gone afterwards unless renamed."""
    place = path.stat()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ControllerError(
            f"{path.parent}: {error.strerror}; let this user write into that folder"
        ) from error
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            if (place.st_uid, place.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(handle, place.st_uid, place.st_gid)
            os.fchmod(handle, place.st_mode & 0o7777)
            os.fsync(handle)
        yield draft
    except OSError as error:
        raise ControllerError(f"{path}: {error.strerror}; write it as its owner") from error
    finally:
        draft.unlink(missing_ok=True)


def _loaded(path: Path, draft: Path) -> Inventory:
    """The inventory of the draft; its problems are told with the name and the lines of the file."""
    try:
        return inventory.load(draft)
    except InventoryError as error:
        raise InventoryError(
            [Problem(str(path), each.line, each.where, each.what, each.mend) for each in error.problems]
        ) from None


def _require_as_wished(path: Path, text: str, wanted: Document) -> None:
    """Raises ControllerError when the new text does not say exactly what was meant."""
    try:
        said = inventory_yaml.parse(str(path), text).data
    except InventoryError:
        said = None
    if said != wanted.data:
        raise ControllerError(
            f"{path}: is written in a way that cannot be edited by a program; edit it by hand"
        )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
