"""The seam to a time-series server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open interval [start, end) in UTC epoch seconds."""

    start: int
    end: int


class Sink(Protocol):
    """A server that takes line protocol, second precision."""

    @property
    def name(self) -> str:
        """The configured name: key of its cursor."""
        ...

    def write(self, lines: bytes) -> None:
        """Return only when the server has acknowledged. Raises SinkUnavailable or SinkRefused."""
        ...

    def counts(self, window: Window) -> Mapping[str, int]:
        """How many points the server holds per measurement: the proof that nothing is missing."""
        ...
