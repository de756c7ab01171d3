"""Answers to `plaza metrics query` as a terminal, a file or a picture."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from metrics.plots_words import Picture
    from metrics.question import Answer, Question, Row, Wanted

_SPARK_WIDTH = 40
_MOST_LINES = 60
_WIDTH = 160


def nothing(question: "Question", lately: bool) -> str:
    """Why an answer is empty; `lately` where samples came that are in no bucket yet."""
    if not lately:
        return "nothing was measured there and then"
    from metrics.local.levels import SLOT_FIELDS, Span

    if isinstance(question.bucket, int):
        return f"no {question.measurement} there and then yet: it is put together every five minutes"
    bucket = question.bucket
    early = ""
    if question.measurement in SLOT_FIELDS and {*question.by, *(question.where or {})} <= {"mun"}:
        early = ", an hour in part after its first five minutes" if bucket is Span.HOUR else ""
    step = "300s" if question.measurement == "hotspot_mun" else "60s"
    return (
        f"no {bucket} is told there and then: the samples are of one that still runs, and it is told "
        f"when it is over{early}; until then ask with --bucket {step}"
    )


def draw(answer: "Answer", to: Path, how: "Picture", why: str = "") -> None:
    """`why` there is nothing to draw. Raises SelectorError."""
    from controller.errors import SelectorError
    from metrics import plots

    if not answer.rows:
        raise SelectorError(f"{to}: not drawn, {why}")
    try:
        left_out = plots.draw(answer, to, how)
    except ValueError as error:
        raise SelectorError(str(error)) from error
    except ImportError as error:
        raise SelectorError(_extra("pictures", error)) from error
    except OSError as error:
        raise SelectorError(_unwritten(to, error)) from error
    most = f"those with the largest {answer.question.wanted[0].field} on average"
    note = f", {most}; {left_out} more series would not be told apart in it" if left_out else ""
    click.echo(f"{to}: drawn{note}", err=True)


def write(answer: "Answer", form: str, out: Path | None, why: str = "") -> None:
    """`why` it is empty stands in a table, and on stderr beside what programs read.

    Raises SelectorError and click.UsageError.
    """
    from controller.errors import SelectorError
    from metrics import tables

    if why and form != "table":
        click.echo(why, err=True)
    if form == "parquet":
        if out is None:
            raise click.UsageError("--as parquet wants --out FILE")
        try:
            with beside(out) as path:
                tables.write_parquet(answer, path)
        except ImportError as error:
            raise SelectorError(_extra("Parquet", error)) from error
        return
    if form == "table":
        put(lambda to: _show(answer, to, why), out)
        return
    forms = {"csv": tables.write_csv, "json": tables.write_json}
    put(lambda to: forms[form](answer, to), out)


def put(write: Callable[[IO[str]], None], out: Path | None) -> None:
    """Let it write to the terminal or into a file. Raises SelectorError."""
    from controller.errors import SelectorError

    if out is not None:
        with beside(out) as path, path.open("w", encoding="utf-8", newline="") as to:
            write(to)
        return
    try:
        write(sys.stdout)
        sys.stdout.flush()
    except OSError as error:
        # Python would try once more, and complain, when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # whoever read has enough, like head
            raise SelectorError(_unwritten("the output", error)) from error


@contextmanager
def beside(out: Path) -> Iterator[Path]:
    """Where to write, so that the name has the old file or the whole new one. Raises SelectorError."""
    from controller.errors import SelectorError

    special = out.is_symlink() or (out.exists() and not out.is_file())  # /dev/stdout stays what it is
    made = out if special else out.with_name(f".{out.name}.{os.getpid()}")
    try:
        yield made
        if not special:
            made.replace(out)
    except OSError as error:
        raise SelectorError(_unwritten(out, error)) from error
    finally:
        if not special:
            made.unlink(missing_ok=True)


def _unwritten(to: Path | str, error: OSError) -> str:
    return f"{to} cannot be written: {error.strerror or error}; name another file, or make room"


def _extra(what: str, error: ImportError) -> str:
    return f"{what} want a library that is not installed ({error.name}): pip install 'plaza[analytics]'"


def _show(answer: "Answer", to: IO[str], why: str) -> None:
    """A line for each series: its course, its last and its whole; then how complete it is."""
    from rich.console import Console
    from rich.table import Table

    from metrics.tables import whole_of

    question = answer.question
    console = Console(file=to, width=None if to.isatty() else _WIDTH, highlight=False)
    table = Table(box=None, pad_edge=False)
    for name in (*question.by, "what", "course"):
        table.add_column(name, no_wrap=name == "course")
    for name in ("last", "least", "most", "gaps", "complete"):
        table.add_column(name, justify="right")
    lines = [
        (*tags, f"{one.field} {one.statistic}", *_line(rows, index, whole_of(question.measurement, one)))
        for tags, rows in answer.series().items()
        for index, one in enumerate(question.wanted)
    ]
    for line in lines[:_MOST_LINES]:
        table.add_row(*line)
    if lines:
        console.print(_title(question), markup=False, soft_wrap=True)
        console.print(table)
    for note in (why,) if why else _notes(answer, len(lines)):
        console.print(note, markup=False, soft_wrap=True)


def _line(rows: "Sequence[Row]", index: int, whole: float) -> tuple[str, ...]:
    from metrics.tables import sparkline

    values = [row.values[index] for row in rows]
    known = [value for value in values if value is not None]
    shown = (known[-1], min(known), max(known)) if known else (None,) * 3
    over = [row.values[index] for row in rows if row.over]
    gaps = f"{sum(value is None for value in over)} of {len(over)}"
    return (sparkline(values, _SPARK_WIDTH, whole), *map(_number, shown), gaps, _complete(rows))


def _notes(answer: "Answer", lines: int) -> Iterator[str]:
    for index, one in enumerate(answer.question.wanted):
        if all(row.values[index] is None for row in answer.rows):
            yield _untold(answer, one)
    if lines > _MOST_LINES:
        rest = lines - _MOST_LINES
        yield f"and {rest:,} more lines: narrow it with --where, or have all with --as csv"
    running = {row.start for row in answer.rows if not row.over}
    if running:
        from metrics.tables import moment

        yield f"the {_bucket(answer.question)} from {moment(min(running))} still runs: its figures still grow"


def _untold(answer: "Answer", wanted: "Wanted") -> str:
    """Why a field is known in no row; a running hour has but the fields that five minutes have."""
    from metrics.catalog import MEASUREMENTS

    derived = isinstance(answer.question.bucket, str)
    if derived and {row.over for row in answer.rows if row.got} == {False}:
        return f"{wanted.field} is not known before the {_bucket(answer.question)} is over: try --bucket 60s"
    who = "no device" if "ap" in MEASUREMENTS[answer.question.measurement].tags else "nobody"
    twice = " twice in a row" if wanted.statistic == "growth" else ""
    return f"{who} told {wanted.field}{twice} in this window"


def _title(question: "Question") -> str:
    from metrics.tables import moment

    window = question.window
    where = "".join(f", {tag}={value}" for tag, value in (question.where or {}).items())
    when = f"from {moment(window.start)} to {moment(window.end)}"
    return f"{question.measurement} by {_bucket(question)}{where}, {when}"


def _bucket(question: "Question") -> str:
    return question.bucket if isinstance(question.bucket, str) else f"{question.bucket} s"


def _number(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1_000 or value == int(value) else f"{value:.3g}"


def _complete(rows: "Sequence[Row]") -> str:
    """Samples that are there of those that should be."""
    got = sum(row.got for row in rows if row.expected)
    expected = sum(row.expected for row in rows if row.expected)
    if not expected:
        return f"{sum(row.got for row in rows):,} samples"
    return f"{min(100.0, 100 * got / expected):.4g} %" if got < expected else "100 %"
