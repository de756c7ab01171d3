"""`python -m bench.apply [--quick]`: everything in one run; exit code 1 when a goal is not reached."""

import argparse
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from rich.console import Console

from bench.apply import fleet, report
from bench.apply.desk import FleetFailed
from bench.apply.farm import WHOLE_UCI, FarmFailed, farm, prepare
from bench.apply.goals import KINDS, Part, judge
from bench.apply.peer import Peer
from bench.apply.peers import ansible, netmiko, nornir, ours, paramiko
from bench.apply.rounds import FULL, QUICK, Runs, Scale, compare, host_key, measure, new_job
from bench.apply.work import Figures, Kind
from bench.poll import child, machine
from bench.poll.child import ClientFailed
from bench.poll.goals import Verdict, exit_code
from bench.poll.peer import Missing
from bench.poll.report import show_details, show_facts, show_missing, show_verdicts

PEERS: Final = (ours.PEER, paramiko.PEER, netmiko.PEER, nornir.PEER, ansible.PEER)
OURS: Final = ours.PEER.name

_progress = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    parts: tuple[Part, ...]
    peers: tuple[Peer, ...]
    scale: Scale


@dataclass(slots=True)
class Found:
    """Figures by the keys of goals, those of each client, details by title, everything raw."""

    runs: Runs = field(default_factory=Runs)
    measured: dict[str, float] = field(default_factory=dict)
    details: dict[str, dict[str, str]] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    """Run, show, judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = _wanted(arguments)
    os.sched_setaffinity(0, {machine.FARM_CORE})
    facts = machine.facts() | {"work": _work(wanted.scale)}
    found = Found()
    try:
        prepare()
        versions, missing = _prepare(wanted.peers)
        peers = [peer for peer in wanted.peers if peer.name in versions]
        for part in wanted.parts:
            _PARTS[part](found, part, peers, wanted.scale)
    except (FarmFailed, FleetFailed, Missing) as error:
        _progress.print(str(error))
        return 1
    facts |= {f"version of {name}": text for name, text in versions.items()}
    verdicts = _show(found, facts, wanted, missing)
    return exit_code(verdicts, missing, strict="CI" in os.environ)


def _show(
    found: Found, facts: Mapping[str, str], wanted: Wanted, missing: Mapping[str, str]
) -> Sequence[Verdict]:
    """Tables for people, then a line for machines."""
    best = found.runs.best()
    measured = found.measured | compare(best, OURS)
    verdicts = judge(measured, wanted.parts, [peer.name for peer in wanted.peers])
    console = Console(width=None if sys.stdout.isatty() else 140)
    show_facts(console, facts)
    report.show_costs(console, best, OURS)
    for title, details in found.details.items():
        show_details(console, title, details)
    show_verdicts(console, verdicts)
    show_missing(console, {**missing, **found.runs.errors})
    absent = {"missing": dict(missing), "failed": found.runs.errors}
    sys.stdout.write(report.as_json(facts, best, verdicts, **absent, **found.raw) + "\n")
    return verdicts


def _wanted(arguments: Sequence[str]) -> Wanted:
    parser = argparse.ArgumentParser(prog="python -m bench.apply", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 devices instead of 200")
    parser.add_argument("--parts", default=",".join(Part), help="among %(default)s")
    parser.add_argument("--peers", default=",".join(peer.name for peer in PEERS), help="among %(default)s")
    parser.add_argument("--devices", type=int, help="of each kind")
    parser.add_argument("--in-flight", type=int, help="devices at a time")
    parser.add_argument("--rounds", type=int, help="of each client")
    parser.add_argument("--fleet", type=int, help="devices of a rollout")
    parser.add_argument("--looks", type=int, help="of a sweep for drift")
    given = parser.parse_args(arguments)
    changes = {name: getattr(given, name) for name in ("devices", "in_flight", "rounds", "fleet", "looks")}
    scale = replace(QUICK if given.quick else FULL, **{k: v for k, v in changes.items() if v is not None})
    known = {peer.name: peer for peer in PEERS}
    try:
        parts = tuple(Part(part) for part in given.parts.split(","))
        peers = tuple(known[name] for name in given.peers.split(","))
    except (KeyError, ValueError) as error:
        parser.error(f"nobody knows {error}")
    return Wanted(parts, peers, scale)


def _work(scale: Scale) -> str:
    return (
        f"{scale.devices} devices, {scale.in_flight} at a time: log in with an ed25519 key, read 190 lines, "
        "set 40, save, read back and compare, close"
    )


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


def _clients(found: Found, part: Part, peers: Sequence[Peer], scale: Scale) -> None:
    measure(found.runs, KINDS[part], peers, scale, _say)


def _diff(found: Found, part: Part, peers: Sequence[Peer], scale: Scale) -> None:
    _say("render and diff")
    for figures in _own(found, part, "bench.apply.diffing", str(scale.diffs)):
        pair, difflib_ms = figures["pair"], figures["difflib_ms"]
        found.raw[f"diff, {pair}"] = figures
        found.measured[f"{pair} ms"] = figures["ours_ms"]
        found.measured[f"{pair} compare / difflib"] = difflib_ms / figures["compared_ms"]
        found.measured[f"{pair} parse / difflib"] = difflib_ms / figures["parsed_ms"]
        found.measured[f"{pair} texts / difflib"] = difflib_ms / figures["texts_ms"]
        found.details[f"render and diff of an access point of OpenWrt, {pair}"] = {
            "texts": f"{figures['before_lines']} and {figures['after_lines']} lines, "
            f"{figures['change_lines']} lines to send",
            "ours": f"{figures['ours_ms']:.3f} ms to read, render what is wished, compare, show both",
            "to read both texts and compare": f"{figures['texts_ms']:.3f} ms",
            "to read the running one and compare": f"{figures['parsed_ms']:.3f} ms",
            "the comparison": f"{figures['compared_ms']:.3f} ms",
            "difflib.unified_diff of both texts": f"{difflib_ms:.3f} ms",
            "difflib / all of ours": f"{difflib_ms / figures['ours_ms']:.2f}, of which it does a part",
        }


def _cycle(found: Found, part: Part, peers: Sequence[Peer], scale: Scale) -> None:
    _say(f"the whole cycle at {scale.cycles} devices")
    with farm(Kind.OPENWRT, scale.cycles, WHOLE_UCI) as devices:
        job = new_job(Kind.OPENWRT, devices.places, host_key(devices.places), scale.in_flight)
        job = replace(job, token=secrets.token_hex(4))
        for figures in _own(found, part, "bench.apply.cycle", job.text()):
            one = Figures(**figures)
            found.raw["cycle"] = figures
            title = f"our whole cycle at {one.devices} OpenWrt-like devices, {job.in_flight} at a time"
            found.details[title] = {
                "complete": f"{one.share:.1%}",
                "CPU per device": f"{one.cpu_ms:.1f} ms: plan, arm, apply, new logins, verify, confirm",
                "devices a minute": f"{one.per_minute:,.0f}, {one.p50_s:.1f} s each",
            }


def _fleet(found: Found, part: Part, peers: Sequence[Peer], scale: Scale) -> None:
    try:
        measured = fleet.measure(scale, _say, with_nornir=nornir.PEER in peers)
    except ClientFailed as error:
        found.runs.errors[part] = str(error)
        return
    found.raw["fleet"] = measured.raw()
    found.measured |= measured.by_goal()
    found.details[f"a fleet of {scale.fleet:,} OpenWrt-like devices, {scale.abreast} at a time"] = (
        measured.details()
    )


def _own(found: Found, part: Part, module: str, given: str) -> list[dict[str, Any]]:
    """What a program of ours prints; nothing when it fails, which is told."""
    try:
        return child.lines([sys.executable, "-m", module, given])
    except ClientFailed as error:
        found.runs.errors[part] = str(error)
        return []


def _say(what: str) -> None:
    _progress.print(f"[dim]{what}[/]", highlight=False)


_PARTS: Final[dict[Part, Callable[[Found, Part, Sequence[Peer], Scale], None]]] = {
    Part.OPENWRT: _clients,
    Part.IOS: _clients,
    Part.DIFF: _diff,
    Part.CYCLE: _cycle,
    Part.FLEET: _fleet,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
