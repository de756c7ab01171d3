"""Private files that are whole or absent, also after a power cut."""

import os
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Put this text there, readable by us alone, in one step."""
    fresh = path.with_name(path.name + ".new")
    with open(fresh, "w", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _settle(path.parent)


def append(path: Path, line: str) -> None:
    """Add one line, durable on return."""
    with open(path, "a", encoding="utf-8", opener=_private) as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _settle(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
