"""A process of its own that kills an install, or an uninstall, before each step it takes on the disk.

`python -I -S cuts.py PYZ DIR FIRST`: FIRST is what is cut: install, uninstall, or again, an install that
another follows. DIR is a tree to install into. A child is killed before each step; an uninstall must leave
all as in DIR then. Writes how many steps were cut, or fails.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.chmod", "os.chown"}
Command = Callable[[Sequence[str]], int]


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """All below a directory: kind, mode, owner, and what it holds."""
    return {str(path.relative_to(root)): _at(path) for path in sorted(root.rglob("*"))}


def _at(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    held = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
    return found.st_mode, found.st_uid, found.st_gid, held


def child(command: Command, root: Path, cut_at: int = 0) -> int:
    """Run it in a child, killed before the n-th step; returns its wait status."""
    pid = os.fork()
    if not pid:
        with open(os.devnull, "w") as nowhere:
            sys.stdout = nowhere
            if cut_at:
                _cut(cut_at)
            os._exit(command(["--yes", "--root", str(root)]))
    return os.waitpid(pid, 0)[1]


def _cut(at: int) -> None:
    left = [at]

    def seen(event: str, arguments: tuple[object, ...]) -> None:
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if event in STEPS or writes:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(seen)


def cuts(first: str, given: Path, aside: Path, install: Command, uninstall: Command) -> int:
    """Cut at every step; what is left is told by exceptions."""
    before, whole = tree(given), _whole(given, aside / "whole", install)
    for step in range(1, 1000):
        place = aside / str(step)
        shutil.copytree(given, place, symlinks=True)
        for path in given.rglob("*"):
            os.chown(
                place / path.relative_to(given),
                path.lstat().st_uid,
                path.lstat().st_gid,
                follow_symlinks=False,
            )
        if first == "uninstall":
            assert child(install, place) == 0
        status = child(uninstall if first == "uninstall" else install, place, step)
        if first == "again":
            assert child(install, place) == 0
            assert tree(place) == whole, f"cut at step {step}, an install again is not whole"
        assert child(uninstall, place) == 0
        after = tree(place)
        assert after == before, f"cut at step {step}: {sorted(after.items() ^ before.items())}"
        shutil.rmtree(place)
        if status == 0:
            return step - 1
        assert os.WTERMSIG(status) == signal.SIGKILL
    raise AssertionError("no end")


def _whole(given: Path, place: Path, install: Command) -> dict[str, tuple[object, ...]]:
    shutil.copytree(given, place, symlinks=True)
    assert child(install, place) == 0
    return tree(place)


if __name__ == "__main__":
    pyz, there, what = sys.argv[1:]
    sys.path.insert(0, pyz)
    from captive_portal.gateway import install as room

    sys.stdout.write(f"{cuts(what, Path(there), Path(there).parent, room.install, room.uninstall)}\n")
