"""`python -m bench.metrics [--quick] [--only PART]`: ours and peers in one run; 1 when a goal is missed.

A part is a function as bench.portal's are (bench.portal.goals.Part), with a line in PARTS here. `rounds` is
how often it repeats what varies: 5, or 2 with --quick; noise only ever adds CPU, so the least counts, and
those that are compared take turns. The last line of standard output is one JSON object.
"""

import argparse
import gc
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.console import Console

from bench.gateway import told
from bench.metrics import chaos, encoding, feeding, readers, storing, writing, year
from bench.poll import machine
from bench.poll.machine import debian_version, python_version
from bench.poll.report import show_facts, show_missing
from bench.portal import report
from bench.portal.__main__ import run
from bench.portal.goals import Part, exit_code

PARTS: Final[Mapping[str, Part]] = MappingProxyType(
    {
        "encoder": encoding.part,
        "write": writing.part,
        "store": storing.part,
        "year": year.part,
        "readers": readers.part,
        "feed": feeding.part,
        "chaos": chaos.part,
    }
)
TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "encoder": "Line protocol",
        "write": "From the store to a server",
        "store": "A day of 3,000 access points",
        "year": "A year of 3,000 access points",
        "readers": "Readers beside a writer",
        "feed": "An absence made good",
        "chaos": "Killed again and again",
    }
)
ROUNDS: Final = 5
QUICK_ROUNDS: Final = 2
_GARBAGE: Final = 100_000
"""As every role of ours has it (controller.roles): what is made lives long."""


def main(arguments: Sequence[str]) -> int:
    """Run, show, judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    gc.set_threshold(_GARBAGE)
    given = _given(arguments)
    wanted, rounds = given.only or list(PARTS), QUICK_ROUNDS if given.quick else ROUNDS
    facts = machine.facts() | {
        "influxdb-client": python_version("influxdb-client"),
        "InfluxDB": debian_version("influxdb"),
    }
    found, failed = run({name: PARTS[name] for name in wanted}, rounds)
    console = Console(width=None if sys.stdout.isatty() else 140)
    show_facts(console, facts)
    report.show(console, found)
    show_missing(console, failed)
    if given.write:
        told.write(given.write, datetime.now(UTC).date().isoformat(), facts, found, TITLES)
    sys.stdout.write(report.as_json(facts, found, failed) + "\n")
    return exit_code([figure for figures in found.values() for figure in figures], list(failed))


def _given(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.metrics", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds instead of {ROUNDS}")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="this part; may be repeated")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this document, too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
