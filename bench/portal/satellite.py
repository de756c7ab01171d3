"""`python -m bench.portal.satellite FIRST SECOND`: two network devices with a satellite between them.

Each frame that enters one leaves the other after it was sent at RATE_BPS, one after the other, and DELAY_S
later; each way has a line of its own. What netem does in a kernel that has it: not all have. Needs root and
/dev/net/tun. Prints `ready` when both devices are there; they may then be moved into namespaces.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

RATE_BPS: Final = 64_000
DELAY_S: Final = 0.3
LONGEST_QUEUE: Final = 1000
"""Frames that one way holds; what comes on top is lost, as at netem's default limit."""

_FRAME: Final = 2048
_TUNSETIFF: Final = 0x400454CA
_IFF_TAP: Final = 0x0002
_IFF_NO_PI: Final = 0x1000
"""From linux/if_tun.h."""


@dataclass(slots=True)
class Way:
    """Frames on their way from one device to the other, and when the line is free for the next."""

    source: int
    target: int
    rate_bps: float = RATE_BPS
    delay_s: float = DELAY_S
    longest: int = LONGEST_QUEUE
    free_s: float = 0.0
    frames: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, now_s: float) -> None:
        """Read one frame, which begins to be sent when the line is free."""
        frame = os.read(self.source, _FRAME)
        if len(self.frames) < self.longest:
            self.free_s = max(now_s, self.free_s) + len(frame) * 8 / self.rate_bps
            self.frames.append((self.free_s + self.delay_s, frame))

    def give(self, now_s: float) -> None:
        """Write what has arrived; a device that is down takes nothing (EIO)."""
        while self.frames and self.frames[0][0] <= now_s:
            with suppress(OSError):
                os.write(self.target, self.frames.popleft()[1])


def main(first: str, second: str) -> None:
    """Carry frames until SIGTERM."""
    one, other = device(first), device(second)
    carry({one: Way(one, other), other: Way(other, one)})


def carry(ways: Mapping[int, Way]) -> None:
    """Say `ready`, then carry frames for ever; the ways are by the device that they begin at."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        due_s = [way.frames[0][0] for way in ways.values() if way.frames]
        wait_s = max(0.0, min(due_s) - time.monotonic()) if due_s else None
        readable, _, _ = select.select(list(ways), [], [], wait_s)
        for source in readable:
            ways[source].take(time.monotonic())
        for way in ways.values():
            way.give(time.monotonic())


def device(name: str) -> int:
    """A new network device, which is an Ethernet port to this process."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return descriptor


if __name__ == "__main__":
    main(*sys.argv[1:])
