"""What we want of each figure: no figure is measured here."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bench.apply.work import Kind
from bench.poll.goals import Goal, Rule, Verdict
from bench.poll.goals import Part as Subject


class Part(StrEnum):
    """What a run may be about; a goal is judged only when its part was run."""

    OPENWRT = "openwrt"
    IOS = "ios"
    DIFF = "diff"
    CYCLE = "cycle"
    FLEET = "fleet"


KINDS: Final = MappingProxyType({Part.OPENWRT: Kind.OPENWRT, Part.IOS: Kind.IOS})
NAMES: Final = MappingProxyType({Kind.OPENWRT: "OpenWrt-like", Kind.IOS: "vendor CLI"})

SWEPT: Final = 5000
SWEEP_S: Final = 15
"""CPU of a sweep of SWEPT devices."""


def _goal(key: str, what: str, rule: Rule, limit: float, unit: str = "x", peer: str = "") -> Goal:
    return Goal(Subject.COST, key, what, rule, limit, unit, peer)


def _complete(kind: Kind) -> Goal:
    what = f"{NAMES[kind]}: our devices complete"
    return _goal(f"{kind} complete", what, Rule.AT_LEAST, 100, "%")


def _cheaper(kind: Kind, peer: str, limit: float) -> Goal:
    what = f"{NAMES[kind]}: CPU of {peer} / CPU of ours"
    return _goal(f"{kind} cpu / {peer}", what, Rule.AT_LEAST, limit, peer=peer)


def _quicker(kind: Kind, peer: str, limit: float) -> Goal:
    what = f"{NAMES[kind]}, 40 ms away: devices a minute of ours / of {peer}"
    return _goal(f"{kind} pace / {peer}", what, Rule.AT_LEAST, limit, peer=peer)


def _diffs(pair: str) -> tuple[Goal, ...]:
    """Of one pair of texts; see bench.apply.diffing.

    difflib splits both into lines and tells their unified difference to its end; it is not rendered for, and
    shows nobody anything, so nothing of ours that does is set against it.
    """
    return (
        _goal(f"{pair} ms", f"{pair}: render and diff of an access point", Rule.AT_MOST, 1, "ms"),
        *(
            _goal(f"{pair} {key} / difflib", f"{pair}: difflib / {what}", Rule.AT_LEAST, 4)
            for key, what in (
                ("compare", "comparison alone, both sides read before"),
                ("parse", "read the running text and compare, the wanted read before"),
                ("texts", "read both texts and compare, the very ones that it gets"),
            )
        ),
    )


GOALS: Final[Mapping[Part, tuple[Goal, ...]]] = MappingProxyType(
    {
        Part.OPENWRT: (
            _complete(Kind.OPENWRT),
            _cheaper(Kind.OPENWRT, "netmiko", 5),
            _quicker(Kind.OPENWRT, "netmiko", 5),
            _cheaper(Kind.OPENWRT, "ansible", 20),
            _goal(
                "openwrt over paramiko",
                "OpenWrt-like: CPU of ours / CPU of bare paramiko",
                Rule.AT_MOST,
                1.3,
                peer="paramiko",
            ),
        ),
        Part.IOS: (
            _complete(Kind.IOS),
            _cheaper(Kind.IOS, "netmiko", 2.5),
            _quicker(Kind.IOS, "netmiko", 3.5),
        ),
        Part.DIFF: (*_diffs("plaza"), *_diffs("factory"), *_diffs("drift")),
        Part.CYCLE: (),
        Part.FLEET: (
            _goal("fleet complete", "a rollout of one name: our devices complete", Rule.AT_LEAST, 100, "%"),
            _goal(
                "fleet pace / nornir",
                "one name everywhere: devices a minute of ours / of nornir without any safety",
                Rule.AT_LEAST,
                1,
                peer="nornir",
            ),
            _goal("sweep same", "sweep for drift: looks that found what is known", Rule.AT_LEAST, 100, "%"),
            _goal("sweep kept", "sweep of 5,000 over kept connections: CPU", Rule.AT_MOST, SWEEP_S, "s"),
            _goal("sweep login", "sweep of 5,000, a login each: CPU", Rule.AT_MOST, SWEEP_S, "s"),
            _goal("resume", "resume after kill -9: until a device is taken on", Rule.AT_MOST, 2, "s"),
        ),
    }
)


def judge(measured: Mapping[str, float], parts: Iterable[Part], peers: Iterable[str]) -> list[Verdict]:
    """Every goal of the parts and peers that were asked for, beside its figure."""
    of_peers = {"", *peers}
    asked = (goal for part in parts for goal in GOALS[part] if goal.peer in of_peers)
    return [Verdict(goal, measured.get(goal.key)) for goal in asked]
