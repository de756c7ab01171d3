"""What a run found, as tables of a document: between two marks, so that no figure is copied by hand."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bench.portal.goals import Figure
from bench.portal.report import Found

BEGIN: Final = "<!-- figures of a run -->\n"
END: Final = "<!-- end of the figures -->\n"
TITLES: Final[Mapping[str, str]] = {
    "cost": "A redirect and a login",
    "minute": "A busy minute on one core",
    "fair": "Pages beside a download",
    "sync": "What a day says to the controller",
}


def write(
    path: Path, day: str, facts: Mapping[str, str], found: Found, titles: Mapping[str, str] = TITLES
) -> None:
    """Put the tables of these parts into the document; a part that is not among them stays as it was told.

    Raises ValueError for a document without the marks.
    """
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: no {BEGIN.strip()} and {END.strip()} in it")
    kept = {title: text for title, _, text in (part.partition("\n") for part in old.split("## ")[1:])}
    told = {titles[part]: _table(day, facts, figures) for part, figures in found.items()}
    tables = (f"## {title}\n{(kept | told)[title]}" for title in titles.values() if title in kept | told)
    path.write_text(before + begin + "".join(tables) + end + after, encoding="utf-8")


def _table(day: str, facts: Mapping[str, str], figures: tuple[Figure, ...]) -> str:
    machine = ", ".join(f"{name} {text}" for name, text in facts.items())
    lines = (f"| {' | '.join(_row(one))} |\n" for one in figures)
    return f"Of {day}: {machine}.\n\n| | measured | goal | |\n|---|---|---|---|\n{''.join(lines)}\n"


def _row(one: Figure) -> Iterator[str]:
    """What it is, how much, the goal, what stands behind it."""
    yield one.name
    yield "not measured" if one.value is None else f"**{_number(one.value)}** {one.unit}".rstrip()
    if one.goal is None:
        yield ""
    else:
        short = "" if one.meets else ": falls short"
        yield f"{one.goal.rule} {_number(one.goal.limit)} {one.unit}".rstrip() + short
    yield one.details.replace("|", "/")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
