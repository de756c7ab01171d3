"""What is private in a walk: addresses and names in values, in texts and in the indexes of tables."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from drivers.private import EXTEND_OUTPUT, Private, below
from drivers.pseudonyms import Found
from drivers.snmp.seam import Oid, Value
from drivers.spelling import MAC, V4, V6, is_text, mac_of, v6_of
from drivers.values import text_of

_EXTEND_NAME: Final = re.compile(rb"(?:^|\s)(?:name|ssid)=(\S+)")
STRUCTURE: Final = 8
"""Arcs at the beginning of an OID that are never an index: 1.3.6.1.4.1, the enterprise, and one below."""


def look(objects: Mapping[Oid, Value], known: Private) -> Found:
    """Everything that the walk must not tell."""
    found = Found()
    unknown = []
    for oid, value in objects.items():
        parts = _parts(oid, known)
        for arcs, named in parts:
            if max(arcs, default=256) < 256 and (named or len(arcs) == 6):
                (found.see_name if named else found.see_mac)(bytes(arcs))
        if not parts:
            unknown.append(oid)
        if isinstance(value, bytes):
            for octets in _names_in(oid, value, known):
                found.see_name(octets)
            _see(value, found)
    for octets in _macs_of_indexes(unknown, known, found.macs):
        found.see_mac(octets)
    return found


def _see(value: bytes, found: Found) -> None:
    if is_text(value):
        for match in MAC.finditer(value):
            found.see_mac(mac_of(match[0]))
        for match in V4.finditer(value):
            found.see_address(bytes(map(int, match[0].split(b"."))))
        for match in V6.finditer(value):
            found.see_address(v6_of(match[0]) or bytes(16))
    elif len(value) == 6:
        found.see_mac(value)
    elif len(value) in (4, 16):
        found.see_address(value)


def _names_in(oid: Oid, value: bytes, known: Private) -> Iterator[bytes]:
    for root in (oid[:end] for end in range(len(oid), 6, -1)):
        if root in known.names:
            yield known.names[root].name(text_of(value)).encode()
    if below(oid, EXTEND_OUTPUT):
        yield from (match[1] for match in _EXTEND_NAME.finditer(value))


def _parts(oid: Oid, known: Private) -> list[tuple[Oid, bool]]:
    """The parts of an index that a platform knows, and whether each is a name."""
    entry = next((oid[:end] for end in range(len(oid) - 2, 6, -1) if oid[:end] in known.indexes), None)
    if entry is None:
        return []
    index, rest = known.indexes[entry], oid[len(entry) + 1 :]
    found = []
    for name, width in index.parts.items():
        start = 1 if width == "text" else 0
        size = rest[0] if width == "text" and rest else width if isinstance(width, int) else len(rest)
        found.append((rest[start : start + size], name in index.names))
        rest = rest[start + size :]
    return found


def _macs_of_indexes(oids: Sequence[Oid], known: Private, macs: Collection[bytes]) -> Iterator[bytes]:
    """Six arcs that look like an address; of several that overlap those in most columns, then the first."""
    places = {oid: list(_candidates(oid, known)) for oid in oids}
    often = Counter(oid[place : place + 6] for oid, several in places.items() for place in several)
    sure = {tuple(mac) for mac in macs}

    def doubt(arcs: Oid, place: int) -> tuple[bool, int, int]:
        return arcs not in sure, -often[arcs], place

    for oid, several in places.items():
        taken: list[int] = []
        for place in sorted(several, key=lambda at: doubt(oid[at : at + 6], at)):
            if all(abs(place - other) >= 6 for other in taken):
                taken.append(place)
                yield bytes(oid[place : place + 6])


def _candidates(oid: Oid, known: Private) -> Iterator[int]:
    place = next((end for end in range(len(oid), STRUCTURE, -1) if oid[:end] in known.columns), STRUCTURE)
    texts = [range(at, at + size) for at in range(place, len(oid)) if (size := _text_at(oid, at))]
    for at in range(place, len(oid) - 5):
        within = any(at < text.stop and text.start < at + 6 for text in texts)
        if not within and _like_mac(oid[at : at + 6]):
            yield at


def _text_at(oid: Oid, place: int) -> int:
    """Arcs of a text that is preceded by its length; 0 where there is none."""
    length = oid[place]
    arcs = oid[place + 1 : place + 1 + length]
    if not 3 <= length <= 64 or len(arcs) < length or not all(32 <= arc < 127 for arc in arcs):
        return 0
    return 1 + length


def _like_mac(arcs: Oid) -> bool:
    """Of one device, and not what numbers of tables and columns look like."""
    if max(arcs) > 255 or arcs[0] % 2 or all(32 <= arc < 127 for arc in arcs):
        return False
    return sum(arc >= 32 for arc in arcs) >= 3
