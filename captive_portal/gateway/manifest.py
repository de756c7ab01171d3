"""What stood on a machine before the gateway was installed: kept before each change, put back at the end."""

import base64
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from captive_portal.gateway import files

PLACE: Final = "/etc/plaza-gateway-installed.json"
REAL: Final = Path("/")


@dataclass(frozen=True, slots=True)
class Former:
    """What was there. `kind`: nothing, file, link, directory; `content`: in base64, or a link's target."""

    kind: str
    content: str = ""
    mode: int = 0
    user: int = 0
    group: int = 0


def found(path: Path) -> Former:
    """What is at a path now; links are not followed."""
    try:
        at = path.lstat()
    except FileNotFoundError:
        return Former("nothing")
    owner = (stat.S_IMODE(at.st_mode), at.st_uid, at.st_gid)
    if stat.S_ISLNK(at.st_mode):
        return Former("link", os.readlink(path), *owner)
    if stat.S_ISDIR(at.st_mode):
        return Former("directory", "", *owner)
    return Former("file", base64.b64encode(path.read_bytes()).decode(), *owner)


class Manifest:
    """The former state of what was changed below `root`, durable before each change."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = self.at(PLACE)
        self._formers: dict[str, Former] = {}
        self._facts: dict[str, str] = {}
        if self._path.exists():
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self._formers = {path: Former(**former) for path, former in kept["formers"].items()}
            self._facts = kept["facts"]

    @property
    def real(self) -> bool:
        """Whether it is this machine, with its kernel and services, and not a tree of files."""
        return self._root == REAL

    @property
    def exists(self) -> bool:
        """Whether anything was changed and not put back."""
        return self._path.exists()

    @property
    def formers(self) -> Mapping[str, Former]:
        """What was at each changed path, in the order of the changes."""
        return self._formers

    def at(self, path: str) -> Path:
        """Where a path of the machine is."""
        return self._root / path.lstrip("/")

    def fact(self, name: str) -> str | None:
        """What was noted under this name."""
        return self._facts.get(name)

    @property
    def facts(self) -> Mapping[str, str]:
        """All that was noted."""
        return self._facts

    def note(self, facts: Mapping[str, str]) -> None:
        """Keep facts about the machine as it was; of each name the first one counts."""
        fresh = {name: value for name, value in facts.items() if name not in self._facts}
        if fresh:
            self._facts.update(fresh)
            self._save()

    def write(self, path: str, octets: bytes, mode: int) -> None:
        """Put a file there, after what was there is kept."""
        self._keep(path)
        files.put(self.at(path), octets, mode)

    def link(self, path: str, target: str) -> None:
        """Put a symbolic link there, after what was there is kept."""
        self._keep(path)
        _linked(self.at(path), target)

    def make(self, path: str, mode: int) -> None:
        """Make a directory, and those above it that are missing; one that is there is left as it is."""
        place = self.at(path)
        if place.is_dir():
            return
        self.make(os.path.dirname(path), 0o755)
        self._keep(path)
        place.mkdir(mode)
        place.chmod(mode)
        files.settle(place.parent)

    def put_back(self) -> tuple[str, ...]:
        """Undo every change, the last one first; returns the directories that hold something of others.

        What was put back already is put back again, so it may be cut at any step and repeated.
        """
        return tuple(
            path for path, former in reversed(self._formers.items()) if not _restored(self.at(path), former)
        )

    def forget(self) -> None:
        """All is put back: nothing was ever changed here."""
        files.beside(self._path).unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        files.settle(self._path.parent)

    def _keep(self, path: str) -> None:
        if path not in self._formers:
            self._formers[path] = found(self.at(path))
            self._save()

    def _save(self) -> None:
        formers = {path: asdict(former) for path, former in self._formers.items()}
        files.replace(self._path, json.dumps({"facts": self._facts, "formers": formers}, indent=1))


def _restored(path: Path, former: Former) -> bool:
    if former.kind == "file":
        files.put(path, base64.b64decode(former.content), former.mode)
        os.chown(path, former.user, former.group)
    elif former.kind == "link":
        _linked(path, former.content)
    elif former.kind == "nothing":
        return _gone(path)
    return True


def _gone(path: Path) -> bool:
    if not path.parent.is_dir():
        return True
    files.beside(path).unlink(missing_ok=True)
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    elif any(path.iterdir()):
        return False
    else:
        path.rmdir()
    files.settle(path.parent)
    return True


def _linked(path: Path, target: str) -> None:
    fresh = files.beside(path)
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)
    files.settle(path.parent)
