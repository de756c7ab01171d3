"""A virtual vendor device: its software (a model per vendor) on a box with flash, clock and faults."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

NEVER: Final = 1 << 60
_EXEC_WIDTH: Final = 511


class DiskFull(Exception):
    """The flash takes no more; nothing was written."""


class Cut(Exception):
    """Raised by a model's `execute` to end the session there and then, as `exit` or `reload` do.

    `said` is printed before.
    """

    def __init__(self, said: str = "") -> None:
        self.said = said
        super().__init__(said)


@dataclass
class Faults:
    """What goes wrong; change any of it at any time.

    `cut_after` lines (counted over all sessions from when it is set) the connection is closed; `deaf_after`
    lines its TCP stays and nobody answers any more; both do so after the line was obeyed, before a word is
    said of it. Each happens once. `slow_s` are seconds before each answer. `disk_full` lets `Box.write`
    fail. While `unmanageable()` is true nobody gets in and who is in hears nothing more. `boot_s` are seconds
    of real time from power to the first login.
    """

    cut_after: int = NEVER
    deaf_after: int = NEVER
    slow_s: float = 0.0
    disk_full: bool = False
    unmanageable: Callable[[], bool] = lambda: False
    boot_s: float = 0.2


@dataclass
class Session:
    """One login's command line. `modes` and `facts` are the model's to use.

    `kind` is "shell" or "exec". `height` is after how many lines the pager stops, 0 never. `suffix` is what
    the client put behind the user's name.
    """

    user: str
    kind: str = "shell"
    suffix: str = ""
    width: int = _EXEC_WIDTH
    height: int = 0
    modes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Look:
    """How a vendor's terminal looks.

    `pager` is printed after `height` lines; a line longer than `longest` is cut there with a bell. `colour`
    redraws the prompt and paints it, as RouterOS does. `keys` are given to the model at once, instead of
    being typed. `exec` says whether commands over an exec channel are taken, `channels` how many channels
    one connection may open in its life: Cisco IOS takes one.
    """

    pager: str = "--More--"
    height: int = 24
    longest: int = 4096
    colour: bool = False
    keys: str = ""
    exec: bool = True
    channels: int = 100
    banner: str = ""


class Alarm:
    """A timer of the device."""

    def __init__(self, timer: threading.Timer, until: float, unit_s: float) -> None:
        self._timer = timer
        self._until = until
        self._unit_s = unit_s

    @property
    def left_s(self) -> float:
        """Seconds of the device's own time that are left."""
        return max(0.0, self._until - time.monotonic()) / self._unit_s

    def cancel(self) -> None:
        """It does not go off; safe to call twice."""
        self._timer.cancel()


class Box:
    """The hardware: a flash that keeps files, a clock whose minute may be shorter, power, faults.

    `lock` is held around everything a model does. `deaths` counts how often the power went; sessions of an
    earlier life are dead.
    """

    def __init__(self, minute_s: float = 60.0) -> None:
        self.minute_s = minute_s
        self.faults = Faults()
        self.flash: dict[str, str] = {}
        self.lock = threading.RLock()
        self.deaths = 0
        self._alarms: set[threading.Timer] = set()
        self._boot: Callable[[], None] = lambda: None
        self._up_at = 0.0
        self._closed = False

    def runs(self, boot: Callable[[], None]) -> None:
        """Say what boots on it, and boot it."""
        self._boot = boot
        boot()

    @property
    def up(self) -> bool:
        """Whether it has booted and its management can be reached."""
        with self.lock:
            return time.monotonic() >= self._up_at and not self.faults.unmanageable()

    def write(self, name: str, text: str) -> None:
        """Put a file on the flash. Raises DiskFull."""
        if self.faults.disk_full:
            raise DiskFull(name)
        self.flash[name] = text

    def after(self, seconds: float, act: Callable[[], None]) -> Alarm:
        """Do `act` that many seconds of the device's time from now; not if the power goes before."""
        unit_s = self.minute_s / 60
        life = self.deaths

        def ring() -> None:
            with self.lock:
                self._alarms.discard(timer)
                if life == self.deaths and not self._closed:
                    act()

        timer = threading.Timer(seconds * unit_s, ring)
        timer.daemon = True
        self._alarms.add(timer)
        timer.start()
        return Alarm(timer, time.monotonic() + seconds * unit_s, unit_s)

    def lose_power(self) -> None:
        """What is not on flash is gone, with sessions and timers; it boots again and is up in `boot_s`."""
        with self.lock:
            self.deaths += 1
            self._up_at = time.monotonic() + self.faults.boot_s
            self._silence()
            self._boot()

    def close(self) -> None:
        """No timer goes off any more."""
        with self.lock:
            self._closed = True
            self._silence()

    def _silence(self) -> None:
        for timer in self._alarms:
            timer.cancel()
        self._alarms.clear()


class Vendor(Protocol):
    """A vendor's software. Every method is called with `box.lock` held."""

    @property
    def box(self) -> Box:
        """What it runs on."""
        ...

    @property
    def look(self) -> Look:
        """How its terminal looks."""
        ...

    def greet(self, session: Session) -> None:
        """A session begins: set its modes."""
        ...

    def prompt(self, session: Session) -> str:
        """What it prints when it waits for a command, with the space at its end if there is one."""
        ...

    def execute(self, session: Session, line: str) -> str:
        """Obey one line; returns what it prints, lines ended by \\n. Raises Cut, never DiskFull."""
        ...

    def press(self, session: Session, key: str, typed: str) -> str:
        """One of `look.keys` was pressed after `typed`; returns what it prints before the prompt again."""
        ...

    def leave(self, session: Session) -> None:
        """A session ended, whatever the way."""
        ...

    def boot(self) -> None:
        """Power on: the running state is what the flash says, and nothing else is left."""
        ...
