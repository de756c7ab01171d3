"""The addresses that phones hold, as dnsmasq's file of leases says; it is in memory and names MACs."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from captive_portal.gateway.phone import Phone

MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
TRIES: Final = 6
PAUSE_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Pool:
    """How many of the guests' addresses are given out."""

    used: int
    size: int


def leases(path: Path) -> Mapping[Phone, str]:
    """Each phone that holds an address, with when that ends as dnsmasq notes it. Raises OSError."""
    return parse(whole(partial(_look, path)))


def parse(text: str) -> dict[Phone, str]:
    """The leases in a text of lines: end, MAC, address, name, client; what is not IPv4 is left out."""
    rows = (line.split() for line in text.splitlines())
    return {
        Phone(row[1], row[2]): row[0]
        for row in rows
        if len(row) == 5 and MAC.fullmatch(row[1]) and ":" not in row[2]
    }


def moved(listed: Mapping[Phone, str], jump_s: float, now_s: float, lease_s: int) -> str:
    """The file of these leases after the wall clock has jumped, to `now_s`: their ends move along.

    One that ends within a lease from now was given by the clock as it is already.
    """
    lines = []
    for phone, end in listed.items():
        known = 0 < int(end) - now_s <= lease_s
        lines.append(f"{int(end) + (0 if known else round(jump_s))} {phone.mac} {phone.ip} * *\n")
    return "".join(lines)


def whole(look: Callable[[], str]) -> str:
    """A text that another writes anew in place: what two looks agree on, else the longest seen."""
    seen = [look()]
    while len(seen) < TRIES:
        time.sleep(PAUSE_S)
        seen.append(look())
        if seen[-1] == seen[-2]:
            return seen[-1]
    return max(seen, key=len)


def _look(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return ""  # nobody has come yet
