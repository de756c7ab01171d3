"""The numbers by which the kernel knows sessions: the mark of each connection that a session made."""

from collections.abc import Container
from typing import Final

from captive_portal.gateway.errors import EnforcerFailed

FIRST: Final = 0x10
LAST: Final = 0xFFFE
PER_S: Final = 18
"""So many numbers a second: then a number comes back after an hour, though nobody remembers who had it."""

_ALL: Final = LAST - FIRST + 1


class Marks:
    """Gives numbers out in turn, and by the time since boot, so that it need not be told where it stopped."""

    def __init__(self) -> None:
        self._turn = 0

    def free(self, seconds: float, taken: Container[int]) -> int:
        """A number that nobody has now. Raises EnforcerFailed."""
        self._turn = max(self._turn + 1, int(seconds * PER_S))
        for turn in range(self._turn, self._turn + _ALL):
            number = FIRST + turn % _ALL
            if number not in taken:
                self._turn = turn
                return number
        raise EnforcerFailed("more sessions than marks: nobody else is let in")
