"""The numbers of a day's series, as one thread remembers them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from metrics.catalog import MEASUREMENTS, check
from metrics.line_protocol import prefix, row_form
from metrics.local import blocks as packed
from metrics.local import raw_days
from metrics.local.blocks import Block
from metrics.local.schema import Tags, maker, series_table, tags_of
from metrics.local.shelf import Volume
from metrics.sample import Sample

_TABLES: Final = {m.name: series_table(m) for m in MEASUREMENTS.values()}
_NEW: Final = {
    name: f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE id > ? ORDER BY id"  # noqa: S608
    for name, table in _TABLES.items()
}


class Series:
    """Sets of tags by number and numbers by tags, of one day."""

    __slots__ = ("_known", "_named", "_origin", "_written")

    def __init__(self) -> None:
        self._origin = ""
        self._known: dict[str, dict[Tags, int]] = {}
        self._named: dict[str, dict[int, Mapping[str, str]]] = {}
        self._written: dict[str, dict[int, str]] = {}

    def begin(self, token: str) -> None:
        """A day that began anew, which its token tells, numbers its series anew."""
        if token != self._origin:
            self._origin, self._known, self._named, self._written = token, {}, {}, {}

    def forget(self) -> None:
        """What a transaction numbered that was rolled back is not there."""
        self._origin = ""

    def samples(
        self,
        day: Volume,
        measurement: str,
        blocks: Iterable[Block],
        wanted: Mapping[int, int] | None = None,
    ) -> Iterator[Sample]:
        """The rows of blocks as samples; `wanted` are the bits of each stripe, None = all."""
        named = self._named.setdefault(measurement, {})
        last = make = None
        with raw_days.sound(day):
            for block in blocks:
                bits = block.members if wanted is None else block.members & wanted.get(block.stripe, 0)
                if not bits:
                    continue
                shape, rows = packed.rows(block) if bits == block.members else packed.some(block, bits)
                numbers, time = packed.numbers(block.stripe, bits), block.time
                if shape is not last or make is None:
                    last, make = shape, maker(measurement, shape.fields)
                if numbers[-1] not in named:
                    self._name(day, measurement)
                for number, values in zip(numbers, rows, strict=True):
                    yield make(values, named[number], time)

    def _name(self, day: Volume, measurement: str) -> None:
        """Look up the series that nobody knows yet."""
        names, named = MEASUREMENTS[measurement].tags, self._named[measurement]
        for number, *values in day.execute(_NEW[measurement], (max(named, default=0),)):
            named[number] = dict(zip(names, values, strict=True))

    def lines(self, day: Volume, measurement: str, blocks: Iterable[Block]) -> Iterator[str]:
        """The same rows as line protocol: what `encode` makes of the samples, without making them."""
        written = self._written.setdefault(measurement, {})
        with raw_days.sound(day):
            for block in blocks:
                shape, rows = packed.rows(block)
                form, end = row_form(measurement, shape.fields), f" {block.time:d}"
                numbers = block.series
                if numbers[-1] not in written:
                    self._write(day, measurement)
                for number, values in zip(numbers, rows, strict=True):
                    yield f"{written[number]}{form(values)}{end}"

    def _write(self, day: Volume, measurement: str) -> None:
        """The beginnings of the lines of series that nobody knows yet."""
        written = self._written[measurement]
        for number, *values in day.execute(_NEW[measurement], (max(written, default=0),)):
            written[number] = prefix(measurement, tuple(values))

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
        try:
            return [known[one] for one in tags]
        except KeyError:
            self._learn(day, measurement, samples, tags)
            return [known[one] for one in tags]

    def _learn(self, day: Volume, measurement: str, samples: Sequence[Sample], tags: Sequence[Tags]) -> None:
        known, table = self._known[measurement], _TABLES[measurement]
        newest = max(known.values(), default=0)  # whoever numbered one knew all that came before
        known.update({tuple(values): number for number, *values in day.execute(_NEW[measurement], (newest,))})
        fresh: dict[Tags, int] = {}
        following = max(known.values(), default=0) + 1
        for sample, one in zip(samples, tags, strict=True):
            if one not in known and one not in fresh:
                check(sample)
                fresh[one] = following + len(fresh)
        day.load(table, tuple(table.columns), [(number, *one) for one, number in fresh.items()])
        known.update(fresh)
