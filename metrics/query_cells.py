"""What is known of a series in a bucket while an answer is put together."""

from dataclasses import dataclass
from typing import Self

from metrics.local.figures import Figure
from metrics.question import Statistic


@dataclass(slots=True)
class Sum:
    """What is known of one field in one bucket."""

    known: int = 0
    total: float | int = 0
    least: float | None = None
    most: float | None = None
    bounded: bool = True  # what an older Plaza kept has no least: then nobody knows the whole's

    def add(self, value: float | int) -> None:
        """One more value."""
        self.known += 1
        self.total += value
        self.least = value if self.least is None else min(self.least, value)
        self.most = value if self.most is None else max(self.most, value)

    def merge(self, figure: Figure) -> None:
        """Those of a rollup."""
        self.known += figure.known
        self.total += figure.total
        if figure.least is None:
            self.bounded = False
        else:
            self.least = figure.least if self.least is None else min(self.least, figure.least)
        if figure.largest is not None:
            self.most = figure.largest if self.most is None else max(self.most, figure.largest)

    def told(self, statistic: Statistic) -> float | int | None:
        """One statistic of it; None when nothing is known."""
        if statistic is Statistic.COUNT:
            return self.known
        if not self.known:
            return None
        if statistic is Statistic.MEAN:
            return self.total / self.known
        if statistic is Statistic.LEAST:
            return self.least if self.bounded else None
        if statistic is Statistic.MOST:
            return self.most
        return self.total


@dataclass(slots=True)
class Cell:
    """One group in one bucket."""

    sums: dict[str, Sum]
    got: int = 0
    expected: int | None = None

    @classmethod
    def of(cls, fields: tuple[str, ...]) -> Self:
        """Of which nothing is known yet."""
        return cls({name: Sum() for name in fields})


Found = dict[tuple[str, ...], dict[int, Cell]]
"""By tags and bucket."""
