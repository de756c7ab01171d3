"""Shows what a run found: tables for people, one line of JSON for machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.poll.goals import Verdict
from bench.poll.rounds import Mode
from bench.poll.work import Figures

_HEADINGS: Final = ("CPU-s/1k", "x ours", "polls/s", "p99 ms", "RSS MB", "complete", "polls", "in flight")

Best = Mapping[tuple[Mode, str], Figures]


def show_facts(console: Console, facts: Mapping[str, str]) -> None:
    """One a line."""
    for name, value in facts.items():
        console.print(f"[bold]{name}[/]: {value}", highlight=False)


def show_costs(console: Console, best: Best, ours: str) -> None:
    """One table per mode, the cheapest client first."""
    for mode in Mode:
        rows = {client: one for (of, client), one in best.items() if of is mode}
        if rows:
            console.print(_costs(mode, rows, ours))


def _costs(mode: Mode, rows: Mapping[str, Figures], ours: str) -> Table:
    table = Table(title=f"{mode}: CPU seconds per 1,000 polls, the least of all rounds", title_justify="left")
    table.add_column("client")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    mine = rows.get(ours)
    for client, one in sorted(rows.items(), key=lambda item: item[1].cpu_per_1k):
        times = f"{one.cpu_per_1k / mine.cpu_per_1k:.2f}" if mine else "–"
        cells = (
            f"{one.cpu_per_1k:.4f}",
            times,
            f"{one.polls_per_s:,.0f}",
            f"{one.p99_ms:.1f}",
            f"{one.rss_mb:.0f}" if one.rss_mb else "–",
            f"{one.share:.1%}",
            f"{one.polls:,}",
            f"{one.in_flight:,}",
        )
        table.add_row(client, *cells, style="bold" if client == ours else "")
    return table


def show_details(console: Console, title: str, details: Mapping[str, str]) -> None:
    """What stands behind a figure."""
    console.print(f"\n[italic]{title}[/]")
    for name, value in details.items():
        console.print(f"  {name}: {value}", highlight=False)


def show_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Each figure beside its goal."""
    table = Table(title="goals", title_justify="left")
    for heading in ("figure", "measured", "goal", "verdict"):
        table.add_column(heading, justify="left" if heading in ("figure", "verdict") else "right")
    for verdict in verdicts:
        goal, value = verdict.goal, verdict.value
        measured = "–" if value is None else f"{value:,.4g} {goal.unit}"
        colour = "green" if verdict.meets else "red"
        limit = f"{goal.rule} {goal.limit:,g} {goal.unit}"
        table.add_row(goal.what, measured, limit, f"[{colour}]{verdict.words}[/]")
    console.print(table)


def show_missing(console: Console, missing: Mapping[str, str]) -> None:
    """Each client that is absent from the tables, with its reason."""
    for client, reason in missing.items():
        console.print(f"[red]not measured[/]: {client}: {reason}", highlight=False)


def as_json(
    facts: Mapping[str, str], best: Best, found: Mapping[str, Any], verdicts: Sequence[Verdict], **rest: Any
) -> str:
    """Everything, on one line."""
    clients: dict[str, dict[str, Any]] = {}
    for (mode, client), one in best.items():
        clients.setdefault(mode, {})[client] = asdict(one) | {"cpu_per_1k": one.cpu_per_1k}
    goals = [_goal(verdict) for verdict in verdicts]
    return json.dumps({"machine": dict(facts), "clients": clients, **found, "goals": goals, **rest})


def _goal(verdict: Verdict) -> dict[str, Any]:
    goal = verdict.goal
    wanted = f"{goal.rule} {goal.limit:g}"
    return {"figure": goal.key, "value": verdict.value, "goal": wanted, "verdict": verdict.words}
