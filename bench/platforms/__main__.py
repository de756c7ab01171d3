"""`python -m bench.platforms`: what platforms cost; exit code 1 when a goal is not reached."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.platforms.measure import Cost, Size, cost, size
from drivers.definition import load_platforms

OWN: Final = Path(__file__).parents[2] / "tests" / "platforms" / "recordings"
MOST_MS: Final = 3.0
MOST_HOOKED: Final = 1 / 8
FEWEST_LINES, MOST_LINES = 25, 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure beside its goal."""

    figure: str
    value: float
    goal: str
    meets: bool

    @property
    def words(self) -> str:
        """What is shown."""
        return "meets" if self.meets else "falls short"


def main() -> int:
    """Measure, show, judge."""
    platforms = load_platforms()
    costs = [one for path in _recordings() if (one := cost(path, platforms)) is not None]
    sizes = [size(platform) for platform in platforms.values()]
    verdicts = judge(costs, sizes)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(_costs(costs), _sizes(sizes, costs), _verdicts(verdicts))
    everything = {
        "recordings": [asdict(one) for one in costs],
        "platforms": [asdict(one) for one in sizes],
        "goals": [
            {"figure": one.figure, "value": one.value, "goal": one.goal, "verdict": one.words}
            for one in verdicts
        ],
    }
    sys.stdout.write(json.dumps(everything) + "\n")
    return 0 if all(verdict.meets for verdict in verdicts) else 1


def judge(costs: Sequence[Cost], sizes: Sequence[Size]) -> list[Verdict]:
    """The figures that have goals."""
    cpu_ms = median(one.cpu_ms for one in costs)
    hooked = sum(one.hooks for one in sizes) / len(sizes)
    lines = median(one.lines for one in sizes)
    return [
        Verdict("CPU ms per recorded device, median", round(cpu_ms, 3), f"<= {MOST_MS:g}", cpu_ms <= MOST_MS),
        Verdict("platforms with a hook, share", round(hooked, 3), f"< {MOST_HOOKED:g}", hooked < MOST_HOOKED),
        Verdict("lines of YAML, median", lines, f"{FEWEST_LINES} to {MOST_LINES}", lines <= MOST_LINES),
    ]


def _recordings() -> Iterable[Path]:
    """Our own, and the outside ones where PLAZA_RECORDINGS says where they are."""
    outside = os.environ.get("PLAZA_RECORDINGS")
    yield from sorted(OWN.glob("*.snmprec"))
    yield from sorted(Path(outside).glob("*.snmprec")) if outside else ()


def _costs(costs: Iterable[Cost]) -> Table:
    table = _table("detection and collection of one device", "recording", "platform", "CPU ms", "samples")
    for one in sorted(costs, key=lambda cost: -cost.cpu_ms):
        table.add_row(one.recording, one.platform, f"{one.cpu_ms:.2f}", str(one.samples))
    return table


def _sizes(sizes: Iterable[Size], costs: Sequence[Cost]) -> Table:
    table = _table("platforms", "platform", "hook", "lines of YAML", "CPU ms, median")
    for one in sorted(sizes, key=lambda size: -size.lines):
        own = [cost.cpu_ms for cost in costs if cost.platform == one.platform]
        spent = f"{median(own):.2f}" if own else "–"
        table.add_row(one.platform, "yes" if one.hooks else "", str(one.lines), spent)
    return table


def _verdicts(verdicts: Iterable[Verdict]) -> Table:
    table = _table("goals", "figure", "verdict", "measured", "goal")
    for one in verdicts:
        colour = "green" if one.meets else "red"
        table.add_row(one.figure, f"[{colour}]{one.words}[/]", f"{one.value:g}", one.goal)
    return table


def _table(title: str, *headings: str) -> Table:
    """Two columns of words, then numbers."""
    table = Table(title=title, title_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < 2 else "right")
    return table


if __name__ == "__main__":
    sys.exit(main())
