"""The directory of a spool: whose it is, what it is called, how far it is, and its segments."""

import fcntl
import json
import logging
import os
import secrets
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from metrics import segments_file as files
from metrics.errors import StoreUnusable

log = logging.getLogger(__name__)

_ID_CHARACTERS: Final = 16


@dataclass(slots=True)
class Segment:
    """A segment, the number of its first frame, and its octets."""

    first: int
    path: Path
    size: int


@dataclass(slots=True)
class Losses:
    """Frames given up since the spool was made: for want of room, and because their file was damaged."""

    dropped: int = 0
    damaged: int = 0


def segments(directory: Path) -> list[Segment]:
    """Oldest first. Raises OSError."""
    found = ((files.first_of(path), path) for path in directory.iterdir())
    return sorted(
        (Segment(first, path, path.stat().st_size) for first, path in found if first is not None),
        key=lambda segment: segment.first,
    )


def locked(directory: Path) -> IO[str]:
    """Hold the spool as long as the file is open. Raises StoreUnusable when another process does."""
    file = (directory / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StoreUnusable(directory, "another process uses this spool", "stop that one") from None
    return file


def identity(directory: Path) -> str:
    """The random token of the spool, made once. Raises OSError.

    Without it frames that come again look like new ones, which costs room in a journal and loses nothing.
    """
    path = directory / "id"
    with suppress(OSError, UnicodeDecodeError):
        found = path.read_text(encoding="ascii").strip()
        if len(found) == _ID_CHARACTERS and set(found) <= set("0123456789abcdef"):
            return found
        log.error("spool: its id was damaged, it gets another", extra={"file": str(path)})
    made = secrets.token_hex(_ID_CHARACTERS // 2)
    draft = path.with_name(".id")
    with draft.open("w", encoding="ascii") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(directory)
    return made


def cursor(directory: Path) -> tuple[int, Losses]:
    """How far it was. A cursor that is lost or damaged only sends again what is still there."""
    try:
        text, _, crc = (directory / "cursor").read_text(encoding="utf-8").rpartition(" ")
        if int(crc) != zlib.crc32(text.encode()):
            raise ValueError
        said = json.loads(text)
        return int(said["acked"]), Losses(int(said["dropped"]), int(said["damaged"]))
    except FileNotFoundError:
        return 0, Losses()
    except (OSError, ValueError, KeyError, TypeError) as error:
        shown = {"file": str(directory / "cursor"), "reason": type(error).__name__}
        log.warning("spool: its cursor was damaged, all that is there is sent again", extra=shown)
        return 0, Losses()


def keep_cursor(directory: Path, acked: int, losses: Losses) -> None:
    """Old or new, never half; not forced to the disk, for an older one only sends again. Raises OSError."""
    text = json.dumps({"acked": acked, **asdict(losses)})
    draft = directory / ".cursor"
    draft.write_text(f"{text} {zlib.crc32(text.encode())}", encoding="utf-8")
    draft.replace(directory / "cursor")


def sync_directory(directory: Path) -> None:
    """Put its names on the disk. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
