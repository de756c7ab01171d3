"""`python -m bench.poll [--quick]`: everything in one run; exit code 1 when a goal is not reached."""

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from rich.console import Console

from bench.poll import machine, report
from bench.poll.farm import FarmFailed, farm
from bench.poll.goals import Part, exit_code, judge
from bench.poll.parts import FULL, QUICK, Found, Scale, poller, robust
from bench.poll.peer import Missing, Peer
from bench.poll.peers import ceiling, exporter, gosnmp, gufo, netsnmp, ours, pysnmp
from bench.poll.rounds import Mode, compare, measure
from bench.poll.work import Figures, Version

PEERS = (ours.PEER, ceiling.PEER, gosnmp.PEER, gufo.PEER, exporter.PEER, netsnmp.PEER, pysnmp.PEER)
OURS = ours.PEER.name

_progress = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    parts: tuple[Part, ...]
    peers: tuple[Peer, ...]
    scale: Scale


def main(arguments: Sequence[str]) -> int:
    """Run, show, judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = _wanted(arguments)
    machine.PLACE.mkdir(parents=True, exist_ok=True)
    os.sched_setaffinity(0, {machine.FARM_CORE})
    facts = machine.facts()
    versions, missing = _prepare(wanted.peers if Part.COST in wanted.parts else ())
    found = Found()
    try:
        best = _run(wanted, [peer for peer in wanted.peers if peer.name in versions], found)
    except FarmFailed as error:
        _progress.print(str(error))
        return 1
    verdicts = judge(found.measured, wanted.parts, {peer.name for peer in wanted.peers})
    console = Console(width=None if sys.stdout.isatty() else 140)
    report.show_facts(console, facts | {f"version of {name}": text for name, text in versions.items()})
    report.show_costs(console, best, OURS)
    for title, details in found.details.items():
        report.show_details(console, title, details)
    report.show_verdicts(console, verdicts)
    report.show_missing(console, missing | found.failed)
    absent = {"missing": missing, "failed": found.failed, "versions": versions}
    sys.stdout.write(report.as_json(facts, best, found.raw, verdicts, **absent) + "\n")
    return exit_code(verdicts, missing, strict="CI" in os.environ)


def _wanted(arguments: Sequence[str]) -> Wanted:
    parser = argparse.ArgumentParser(prog="python -m bench.poll", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes instead of half an hour")
    parser.add_argument("--parts", default=",".join(Part), help="among %(default)s")
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="among %(default)s")
    parser.add_argument("--rounds", type=int, help="of each client")
    parser.add_argument("--polls", type=float, help="this many times the polls of each client")
    parser.add_argument("--minutes", type=float, help="of the whole poller")
    given = parser.parse_args(arguments)
    changes = {name: getattr(given, name) for name in ("rounds", "polls", "minutes")}
    scale = replace(QUICK if given.quick else FULL, **{k: v for k, v in changes.items() if v is not None})
    known = {peer.name: peer for peer in PEERS}
    try:
        parts = tuple(Part(part) for part in given.parts.split(","))
        peers = tuple(known[name] for name in given.peers.split(","))
    except (KeyError, ValueError) as error:
        parser.error(f"nobody knows {error}")
    return Wanted(parts, peers, scale)


def _prepare(peers: Iterable[Peer]) -> tuple[dict[str, str], dict[str, str]]:
    """Versions of those that can be had, reasons for those that cannot."""
    versions, missing = {}, {}
    for peer in peers:
        _say(f"preparing {peer.name}")
        try:
            versions[peer.name] = peer.prepare()
        except Missing as error:
            missing[peer.name] = str(error)
    return versions, missing


def _run(wanted: Wanted, peers: Sequence[Peer], found: Found) -> dict[tuple[Mode, str], Figures]:
    """Every wanted part, against farms that live as long. Raises FarmFailed."""
    best: dict[tuple[Mode, str], Figures] = {}
    versions = Version if Part.COST in wanted.parts else (Version.V2C,)
    with ExitStack() as stack:
        ports = {version: stack.enter_context(farm(version)) for version in versions}
        if Part.COST in wanted.parts:
            runs = measure(peers, ports, wanted.scale.rounds, wanted.scale.polls, _say)
            best = runs.best()
            found.measured |= compare(best, OURS)
            found.failed |= runs.errors
        if Part.ROBUST in wanted.parts:
            robust(found, ports[Version.V2C], wanted.scale, _say)
        if Part.POLLER in wanted.parts:
            poller(found, ports[Version.V2C], wanted.scale, _say)
    return best


def _say(what: str) -> None:
    _progress.print(f"[dim]{what}[/]", highlight=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
