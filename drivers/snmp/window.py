"""How many polls may be in the air: as many as answers can be fetched in time, found by measuring."""

from collections import deque
from typing import Final, Generic, TypeVar

_SMALLEST: Final = 16

T = TypeVar("T")


class Window(Generic[T]):
    """Admits waiting polls first come, first served; grows by one per round of answers, halves on a stall."""

    def __init__(self, largest: int) -> None:
        self.largest = max(_SMALLEST, largest)
        self._size = float(self.largest)
        self._inside: set[T] = set()
        self._waiting: deque[T] = deque()

    @property
    def size(self) -> int:
        """Polls allowed in the air now."""
        return int(self._size)

    @property
    def busy(self) -> int:
        """Polls in the air now."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """Polls that have no place yet."""
        return len(self._waiting)

    def resize(self, largest: int) -> None:
        """Allow as many, at once."""
        self.largest = max(_SMALLEST, largest)
        self._size = float(self.largest)

    def wait(self, poll: T) -> None:
        """Queue a poll."""
        self._waiting.append(poll)

    def admit(self) -> T | None:
        """The next poll that may start, or None."""
        if not self._waiting or len(self._inside) >= int(self._size):
            return None
        poll = self._waiting.popleft()
        self._inside.add(poll)
        return poll

    def leave(self, poll: T) -> None:
        """The poll ended, or waits for an agent that may be dead and must not hold a place."""
        self._inside.discard(poll)

    def answered(self) -> None:
        """A poll was answered in time."""
        self._size = min(self.largest, self._size + 1 / self._size)

    def stalled(self) -> None:
        """We were late: fetch fewer at once."""
        self._size = max(_SMALLEST, self._size / 2)
