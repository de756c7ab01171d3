"""The lines plaza.sh prints on an access point, and the samples in them.

A line is a kind and `key=value` pairs: `radio band=2g4 channel=6 clients=7` or
`ssid band=2g4 name=Chihuahua%20Gratis clients=7`. A value nobody measured is not there.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from drivers.bands import Spectrum, complete
from drivers.labels import MOST_SSID_OCTETS, name_tag
from drivers.model import Band
from metrics.catalog import MEASUREMENTS, Field, Kind
from metrics.sample import Sample

_MOST_SAMPLES: Final = 64
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_BANDS: Final = frozenset(Band)
_ADDED: Final = frozenset({"clients", "rx_octets", "tx_octets", "retries", "errors"})
"""What one name on two radios of a band adds up to; of anything else the first counts."""


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
    """One sample per radio, or per band and name, and what could not be read. `kinds`: kind → measurement."""
    found: dict[tuple[str, str, str], dict[str, int | float]] = {}
    radios: Counter[str] = Counter()
    problems: list[str] = []
    for line in lines:
        if line.kind not in kinds:
            continue
        measurement = kinds[line.kind]
        place = _place(line, measurement, radios)
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
    """The value as its field stores it; None when no device can mean it: 101 %, -1 clients, 0 MHz."""
    if not field.least <= value <= field.most or (field.never_zero and value == 0):
        return None
    if field.kind is Kind.FLOAT:
        return round(float(value), 3)
    return value if isinstance(value, int) else round(value)


def _place(line: Line, measurement: str, radios: Counter[str]) -> tuple[str, str, str] | None:
    """Measurement, band, and the name or, of a radio, which one of its band it is."""
    band = line.values.get("band", "")
    if band not in _BANDS:
        return None
    if "ssid" not in MEASUREMENTS[measurement].tags:
        radios[band] += 1
        return measurement, band, str(radios[band] - 1)
    name = unquote_to_bytes(line.values.get("name", ""))
    return (measurement, band, name_tag(name)) if 1 <= len(name) <= MOST_SSID_OCTETS else None


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


def _own_tag(measurement: str) -> str:
    return "ssid" if "ssid" in MEASUREMENTS[measurement].tags else "radio"


def _sample(
    place: tuple[str, str, str], fields: Mapping[str, int | float], tags: Mapping[str, str], slot: int
) -> Sample:
    measurement, band, name = place
    own = {**tags, "band": band, _own_tag(measurement): name}
    whole = dict(fields)
    complete(whole, Spectrum(band))
    return Sample(measurement, own, dict(sorted(whole.items())), slot)
