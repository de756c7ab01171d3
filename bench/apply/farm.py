"""The devices everybody changes, on a core of their own, and the links to them that have a delay."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.apply.work import Kind, Place
from bench.poll.machine import FARM_CORE, PLACE, REPOSITORY, pinned
from bench.poll.meter import process_cpu_s
from bench.poll.peer import build, program

HERE: Final = PLACE / "apply"
QUICK_UCI: Final = HERE / "uci"
WHOLE_UCI: Final = REPOSITORY / "simulator" / "bin" / "uci"
KEY: Final = HERE / "id"
_SOURCE: Final = Path(__file__).with_name("uci.c")
_SSH_PORT: Final = 2222


class FarmFailed(Exception):
    """Devices did not come up; says what they said."""


@dataclass(frozen=True, slots=True)
class Farm:
    """Devices that are up. `processes` are theirs."""

    places: tuple[Place, ...]
    processes: tuple[int, ...] = ()

    def cpu_s(self) -> float:
        """CPU seconds of all devices so far, with those of logins that have ended."""
        return sum(map(process_cpu_s, self.processes))


def prepare() -> None:
    """Make the client's key and the quick uci. Raises bench.poll.peer.Missing."""
    HERE.mkdir(parents=True, exist_ok=True)
    if not KEY.exists():
        build([program("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(KEY)])
    build([program("gcc", "gcc"), "-O2", "-Wall", "-static", "-o", str(QUICK_UCI), str(_SOURCE)])


@contextmanager
def farm(kind: Kind, count: int, uci: Path = QUICK_UCI) -> Iterator[Farm]:
    """`count` devices of a kind. Raises FarmFailed."""
    if kind is Kind.IOS:
        wanted: dict[str, Any] = {"count": count, "key_file": str(KEY)}
        argv = [sys.executable, "-m", "bench.apply.routers", json.dumps(wanted)]
    else:
        if os.geteuid() != 0:
            raise FarmFailed("OpenWrt-like hosts need root: chroot, a mount namespace and devpts")
        wanted = {
            "folder": str(HERE / "aps"),
            "count": count,
            "port": _SSH_PORT,
            "uci": str(uci),
            "key_file": str(KEY),
        }
        argv = ["unshare", "--mount", sys.executable, "-m", "bench.apply.aps", json.dumps(wanted)]
    with _served(f"{count} {kind} devices", argv) as found:
        yield found


@contextmanager
def delayed(places: Sequence[Place], round_trip_s: float) -> Iterator[tuple[Place, ...]]:
    """Links of that length to devices. Raises FarmFailed."""
    wanted = {"places": [asdict(place) for place in places], "round_trip_s": round_trip_s}
    argv = [sys.executable, "-m", "bench.apply.relay", json.dumps(wanted)]
    with _served("links with a delay", argv) as found:
        yield found.places


@contextmanager
def _served(what: str, argv: list[str]) -> Iterator[Farm]:
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            pinned(FARM_CORE, argv), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=said, text=True
        )
        try:
            yield _told(what, process, said)
        finally:
            process.terminate()
            process.wait()


def _told(what: str, process: subprocess.Popen[str], said: Any) -> Farm:
    """What the process says once it serves. Raises FarmFailed."""
    line = process.stdout.readline() if process.stdout else ""
    if not line.startswith("{"):
        said.seek(0)
        words = " ".join(said.read().strip().splitlines()[-1:]) or "nothing said"
        raise FarmFailed(f"{what} did not come up: {words}")
    facts = json.loads(line)
    return Farm(tuple(Place(**place) for place in facts["places"]), tuple(facts["processes"]))
