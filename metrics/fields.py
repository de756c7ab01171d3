"""What a measurement and a field of the catalogue are, and the bounds that a unit gives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """How a field is encoded, whatever Python type its value has."""

    INTEGER = "integer"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class Field:
    """`unit` follows UCUM where it has one; `counter` fields only grow between resets.

    `least` and `most` are what a device can mean: what lies outside is how it says that it does not know.
    A field that is `never_zero` numbers something from 1, so that 0 can only mean "none" or "unknown"; where
    0 of another field means that, the platform says so.
    """

    kind: Kind
    unit: str
    meaning: str
    counter: bool = False
    least: float = 0
    most: float = 2**63 - 1
    never_zero: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """A table: its tag names in their fixed order, and its fields."""

    name: str
    tags: tuple[str, ...]
    fields: Mapping[str, Field]
    meaning: str


# A field's unit bounds it; 2147483647, -9999 and 255 are how agents spell "unknown".
_BOUNDS: Final = MappingProxyType(
    {
        "%": (0, 100),
        "Cel": (-80, 200),
        "Hz": (0, 1000),
        "MHz": (0, 100_000),
        "V": (0, 2000),
        "W": (0, 1_000_000),
        "bit/s": (0, 10**13),
        "dB": (-100, 150),
        "dBm": (-200, 100),
        "m": (0, 500_000),
        "ms": (0, 1_000_000_000),
        "s": (0, 2**40),
        "1": (0, 10_000),
        "{ap}": (0, 100_000),
        "{client}": (0, 1_000_000),
    }
)


def gauge(unit: str, meaning: str) -> Field:
    return _field(Kind.INTEGER, unit, meaning)


def load(meaning: str) -> Field:
    return Field(Kind.INTEGER, "%", meaning, most=10_000)


def real(unit: str, meaning: str) -> Field:
    return _field(Kind.FLOAT, unit, meaning)


def _field(kind: Kind, unit: str, meaning: str) -> Field:
    least, most = _BOUNDS.get(unit, (0, 2**63 - 1))
    return Field(kind, unit, meaning, least=least, most=most)


def nonzero(field: Field) -> Field:
    return replace(field, never_zero=True)


def counter(unit: str, meaning: str) -> Field:
    return Field(Kind.INTEGER, unit, meaning, counter=True)


def measurement(name: str, tags: str, meaning: str, **fields: Field) -> Measurement:
    return Measurement(name, tuple(tags.split()), MappingProxyType(fields), meaning)
