"""Runs one client in a process of its own on its own core, and reads the figures it prints."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from bench.poll.machine import CLIENT_CORE, REPOSITORY, pinned
from bench.poll.work import Figures

_LONGEST_S: Final = 1800


class ClientFailed(Exception):
    """A client ended with an error, which is told with its last words."""


def figures(argv: list[str], core: int = CLIENT_CORE) -> tuple[Figures, ...]:
    """One per pass. Raises ClientFailed."""
    return tuple(Figures(**line) for line in lines(argv, core))


def lines(argv: list[str], core: int = CLIENT_CORE) -> list[dict[str, Any]]:
    """The JSON objects a program prints, one a line. Raises ClientFailed."""
    try:
        done = subprocess.run(
            pinned(core, argv),
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        raise ClientFailed(f"{Path(argv[0]).name} did not end within {_LONGEST_S} s") from None
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not found:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ClientFailed(f"{Path(argv[0]).name} ended with {done.returncode}: {' '.join(words)}")
    return found
