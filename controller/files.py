"""Files that hold secrets or state: written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace `path` atomically with a file of UTF-8 text that only its owner may read."""
    write_private_octets(path, text.encode())


def write_private_octets(path: Path, octets: bytes) -> None:
    """Replace `path` atomically with a file that only its owner may read; it is on the disk on return."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        _keep_name(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _keep_name(directory: Path) -> None:
    """Put a directory's names on the disk, too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
