"""`python -m bench.portal [--quick] [--only PART]`: everything in one run; 1 when a goal is not reached.

A part is a function `part(rounds: int) -> tuple[Figure, ...]` (bench.portal.goals.Part) in a module of its
own, with a line in PARTS here. It starts and ends its own programs, pins none but its own processes, prints
progress to standard error only, and puts limits of goals.py beside its figures. `rounds` is how often it
repeats what varies from one time to the next: 5, or 2 with --quick; noise only ever adds CPU, so the least
of them counts, and those that are compared take turns. The last line of standard output is one JSON object.
"""

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rich.console import Console

from bench.poll import machine
from bench.poll.child import ClientFailed
from bench.poll.peer import Missing
from bench.poll.report import show_facts, show_missing
from bench.portal import crowd, doors, page, radius, report, splash, taps, weight
from bench.portal.goals import QUOTED, Figure, Part, exit_code

PARTS: Final[Mapping[str, Part]] = MappingProxyType(
    {
        "weight": weight.part,
        "page": page.part,
        "taps": taps.part,
        "opennds": splash.part,
        "radius": radius.part,
        "crowd": crowd.part,
        "doors": doors.part,
    }
)
ROUNDS: Final = 5
QUICK_ROUNDS: Final = 2

_progress = Console(stderr=True)


def main(arguments: Sequence[str]) -> int:
    """Run, show, judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted, rounds = _wanted(arguments)
    facts = machine.facts() | QUOTED
    found, failed = run({name: PARTS[name] for name in wanted}, rounds)
    console = Console(width=None if sys.stdout.isatty() else 140)
    show_facts(console, facts)
    report.show(console, found)
    show_missing(console, failed)
    sys.stdout.write(report.as_json(facts, found, failed) + "\n")
    return exit_code([figure for figures in found.values() for figure in figures], list(failed))


def run(parts: Mapping[str, Part], rounds: int) -> tuple[dict[str, tuple[Figure, ...]], dict[str, str]]:
    """The figures of each part, and why others have none."""
    found, failed = {}, {}
    for name, part in parts.items():
        _progress.print(f"[dim]{name}[/]", highlight=False)
        try:
            found[name] = part(rounds)
        except (ClientFailed, Missing) as error:
            failed[name] = str(error)
    return found, failed


def _wanted(arguments: Sequence[str]) -> tuple[list[str], int]:
    parser = argparse.ArgumentParser(prog="python -m bench.portal", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds instead of {ROUNDS}")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="this part; may be repeated")
    given = parser.parse_args(arguments)
    return given.only or list(PARTS), QUICK_ROUNDS if given.quick else ROUNDS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
