"""The seam to a time-series server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open interval [start, end) in UTC epoch seconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One series in one minute: its tags' values in the catalogue's order, the minute's epoch second."""

    measurement: str
    tags: tuple[str, ...]
    minute: int


class Sink(Protocol):
    """A server that takes line protocol, second precision."""

    @property
    def name(self) -> str:
        """The configured name: key of its cursor."""
        ...

    @property
    def settle_s(self) -> float:
        """For how long the server may lose an acknowledged point when it is killed; 0 = never.

        VictoriaMetrics keeps what it acknowledged in memory for some seconds; InfluxDB syncs its log first.
        """
        ...

    def started(self) -> str:
        """A mark of the server's present run: it differs after a restart. Raises SinkUnavailable.

        Only asked where `settle_s` > 0: points are safe once the run that took them is `settle_s` older.
        """
        ...

    def write(self, lines: bytes) -> None:
        """Return only when the server has acknowledged. Raises SinkUnavailable or SinkRefused."""
        ...

    def counts(self, window: Window) -> Mapping[str, int]:
        """How many points the server holds per measurement: the proof that nothing is missing.

        A point is one time and one set of tags, however many fields; a measurement without points is absent.
        Raises SinkUnavailable.
        """
        ...

    def tally(self, window: Window) -> Mapping[Cell, int]:
        """How many points the server holds of each series and minute, tags as the server gives them back.

        A cell without points is absent. The caller keeps the window small enough for memory. Raises
        SinkUnavailable.
        """
        ...
