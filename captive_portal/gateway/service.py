"""The gateway's service and its hold on the running kernel, as an install begins and ends them."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from captive_portal.gateway import border, fence, household, kernel, queues, rules
from captive_portal.gateway.config import Uplink
from captive_portal.gateway.errors import EnforcerFailed, InstallFailed
from captive_portal.gateway.lanes import Lanes
from captive_portal.gateway.systems import FORWARD, PATH, System

COMMAND_S: Final = 120
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": PATH}
TABLES: Final = (f"inet {rules.NAME}", f"bridge {border.NAME}", f"inet {queues.NAME}")
"""The tables of nftables that the service loads."""


def runs(system: System) -> bool:
    """Whether a service of this name is running."""
    try:
        return _ran(system.running).returncode == 0
    except FileNotFoundError:  # an init script that is not there
        return False


def begin(system: System) -> None:
    """Start the service, anew if it runs. Raises InstallFailed."""
    for command in system.begin:
        _must(command)


def end(system: System, sides: Mapping[str, str]) -> None:
    """Stop the service, let nothing through and take all of ours out of the kernel. Raises InstallFailed.

    `sides` are the guests' interfaces that it ever had, each with the one towards the Internet.
    """
    if Path(system.service).exists():  # also one that fails and is tried anew for ever
        _must(system.end)
    household.clear(Path(system.run))
    forward("0")
    there = _must(("nft", "list", "tables")).splitlines()
    _must(("nft", "-f", "-"), "".join(f"delete table {one}\n" for one in TABLES if f"table {one}" in there))
    for lan, wan in sides.items():
        leave(lan, wan)


def leave(lan: str, wan: str) -> None:
    """Take the fence and the queues of two interfaces away. Raises InstallFailed."""
    try:
        fence.lower(lan)
        if shutil.which("tc", path=PATH):  # else none was made
            Lanes(lan, wan, Uplink()).lift()
    except EnforcerFailed as error:
        raise InstallFailed(str(error)) from error


def restore(settings: Mapping[str, str]) -> None:
    """Put settings of the kernel back. Raises InstallFailed with a line for each that stays."""
    if failed := kernel.restore(settings):
        raise InstallFailed(*(f"/proc/sys/{name} cannot be set to {settings[name]}" for name in failed))


def reread(system: System) -> None:
    """Have the supervisor read its files again. Raises InstallFailed."""
    if system.reread:
        _must(system.reread)


def forwarding() -> str:
    """Whether the kernel passes packets on: 0 or 1."""
    return Path(FORWARD).read_text().strip()


def forward(value: str) -> None:
    """Have the kernel pass packets on, or not."""
    Path(FORWARD).write_text(f"{value}\n")


def _must(command: tuple[str, ...], text: str = "") -> str:
    done = _ran(command, text)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise InstallFailed(f"{' '.join(command)}: {said[-1] if said else f'exit {done.returncode}'}")
    return done.stdout


def _ran(command: tuple[str, ...], text: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            input=text,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(f"{' '.join(command)}: no end within {COMMAND_S} s") from error
