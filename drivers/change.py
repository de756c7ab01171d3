"""What is to be done to one device, in its own words: lines to send, and the difference a person reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from drivers.model import Secret


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a change as the device takes it.

    `command` may hold secrets and is revealed only where it is sent; `shown` is the same line without them,
    for errors and logs. `path` names what the line changes, for `dangerous`: "system.hostname".
    """

    command: Secret
    shown: str
    path: str


@dataclass(frozen=True, slots=True)
class Change:
    """From a running configuration to a wanted one; false when nothing has to be done.

    `text` is unified, without secrets. `lines` are in the order they are sent. `secrets` are the values of
    them that nothing a device says may repeat.
    """

    device: str
    lines: tuple[Line, ...]
    text: str
    secrets: tuple[Secret, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def paths(self) -> tuple[str, ...]:
        """What the change touches, each path once."""
        return tuple(dict.fromkeys(line.path for line in self.lines))

    def dangerous(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """The paths that a platform says may take its management away."""
        wanted = tuple(patterns)
        return tuple(path for path in self.paths if any(fnmatchcase(path, one) for one in wanted))
