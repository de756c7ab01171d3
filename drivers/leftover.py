"""Texts that a recording still holds as the device said them, for a person to look through."""

from collections.abc import Collection, Mapping
from typing import Final

from drivers.labels import printable
from drivers.private import below
from drivers.snmp.seam import Oid, Value
from drivers.spelling import is_text
from drivers.values import text_of

_VENDORS: Final = ((1, 3, 6, 1, 4, 1),)  # RFC 2578 §2: enterprises
_LETTERS: Final = 3


def left_as_they_are(
    before: Mapping[Oid, Value], after: Mapping[Oid, Value], known: Collection[Oid]
) -> tuple[str, ...]:
    """Texts of vendors' objects that nobody exchanged, each once; none at or below the known objects."""
    said = {value for value in before.values() if isinstance(value, bytes)}
    roots = frozenset(known)
    found = (
        printable(text_of(value)).strip()
        for oid, value in after.items()
        if isinstance(value, bytes) and value in said and is_text(value)
        if below(oid, _VENDORS) and not any(oid[:size] in roots for size in range(len(oid) + 1))
    )
    return tuple(dict.fromkeys(text for text in found if sum(map(str.isalpha, text)) >= _LETTERS))
