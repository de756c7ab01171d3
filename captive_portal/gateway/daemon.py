"""One dnsmasq that runs by itself: found again, tested, begun and ended by the file of its configuration.

It is no child of ours: where nobody ends it, a killed gateway costs no phone its names, and the next one goes
on with it. What it says goes nowhere, for it would name phones.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from captive_portal.gateway import files
from captive_portal.gateway.errors import HouseholdFailed

TIMEOUT_S: Final = 20
PATIENCE_S: Final = 3.0
"""How long one that is told to end may take before it is killed."""

ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
WHY: Final = {
    1: "its configuration is wrong",
    2: "its port is taken by another program, or a capability is missing",
    3: "a file of it cannot be made",
    4: "there is no memory left",
    5: "it may not become its user (CAP_SETUID and CAP_SETGID)",
}
"""What its exit codes say (dnsmasq(8))."""


class Daemon:
    """The dnsmasq called `name` whose files are in a directory; `command` reaches the program."""

    def __init__(self, name: str, directory: Path, command: tuple[str, ...]) -> None:
        self.name = name
        self._path = directory / f"{name}.conf"
        self._pid = directory / f"{name}.pid"
        self._command = command

    @property
    def text(self) -> str:
        """The configuration that it runs with, or ran with; empty when there never was one."""
        return self._path.read_text(encoding="ascii") if self._path.exists() else ""

    @property
    def runs(self) -> bool:
        """Whether the process of its pid file lives and is ours."""
        try:
            number = int(self._pid.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        return self._ours(number)

    def test(self, text: str) -> None:
        """Have dnsmasq read a configuration before it takes the place of another. Raises HouseholdFailed."""
        fresh = files.beside(self._path)
        files.replace(fresh, text)
        done = self._ran("--test", f"--conf-file={fresh}", pipe=subprocess.PIPE)
        fresh.unlink()
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise HouseholdFailed(f"dnsmasq refuses {self.name}: {said[-1] if said else 'no reason given'}")

    def replace(self, text: str) -> None:
        """End what runs and begin with this; else what ran before runs on. Raises HouseholdFailed."""
        former = self.text if self.runs else ""
        self.end()
        files.replace(self._path, text)
        try:
            self.begin()
        except HouseholdFailed:
            if former:
                files.replace(self._path, former)
                self.begin()
            raise

    def begin(self) -> None:
        """Begin with the configuration that is there. Raises HouseholdFailed."""
        done = self._ran(f"--conf-file={self._path}", pipe=subprocess.DEVNULL)
        if done.returncode:
            why = WHY.get(done.returncode, f"exit {done.returncode}")
            raise HouseholdFailed(f"dnsmasq did not begin as {self.name}: {why}")

    def end(self) -> None:
        """End all that run with this configuration, also those that a killed gateway left."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            until = time.monotonic() + PATIENCE_S
            for pid in (left := self.pids()):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            while left and time.monotonic() < until:
                time.sleep(0.01)
                left = [pid for pid in left if not _ended(pid)]
            if not left:
                break
        self._pid.unlink(missing_ok=True)

    def pids(self) -> list[int]:
        """The processes that run with this configuration: it, and those of its questions over TCP."""
        found = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal())
        return [pid for pid in found if self._ours(pid)]

    def _ours(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended, also while we read
            return False
        return f"--conf-file={self._path}".encode() in words

    def _ran(self, *arguments: str, pipe: int) -> subprocess.CompletedProcess[str]:
        command = [*self._command, *arguments]
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=pipe,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
                env=ENVIRONMENT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HouseholdFailed(f"dnsmasq did not run: {type(error).__name__}") from error


def _ended(pid: int) -> bool:
    """Whether it has given its ports back: it is gone, or waits for its parent alone (proc_pid_stat(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0] in "ZX"
    except OSError:
        return True
