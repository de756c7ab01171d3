"""Answers as pictures, PNG or SVG by the file's name: gaps are gaps, and colour is never the only mark."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from metrics.catalog import MEASUREMENTS
from metrics.plots_words import Picture, Shown, moment, say, title, told
from metrics.question import Answer, Row, Wanted

MOST_SERIES: Final = 12
SUFFIXES: Final = (".png", ".svg")
_STYLES: Final = ("-", "--", "-.", ":")
_MARKS: Final = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h", "d")
# Okabe and Ito's, told apart also by who sees few colours; without their yellow, too pale on white.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_FEW: Final = 60
"""Up to so many points each point of a line has its mark."""


def draw(answer: Answer, to: Path, how: Picture = Picture()) -> int:  # noqa: B008
    """Write the picture; the answer is how many series did not fit into it.

    MOST_SERIES are drawn, those whose first field is the largest on average. Raises ImportError where
    matplotlib is not installed, OSError, and ValueError for another kind of file than SUFFIXES.
    """
    if to.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{to}: a picture is called {' or '.join(f'*{one}' for one in SUFFIXES)}")
    import matplotlib as mpl  # noqa: PLC0415  large, and only for pictures

    series = sorted(answer.series().items(), key=lambda one: -_average(one[1]))
    shown = sorted(series[:MOST_SERIES])
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "plaza", "font.size": 10}):
        _save(_figure(answer, shown, len(series), how), to, title(answer, how), told(answer, shown, how))
    return len(series) - len(shown)


def _save(figure: Any, to: Path, name: str, text: str) -> None:
    if to.suffix.lower() == ".png":
        figure.savefig(to, format="png", dpi=120, metadata={"Title": name, "Description": text})
        return
    figure.savefig(to, format="svg", metadata={"Date": None})
    before, tag, rest = to.read_text(encoding="utf-8").partition("<svg ")
    named = 'role="img" aria-labelledby="plaza-title plaza-desc" '
    inside, end, drawn = rest.partition(">")
    about = f'<title id="plaza-title">{escape(name)}</title><desc id="plaza-desc">{escape(text)}</desc>'
    to.write_text(before + tag + named + inside + end + about + drawn, encoding="utf-8")


def _figure(answer: Answer, shown: Shown, series: int, how: Picture) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415

    wanted = answer.question.wanted
    figure = Figure(figsize=(11, 2.4 + 2.8 * len(wanted)), layout="constrained")
    panels = figure.subplots(
        len(wanted) + 1, 1, sharex=True, squeeze=False, height_ratios=[*[5] * len(wanted), 1]
    )[:, 0]
    for index, one in enumerate(wanted):
        _panel(panels[index], answer, (index, one), shown, how)
    _strip(panels[-1], [row for _, rows in shown for row in rows], how)
    _clock(panels[-1], how)
    if answer.rows:
        ends = min(row.start for row in answer.rows), max(row.end for row in answer.rows)
        panels[-1].set_xlim(*(moment(at, how) for at in ends))
    left_out = say(how.language, "{n} of {all} series, the largest on average", n=len(shown), all=series)
    figure.suptitle(title(answer, how) + (f"\n{left_out}" if len(shown) < series else ""), fontsize=11)
    if len(panels[0].get_legend_handles_labels()[1]) > 1:
        panels[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    return figure


def _panel(panel: Any, answer: Answer, which: tuple[int, Wanted], shown: Shown, how: Picture) -> None:
    index, wanted = which
    for number, (tags, rows) in enumerate(shown):
        values = [_value(row, index) for row in rows]
        panel.plot(
            [_middle(row, how) for row in rows],
            values,
            color=_COLOURS[number % len(_COLOURS)],
            linestyle=_STYLES[number % len(_STYLES)],
            linewidth=1.4,
            marker=_MARKS[number % len(_MARKS)],
            markevery=marked(values, number if len(shown) > 1 else None),
            markersize=4,
            label=" · ".join(how.names.get(tag, tag) for tag in tags) or say(how.language, "all"),
        )
    if len(shown) == 1:
        _blank(panel, shown[0][1], index, how)
    _running(panel, [row for _, rows in shown for row in rows], how)
    unit = MEASUREMENTS[answer.question.measurement].fields[wanted.field].unit
    _scale(panel, f"{wanted.field}, {say(how.language, wanted.statistic.value)}", unit.strip("{}"))
    panel.grid(visible=True, alpha=0.3)
    known = [value for _, rows in shown for row in rows if (value := row.values[index]) is not None]
    low, high = 1.05 * min(known, default=0), 1.05 * max(known, default=0)
    if high >= 0:  # levels in dBm are all below, and 0 would press them flat
        panel.set_ylim(min(0, low), high if high > min(0, low) else 1)
    if not known:
        panel.text(0.5, 0.5, say(how.language, "nothing is known"), transform=panel.transAxes, ha="center")


def marked(values: Sequence[float], number: int | None) -> list[int]:
    """Every point of a few; of many each that stands alone, which no line would show.

    Of the line of this number some others, elsewhere on each line.
    """
    count = len(values)
    if count <= _FEW:
        return list(range(count))
    known = [value == value for value in values]  # noqa: PLR0124  NaN is not
    alone = [
        at
        for at in range(count)
        if known[at] and not any(known[max(0, at - 1) : at]) and not any(known[at + 1 : at + 2])
    ]
    if number is None:
        return alone
    every = max(1, count // 15)
    return sorted({*alone, *range(number * every // MOST_SERIES, count, every)})


def _scale(panel: Any, name: str, unit: str) -> None:
    """With the unit, and octets and bits in thousands and millions."""
    if unit in {"By", "bit/s"}:
        from matplotlib.ticker import EngFormatter  # noqa: PLC0415

        unit = "B" if unit == "By" else unit
        panel.yaxis.set_major_formatter(EngFormatter(unit=unit))
    panel.set_ylabel(f"{name}\n[{unit}]" if unit != "1" else name)


def _blank(panel: Any, rows: list[Row], index: int, how: Picture) -> None:
    """Shade what is not known of one series."""
    label = say(how.language, "no value")
    for start, end in _stretches([row for row in rows if row.over and row.values[index] is None]):
        panel.axvspan(
            moment(start, how), moment(end, how), color="#888888", alpha=0.2, hatch="//", label=label
        )
        label = "_"


def _running(panel: Any, rows: list[Row], how: Picture) -> None:
    """What is not over yet is marked: its figures still grow."""
    if running := [row for row in rows if not row.over]:
        start, end = min(row.start for row in running), max(row.end for row in running)
        label = say(how.language, "still running")
        panel.axvspan(moment(start, how), moment(end, how), color="#FFD966", alpha=0.35, label=label)


def _stretches(rows: list[Row]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and found[-1][1] == row.start:
            found[-1] = (found[-1][0], row.end)
        else:
            found.append((row.start, row.end))
    return found


def _strip(panel: Any, rows: list[Row], how: Picture) -> None:
    """How much of what should have been measured was: without it a gap and a fall look alike."""
    got: dict[tuple[int, int], int] = {}
    expected: dict[tuple[int, int], int] = {}
    for row in rows:
        slot = row.start, row.end
        expected[slot] = expected.get(slot, 0) + (row.expected or 0)
        got[slot] = got.get(slot, 0) + (row.got if row.expected else 0)
    panel.set_ylim(0, 105)
    panel.set_yticks([0, 50, 100])
    panel.set_ylabel(f"{say(how.language, 'samples')}\n[%]")
    panel.grid(visible=True, alpha=0.3)
    if not any(expected.values()):
        panel.text(0.5, 0.5, say(how.language, "nobody said how many samples there should be"),
                   transform=panel.transAxes, ha="center", va="center", fontsize="small")  # fmt: skip
        return
    edges, shares = [], []
    for (start, end), count in sorted(expected.items()):
        edges += [moment(start, how), moment(end, how)]
        shares += [min(100.0, 100 * got[start, end] / count) if count else 0.0] * 2
    panel.fill_between(edges, shares, color="#0072B2", alpha=0.6, linewidth=0)
    panel.fill_between(edges, shares, 100, color="#888888", alpha=0.25, hatch="//", linewidth=0)


def _clock(panel: Any, how: Picture) -> None:
    zone = ZoneInfo(how.zone)
    from matplotlib import dates as untyped  # noqa: PLC0415

    dates: Any = untyped
    places = dates.AutoDateLocator(tz=zone, minticks=4, maxticks=10)
    plain = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"]
    firsts = ["", "%Y", "%m-%d", "%m-%d", "%H:%M", "%H:%M"]
    marks = dates.ConciseDateFormatter(places, tz=zone, formats=plain, zero_formats=firsts, show_offset=False)
    panel.xaxis.set_major_locator(places)
    panel.xaxis.set_major_formatter(marks)


def _average(rows: list[Row]) -> float:
    """Of the first field; the least there is where nothing is known of it."""
    known = [float(row.values[0]) for row in rows if row.values[0] is not None]
    return sum(known) / len(known) if known else float("-inf")


def _value(row: Row, index: int) -> float:
    value = row.values[index]
    return float("nan") if value is None else float(value)


def _middle(row: Row, how: Picture) -> datetime:
    return moment((row.start + row.end) // 2, how)
