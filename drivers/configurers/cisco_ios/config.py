"""A configuration of Cisco IOS as a list of lines, each with the sections it stands in; pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from drivers.redact import HIDDEN, visible

_NOISE: Final = re.compile(r"Building configuration|Current configuration|Using \d+|version |end$|!")
_BANNER: Final = re.compile(r"banner \S+ (\^C|\S)(.*)")
_SECRET: Final = re.compile(
    r"((?:psk (?:ascii|hex)|set-key (?:ascii|hex)|key|password|secret) \d+ "
    r"|snmp-server community |(?:auth (?:md5|sha)|priv (?:des|aes \d+)) "
    r"|snmp-server host \S+(?: vrf \S+)?(?: (?:traps|informs))?(?: version (?:1|2c|3 \w+))? "
    r"|snmp mib community-map |wpa-psk (?:ascii|hex) |key config-key \S+ |data-link-encryption hash "
    r"|nhrp authentication |(?:standby|vrrp) \d+ authentication (?!md5 )(?:text )?"
    r"|key-string (?:\d )?|(?:pre-shared|wep)-key |event manager environment \S+ "
    r"|alias exec plaza_(?:snmp|key)_\S+ )(\S.*?)(?= priv |$)"
)
"""Our own digest of a key is hidden too: a poor key can be guessed from it."""
_TYPE_7: Final = re.compile(r"(.* )7 (\d\d(?:[0-9A-Fa-f]{2})+)")
_XLAT: Final = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"
"""The constant of type 7, which hides a key from a glance and from nobody else."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; `path` are the headers of the sections around it, outermost first."""

    path: tuple[str, ...]
    line: str

    def __repr__(self) -> str:
        return f"Entry({self.path!r}, {masked(self.line)!r})"


def parse(text: str) -> tuple[Entry, ...]:
    """Every line in order; comments, banners and what is printed around a configuration left out."""
    found: list[Entry] = []
    around: list[tuple[int, str]] = []
    for raw in _without_banners(text.splitlines()):
        line = raw.strip()
        depth = len(raw) - len(raw.lstrip(" "))
        if not line or _NOISE.match(line):
            continue
        while around and around[-1][0] >= depth:
            around.pop()
        found.append(Entry(tuple(header for _, header in around), line))
        around.append((depth, line))
    return tuple(found)


def canonical(entry: Entry) -> Entry:
    """The same entry with a type 7 key in the clear, so that equal keys are equal."""
    found = _TYPE_7.fullmatch(entry.line)
    if found is None:
        return entry
    return Entry(entry.path, f"{found[1]}0 {_decoded(found[2])}")


def type_7(key: str) -> str:
    """A key of Latin-1 as digits, which no command line can misread."""
    octets = key.encode("latin-1")
    return "00" + "".join(f"{octet ^ _XLAT[place % len(_XLAT)]:02X}" for place, octet in enumerate(octets))


def masked(line: str) -> str:
    """A line without its keys, safe to show."""
    return visible(_SECRET.sub(lambda found: found[1] + HIDDEN, line))


def values(entries: Iterable[Entry], path: tuple[str, ...], pattern: str) -> tuple[str, ...]:
    """The first group of every line of a section that matches."""
    wanted = re.compile(pattern)
    return tuple(
        found[1] for entry in entries if entry.path == path and (found := wanted.fullmatch(entry.line))
    )


def _without_banners(lines: Iterable[str]) -> Iterator[str]:
    end = ""
    for line in lines:
        if end:
            end = "" if end in line else end
            continue
        banner = _BANNER.match(line)
        if banner is None:
            yield line
        elif banner[1] not in banner[2]:
            end = banner[1]


def _decoded(digits: str) -> str:
    seed, octets = int(digits[:2]), bytes.fromhex(digits[2:])
    return bytes(octet ^ _XLAT[(seed + place) % len(_XLAT)] for place, octet in enumerate(octets)).decode(
        "latin-1"
    )
