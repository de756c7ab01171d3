"""The numbers of a day's series, as one thread remembers them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from metrics.catalog import MEASUREMENTS, check
from metrics.local.schema import Maker, Row, Tags, maker, series_table, tags_of
from metrics.local.shelf import Volume
from metrics.sample import Sample

_TABLES: Final = {m.name: series_table(m) for m in MEASUREMENTS.values()}

_Named = dict[int, tuple[Mapping[str, str], Maker, int]]
"""By number: the tags, and how a row becomes a sample while so many of its fields are absent."""


def _learn(named: _Named, measurement: str, row: Row) -> Maker:
    make = maker(measurement, row)
    named[row[1]] = (named[row[1]][0], make, row.count(None))
    return make


class Series:
    """Sets of tags by number and numbers by tags, of one day."""

    __slots__ = ("_known", "_named", "_origin")

    def __init__(self) -> None:
        self._origin = ""
        self._known: dict[str, dict[Tags, int]] = {}
        self._named: dict[str, _Named] = {}

    def begin(self, token: str) -> None:
        """A day that began anew, which its token tells, numbers its series anew."""
        if token != self._origin:
            self._origin, self._known, self._named = token, {}, {}

    def forget(self) -> None:
        """What a transaction numbered that was rolled back is not there."""
        self._origin = ""

    def samples(self, day: Volume, measurement: str, rows: Iterable[Row]) -> Iterator[Sample]:
        """Rows of the measurement's select as samples. A series mostly has the fields that it had before."""
        named = self._named.setdefault(measurement, {})
        for row in rows:
            number, absent = row[1], row.count(None)
            try:
                tags, make, before = named[number]
            except KeyError:
                self._name(day, measurement, row)
                tags, make, before = named[number]
            if absent != before:
                make = _learn(named, measurement, row)
            sample = make(row, tags)
            if absent and None in sample.fields.values():  # as many are absent as before, but others
                sample = _learn(named, measurement, row)(row, tags)
            yield sample

    def _name(self, day: Volume, measurement: str, row: Row) -> None:
        """Look the series up that nobody knows yet."""
        names, named = MEASUREMENTS[measurement].tags, self._named[measurement]
        make, absent = maker(measurement, row), row.count(None)
        for number, *values in day.execute(f"SELECT id, {', '.join(names)} FROM {measurement}_series"):  # noqa: S608
            named.setdefault(number, (dict(zip(names, values, strict=True)), make, absent))

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
