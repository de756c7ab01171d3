"""The series of a measurement by number, and the groups that some of their tags make of them."""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import NamedTuple

import numpy as np

from metrics.local.exact import Places
from metrics.local.schema import Tags

NOBODY = -1
"""In place of a number where there is none."""


class Groups(NamedTuple):
    """`at` is the group of each series by its number, NOBODY where no series has it."""

    at: Places
    tags: list[Tags]


class Numbering:
    """Sets of tags by number; they only ever become more. Any number of threads may use it at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tags: list[Tags] = []  # nothing in place of a series that is not there
        self._numbers: dict[Tags, int] = {}
        self._groups: dict[tuple[int, ...], Groups] = {}

    @property
    def size(self) -> int:
        """One more than the highest number."""
        return len(self._tags)

    def learn(self, series: Iterable[tuple[int, Tags]]) -> None:
        """Some that are new, or not."""
        with self._lock:
            for number, tags in series:
                self._tags.extend([()] * (number + 1 - len(self._tags)))
                self._tags[number] = tags
                self._numbers[tags] = number

    def number(self, tags: Tags) -> int:
        """The one of these tags, which get the next one where they are new."""
        with self._lock:
            found = self._numbers.setdefault(tags, len(self._tags))
            if found == len(self._tags):
                self._tags.append(tags)
            return found

    def numbers(self, series: Iterable[Tags]) -> Places:
        """The number of each, or NOBODY."""
        return np.array([self._numbers.get(tags, NOBODY) for tags in series], np.intp)

    def all(self) -> list[Tags]:
        """By number; no tags where there is none."""
        return list(self._tags)

    def tags(self, numbers: Places) -> list[Tags]:
        """Of each number. Raises ValueError where there is none."""
        return [_there(self._tags[number]) for number in numbers.tolist()]

    def has(self, numbers: Places) -> bool:
        """Whether each is one of a series."""
        at = self.groups(()).at
        return not len(numbers) or bool(numbers.max() < len(at) and (at[numbers] != NOBODY).all())

    def groups(self, places: tuple[int, ...]) -> Groups:
        """By the tags at these places. Remembered as long as no series is new."""
        with self._lock:
            known = self._groups.get(places)
            if known is None or len(known.at) != len(self._tags):
                known = self._groups[places] = _grouped(self._tags, picked(places))
            return known


def _there(tags: Tags) -> Tags:
    if not tags:
        raise ValueError("a row of a series that nobody named")
    return tags


def _grouped(series: Iterable[Tags], key: Callable[[Tags], Tags]) -> Groups:
    """Each one's group, by number."""
    found: dict[Tags, int] = {}
    at = [found.setdefault(key(tags), len(found)) if tags else NOBODY for tags in series]
    return Groups(np.array(at, np.intp), list(found))


def picked(places: tuple[int, ...]) -> Callable[[Tags], Tags]:
    """How tags become those at these places."""
    return lambda tags: tuple([tags[place] for place in places])
