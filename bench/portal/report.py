"""Shows what a run found: a table for each part, one line of JSON for machines."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.portal.goals import Figure

Found = Mapping[str, tuple[Figure, ...]]
"""Figures by the name of their part."""


def show(console: Console, found: Found) -> None:
    """One table per part: each figure beside its goal."""
    for part, figures in found.items():
        table = Table(title=part, title_justify="left")
        for heading in ("figure", "measured", "goal", "verdict", "of"):
            table.add_column(heading, justify="right" if heading in ("measured", "goal") else "left")
        for figure in figures:
            table.add_row(figure.name, _measured(figure), _goal(figure), _verdict(figure), figure.details)
        console.print(table)


def as_json(facts: Mapping[str, str], found: Found, failed: Mapping[str, str]) -> str:
    """Everything, on one line."""
    parts = {part: [_figure(figure) for figure in figures] for part, figures in found.items()}
    return json.dumps({"machine": dict(facts), "parts": parts, "failed": dict(failed)})


def _figure(figure: Figure) -> dict[str, Any]:
    wanted = f"{figure.goal.rule} {figure.goal.limit:g}" if figure.goal else None
    return {
        "figure": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "goal": wanted,
        "verdict": figure.words,
        "of": figure.details,
    }


def _measured(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    number = f"{figure.value:,.0f}" if abs(figure.value) >= 1_000 else f"{figure.value:,.4g}"
    return f"{number} {figure.unit}"


def _goal(figure: Figure) -> str:
    return f"{figure.goal.rule} {figure.goal.limit:,g} {figure.unit}" if figure.goal else ""


def _verdict(figure: Figure) -> str:
    return f"[{'green' if figure.meets else 'red'}]{figure.words}[/]"
