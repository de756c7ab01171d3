"""Every measurement and field Plaza may write: unit, kind, meaning. Nothing else is ever stored or sent."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from metrics.errors import CatalogError
from metrics.fields import Field, Kind, Measurement
from metrics.measurements import ALARMS, ALL, FAILED, REFUSED
from metrics.sample import Sample

__all__ = (
    "ALARMS",
    "FAILED",
    "MEASUREMENTS",
    "REFUSED",
    "TAGS",
    "TAG_BEFORE",
    "Field",
    "Kind",
    "Measurement",
    "check",
)

MEASUREMENTS: Final[Mapping[str, Measurement]] = MappingProxyType({m.name: m for m in ALL})

TAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mun": "INEGI's keys of the 67 municipalities, 08001 to 08067: a closed list",
        "site": "the sites of the inventory; somebody opens each",
        "ap": "the devices of the inventory by name, and below a controller its own access points; a device "
        "that is replaced keeps its name",
        "vendor": "the makers that a platform of ours names; one for each device, so it makes no series",
        "band": "2g4, 5g, 6g, and the few other ranges of backhauls that a platform names",
        "radio": "the radios of one device, at most a handful",
        "ssid": "the names that our own devices send, as the inventory gives them; none that was only heard",
        "link": "the modems of one device, at most a handful",
        "port": "the ports of one switch",
    }
)
"""Every tag there may be, and what bounds its values: each value is a series, and series are kept for ever.

No tag holds what a person has (MAC, address, name) or what changes by itself (version, channel, state).
"""

TAG_BEFORE: Final[Mapping[str, str]] = MappingProxyType({"radio": "0"})
"""Tags that came later, and what the samples written before them carry."""


_LARGEST: Final = 2**63 - 1


def check(sample: Sample) -> None:
    """Refuse what the catalogue does not know. Raises CatalogError naming the offender."""
    measurement = MEASUREMENTS.get(sample.measurement)
    if measurement is None:
        raise CatalogError(f"unknown measurement {sample.measurement!r}")
    try:
        problem = _tags_problem(sample.measurement, *map(sample.tags.__getitem__, measurement.tags))
    except KeyError as error:
        problem = f"no tag {error.args[0]!r}"
    if not problem and len(sample.tags) != len(measurement.tags):
        problem = f"tags {sorted(sample.tags)}, wanted {list(measurement.tags)}"
    problem = problem or _fields_problem(measurement, sample.fields)
    if problem:
        raise CatalogError(f"{sample.measurement}: {problem}")


@lru_cache(maxsize=2**18)
def _tags_problem(name: str, *values: str) -> str:
    """Cached, because the same few series come again in every slot."""
    for tag, value in zip(MEASUREMENTS[name].tags, values, strict=True):
        if not value:
            return f"tag {tag!r} is empty"
        if not _encodable(value):
            return f"tag {tag!r} is not Unicode text: {value!r}"
    return ""


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fields_problem(measurement: Measurement, fields: Mapping[str, int | float]) -> str:
    """Every store and server holds 64 bits; NaN and infinity are nobody's measurement."""
    if not fields or not _known_fields(measurement.name, *fields):
        return f"unknown or no fields {sorted(fields.keys() - measurement.fields.keys())}"
    values = fields.values()
    total = sum(values)
    if total - total == 0 and max(values) <= _LARGEST and min(values) >= -_LARGEST:
        return ""
    beyond = {name: value for name, value in fields.items() if not -_LARGEST <= value <= _LARGEST}
    return f"not numbers of 64 bits: {beyond}"


@lru_cache(maxsize=2**12)
def _known_fields(name: str, *fields: str) -> bool:
    return MEASUREMENTS[name].fields.keys() >= set(fields)
