"""A walk of a device without what is private in it: no name, address or serial number, the same figures.

Whole tables of neighbours, connections, users and programs are left out. Names and addresses become
pseudonyms, the same one wherever they stand: as a value, in a text, in the index of a table.
"""

import re
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address
from typing import Final

from drivers.private import LEFT_OUT, Private, below
from drivers.pseudonyms import Pseudonyms
from drivers.sightings import STRUCTURE, look
from drivers.snmp.seam import Oid, Value
from drivers.spelling import MAC, V4, V6, is_text, mac_of, v6_of

_SHORT: Final = 4
"""Shorter names are exchanged where they stand alone, not within other texts."""


def scrub(
    objects: Mapping[Oid, Value], known: Private, words: Collection[str], hidden: Collection[str] = ()
) -> dict[Oid, Value]:
    """The walk as it may be shown. `words` (names of vendors) stay where they are part of a text.

    `hidden` are texts that the caller knows to be private, the community among them: they go wherever they
    stand, also as a part of a word.
    """
    kept = {oid: value for oid, value in objects.items() if not below(oid, LEFT_OUT)}
    found = look(kept, known)
    for text in hidden:
        found.see_name(text.encode())
    change = _Change(Pseudonyms.of(found), {word.lower().encode() for word in words}, known, hidden)
    return {change.oid(oid): change.value(oid, value) for oid, value in sorted(kept.items())}


class _Change:
    """Puts pseudonyms in place of what was found."""

    def __init__(
        self, pseudonyms: Pseudonyms, harmless: Collection[bytes], known: Private, hidden: Collection[str]
    ) -> None:
        self._pseudonyms = pseudonyms
        self._known = known
        arcs = {
            **pseudonyms.macs,
            **{name: new for name, new in pseudonyms.names.items() if len(name) >= _SHORT},
        }
        self._index = {tuple(old): tuple(new) for old, new in arcs.items()}
        addresses = {tuple(old): tuple(new) for old, new in pseudonyms.addresses.items()}
        self._index |= {old: new for old, new in addresses.items() if _no_structure(old)}
        self._firsts = {arcs[0] for arcs in self._index}
        self._sizes = sorted({len(arcs) for arcs in self._index}, reverse=True)
        within = [n for n in pseudonyms.names if len(n) >= _SHORT and n.lower() not in harmless]
        self._names = _any_of(within)
        self._hidden = [text.strip().encode() for text in hidden if text.strip()]

    def oid(self, oid: Oid) -> Oid:
        """The object's name, its index too."""
        arcs = list(oid)
        place = STRUCTURE
        while place < len(arcs):
            new = self._at(oid, place) if arcs[place] in self._firsts else None
            if new is not None:
                arcs[place : place + len(new)] = new
            place += len(new) if new else 1
        return tuple(arcs)

    def value(self, oid: Oid, value: Value) -> Value:
        """The object's value."""
        if isinstance(value, tuple):
            return self.oid(value)
        if isinstance(value, int):
            return value
        if not is_text(value):
            return self._octets(value)
        plain = value.strip(b" \0\r\n\t")
        new = self._pseudonyms.names.get(plain)
        if new is not None and (not plain.isdigit() or below(oid, self._known.names)):
            return value.replace(plain, new)
        return self._text(value)

    def _at(self, oid: Oid, place: int) -> Oid | None:
        sizes = (size for size in self._sizes if place + size <= len(oid))
        return next((new for size in sizes if (new := self._index.get(oid[place : place + size]))), None)

    def _octets(self, value: bytes) -> bytes:
        new = self._pseudonyms.macs.get(value) or self._pseudonyms.addresses.get(value)
        if new is not None or len(value) < 6:
            return new or value
        for start in range(len(value) - 5):
            mac = self._pseudonyms.macs.get(value[start : start + 6])
            if mac is not None:
                value = value[:start] + mac + value[start + 6 :]
        return self._text(value)

    def _text(self, value: bytes) -> bytes:
        for text in self._hidden:
            value = re.sub(re.escape(text), self._pseudonyms.names[text], value, flags=re.IGNORECASE)
        value = MAC.sub(lambda found: self._mac(found[0]), value)
        value = V4.sub(lambda found: self._v4(found[0]), value)
        value = V6.sub(lambda found: self._v6(found[0]), value)
        if self._names is not None:
            value = self._names.sub(lambda found: self._pseudonyms.names[found[0]], value)
        return value

    def _mac(self, text: bytes) -> bytes:
        """In the spelling of the original."""
        new = self._pseudonyms.macs.get(mac_of(text))
        if new is None:
            return text
        digits = iter(new.hex().upper() if text.upper() == text else new.hex())
        wide = re.sub(rb"(?<![0-9A-Fa-f])[0-9A-Fa-f](?![0-9A-Fa-f])", rb"0\g<0>", text)
        return re.sub(rb"[0-9A-Fa-f]", lambda _: next(digits).encode(), wide)

    def _v4(self, text: bytes) -> bytes:
        new = self._pseudonyms.addresses.get(bytes(map(int, text.split(b"."))))
        return text if new is None else ".".join(map(str, new)).encode()

    def _v6(self, text: bytes) -> bytes:
        new = self._pseudonyms.addresses.get(v6_of(text) or b"")
        return text if new is None else str(IPv6Address(new)).encode()


def _any_of(names: Collection[bytes]) -> re.Pattern[bytes] | None:
    """Whole words first and longest first."""
    if not names:
        return None
    longest = sorted(names, key=len, reverse=True)
    return re.compile(rb"(?<![A-Za-z0-9])(?:" + b"|".join(map(re.escape, longest)) + rb")(?![A-Za-z0-9])")


def _no_structure(arcs: Oid) -> bool:
    """Whether it does not look like the numbers of a table: 1.1.1.1 does."""
    return arcs[0] in (10, 172, 192) or sum(arc >= 32 for arc in arcs) >= 2
