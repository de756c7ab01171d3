"""What devices say of themselves, made into Facts: short words, octets, and names without values."""

import re
from collections.abc import Iterable
from typing import Final

from drivers.errors import UnexpectedReply
from drivers.facts import Facts
from drivers.redact import redact, visible

_MOST_LETTERS: Final = 64
_MOST_NAMES: Final = 5
_BEGIN: Final = "plaza facts\n"
_END: Final = "plaza end\n"
_SIZE: Final = re.compile(r"([0-9][0-9 ]{0,15}(?:\.[0-9]{1,3})?) ?([KMGT]?)(?:iB|B)?")
_UNITS: Final = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_PLACEHOLDERS: Final = frozenset(
    {
        *("", "0", "none", "unknown", "default string", "not specified"),
        *("to be filled by o.e.m.", "system serial number"),
    }
)
"""What makers leave where a serial number should be."""


def word(text: str) -> str:
    """One line that steers no terminal, of at most 64 letters."""
    return visible(" ".join(text.split()))[:_MOST_LETTERS]


def serial(text: str) -> str:
    """A serial number; "" for what a maker left there instead of one."""
    found = word(text)
    return "" if found.lower() in _PLACEHOLDERS else found


def names(found: Iterable[str]) -> str:
    """Each once and in order, the first few of them."""
    each = [name for name in dict.fromkeys(map(word, found)) if name]
    more = f" and {len(each) - _MOST_NAMES} more" if len(each) > _MOST_NAMES else ""
    return ", ".join(each[:_MOST_NAMES]) + more


def octets(text: str) -> int | None:
    """Of "1808.0KiB" or "93.5MiB" or a plain number; None for anything else."""
    found = _SIZE.fullmatch(text.strip())
    return int(float(found[1].replace(" ", "")) * (1 << _UNITS[found[2]])) if found else None


def model(name: str, board: str) -> str:
    """What a person calls it, with the name of its board, which images are made for."""
    name, board = word(name), word(board)
    if not name or not board:
        return name or board
    return f"{name[: max(0, _MOST_LETTERS - len(board) - 3)]} ({board})"[:_MOST_LETTERS]


def by_script(device: str, said: str) -> tuple[Facts, str]:
    """What the `about` of a script printed: its facts, and behind them what others have not applied yet.

    Raises UnexpectedReply.
    """
    _, begun, rest = said.partition(_BEGIN)
    body, ended, foreign = rest.partition(_END)
    if not begun or not ended:
        raise UnexpectedReply(device, "it did not say what it is", redact(said[:2000]))
    lines = dict(line.partition(" ")[::2] for line in body.split("\n"))
    free = octets(f"{lines.get('free_kib', '')}KiB")
    about = Facts(
        model(lines.get("model", ""), lines.get("board", "")),
        word(lines.get("version", "")),
        serial(lines.get("serial", "")),
        free,
    )
    return about, foreign
