"""Every measurement and field Plaza may write: unit, kind, meaning. Nothing else is ever stored or sent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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


TAG_BEFORE: Final[Mapping[str, str]] = MappingProxyType({"radio": "0"})
"""Tags that came later, and what the samples written before them carry."""

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


def _gauge(unit: str, meaning: str) -> Field:
    return _field(Kind.INTEGER, unit, meaning)


def _load(meaning: str) -> Field:
    return Field(Kind.INTEGER, "%", meaning, most=10_000)


def _float(unit: str, meaning: str) -> Field:
    return _field(Kind.FLOAT, unit, meaning)


def _field(kind: Kind, unit: str, meaning: str) -> Field:
    least, most = _BOUNDS.get(unit, (0, 2**63 - 1))
    return Field(kind, unit, meaning, least=least, most=most)


def _nonzero(field: Field) -> Field:
    return replace(field, never_zero=True)


def _counter(unit: str, meaning: str) -> Field:
    return Field(Kind.INTEGER, unit, meaning, counter=True)


def _measurement(name: str, tags: str, meaning: str, **fields: Field) -> Measurement:
    return Measurement(name, tuple(tags.split()), MappingProxyType(fields), meaning)


# The words of the portal's RefusalReason and FailureReason; this room may not import them, a test compares.
REFUSED: Final = (
    "site_closed",
    "site_full",
    "not_recognised",
    "day_used_up",
    "no_internet",
    "voucher_needed",
    "voucher_unknown",
    "voucher_expired",
    "voucher_used",
    "voucher_wait",
)
ALARMS: Final = (
    "copied", "starved", "rogue", "filled", "tampered", "damaged", "dropped", "forgotten", "other",
)  # fmt: skip
"""What our own gateways call for help about."""

FAILED: Final = ("gateway_failed", "gateway_away", "store_failed", "ticket_expired")

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
        poll_octets=_gauge("By", "octets on the wire for this poll, both ways, with IP and UDP headers"),
        aps=_gauge("{ap}", "access points that this controller manages"),
        aps_up=_gauge("{ap}", "access points that are joined to this controller and work"),
        aps_clients=_gauge("{client}", "clients of its access points, which are counted with those"),
    ),
    _measurement(
        "wifi_radio",
        "ap mun site vendor band radio",
        "One radio at one polling slot; of a backhaul, its end of the link",
        clients=_gauge("{client}", "associated clients; of a backhaul, stations"),
        channel=_nonzero(_gauge("1", "primary channel number")),
        frequency_mhz=_nonzero(_gauge("MHz", "centre of the primary channel")),
        width_mhz=_nonzero(_gauge("MHz", "channel width")),
        utilisation_pct=_float("%", "share of airtime in use"),
        utilisation_rx_pct=_float("%", "share of airtime in which this radio receives"),
        utilisation_tx_pct=_float("%", "share of airtime in which this radio sends"),
        utilisation_other_pct=_float("%", "share of airtime that others use"),
        utilisation_rx_5m_pct=_float("%", "utilisation_rx_pct as the device's mean of five minutes"),
        utilisation_tx_5m_pct=_float("%", "utilisation_tx_pct as the device's mean of five minutes"),
        noise_dbm=_gauge("dBm", "noise floor"),
        power_dbm=_gauge("dBm", "transmit power"),
        rssi_dbm=_float("dBm", "received level, mean over the clients; of a backhaul, of its peer"),
        rssi_min_dbm=_float("dBm", "received level of the weakest client"),
        rssi_remote_dbm=_float("dBm", "level of this radio as received by its peer"),
        rssi_db=_float("dB", "received level over the device's own reference, where it tells no dBm"),
        rssi_chain0_dbm=_float("dBm", "received level at the first antenna"),
        rssi_chain1_dbm=_float("dBm", "received level at the second antenna"),
        rssi_chain2_dbm=_float("dBm", "received level at the third antenna"),
        rssi_chain3_dbm=_float("dBm", "received level at the fourth antenna"),
        rssi_chain0_db=_float("dB", "rssi_db of the first antenna"),
        rssi_chain1_db=_float("dB", "rssi_db of the second antenna"),
        rssi_chain2_db=_float("dB", "rssi_db of the third antenna"),
        rssi_chain3_db=_float("dB", "rssi_db of the fourth antenna"),
        snr_db=_float("dB", "signal to noise, mean over the clients; of a backhaul, of its peer"),
        snr_min_db=_float("dB", "signal to noise of the weakest client"),
        snr_max_db=_float("dB", "signal to noise of the strongest client"),
        snr_remote_db=_float("dB", "signal to noise of this radio as received by its peer"),
        ccq_pct=_float("%", "client connection quality: frames that needed no repetition"),
        quality_pct=_float("%", "link quality as the vendor reckons it"),
        capacity_pct=_float("%", "link capacity as the vendor reckons it"),
        rx_rate_bps=_gauge("bit/s", "rate of the frames received, mean over the clients"),
        rx_rate_min_bps=_gauge("bit/s", "lowest rate received"),
        rx_rate_max_bps=_gauge("bit/s", "highest rate received"),
        tx_rate_bps=_gauge("bit/s", "rate of the frames sent, mean over the clients"),
        tx_rate_min_bps=_gauge("bit/s", "lowest rate sent"),
        tx_rate_max_bps=_gauge("bit/s", "highest rate sent"),
        distance_m=_float("m", "distance to the farthest peer"),
        rx_octets=_counter("By", "octets received"),
        tx_octets=_counter("By", "octets sent"),
        retries=_counter("{frame}", "retransmitted frames"),
        errors=_counter("{frame}", "failed frames"),
        rx_errors=_counter("{frame}", "frames that were received broken"),
        tx_errors=_counter("{frame}", "frames that could not be sent"),
    ),
    _measurement(
        "wifi_ssid",
        "ap mun site vendor band ssid",
        "One network name on one band at one polling slot",
        clients=_gauge("{client}", "associated clients"),
        rx_octets=_counter("By", "octets received"),
        tx_octets=_counter("By", "octets sent"),
    ),
    _measurement(
        "uplink",
        "ap mun site vendor link",
        "One cellular modem at one polling slot",
        connected=_gauge("1", "1 when it carries data, 0 when it does not"),
        generation=_nonzero(_gauge("1", "mobile generation in use: 2, 3, 4 (LTE) or 5 (NR)")),
        rssi_dbm=_float("dBm", "received level over the whole channel"),
        rsrp_dbm=_float("dBm", "reference signal received power (3GPP TS 36.214)"),
        rsrq_db=_float("dB", "reference signal received quality (3GPP TS 36.214)"),
        sinr_db=_float("dB", "signal to interference and noise"),
        rx_octets=_counter("By", "octets received"),
        tx_octets=_counter("By", "octets sent"),
        temperature_c=_float("Cel", "of the modem"),
    ),
    _measurement(
        "wired_port",
        "ap mun site vendor port",
        "One port of a switch at one polling slot",
        up=_gauge("1", "1 when the port has a link, 0 when it has none"),
        speed_bps=_gauge("bit/s", "negotiated speed"),
        rx_octets=_counter("By", "octets received"),
        tx_octets=_counter("By", "octets sent"),
        rx_errors=_counter("{frame}", "frames that were received broken"),
        tx_errors=_counter("{frame}", "frames that could not be sent"),
        poe_on=_gauge("1", "1 when the port feeds a device, 0 when it does not"),
        poe_fault=_gauge("1", "1 when the port refuses to feed or failed to, 0 when all is well"),
        poe_class=_gauge("1", "power class of the device fed (IEEE 802.3 clause 33)"),
        poe_w=_float("W", "power drawn from the port"),
    ),
    _measurement(
        "power",
        "ap mun site vendor",
        "The supply of one device (UPS, solar charger, PoE switch) at one polling slot",
        on_battery=_gauge("1", "1 when the load is fed from the battery, 0 when from the mains"),
        battery_low=_gauge("1", "1 when the battery is nearly or wholly empty, 0 when not"),
        battery_replace=_gauge("1", "1 when the battery wants to be replaced, 0 when not"),
        battery_pct=_float("%", "charge of the battery"),
        battery_v=_float("V", "voltage of the battery"),
        battery_temperature_c=_float("Cel", "of the battery"),
        runtime_s=_gauge("s", "how long the battery will last at this load"),
        on_battery_s=_gauge("s", "how long the load has been fed from the battery"),
        input_v=_float("V", "voltage of the mains"),
        input_hz=_float("Hz", "frequency of the mains"),
        output_v=_float("V", "voltage given to the load"),
        output_w=_float("W", "power given to the load"),
        load_pct=_float("%", "share of its capacity that the load takes"),
        poe_budget_w=_float("W", "power that all ports together may draw"),
        poe_used_w=_float("W", "power that all ports together draw"),
    ),
    _measurement(
        "wifi_session",
        "mun site",
        "Citizens' sessions of one site in one slot, recomputed from the session table",
        opened=_gauge("{session}", "sessions opened in the slot"),
        ended=_gauge("{session}", "sessions ended in the slot"),
        admitted=_gauge("{session}", "sessions let in and not over at the end of the slot"),
        active=_gauge("{session}", "of the admitted, those whose octets grew within ten minutes"),
        octets=_gauge("By", "octets of the sessions that ended in the slot"),
        seconds=_gauge("s", "duration of the sessions that ended in the slot"),
    ),
    _measurement(
        "wifi_portal",
        "mun site",
        "The portal of one site in one slot",
        arrivals=_gauge("{page}", "first pages served"),
        taps=_gauge("{tap}", "taps on the button that reached the store"),
        grants=_gauge("{grant}", "grants given"),
        refusals=_gauge("{refusal}", "refusals shown"),
        failures=_gauge("{failure}", "taps that failed for a reason of ours"),
        online=_gauge("{door}", "doors that opened, of which the portal heard"),
        online_s=_gauge("s", "from tap to open door, the sum over `online`"),
        **{f"refused_{word}": _gauge("{refusal}", f"refusals: {word}") for word in REFUSED},
        **{f"failed_{word}": _gauge("{failure}", f"failures: {word}") for word in FAILED},
    ),
    _measurement(
        "gateway",
        "mun site",
        "The gateway of one site, as it told",
        inside=_gauge("{client}", "phones whose door is open"),
        pool_used=_gauge("{lease}", "addresses that are given to phones"),
        pool_size=_gauge("{lease}", "addresses that there are for phones"),
        conntrack=_gauge("{connection}", "connections that the kernel follows"),
        conntrack_max=_gauge("{connection}", "connections that it follows at most"),
        memory_kb=_gauge("kBy", "memory that is free"),
        load_pct=_load("load of the processors, above 100 where work waits"),
        neighbours=_gauge("{client}", "phones that the kernel has resolved"),
        copied=_gauge("{client}", "phones whose MAC and address another one uses too"),
        rogue=_gauge("{frame}", "frames of guests that only a router sends, dropped since its start"),
        away_s=_gauge("s", "how long the controller had been out of reach"),
        **{f"alarms_{word}": _gauge("{alarm}", f"alarms in the minute: {word}") for word in ALARMS},
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
