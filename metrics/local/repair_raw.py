"""Saves samples out of a damaged day as it came: block by block, of an older Plaza's row by row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, check
from metrics.errors import CatalogError
from metrics.local import blocks
from metrics.local.blocks import STRIPE, Block
from metrics.local.repair_reading import Damaged, Losses
from metrics.local.schema import Tags, maker
from metrics.sample import Sample

DAY_S: Final = 86_400
_STRIDE_S: Final = 600
_MINUTE_S: Final = 60
_BLOCKS: Final = 400
"""That are read at a time."""

_Span = tuple[int, int]


def salvaged_raw(damaged: Damaged, losses: Losses) -> Iterator[list[Sample]]:
    """What can be read of it, some samples of one measurement at a time."""
    for name in MEASUREMENTS:
        columns, series = damaged.columns(name), damaged.series(name)
        salvage = _Salvage(damaged, losses, name, series)
        if "stripe" in columns:
            yield from salvage.out_of_blocks()
        elif "series" in columns:
            yield from salvage.out_of_rows(columns)
        else:
            losses.guessed(name, 0)


@dataclass(frozen=True, slots=True)
class _Salvage:
    """Of one measurement, whose series are known by their numbers."""

    damaged: Damaged
    losses: Losses
    name: str
    series: Mapping[int, Tags]

    def out_of_blocks(self) -> Iterator[list[Sample]]:
        """In the order in which they were written; the index of their keys tells which are missing."""
        if not self.series and self.damaged.number(f"SELECT count(*) FROM {self.name}_series") == 0:  # noqa: S608
            return
        missing, whole = self._members()
        last = self._last(missing)
        blocks_read = points_read = dead = 0
        for begin in range(1, last + 1, _BLOCKS):
            rows, unreadable = self._between(begin, min(begin + _BLOCKS - 1, last))
            dead += unreadable
            found: list[Sample] = []
            for number, *row in rows:
                if not self._is_block(row):
                    dead += 1
                    continue
                missing.pop(number, None)
                some = self._samples(*row)
                self._lost(blocks.unsigned(row[4]).bit_count() - len(some))
                blocks_read, points_read = blocks_read + 1, points_read + len(some)
                found += some
            yield self._saved(found)
        self._lost(sum(blocks.unsigned(members).bit_count() for members in missing.values()))
        if not whole:
            others = max(0, dead - len(missing))
            self.losses.guessed(self.name, others * points_read // max(1, blocks_read))

    def _members(self) -> tuple[dict[int, int], bool]:
        """The members of each block by the number of its row, out of the index; and whether that is all."""
        found: dict[int, int] = {}
        all_whole = True
        select = f"SELECT rowid, members FROM {self.name} WHERE stripe = ? ORDER BY time"  # noqa: S608
        for stripe in sorted({number // STRIPE for number in self.series}):
            rows, whole = self.damaged.from_both_ends(select, f"{select} DESC", (stripe,))
            found |= {row[0]: row[1] for row in rows if list(map(type, row)) == [int, int] and row[0] > 0}
            all_whole = all_whole and whole
        return found, all_whole and bool(self.series)

    def _last(self, indexed: Mapping[int, int]) -> int:
        """The highest number of a row; where the end of the table is missing, of those that are known."""
        last = self.damaged.number(f"SELECT max(rowid) FROM {self.name}")  # noqa: S608
        if last is None:
            select = f"SELECT rowid FROM {self.name} NOT INDEXED ORDER BY rowid"  # noqa: S608
            last = max((row[0] for row in self.damaged.rows(select)[0]), default=0)
        return max(last, max(indexed, default=0))

    def _between(self, begin: int, end: int) -> tuple[list[Any], int]:
        """The rows with these numbers, and how many of the numbers lie on pages that cannot be read.

        From either end up to where nothing can be read; what lies between is halved and halved again.
        """
        columns = "rowid, stripe, time, batch, number, members, data"
        select = f"SELECT {columns} FROM {self.name} NOT INDEXED WHERE rowid BETWEEN ? AND ? ORDER BY rowid"  # noqa: S608
        rows, whole = self.damaged.rows(select, (begin, end))
        if whole:
            return rows, 0
        first = rows[-1][0] + 1 if rows else begin
        after, _ = self.damaged.rows(f"{select} DESC", (first, end))
        last = after[-1][0] - 1 if after else end
        rows += after
        if not begin <= first < last <= end:
            return rows, 1
        middle = (first + last) // 2
        halves = (self._between(first, middle), self._between(middle + 1, last))
        return [*rows, *halves[0][0], *halves[1][0]], halves[0][1] + halves[1][1]

    def _is_block(self, row: Sequence[Any]) -> bool:
        """Whether it can be one of ours: a page of rubbish may be anything."""
        if list(map(type, row)) != [int] * 5 + [bytes]:
            return False
        return bool(row[0] >= 0 and self.damaged.begin <= row[1] < self.damaged.begin + DAY_S)

    def _samples(
        self, stripe: int, time: int, batch: int, _number: int, members: int, data: bytes
    ) -> list[Sample]:
        block = Block(stripe, time, batch, blocks.unsigned(members), data)
        try:
            shape, rows = blocks.rows(block)
        except ValueError:
            return []
        make = maker(self.name, shape.fields)
        several = zip(block.series, rows, strict=True)
        found = [make(row, self._tags(number), time) for number, row in several if number in self.series]
        return [sample for sample in found if _fits(sample)]

    def out_of_rows(self, columns: Sequence[str]) -> Iterator[list[Sample]]:
        """The same of schema 2, which had a row for each point, in the order of time."""
        fields = [field for field in MEASUREMENTS[self.name].fields if field in columns]
        select = f"SELECT time, series, {', '.join(fields)} FROM {self.name} WHERE time >= ? AND time < ?"  # noqa: S608
        got = bad_s = 0
        for begin in range(self.damaged.begin, self.damaged.begin + DAY_S, _STRIDE_S):
            rows, bad = self._stretch(select, (begin, begin + _STRIDE_S))
            unique = {(row[0], row[1]): row[2:] for row in rows}
            found = [
                Sample(self.name, self._tags(number), _measured(fields, values), time)
                for (time, number), values in unique.items()
                if number in self.series and type(time) is int and begin <= time < begin + _STRIDE_S
            ]
            fitting = [sample for sample in found if _fits(sample)]
            self._lost(len(unique) - len(fitting))
            got, bad_s = got + len(fitting), bad_s + bad
            yield self._saved(fitting)
        if bad_s:
            self.losses.guessed(self.name, max(1, got * bad_s // max(1, DAY_S - bad_s)))

    def _stretch(self, select: str, span: _Span) -> tuple[list[Any], int]:
        """The rows of a stretch of time, and how many seconds of it cannot be read whole.

        Where something can be read of it, from either end, the stretch is halved and halved again; where
        nothing can, only down to a minute, or a dead file would take as long as all its seconds.
        """
        ordered = f"{select} ORDER BY time"
        rows, whole = self.damaged.from_both_ends(ordered, f"{ordered} DESC", span)
        begin, end = span
        if whole or end - begin <= (1 if rows else _MINUTE_S):
            return rows, 0 if whole else end - begin
        middle = (begin + end) // 2
        halves = [self._stretch(select, half) for half in pairwise((begin, middle, end))]
        return [*halves[0][0], *halves[1][0]], halves[0][1] + halves[1][1]

    def _tags(self, number: int) -> dict[str, str]:
        return dict(zip(MEASUREMENTS[self.name].tags, self.series[number], strict=True))

    def _lost(self, points: int) -> None:
        self.losses.known(self.name, points)

    def _saved(self, samples: list[Sample]) -> list[Sample]:
        self.losses.saved += len(samples)
        return samples


def _measured(fields: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {field: value for field, value in zip(fields, values, strict=True) if value is not None}


def _fits(sample: Sample) -> bool:
    """Whether the store takes it."""
    try:
        check(sample)
    except (CatalogError, TypeError):
        return False
    return True
