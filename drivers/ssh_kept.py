"""Keeps logins open between reads, so that a device that is read often is not logged into each time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drivers.model import Device, Endpoint

if TYPE_CHECKING:
    from drivers.ssh import SshShell

Open = Callable[[], "SshShell"]
"""Logs in. Raises DriverError."""

_PROBE_S: Final = 5.0

_Place = tuple[str, Endpoint, str, str]


@dataclass(slots=True)
class _Seat:
    """Room for one login of a device; whoever holds `lock` uses it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    shell: "SshShell | None" = None
    used: float = 0.0

    def leave(self) -> None:
        """Close the login if there is one."""
        shell, self.shell = self.shell, None
        if shell is not None:
            shell.close()


class Kept:
    """Live logins by device, for reading; one user at a time per device, any number of threads.

    A login that was idle for `idle_s` is closed, and the longest idle ones above `most`. Never confirm a
    change over one: that it still stands does not prove that a new login would.
    """

    def __init__(
        self, idle_s: float = 300.0, most: int = 500, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle_s = idle_s
        self._most = most
        self._now = now
        self._lock = threading.Lock()
        self._seats: dict[_Place, _Seat] = {}

    @contextmanager
    def session(self, device: Device, open_: Open) -> "Iterator[SshShell]":
        """The kept login of a device, or a new one where none is alive; waits while another thread has it.

        Raises what `open_` raises. An error inside the block closes the login.
        """
        seat = self._seat(device)
        with seat.lock:
            if seat.shell is None or not seat.shell.alive(_PROBE_S):
                seat.leave()
                seat.shell = open_()
            try:
                yield seat.shell
            except BaseException:
                seat.leave()
                raise
            seat.used = self._now()
        self.leave_idle()

    def leave_idle(self) -> None:
        """Close what nobody used for too long; done after each use, worth a call now and then without."""
        live = sorted((seat for seat in self._all() if seat.shell), key=lambda seat: seat.used)
        for place, seat in enumerate(live):
            too_many = len(live) - place > self._most
            if (too_many or seat.used < self._now() - self._idle_s) and seat.lock.acquire(blocking=False):
                try:
                    seat.leave()
                finally:
                    seat.lock.release()

    def close(self) -> None:
        """Close all of them, each when its user is done."""
        for seat in self._all():
            with seat.lock:
                seat.leave()

    def _seat(self, device: Device) -> _Seat:
        """By all that says where and as whom one logs in, so that an edited inventory finds no old login."""
        place = (device.name, device.ssh, device.ssh_credentials, device.ssh_jump)
        with self._lock:
            return self._seats.setdefault(place, _Seat())

    def _all(self) -> list[_Seat]:
        with self._lock:
            return list(self._seats.values())
