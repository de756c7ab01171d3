"""Answers as tables: CSV and JSON lines for machines, Parquet for analysts, little pictures for terminals."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from metrics.catalog import MEASUREMENTS
from metrics.question import Answer, Row, Statistic, Wanted

_BARS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = "·"
_LARGEST: Final = 2**63 - 1
_WHOLE: Final = {"1": 1.0, "%": 100.0}
_ON_SCALE: Final = frozenset({Statistic.MEAN, Statistic.LEAST, Statistic.MOST})


def columns(answer: Answer) -> tuple[str, ...]:
    """The names of what `records` gives."""
    question = answer.question
    told = (one.column for one in question.told)
    return (*question.by, "start", "end", *told, "got", "expected", "completeness", "over")


def records(answer: Answer) -> Iterator[tuple[Any, ...]]:
    """A tuple for each row; times are ISO 8601 in UTC, what is unknown is None, whole numbers are ints."""
    whole = [one.is_whole(answer.question.measurement) for one in answer.question.told]
    for row in answer.rows:
        share = None if row.completeness is None else round(row.completeness, 4)
        values = (_plain(*one) for one in zip(row.values, whole, strict=True))
        yield (*row.tags, moment(row.start), moment(row.end), *values, row.got, row.expected, share, row.over)


def _plain(value: float | None, whole: bool) -> float | int | None:
    if value is None:
        return None
    return int(value) if whole else float(value)


def moment(at: int) -> str:
    """An epoch second as ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_csv(answer: Answer, to: IO[str]) -> None:
    """RFC 4180 with a header; what is unknown is empty, which is not 0."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(columns(answer))
    for record in records(answer):
        writer.writerow([str(one).lower() if isinstance(one, bool) else one for one in record])


def write_json(answer: Answer, to: IO[str]) -> None:
    """One object a line; what is unknown is null."""
    names = columns(answer)
    for record in records(answer):
        to.write(json.dumps(dict(zip(names, record, strict=True)), ensure_ascii=False) + "\n")


def write_parquet(answer: Answer, to: Path) -> None:
    """Typed columns, times as timestamps in UTC. Raises ImportError where pyarrow is not installed."""
    import pyarrow  # noqa: PLC0415  for analysts only: it is large
    from pyarrow import parquet  # noqa: PLC0415

    time, integer, number = pyarrow.timestamp("s", tz="UTC"), pyarrow.int64(), pyarrow.float64()
    question = answer.question
    listed = list(zip(*map(_typed, answer.rows), strict=True)) or [() for _ in columns(answer)]
    at = len(question.by) + 2
    kinds = {
        **dict.fromkeys(question.by, pyarrow.string()),
        **dict.fromkeys(("start", "end"), time),
        **{
            one.column: integer
            if one.is_whole(question.measurement) and _fits(listed[at + index])
            else number
            for index, one in enumerate(question.told)
        },
        **dict.fromkeys(("got", "expected"), integer),
        "completeness": number,
        "over": pyarrow.bool_(),
    }
    listed = [
        _numbers(values) if kind == number else values
        for values, kind in zip(listed, kinds.values(), strict=True)
    ]
    arrays = [pyarrow.array(values, kind) for values, kind in zip(listed, kinds.values(), strict=True)]
    about = {
        b"measurement": question.measurement.encode(),
        b"bucket": str(question.bucket).encode(),
        b"where": json.dumps(dict(question.where or {}), ensure_ascii=False).encode(),
    }
    schema = pyarrow.schema(list(kinds.items()), metadata=about)
    # Opened here: pyarrow deletes a path that it could not write, also one that is no file, like a device.
    with to.open("wb") as opened:
        parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), opened, compression="zstd")


def _typed(row: Row) -> tuple[Any, ...]:
    return (*row.tags, row.start, row.end, *row.values, row.got, row.expected, row.completeness, row.over)


def _fits(values: Sequence[float | None]) -> bool:
    return all(value is None or abs(value) <= _LARGEST for value in values)


def _numbers(values: Sequence[float | None]) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(value) for value in values)


def whole_of(measurement: str, wanted: Wanted) -> float:
    """What a share is a share of: 1, or 100 of what is in %; 0 where there is no such end of the scale."""
    unit = MEASUREMENTS[measurement].fields[wanted.field].unit
    return _WHOLE.get(unit, 0.0) if wanted.statistic in _ON_SCALE else 0.0


def sparkline(values: Iterable[float | None], width: int, whole: float = 0.0) -> str:
    """The course of the values in `width` characters at most; `·` where nothing is known.

    From 0, or the least where that is below 0, up to the most, or to `whole` where that is above. Only 0 has
    the lowest mark where nothing is below 0: what works all the time must not look like what never does.
    """
    drawn = [_mean(part) for part in _parts(list(values), width)]
    known = [value for value in drawn if value is not None]
    if not known:
        return _GAP * len(drawn)
    least, most = min(0.0, *known), max([*known, whole] if whole else known)
    return "".join(_GAP if value is None else _BARS[_height(value, least, most)] for value in drawn)


def _height(value: float, least: float, most: float) -> int:
    top = len(_BARS) - 1
    if least == most:
        return top // 2 if value else 0
    height = round((value - least) / (most - least) * top)
    return max(1, height) if value > 0 else height


def _parts(values: Sequence[float | None], width: int) -> Iterator[Sequence[float | None]]:
    count = min(width, len(values))
    for number in range(count):
        yield values[number * len(values) // count : (number + 1) * len(values) // count]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
