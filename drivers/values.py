"""From what an agent sent to the value that a reading means: absent, match, map, base, modulo, signed."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from drivers.words import Reading, Reduction

Meant = int | float | str | bytes | tuple[int, ...]
"""A value as a reading means it: text only where no number was asked for."""

OTHERWISE: Final = "*"
"""In `map`: what is written for everything else."""
_NUMBER: Final = re.compile(r"\s*([+-]?[0-9]{1,19}(?:\.[0-9]{1,9})?)\s*\0?")
_LARGEST: Final = 2**64 - 1  # Counter64
_SMALL_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def meant(reading: Reading, raw: Meant | None) -> Meant | None:
    """The value, or None where there is none or the reading says that it means nothing."""
    if raw is None or reading.plain:
        return raw
    if reading.absent and _among(reading.absent, raw):
        return None
    value: Meant | None = raw if reading.match is None else _cut(reading.match, text_of(raw))
    if value is not None and reading.map is not None:
        value = _looked_up(reading, value)
    return value if value is None or isinstance(value, float) else _mended(reading, value)


def unmatched(reading: Reading, raw: Meant) -> bool:
    """Whether `match` finds nothing in a value that does not mean "unknown"."""
    known = not (reading.absent and _among(reading.absent, raw))
    return known and reading.match is not None and _cut(reading.match, text_of(raw)) is None


def number_of(value: Meant | None) -> int | float | None:
    """An agent's number, be it written as text; None when it is none."""
    if isinstance(value, int | float) or value is None:
        return value if value is None or abs(value) <= _LARGEST else None
    if isinstance(value, tuple):
        return None
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    return float(found[1]) if "." in found[1] else int(found[1])


def text_of(value: Meant) -> str:
    """An agent's text; an OID in dots."""
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8", "replace")
    return ".".join(map(str, value)) if isinstance(value, tuple) else str(value)


def reduced(how: Reduction, values: Sequence[Meant]) -> Meant | None:
    """Several values as one; only FIRST and COUNT take what is no number."""
    if how is Reduction.COUNT:
        return len(values)
    if how is Reduction.FIRST:
        return values[0] if values else None
    numbers = [number for value in values if (number := number_of(value)) is not None]
    return _REDUCED[how](numbers) if numbers else None


def scaled(reading: Reading, value: int | float) -> int | float:
    """value · scale + offset; a counter of 64 bits stays whole."""
    if reading.scale != 1:
        value = value * (int(reading.scale) if reading.scale.is_integer() else reading.scale)
    return value + reading.offset if reading.offset else value


def _mean(numbers: Sequence[int | float]) -> float:
    return sum(numbers) / len(numbers)


_REDUCED: Final[Mapping[Reduction, Callable[[Sequence[int | float]], int | float]]] = {
    Reduction.MEAN: _mean,
    Reduction.MAX: max,
    Reduction.MIN: min,
    Reduction.SUM: sum,
}


def _among(absent: Iterable[int | float | str], value: Meant) -> bool:
    number = number_of(value)
    return number in absent if number is not None else text_of(value) in absent


def _cut(pattern: re.Pattern[str], text: str) -> str | None:
    """The first group that took part, or all that matched."""
    found = pattern.search(text)
    if found is None:
        return None
    return next((group for group in found.groups() if group is not None), found[0])


def _looked_up(reading: Reading, value: Meant) -> Meant | None:
    table = reading.map or {}
    text = text_of(value)
    if text in table:
        return table[text]
    default = table.get(OTHERWISE)
    return table.get(int(text), default) if _SMALL_INTEGER.fullmatch(text) else default


def _mended(reading: Reading, value: int | str | bytes | tuple[int, ...]) -> Meant | None:
    """`base` reads digits, `modulo` keeps what is left over, `signed` makes -95 of 4294967201."""
    if reading.base != 10:
        value = _digits(text_of(value), reading.base)
    if not reading.modulo and not reading.signed:
        return value
    number = number_of(value)
    if number is None:
        return None
    if reading.modulo:
        number %= reading.modulo
    half = 1 << reading.signed >> 1
    return number - 2 * half if half and half <= number < 2 * half else number


def _digits(text: str, base: int) -> int | str:
    try:
        return int(text, base)
    except ValueError:
        return text
