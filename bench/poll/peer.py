"""What a client is to the bench, and how those are had that Debian or PyPI has."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.poll.machine import REPOSITORY
from bench.poll.work import Figures, Job, Version


class Missing(Exception):
    """A client cannot be had on this machine; says why, and what would mend it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much one run of a client does: enough CPU to be measured, not more. `styles` are tried in turn."""

    polls: int
    in_flight: int
    styles: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class Peer:
    """A client. `prepare` installs or builds it and tells its version, or raises Missing.

    `run` does a job in a fresh process and brings one Figures per pass; `keeps` says whether the second pass
    finds anything kept from the first.
    """

    name: str
    prepare: Callable[[], str]
    run: Callable[[Job], tuple[Figures, ...]]
    sizes: Mapping[Version, Size]
    keeps: bool = True


def program(name: str, package: str) -> str:
    """Where a program is. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"no {name} here; as root: sh deploy/debian.sh bench (Debian's {package})")
    return found


def build(argv: list[str], environ: Mapping[str, str] | None = None) -> None:
    """Run a compiler or an installer. Raises Missing with its last words."""
    try:
        done = subprocess.run(
            argv,
            cwd=REPOSITORY,
            env={**os.environ, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise Missing(f"no {argv[0]} here; as root: sh deploy/debian.sh bench") from None
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).strip().splitlines()[-2:])
        raise Missing(f"{Path(argv[0]).name} failed: {words}")
