"""Keys of the store that we make ourselves, one file each in the data directory."""

import os
import secrets
from pathlib import Path
from typing import Final

from controller.errors import StoreError

OCTETS: Final = 32


def load(data_dir: Path, name: str, what: str) -> bytes:
    """The key in data_dir/name, made at the first use; `what` names it for a person.

    Raises StoreError for a file that others may read or that holds no key.
    """
    file = data_dir / name
    try:
        if not file.exists():
            _make(file)
        state = file.stat()
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise StoreError(f"{file}: {error}; put the {what} back from a backup") from error
    if state.st_mode & 0o077 or state.st_uid not in {os.geteuid(), 0}:
        raise StoreError(f"{file}: others may read it; run `chmod 600 {file}` as its owner")
    if len(key) != OCTETS:
        raise StoreError(f"{file}: it holds no key of {OCTETS} octets; put it back from a backup")
    return key


def _make(file: Path) -> None:
    """Whole or not at all, and never over a key that is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(
        f".{file.name}.{secrets.token_hex(8)}"
    )  # another process may make it now, or a thread
    new.touch(mode=0o600)
    new.write_text(secrets.token_hex(OCTETS) + "\n", encoding="ascii")
    try:
        os.link(new, file)
    except FileExistsError:
        pass
    finally:
        new.unlink()
