"""Every measurement and field Plaza may write: unit, kind, meaning. Nothing else is ever stored or sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from metrics.errors import CatalogError
from metrics.sample import Sample


class Kind(StrEnum):
    """How a field is encoded, whatever Python type its value has."""

    INTEGER = "integer"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class Field:
    """`unit` follows UCUM where it has one; `counter` fields only grow between resets."""

    kind: Kind
    unit: str
    meaning: str
    counter: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """A table: its tag names in their fixed order, and its fields."""

    name: str
    tags: tuple[str, ...]
    fields: Mapping[str, Field]
    meaning: str


def _gauge(unit: str, meaning: str) -> Field:
    return Field(Kind.INTEGER, unit, meaning)


def _float(unit: str, meaning: str) -> Field:
    return Field(Kind.FLOAT, unit, meaning)


def _counter(unit: str, meaning: str) -> Field:
    return Field(Kind.INTEGER, unit, meaning, counter=True)


def _measurement(name: str, tags: str, meaning: str, **fields: Field) -> Measurement:
    return Measurement(name, tuple(tags.split()), MappingProxyType(fields), meaning)


_ALL = (
    _measurement(
        "wifi_ap",
        "ap mun site vendor",
        "One access point (or other device) at one polling slot",
        up=_gauge("1", "1 when the agent answered in this slot, 0 when it did not"),
        clients=_gauge("{client}", "associated clients over all radios"),
        rx_octets=_counter("By", "octets received from clients and network since the device's reset"),
        tx_octets=_counter("By", "octets sent since the device's reset"),
        uptime_s=_gauge("s", "time since the agent's restart"),
        cpu_pct=_float("%", "processor load"),
        memory_pct=_float("%", "memory in use"),
        temperature_c=_float("Cel", "hottest sensor"),
        poll_ms=_float("ms", "how long the poll took"),
    ),
    _measurement(
        "wifi_radio",
        "ap mun site vendor band",
        "One radio at one polling slot",
        clients=_gauge("{client}", "associated clients"),
        channel=_gauge("1", "primary channel number"),
        frequency_mhz=_gauge("MHz", "centre of the primary channel"),
        width_mhz=_gauge("MHz", "channel width"),
        utilisation_pct=_float("%", "share of airtime in use"),
        noise_dbm=_gauge("dBm", "noise floor"),
        power_dbm=_gauge("dBm", "transmit power"),
        retries=_counter("{frame}", "retransmitted frames"),
        errors=_counter("{frame}", "failed frames"),
    ),
    _measurement(
        "wifi_ssid",
        "ap mun site vendor band ssid",
        "One network name on one radio at one polling slot",
        clients=_gauge("{client}", "associated clients"),
        rx_octets=_counter("By", "octets received"),
        tx_octets=_counter("By", "octets sent"),
    ),
    _measurement(
        "wifi_session",
        "mun site",
        "Citizens' sessions of one site in one slot, recomputed from the session table",
        opened=_gauge("{session}", "sessions opened in the slot"),
        ended=_gauge("{session}", "sessions ended in the slot"),
        online=_gauge("{session}", "sessions running at the end of the slot"),
        octets=_gauge("By", "octets of the sessions that ended in the slot"),
        seconds=_gauge("s", "duration of the sessions that ended in the slot"),
    ),
    _measurement(
        "wifi_portal",
        "mun site",
        "The portal of one site in one slot",
        pages=_gauge("{page}", "first pages served"),
        grants=_gauge("{grant}", "grants given"),
        refusals=_gauge("{refusal}", "refusals shown"),
    ),
    _measurement(
        "hotspot_mun",
        "mun",
        "One municipality in one slot, derived from the samples",
        aps=_gauge("{ap}", "active access points"),
        aps_up=_gauge("{ap}", "access points whose agent answered"),
        clients=_gauge("{client}", "clients on the access points that answered"),
    ),
)

MEASUREMENTS: Final[Mapping[str, Measurement]] = MappingProxyType({m.name: m for m in _ALL})


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
