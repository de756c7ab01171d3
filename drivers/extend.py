"""The lines plaza.sh prints on an access point, and the samples in them.

A line is a kind and `key=value` pairs: `radio band=2g4 channel=6 clients=7` or
`ssid band=2g4 name=Chihuahua%20Gratis clients=7`. A value nobody measured is not there.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from drivers.model import Band
from metrics.catalog import MEASUREMENTS, Field, Kind
from metrics.sample import Sample

_MOST_SAMPLES: Final = 64
_MOST_SSID_OCTETS: Final = 32
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_LARGEST: Final = (1 << 63) - 1
_SIGNED: Final = frozenset({"dBm", "Cel"})
_BANDS: Final = frozenset(Band)
_ADDED: Final = frozenset({"clients", "rx_octets", "tx_octets", "retries", "errors"})
"""What two radios of one band, or one name on two of them, add up to; of anything else the first counts."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line; the values are as printed."""

    kind: str
    values: Mapping[str, str]


def parse(texts: Iterable[str]) -> list[Line]:
    """Lines of any text; what is not a `key=value` word is disregarded."""
    lines = []
    for text in texts:
        kind, *words = text.split() or [""]
        pairs = (word.partition("=") for word in words)
        lines.append(Line(kind, {key: value for key, equals, value in pairs if key and equals}))
    return lines


def samples(
    lines: Sequence[Line], kinds: Mapping[str, str], tags: Mapping[str, str], slot: int
) -> tuple[list[Sample], list[str]]:
    """One sample per measurement, band and name, and what could not be read. `kinds`: kind → measurement."""
    found: dict[tuple[str, str, str], dict[str, int | float]] = {}
    problems: list[str] = []
    for line in lines:
        if line.kind not in kinds:
            continue
        measurement = kinds[line.kind]
        place = _place(line, measurement)
        if place is None or (place not in found and len(found) >= _MOST_SAMPLES):
            problems.append(f"a {line.kind} line without a band or name we can store")
            continue
        _add(found.setdefault(place, {}), _fields(line, measurement, problems))
    made = [_sample(place, fields, tags, slot) for place, fields in found.items() if fields]
    return made, problems


def number(field: Field, text: str) -> int | float | None:
    """The value of a catalogue field as printed; None when it is not such a number."""
    if field.kind is Kind.INTEGER:
        return fit(field, int(text)) if _INTEGER.fullmatch(text) else None
    return fit(field, float(text)) if _DECIMAL.fullmatch(text) else None


def fit(field: Field, value: float) -> int | float | None:
    """The value as its field stores it, in 64 bits; None when it cannot be: 101 %, or -1 clients."""
    if not math.isfinite(value) or abs(value) > _LARGEST:
        return None
    if (value < 0 and field.unit not in _SIGNED) or (value > 100 and field.unit == "%"):
        return None
    return int(value) if field.kind is Kind.INTEGER else round(float(value), 3)


def printable(octets: bytes) -> str:
    """Text an agent sent, without what would break a line or a log."""
    text = octets.decode("utf-8", "replace")
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def _place(line: Line, measurement: str) -> tuple[str, str, str] | None:
    band = line.values.get("band", "")
    name = unquote_to_bytes(line.values.get("name", ""))
    named = "ssid" in MEASUREMENTS[measurement].tags
    if band not in _BANDS or (named and not 1 <= len(name) <= _MOST_SSID_OCTETS):
        return None
    return measurement, band, printable(name) if named else ""


def _fields(line: Line, measurement: str, problems: list[str]) -> dict[str, int | float]:
    known = MEASUREMENTS[measurement].fields
    fields = {}
    for key in line.values.keys() & known.keys():
        value = number(known[key], line.values[key])
        if value is None:
            problems.append(f"{line.kind} {key}: not a value we can store")
        else:
            fields[key] = value
    return fields


def _add(total: dict[str, int | float], more: Mapping[str, int | float]) -> None:
    for key, value in more.items():
        total[key] = total.get(key, 0) + value if key in _ADDED else total.get(key, value)


def _sample(
    place: tuple[str, str, str], fields: Mapping[str, int | float], tags: Mapping[str, str], slot: int
) -> Sample:
    measurement, band, name = place
    own = {**tags, "band": band} | ({"ssid": name} if name else {})
    return Sample(measurement, own, dict(sorted(fields.items())), slot)
