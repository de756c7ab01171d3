"""What a client is to the bench, and how those are had that are no library of ours."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from bench.apply.work import Figures, Job, Kind
from bench.poll import child
from bench.poll.machine import PLACE, python_version
from bench.poll.peer import build

_ENVIRONMENT: Final = PLACE / "venv-apply"
ELSEWHERE: Final = str(_ENVIRONMENT / "bin" / "python")
"""The Python of an environment where nothing of ours is."""

FOREIGN: Final = {"nornir": "3.6.0", "nornir-netmiko": "1.0.1", "ansible-core": "2.19.14"}
_SHARED: Final = ("netmiko", "paramiko", "cryptography")
"""Beside those, in the releases we have: versions are not what is compared."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A client: `module` is run by `python` with a job and prints its Figures.

    `prepare` installs it and tells its version, or raises bench.poll.peer.Missing.
    """

    name: str
    module: str
    prepare: Callable[[], str]
    python: str = sys.executable
    kinds: tuple[Kind, ...] = tuple(Kind)

    def run(self, job: Job) -> Figures:
        """Do a job in a fresh process. Raises bench.poll.child.ClientFailed."""
        (found,) = child.lines([self.python, "-m", self.module, job.text()])
        return Figures(**found)


@cache
def foreign(package: str) -> str:
    """The version of a package of FOREIGN, which are installed beside each other. Raises Missing."""
    shared = {name: python_version(name) for name in _SHARED}
    if not _installed(FOREIGN | shared):
        build([sys.executable, "-m", "venv", str(_ENVIRONMENT)])
        wanted = [f"{name}=={version}" for name, version in (FOREIGN | shared).items()]
        build([ELSEWHERE, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
    return FOREIGN[package]


def _installed(wanted: dict[str, str]) -> bool:
    asked = (
        f"from importlib.metadata import version as v; assert all(v(n) == w for n, w in {wanted!r}.items())"
    )
    try:
        return subprocess.run([ELSEWHERE, "-c", asked], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
