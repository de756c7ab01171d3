"""Shows what a run found: a table for each kind of device and distance, one line of JSON for machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.apply.goals import NAMES
from bench.apply.rounds import Key, Way
from bench.apply.work import Figures, Kind
from bench.poll.goals import Verdict

_HEADINGS: Final = (
    *("CPU ms", "x ours", "devices/min", "ours x", "s/device", "complete", "tries again"),
    *("device CPU ms", "device core busy"),
)


def show_costs(console: Console, best: Mapping[Key, Figures], ours: str) -> None:
    """One table per kind and distance, the cheapest client first."""
    for kind in Kind:
        for way in Way:
            rows = {client: one for (of, at, client), one in best.items() if (of, at) == (kind, way)}
            if rows:
                console.print(_costs(f"{NAMES[kind]}, {way}: CPU of the client per device", rows, ours))


def _costs(title: str, rows: Mapping[str, Figures], ours: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("client")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    mine = rows.get(ours)
    for client, one in sorted(rows.items(), key=lambda item: item[1].cpu_ms):
        cells = (
            f"{one.cpu_ms:.2f}",
            f"{one.cpu_ms / mine.cpu_ms:.2f}" if mine else "–",
            f"{one.per_minute:,.0f}",
            f"{mine.per_minute / one.per_minute:.2f}" if mine else "–",
            f"{one.p50_s:.2f}" if one.p50_s else "–",
            f"{one.share:.1%}",
            f"{one.again:,}",
            f"{one.farm_ms:.1f}",
            f"{one.farm_busy:.0%}",
        )
        table.add_row(client, *cells, style="bold" if client == ours else "")
    return table


def as_json(
    facts: Mapping[str, str], best: Mapping[Key, Figures], verdicts: Sequence[Verdict], **rest: Any
) -> str:
    """Everything, on one line."""
    clients: dict[str, dict[str, Any]] = {}
    for (kind, way, client), one in best.items():
        figures = asdict(one) | {"cpu_ms": one.cpu_ms, "per_minute": one.per_minute}
        clients.setdefault(f"{kind}, {way}", {})[client] = figures
    goals = [
        {
            "figure": one.goal.key,
            "value": one.value,
            "goal": f"{one.goal.rule} {one.goal.limit:g}",
            "verdict": one.words,
        }
        for one in verdicts
    ]
    return json.dumps({"machine": dict(facts), "clients": clients, "goals": goals, **rest})
