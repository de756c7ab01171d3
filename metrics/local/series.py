"""The numbers of a day's series, as one thread remembers them."""

from collections.abc import Mapping, Sequence
from typing import Final

from metrics.catalog import MEASUREMENTS, check
from metrics.local.schema import Tags, series_table, tags_of
from metrics.local.shelf import Volume
from metrics.sample import Sample

_TABLES: Final = {m.name: series_table(m) for m in MEASUREMENTS.values()}


class Series:
    """Sets of tags by number and numbers by tags, of one day."""

    __slots__ = ("_known", "_named", "_origin")

    def __init__(self) -> None:
        self._origin = ""
        self._known: dict[str, dict[Tags, int]] = {}
        self._named: dict[str, dict[int, Mapping[str, str]]] = {}

    def begin(self, token: str) -> None:
        """A day that began anew, which its token tells, numbers its series anew."""
        if token != self._origin:
            self._origin, self._known, self._named = token, {}, {}

    def forget(self) -> None:
        """What a transaction numbered that was rolled back is not there."""
        self._origin = ""

    def tags(self, day: Volume, measurement: str, number: int) -> Mapping[str, str]:
        """The tags of a series that a row of the day names."""
        named = self._named.setdefault(measurement, {})
        if number not in named:
            names = MEASUREMENTS[measurement].tags
            select = f"SELECT id, {', '.join(names)} FROM {measurement}_series"  # noqa: S608
            for row in day.execute(select):
                named[row[0]] = dict(zip(names, row[1:], strict=True))
        return named[number]

    def numbers(self, day: Volume, measurement: str, samples: Sequence[Sample]) -> list[int]:
        """The number of each sample's series; new ones get theirs. Within the write transaction.

        Raises CatalogError.
        """
        known = self._known.setdefault(measurement, {})
        try:
            tags = list(map(tags_of(measurement), samples))
        except KeyError:
            for sample in samples:
                check(sample)
            raise
        if not known.keys() >= set(tags):
            self._learn(day, measurement, samples, tags)
        return [known[one] for one in tags]

    def _learn(self, day: Volume, measurement: str, samples: Sequence[Sample], tags: Sequence[Tags]) -> None:
        known, table = self._known[measurement], _TABLES[measurement]
        columns = tuple(table.columns)
        select = f"SELECT {', '.join(columns)} FROM {table.name}"  # noqa: S608
        known.update({tuple(values): number for number, *values in day.execute(select)})
        fresh: dict[Tags, int] = {}
        following = max(known.values(), default=0) + 1
        for sample, one in zip(samples, tags, strict=True):
            if one not in known and one not in fresh:
                check(sample)
                fresh[one] = following + len(fresh)
        day.load(table, columns, [(number, *one) for one, number in fresh.items()])
        known.update(fresh)
