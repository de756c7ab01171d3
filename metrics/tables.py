"""Answers as tables: CSV and JSON lines for machines, Parquet for analysts, little pictures for terminals."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from metrics.query import Answer, Row

_BARS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = "·"


def columns(answer: Answer) -> tuple[str, ...]:
    """The names of what `records` gives."""
    question = answer.question
    told = (one.column for one in question.wanted)
    return (*question.by, "start", "end", *told, "got", "expected", "completeness")


def records(answer: Answer) -> Iterator[tuple[Any, ...]]:
    """A tuple for each row; times are ISO 8601 in UTC, what is unknown is None."""
    for row in answer.rows:
        share = None if row.completeness is None else round(row.completeness, 4)
        yield (*row.tags, moment(row.start), moment(row.end), *row.values, row.got, row.expected, share)


def moment(at: int) -> str:
    """An epoch second as ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_csv(answer: Answer, to: IO[str]) -> None:
    """RFC 4180 with a header; what is unknown is empty, which is not 0."""
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(columns(answer))
    writer.writerows(records(answer))


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
    kinds = {
        **dict.fromkeys(question.by, pyarrow.string()),
        **dict.fromkeys(("start", "end"), time),
        **dict.fromkeys((one.column for one in question.wanted), number),
        **dict.fromkeys(("got", "expected"), integer),
        "completeness": number,
    }
    listed = list(zip(*map(_typed, answer.rows), strict=True)) or [() for _ in kinds]
    arrays = [pyarrow.array(values, kind) for values, kind in zip(listed, kinds.values(), strict=True)]
    about = {b"measurement": question.measurement.encode(), b"bucket": str(question.bucket).encode()}
    schema = pyarrow.schema(list(kinds.items()), metadata=about)
    parquet.write_table(pyarrow.Table.from_arrays(arrays, schema=schema), to, compression="zstd")


def _typed(row: Row) -> tuple[Any, ...]:
    values = (None if value is None else float(value) for value in row.values)
    return (*row.tags, row.start, row.end, *values, row.got, row.expected, row.completeness)


def sparkline(values: Iterable[float | None], width: int) -> str:
    """The course of the values in `width` characters at most; `·` where nothing is known."""
    drawn = [_mean(part) for part in _parts(list(values), width)]
    known = [value for value in drawn if value is not None]
    if not known:
        return _GAP * len(drawn)
    least, span = min(known), max(known) - min(known)
    top = len(_BARS) - 1
    return "".join(
        _GAP if value is None else _BARS[round((value - least) / span * top) if span else 0]
        for value in drawn
    )


def _parts(values: Sequence[float | None], width: int) -> Iterator[Sequence[float | None]]:
    count = min(width, len(values))
    for number in range(count):
        yield values[number * len(values) // count : (number + 1) * len(values) // count]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
