"""What may happen to a device, or to its controller, in the middle of a change."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from drivers.apply import Step
from drivers.errors import VerifyFailed
from tests.configure.device import Ap, wait_until

SERVERS = {"dropbear", "sshd", "sshd-session", "sshd-auth"}


def nothing(_step: Step) -> None:
    """Nobody looks."""


def at(step: Step, *acts: Callable[[], object]) -> Callable[[Step], None]:
    """Do something as the cycle announces a step."""

    def before(said: Step) -> None:
        for act in acts if said is step else ():
            act()

    return before


def stop() -> None:
    """The controller dies here."""
    raise VerifyFailed("device", "the controller dies here")


def kill_guard(pid_file: Path) -> None:
    """As the device's own out-of-memory killer might."""
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGKILL)
    wait_until("the guard is gone", lambda: not Path(f"/proc/{pid}").exists())


def cut_the_line(ap: Ap) -> None:
    """Every login ends at once, and the device can be entered again."""
    for pid in ap.server.processes(ap.root):
        if _name(pid) in SERVERS:
            os.kill(pid, signal.SIGKILL)
    wait_until("nobody listens", lambda: not ap.listening())
    ap.start()


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
