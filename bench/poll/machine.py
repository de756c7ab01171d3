"""The machine a run was made on: its two cores, what it is, where the bench keeps its things."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PLACE: Final = REPOSITORY / "var" / "bench"
"""What is built and installed for the bench, and what its runs leave."""

_CORES: Final = sorted(os.sched_getaffinity(0))
CLIENT_CORE: Final = _CORES[0]
FARM_CORE: Final = _CORES[1 % len(_CORES)]


def facts() -> dict[str, str]:
    """What a reader needs to judge the figures."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    shared = "" if CLIENT_CORE != FARM_CORE else " (only one: clients and responder share it)"
    return {
        "cpu": _cpu_model(),
        "cores": f"{os.cpu_count()}{shared}",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load before": load,
    }


def pinned(core: int, argv: list[str]) -> list[str]:
    """A command that runs on one core only and ends with us, however we end."""
    return ["setpriv", "--pdeathsig", "TERM", "taskset", "--cpu-list", str(core), *argv]


def debian_version(package: str) -> str:
    """Of an installed package, empty when it is not installed."""
    asked = ["dpkg-query", "-W", "-f", "${Version}", package]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def python_version(package: str) -> str:
    """Of a library of our own environment."""
    return importlib.metadata.version(package)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
