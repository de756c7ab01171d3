"""The gateway's service and its hold on the running kernel, as an install begins and ends them."""

import subprocess
from pathlib import Path
from typing import Final

from captive_portal.gateway import rules
from captive_portal.gateway.errors import InstallFailed
from captive_portal.gateway.systems import FORWARD, PATH, System

COMMAND_S: Final = 120
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": PATH}


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


def end(system: System) -> None:
    """Stop the service, let nothing through and take the rules out of the kernel. Raises InstallFailed."""
    if Path(system.service).exists():  # also one that fails and is tried anew for ever
        _must(system.end)
    forward("0")
    _must(("nft", "-f", "-"), rules.REMOVAL)


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


def _must(command: tuple[str, ...], text: str = "") -> None:
    done = _ran(command, text)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise InstallFailed(f"{' '.join(command)}: {said[-1] if said else f'exit {done.returncode}'}")


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
