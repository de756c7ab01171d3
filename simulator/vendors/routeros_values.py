"""The values of RouterOS's script language: their types, texts, comparisons and the functions over them.

After help.mikrotik.com (Scripting): nothing, nil, numbers, truth, text, arrays, code. Text is octets: what is
no UTF-8 is kept as surrogates.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from simulator.vendors.routeros_script import Block, ScriptError


class Nil:
    """What a search gives that finds nothing; `:typeof` tells it from a variable that nobody set."""


NIL: Final = Nil()
Value = None | Nil | bool | int | str | list["Value"] | dict[str, "Value"] | Block
"""None is a variable that nobody set."""


def typeof(value: Value) -> str:
    """As `:typeof` calls it."""
    if isinstance(value, bool):
        return "bool"
    kinds: tuple[tuple[type, str], ...] = (
        (int, "num"), (str, "str"), (list, "array"), (dict, "array"), (Block, "code"), (Nil, "nil"),
    )  # fmt: skip
    return next((name for kind, name in kinds if isinstance(value, kind)), "nothing")


def text(value: Value) -> str:
    """As it is put into text."""
    if value is None or isinstance(value, Nil | Block):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(map(text, value))
    if isinstance(value, dict):
        return ";".join(f"{key}={text(one)}" for key, one in value.items())
    return str(value)


def length(value: Value) -> int:
    """`:len`."""
    if isinstance(value, list | dict):
        return len(value)
    return len(octets(text(value)))


def octets(said: str) -> bytes:
    """What a text is made of."""
    return said.encode("utf-8", "surrogateescape")


def said(raw: bytes) -> str:
    """The text of octets."""
    return raw.decode("utf-8", "surrogateescape")


def pick(value: Value, start: int, end: int | None) -> Value:
    """`:pick`: one element of an array, or a part of a text."""
    if isinstance(value, list):
        chosen = value[start : start + 1 if end is None else end]
        return chosen if end is not None else (chosen[0] if chosen else None)
    return said(octets(text(value))[start : start + 1 if end is None else end])


def find(value: Value, wanted: str) -> Value:
    """`:find`: where a text begins in another, nil where it is not."""
    at = octets(text(value)).find(octets(wanted))
    return NIL if at < 0 else at


def convert(value: Value, options: Mapping[str, str]) -> str:
    """`:convert`: between encodings, and a hash on the way."""
    raw = _DECODED[options.get("from", "raw")](text(value))
    if "transform" in options:
        raw = hashlib.new(options["transform"], raw).digest()
    return _ENCODED[options.get("to", "raw")](raw)


_DECODED: Final[Mapping[str, Callable[[str], bytes]]] = {
    "raw": octets,
    "hex": bytes.fromhex,
    "base64": base64.b64decode,
}
_ENCODED: Final[Mapping[str, Callable[[bytes], str]]] = {
    "raw": said,
    "hex": lambda raw: raw.hex(),
    "base64": lambda raw: base64.b64encode(raw).decode(),
}


def _number(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ScriptError(f"cannot do arithmetic with {typeof(value)}")
    return value


LEVELS: Final[tuple[Mapping[str, Callable[[Value, Value], Value]], ...]] = (
    {
        "=": lambda one, other: text(one) == text(other),
        "!=": lambda one, other: text(one) != text(other),
        "<": lambda one, other: _number(one) < _number(other),
        ">": lambda one, other: _number(one) > _number(other),
    },
    {".": lambda one, other: text(one) + text(other)},
    {
        "+": lambda one, other: _number(one) + _number(other),
        "-": lambda one, other: _number(one) - _number(other),
    },
)
"""The operators that are modelled, those that bind least first."""
