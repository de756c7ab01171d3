"""Who holds a port that the gateway needs: by /proc, for a technician to be told what to stop."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TABLES: Final = {socket.SOCK_STREAM: ("tcp", "tcp6"), socket.SOCK_DGRAM: ("udp", "udp6")}
_LISTENS: Final = "0A"
_LOCAL, _STATE, _INODE = 1, 3, 9


def names(kind: socket.SocketKind, port: int, proc: Path = PROC) -> list[str]:
    """The programs that hold a TCP port (SOCK_STREAM) or a UDP port (SOCK_DGRAM) of any address here."""
    inodes = {inode for table in TABLES[kind] for inode in _inodes(proc / "net" / table, kind, port)}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return sorted({name for name, links in _programs(proc) if wanted & links})


def _inodes(table: Path, kind: socket.SocketKind, port: int) -> Iterator[str]:
    if not table.exists():  # a kernel without IPv6
        return
    for words in map(str.split, table.read_text(encoding="ascii").splitlines()[1:]):
        if kind == socket.SOCK_STREAM and words[_STATE] != _LISTENS:
            continue
        if int(words[_LOCAL].rpartition(":")[2], 16) == port:
            yield words[_INODE]


def _programs(proc: Path) -> Iterator[tuple[str, set[str]]]:
    """Each process: its name, and what its descriptors are."""
    for place in proc.iterdir():
        if place.name.isdecimal():
            with suppress(OSError):  # it ended meanwhile
                links = {str(one.readlink()) for one in (place / "fd").iterdir()}
                yield (place / "comm").read_text(encoding="utf-8", errors="replace").strip(), links
