"""What the kernel itself is told for a network of strangers, and how much of it they use: sysctl as files.

Whose routes and redirects are believed, how many neighbours and connections are remembered, and that frames
inside the bridge do not go through the rules of the router as well (`br_netfilter`).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SETTINGS: Final = Path("/proc/sys")
FACTS: Final = Path("/proc")
NEIGHBOURS: Final = (2048, 8192, 16384)
"""From how many on unused ones are forgotten, soon, at once: 2,000 phones have four addresses each."""

CONNECTIONS: Final = (65_536, 262_144)
"""The least and the most that are made room for, by memory: one for each 8 kB."""

ESTABLISHED_S: Final = 7440
"""How long a silent TCP connection is remembered (RFC 5382, REQ-5), where the kernel's own is five days."""


def _ours(_: int, ours: int) -> int:
    return ours


@dataclass(frozen=True, slots=True)
class Setting:
    """One file below /proc/sys. `settled` makes the value to be set of the one that is there and ours."""

    name: str
    value: int
    settled: Callable[[int, int], int] = _ours


def wanted(lan: str, wan: str, memory_kb: int) -> tuple[Setting, ...]:
    """What is set on a machine with so much memory; what is larger or stricter already stays."""
    least, most = CONNECTIONS
    return (
        Setting(f"net/ipv4/conf/{lan}/rp_filter", 1),
        # the way back is looked up with the stamp as well, or the fence would swallow what the rules refuse
        Setting(f"net/ipv4/conf/{lan}/src_valid_mark", 1),
        Setting("net/ipv4/conf/all/send_redirects", 0),
        Setting("net/ipv4/conf/all/accept_redirects", 0),
        *(
            Setting(f"net/ipv4/conf/{interface}/{name}", 0)
            for interface in (lan, wan)
            for name in ("send_redirects", "accept_redirects", "secure_redirects", "accept_source_route")
        ),
        *(Setting(f"net/ipv6/conf/{interface}/accept_redirects", 0) for interface in (lan, wan)),
        Setting(f"net/ipv6/conf/{lan}/accept_source_route", -1),
        Setting(f"net/ipv6/conf/{lan}/accept_ra", 0),
        *(
            Setting(f"net/{family}/neigh/default/gc_thresh{number}", many, max)
            for family in ("ipv4", "ipv6")
            # the highest first: the kernel may refuse an order that is none
            for number, many in reversed([*enumerate(NEIGHBOURS, 1)])
        ),
        Setting("net/netfilter/nf_conntrack_max", min(most, max(least, memory_kb // 8)), max),
        Setting("net/netfilter/nf_conntrack_tcp_timeout_established", ESTABLISHED_S, min),
        *(Setting(f"net/bridge/bridge-nf-call-{who}", 0) for who in ("iptables", "ip6tables", "arptables")),
    )


def settle(lan: str, wan: str, root: Path = SETTINGS) -> tuple[str, ...]:
    """Set what is not so yet; returns the names that are there and could not be set."""
    failed = []
    for setting in wanted(lan, wan, memory_kb("MemTotal")):
        place = root / setting.name
        try:
            now = int(_said(place))
            if (value := setting.settled(now, setting.value)) != now:
                _say(place, str(value))
        except FileNotFoundError:  # a part that this kernel, or this namespace, does not have
            continue
        except OSError:
            failed.append(setting.name)
    return tuple(failed)


def changes(lan: str, wan: str, root: Path = SETTINGS) -> Mapping[str, tuple[int, int]]:
    """What `settle` would change now: by name, from what to what."""
    there = found(lan, wan, root)
    settings = [one for one in wanted(lan, wan, memory_kb("MemTotal")) if one.name in there]
    values = {one.name: (now := int(there[one.name]), one.settled(now, one.value)) for one in settings}
    return {name: (now, value) for name, (now, value) in values.items() if now != value}


def found(lan: str, wan: str, root: Path = SETTINGS) -> Mapping[str, str]:
    """What is there now of what `settle` sets, by name."""
    names = (setting.name for setting in wanted(lan, wan, 0))
    return {name: _said(root / name) for name in names if (root / name).exists()}


def restored(former: Mapping[str, str], root: Path = SETTINGS) -> Mapping[str, tuple[str, str]]:
    """What `restore` would change now: by name, from what to what."""
    there = {name: _said(root / name) for name in former if (root / name).exists()}
    return {name: (now, former[name]) for name, now in there.items() if now != former[name]}


def restore(former: Mapping[str, str], root: Path = SETTINGS) -> tuple[str, ...]:
    """Put back what `found` told, where it is still there; returns the names that could not be set."""
    failed = []
    for name, value in former.items():
        try:
            if _said(root / name) != value:
                _say(root / name, value)
        except FileNotFoundError:  # its interface went
            continue
        except OSError:
            failed.append(name)
    return tuple(failed)


def usage(facts: Path = FACTS) -> dict[str, int]:
    """How much is used: connections and their limit, free memory, load in per cent of all cores, neighbours.

    What this kernel does not tell is left out.
    """
    counts = {
        "conntrack": "sys/net/netfilter/nf_conntrack_count",
        "conntrack_max": "sys/net/netfilter/nf_conntrack_max",
    }
    used = {name: int(_said(facts / path)) for name, path in counts.items() if (facts / path).exists()}
    load = float(_said(facts / "loadavg").split()[0])
    neighbours = len((facts / "net/arp").read_text(encoding="ascii").splitlines()) - 1
    return {
        **used,
        "memory_kb": memory_kb("MemAvailable", facts),
        "load_pct": round(100 * load / (os.cpu_count() or 1)),
        "neighbours": neighbours,
    }


def memory_kb(name: str, facts: Path = FACTS) -> int:
    """A line of /proc/meminfo, as proc_meminfo(5) names them."""
    lines = (line.split() for line in (facts / "meminfo").read_text(encoding="ascii").splitlines())
    return next(int(words[1]) for words in lines if words[0] == f"{name}:")


def _said(place: Path) -> str:
    return place.read_text(encoding="ascii").strip()


def _say(place: Path, value: str) -> None:
    # never made anew: what is not there is not a setting
    with open(os.open(place, os.O_WRONLY | os.O_TRUNC), "w", encoding="ascii") as file:
        file.write(f"{value}\n")
