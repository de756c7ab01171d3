"""Private files that are whole or absent, also after a power cut."""

import os
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Put this text there, readable by us alone, in one step."""
    put(path, text.encode(), 0o600)


def put(path: Path, octets: bytes, mode: int) -> None:
    """Put these octets there with these permissions, in one step."""
    fresh = beside(path)
    with open(fresh, "wb", opener=_private) as file:
        file.write(octets)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    fresh.replace(path)
    settle(path.parent)


def beside(path: Path) -> Path:
    """Where a file is written before it takes its place; a kill may leave it."""
    return path.with_name(path.name + ".new")


def settle(directory: Path) -> None:
    """What was renamed, made or removed in this directory is durable on return."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
