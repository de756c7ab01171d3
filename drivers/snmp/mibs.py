"""Reads the names out of a vendor's MIB files (RFC 2578), and nothing else of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.snmp.seam import Oid

_MOST_OCTETS: Final = 8 << 20
_MODULE: Final = re.compile(r"\bDEFINITIONS\s*::=\s*BEGIN\b")
_STRING_OR_COMMENT: Final = re.compile(r'"[^"]*"|--[^\n]*')
_MACROS: Final = "OBJECT-TYPE|MODULE-IDENTITY|OBJECT-IDENTITY"
_DEFINITION: Final = re.compile(
    rf"(?<![\w-])([a-z][\w-]*)\s+(?:({_MACROS})\b(?:(?!::=).)*|OBJECT\s+IDENTIFIER\s*)::=\s*\{{([^{{}}]*)\}}",
    re.DOTALL,
)
_NAME: Final = re.compile(r"[a-z][\w-]*")
_ARC: Final = re.compile(r"(?:[a-z][\w-]*\s*\(\s*)?(\d+)\s*\)?")
_ROOTS: Final = {"iso": "1", "ccitt": "0"}


@dataclass(frozen=True, slots=True)
class Definition:
    """A name hangs at `arcs` below its `parent`, or below the root of all OIDs when that is empty."""

    name: str
    parent: str
    arcs: Oid
    has_value: bool


def read(place: Path) -> Iterator[Definition]:
    """The definitions of a MIB file, or of every MIB file in a directory. Raises OSError."""
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    for file in files:
        if file.is_file() and file.stat().st_size <= _MOST_OCTETS:
            text = file.read_text(encoding="utf-8", errors="replace")
            if _MODULE.search(text):
                yield from definitions(text)


def definitions(text: str) -> Iterator[Definition]:
    """Every name that the text of a MIB gives to an OID."""
    for name, macro, value in _DEFINITION.findall(_STRING_OR_COMMENT.sub(" ", text)):
        first, *rest = value.split() or [""]
        first = _ROOTS.get(first, first)
        parent = first if _NAME.fullmatch(first) else ""
        arcs = tuple(map(int, _ARC.findall(" ".join(rest if parent else (first, *rest)))))
        if arcs:
            yield Definition(name, parent, arcs, macro == "OBJECT-TYPE")
