"""Answers as pictures, PNG or SVG by the file's name: gaps are gaps, and colour is never the only mark."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from metrics.catalog import MEASUREMENTS
from metrics.query import Answer, Row, Wanted

MOST_SERIES: Final = 12
SUFFIXES: Final = (".png", ".svg")
_STYLES: Final = ("-", "--", "-.", ":")
_MARKS: Final = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h", "d")
_FEW: Final = 60
"""Up to so many points a line's points are marked."""


def draw(answer: Answer, to: Path) -> int:
    """Write the picture; the answer is how many series did not fit into it.

    The first MOST_SERIES are drawn, those with most known values first. Raises ImportError where matplotlib
    is not installed, and ValueError for another kind of file than SUFFIXES.
    """
    if to.suffix not in SUFFIXES:
        raise ValueError(f"{to}: a picture is called {' or '.join(f'*{one}' for one in SUFFIXES)}")
    from matplotlib.figure import Figure  # noqa: PLC0415  large, and only for pictures

    series = sorted(answer.series().items(), key=lambda one: -sum(map(_known, one[1])))
    shown = sorted(series[:MOST_SERIES])
    wanted = answer.question.wanted
    figure = Figure(figsize=(10, 2.2 + 2.8 * len(wanted)), layout="constrained")
    panels = figure.subplots(
        len(wanted) + 1, 1, sharex=True, squeeze=False, height_ratios=[*[4] * len(wanted), 1]
    )[:, 0]
    for index, one in enumerate(wanted):
        _panel(panels[index], answer, one, index, shown)
    _completeness(panels[-1], [row for _, rows in shown for row in rows])
    figure.suptitle(_title(answer))
    figure.savefig(to, metadata={"Date": None} if to.suffix == ".svg" else None)
    return len(series) - len(shown)


def _panel(
    panel: Any, answer: Answer, wanted: Wanted, index: int, shown: list[tuple[tuple[str, ...], list[Row]]]
) -> None:
    for number, (tags, rows) in enumerate(shown):
        panel.plot(
            [_time(row.start) for row in rows],
            [_value(row, index) for row in rows],
            linestyle=_STYLES[number % len(_STYLES)],
            marker=_MARKS[number % len(_MARKS)] if len(rows) <= _FEW else "",
            markersize=4,
            label=" · ".join(tags) or "all",
        )
    unit = MEASUREMENTS[answer.question.measurement].fields[wanted.field].unit
    panel.set_ylabel(f"{wanted.field}, {wanted.statistic}\n[{unit}]")
    panel.grid(visible=True, alpha=0.3)
    panel.set_ylim(bottom=min(0, panel.get_ylim()[0]))
    if shown:
        panel.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)


def _completeness(panel: Any, rows: list[Row]) -> None:
    """How much of what should have been measured was: without it a gap and a fall look alike."""
    got: dict[int, int] = {}
    expected: dict[int, int] = {}
    for row in rows:
        if row.expected:
            got[row.start] = got.get(row.start, 0) + row.got
            expected[row.start] = expected.get(row.start, 0) + row.expected
    starts = sorted(expected)
    shares = [min(100.0, 100 * got[start] / expected[start]) for start in starts]
    panel.fill_between([_time(start) for start in starts], shares, step="post", alpha=0.4)
    panel.set_ylim(0, 100)
    panel.set_ylabel("samples\n[%]")
    if not starts:
        panel.text(0.5, 0.5, "nobody said how many samples there should be", transform=panel.transAxes,
                   ha="center", va="center", fontsize="small")  # fmt: skip
    panel.tick_params(axis="x", rotation=30)


def _title(answer: Answer) -> str:
    question = answer.question
    bucket = question.bucket if isinstance(question.bucket, str) else f"{question.bucket} s"
    where = ", ".join(f"{tag}={value}" for tag, value in (question.where or {}).items())
    by = f" by {', '.join(question.by)}" if question.by else ""
    return f"{question.measurement}{by}, {bucket}{f' ({where})' if where else ''}, UTC"


def _known(row: Row) -> int:
    return sum(value is not None for value in row.values)


def _value(row: Row, index: int) -> float:
    value = row.values[index]
    return float("nan") if value is None else float(value)


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
