"""A line of a log that no value in it can leave, on a terminal either."""

import json
from typing import Final

_DELETE: Final = "\x7f"


def in_one_line(said: object) -> str:
    """The JSON of it, whose only letters are ones that everybody sees.

    What a terminal obeys (C0, C1), and what turns or hides a line (bidi, separators) is written as JSON
    escapes it, so the value is the same.
    """
    line = json.dumps(said, ensure_ascii=False, default=str)
    return line if line.isprintable() else "".join(map(_seen, line))


def _seen(letter: str) -> str:
    if letter == _DELETE:
        return "\\u007f"  # ASCII, so json leaves it
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]
