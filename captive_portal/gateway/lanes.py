"""How phones share a narrow line: each waits in a lane of its own, and may have all that the others leave.

A modem has one long queue, in which everybody waits behind whoever fills it. So both ways are let through a
little slower than the line: then the queue is here. What arrives is held back where it leaves towards the
guests; its sender slows down to that.

It is laid by `tc` and `nft`, once; a phone that comes or goes costs nothing. What the kernel has for it is
found by trying. A gateway works without: who takes all he can is then held back by nobody.
"""

import logging
import re
import secrets
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from captive_portal.gateway import queues
from captive_portal.gateway.config import Uplink
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.queues import HANDLE, Direction, Kind, Way

TIMEOUT_S: Final = 20
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
PACKAGES: Final = {
    "tc": "apt-get install iproute2 (opkg install tc-tiny kmod-sched-core)",
    "nft": "apt-get install nftables (opkg install nftables-json)",
}
UNKNOWN: Final = "what the line carries is not known: write [uplink] with down_kbps and up_kbps"
NOT_FOUND: Final = 127
"""What a command before the program ends with when there is no such program, as that of a shell."""

ROOT: Final = re.compile(r"^qdisc (\S+) ([0-9a-f]+): root", re.MULTILINE)
_KERNELS_OWN: Final = "0"

log = logging.getLogger(__name__)


class _Missing(EnforcerFailed):
    """The program is not installed."""


class Lanes:
    """The queues at both interfaces and the table `inet plaza_lanes`.

    `before` are words before each command, as `ip netns exec NAME`. `index` tells an interface's number, by
    which one that was made anew is known; it raises OSError where there is none.
    """

    def __init__(
        self,
        lan: str,
        wan: str,
        uplink: Uplink,
        before: Sequence[str] = (),
        index: Callable[[str], int] = socket.if_nametoindex,
        kinds: Sequence[Kind] = tuple(Kind),
    ) -> None:
        ways = (Direction(Way.DOWN, lan, uplink.down_kbps), Direction(Way.UP, wan, uplink.up_kbps))
        self._interfaces = (lan, wan)
        self._directions = [one for one in ways if one.line_kbps]
        self._before = tuple(before)
        self._index = index
        self._kinds = kinds
        self._laid_at: list[int] = []
        self._notice = ""

    @property
    def notice(self) -> str:
        """By what phones take turns, or why they do not; empty before `lay`."""
        return self._notice

    def lay(self) -> None:
        """Have phones take turns; what is there of an earlier start is made anew. Never raises."""
        self._laid_at = self._indexes()
        try:
            self.lift()
            kind = self._tried()
        except EnforcerFailed as error:
            self._notice = f"phones do not take turns on the line: {error}"
            log.warning(self._notice)
            return
        told = ", ".join(f"{one.kbps} kbit/s {one.way}" for one in self._directions)
        self._notice = f"phones take turns on the line by {kind}: {told}"
        log.info(self._notice)

    def watch(self) -> None:
        """Lay again where an interface was made anew, as that of PPPoE is with each call. Never raises."""
        if self._directions and self._indexes() != self._laid_at:
            self.lay()

    def lift(self) -> None:
        """Leave nothing of ours. Raises EnforcerFailed."""
        with suppress(_Missing):  # without tc none was made
            for device in self._interfaces:
                if self._root(device) == HANDLE:
                    self._run("tc", "qdisc", "del", "dev", device, "root", "handle", f"{HANDLE}:")
        self._run("nft", "-f", "-", text=queues.REMOVAL)

    def _indexes(self) -> list[int]:
        return [self._known(device) for device in self._interfaces]

    def _known(self, device: str) -> int:
        try:
            return self._index(device)
        except OSError:
            return 0

    def _tried(self) -> Kind:
        """The best that the kernel has. Raises EnforcerFailed."""
        if not self._directions:
            raise EnforcerFailed(UNKNOWN)
        for one in self._directions:
            if self._root(one.device) != _KERNELS_OWN:
                raise EnforcerFailed(f"{one.device} has a queue that somebody else made: remove it")
        said = []
        for kind in self._kinds:
            try:
                self._made(kind)
            except EnforcerFailed as error:
                said.append(str(error))
                self.lift()
            else:
                return kind
        raise EnforcerFailed(said[-1])

    def _made(self, kind: Kind) -> None:
        if kind is not Kind.CAKE:
            rules = queues.dealing(*self._interfaces, secrets.randbits(32))
            self._run("nft", "-f", "-", text=rules)
        for direction in self._directions:
            self._run("tc", "-batch", "-", text=queues.queue(kind, direction))

    def _root(self, device: str) -> str:
        """The handle of the queue that an interface has; empty where there is no such interface."""
        if not self._known(device):
            return ""
        found = ROOT.search(self._run("tc", "qdisc", "show", "dev", device))
        return found[2] if found else _KERNELS_OWN

    def _run(self, program: str, *words: str, text: str = "") -> str:
        command = (*self._before, program, *words)
        try:
            done = subprocess.run(
                command,
                input=text,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
                env=ENVIRONMENT,
            )
        except FileNotFoundError:
            raise _Missing(f"{program} is missing: {PACKAGES[program]}") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnforcerFailed(f"{program} did not run: {type(error).__name__}") from error
        if done.returncode == NOT_FOUND:
            raise _Missing(f"{program} is missing: {PACKAGES[program]}")
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            raise EnforcerFailed(f"{program}: {said[0]}")
        return done.stdout
