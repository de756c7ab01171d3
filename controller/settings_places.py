"""Where in a TOML file each table and key stands: the parser of the standard library does not tell.

No setting is a text of several lines, so a line is enough to see what it is.
"""

import re
from collections import Counter
from typing import Final

Place = tuple[str | int, ...]
"""A key by the way to it, as pydantic gives it: ("sinks", 0, "url")."""

_TABLE: Final = re.compile(r"\s*(\[\[?)\s*([\w.\"' -]+?)\s*\]")
_KEY: Final = re.compile(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*[.=]")


def line_of(text: str, place: Place) -> int:
    """The line of a place, or of the nearest thing around it; 0 where there is none."""
    known = _lines(text)
    around = (place[:length] for length in range(len(place), 0, -1))
    return next((known[one] for one in around if one in known), 0)


def _lines(text: str) -> dict[Place, int]:
    """Each table and key, in the order of the file: of several the first."""
    found: dict[Place, int] = {}
    tables: Counter[str] = Counter()
    inside: Place = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _TABLE.match(line):
            name = header[2].strip("\"' ")
            inside = (name, tables[name]) if header[1] == "[[" else (name,)
            tables[name] += 1
            found.setdefault((name,), number)
            found.setdefault(inside, number)
        elif key := _KEY.match(line):
            found.setdefault((*inside, key[1].strip("\"'")), number)
    return found
