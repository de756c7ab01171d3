"""The numbers of a day's series, as one thread remembers them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from metrics.catalog import MEASUREMENTS, check
from metrics.line_protocol import RowForm, prefix, row_form
from metrics.local.schema import Maker, Row, Tags, maker, series_table, tags_of
from metrics.local.shelf import Volume
from metrics.sample import Sample

_TABLES: Final = {m.name: series_table(m) for m in MEASUREMENTS.values()}

_Named = dict[int, tuple[Mapping[str, str], Maker, int]]
"""By number: the tags, and how a row becomes a sample while so many of its fields are absent."""

_Written = dict[int, tuple[str, RowForm, int]]
"""The same of lines: by number the line's beginning, and how its row becomes the rest."""


def _present(row: Row) -> tuple[bool, ...]:
    return tuple(value is not None for value in row[2:])


def _learn_lines(written: _Written, measurement: str, row: Row) -> RowForm:
    form = row_form(measurement, _present(row))
    written[row[1]] = (written[row[1]][0], form, row.count(None))
    return form


def _learn(named: _Named, measurement: str, row: Row) -> Maker:
    make = maker(measurement, row)
    named[row[1]] = (named[row[1]][0], make, row.count(None))
    return make


class Series:
    """Sets of tags by number and numbers by tags, of one day."""

    __slots__ = ("_known", "_named", "_origin", "_written")

    def __init__(self) -> None:
        self._origin = ""
        self._known: dict[str, dict[Tags, int]] = {}
        self._named: dict[str, _Named] = {}
        self._written: dict[str, _Written] = {}

    def begin(self, token: str) -> None:
        """A day that began anew, which its token tells, numbers its series anew."""
        if token != self._origin:
            self._origin, self._known, self._named, self._written = token, {}, {}, {}

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

    def lines(self, day: Volume, measurement: str, rows: Iterable[Row]) -> Iterator[str]:
        """The same rows as line protocol: what `encode` makes of the samples, without making them."""
        written = self._written.setdefault(measurement, {})
        for row in rows:
            begin, form, absent = written.get(row[1]) or self._begin_lines(day, measurement, row)
            if row.count(None) != absent:
                form = _learn_lines(written, measurement, row)
            try:
                yield begin + form(row)
            except TypeError:  # as many are absent as before, but others
                yield begin + _learn_lines(written, measurement, row)(row)

    def _begin_lines(self, day: Volume, measurement: str, row: Row) -> tuple[str, RowForm, int]:
        names = MEASUREMENTS[measurement].tags
        tags = f"SELECT {', '.join(names)} FROM {measurement}_series WHERE id = ?"  # noqa: S608
        values = day.execute(tags, (row[1],)).fetchone()
        form = row_form(measurement, _present(row))
        entry = (prefix(measurement, tuple(values)), form, row.count(None))
        self._written[measurement][row[1]] = entry
        return entry

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
        newest = max(known.values(), default=0)  # whoever numbered one knew all that came before
        select = f"SELECT {', '.join(columns)} FROM {table.name} WHERE id > ?"  # noqa: S608
        known.update({tuple(values): number for number, *values in day.execute(select, (newest,))})
        fresh: dict[Tags, int] = {}
        following = max(known.values(), default=0) + 1
        for sample, one in zip(samples, tags, strict=True):
            if one not in known and one not in fresh:
                check(sample)
                fresh[one] = following + len(fresh)
        day.load(table, columns, [(number, *one) for one, number in fresh.items()])
        known.update(fresh)
