"""A file system of a few megabytes that can be filled to the brim."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import need

CHUNK = 2**16


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A tmpfs of this size, mounted at a new directory."""
    need.root()
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "plaza-test", str(place)]
    subprocess.run(["mount", *options], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, name: str = "filler", leave: int = 0) -> Path:
    """Take all the room but about `leave` octets."""
    path = place / name
    with path.open("ab", buffering=0) as file:
        for size in (CHUNK, 4096, 1):
            while os.statvfs(place).f_bavail * 4096 > leave + (0 if leave == 0 else size):
                try:
                    if not file.write(b"x" * size):
                        break
                except OSError:
                    break
            if leave:
                break
    return path
