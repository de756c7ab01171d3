"""From rows to samples: whose radio it is, on which band, which of several, and what adds up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers import labels
from drivers.answers import Answers, Row
from drivers.bands import Spectrum, band_of, channel_of, frequency_of
from drivers.blocks import ApTable, PortTable, RadioTable, SsidTable, Table
from drivers.definition import Platform
from drivers.snmp.seam import Oid
from drivers.tables import Fields, fields_of, rows_of
from drivers.values import text_of
from drivers.words import Reading, extend_index
from metrics.sample import Sample

MOST_SAMPLES: Final = 50_000
_MOST_PER_AP: Final = 64
ADDED: Final = frozenset({"clients", "rx_octets", "tx_octets", "retries", "errors"})
"""What one network name on two radios of a band adds up to; of anything else the first counts."""
_BANDS: Final = frozenset(Spectrum)


@dataclass(slots=True)
class Fleet:
    """The samples of one poll while they are put together.

    `tags` are the device's; `owners` maps the index, the name and the address of each access point that the
    device reports to its tag; `places` are the fields of each series.
    """

    tags: Mapping[str, str]
    slot: int
    owners: dict[Oid | str, str] = field(default_factory=dict)
    places: dict[tuple[str, ...], Fields] = field(default_factory=dict)
    counts: dict[tuple[str, ...], int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def device(self) -> str:
        """The device's own tag `ap`."""
        return self.tags["ap"]

    def put(self, measurement: str, ap: str, own: Mapping[str, str], fields: Fields) -> None:
        """Add fields to the series of these tags; an access point stays, even without."""
        if not fields and measurement != "wifi_ap":
            return
        place = (measurement, ap, *own.values())
        if place not in self.places and not self._room(measurement, ap):
            return
        known = self.places.setdefault(place, {})
        for name, value in fields.items():
            known[name] = known[name] + value if name in known and name in ADDED else known.get(name, value)

    def number(self, *place: str) -> str:
        """How many there were before at this place: 0 for the first."""
        self.counts[place] = self.counts.get(place, -1) + 1
        return str(self.counts[place])

    def _room(self, measurement: str, ap: str) -> bool:
        full = int(self.number("room", measurement, ap)) >= _MOST_PER_AP and measurement != "wired_port"
        full = full or len(self.places) >= MOST_SAMPLES
        problem = f"{ap} reports more {measurement} than we store"
        if full and problem not in self.problems:
            self.problems.append(problem)
        return not full


def collect_tables(platform: Platform, answers: Answers, fleet: Fleet) -> None:
    """Every table of the platform into the fleet."""
    for _, table in platform.tables:
        for row in rows_of(table, answers):
            _PUT.get(table.measurement, _put_plain)(table, row, answers, fleet)


def _put_ap(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    name = answers.text(table.name, row) if isinstance(table, ApTable) else None
    ap = fleet.owners.get(row.index)
    if ap is None:
        ap = _unused(fleet, labels.name_tag(name or "") or labels.index_tag(row.index), row.index)
        fleet.owners[row.index] = ap
        if name:
            fleet.owners.setdefault(name, ap)
    fleet.put("wifi_ap", ap, {}, fields_of(table, answers, row))


def _unused(fleet: Fleet, name: str, index: Oid) -> str:
    """The controller's name before the access point's; two of one name are told apart."""
    ap = f"{fleet.device}/{name}"
    return f"{ap}-{labels.index_tag(index)}" if ap in fleet.owners.values() else ap


def _put_radio(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    if not isinstance(table, RadioTable):
        return
    fields = fields_of(table, answers, row)
    ap = _owner(table.ap, row, answers, fleet)
    band = _band(table.band, row, answers) or _band_by(fields) or Spectrum.ANY
    _complete(fields, band)
    if fields:
        number = fleet.number(ap, band)
        fleet.put("wifi_radio", ap, {"band": band, "radio": number}, fields)


def _put_ssid(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    if not isinstance(table, SsidTable):
        return
    ssid = labels.name_tag(answers.text(table.ssid, row) or "")
    if not ssid or len(ssid.encode()) > 3 * labels.MOST_SSID_OCTETS:
        return
    ap = _owner(table.ap, row, answers, fleet)
    band = _band(table.band, row, answers) or Spectrum.ANY
    fleet.put("wifi_ssid", ap, {"band": band, "ssid": ssid}, fields_of(table, answers, row))


def _put_port(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    port = answers.text(table.port, row) if isinstance(table, PortTable) else None
    if port is not None and port.isdigit() and len(port) <= 4:
        fleet.put("wired_port", fleet.device, {"port": port}, fields_of(table, answers, row))


def _put_modem(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    fields = fields_of(table, answers, row)
    if fields:
        fleet.put("uplink", fleet.device, {"link": fleet.number("uplink")}, fields)


def _put_plain(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    fleet.put(table.measurement, fleet.device, {}, fields_of(table, answers, row))


_PUT: Final = {
    "wifi_ap": _put_ap,
    "wifi_radio": _put_radio,
    "wifi_ssid": _put_ssid,
    "wired_port": _put_port,
    "uplink": _put_modem,
}


def _owner(readings: Sequence[Reading], row: Row, answers: Answers, fleet: Fleet) -> str:
    """The access point that the row tells, or whose index is the part `ap` of the row's; else the device."""
    if not fleet.owners:
        return fleet.device
    part = row.parts.get("ap")
    told = [answers.value(reading, row) for reading in readings]
    keys = [key for value in (*told, part) if value is not None for key in _keys(value)]
    return next((fleet.owners[key] for key in keys if key in fleet.owners), fleet.device)


def _keys(value: object) -> tuple[Oid | str, ...]:
    if isinstance(value, bytes):
        return tuple(value), (len(value), *value), text_of(value).strip()
    if isinstance(value, tuple):
        return (value,)
    if isinstance(value, int):
        return (value,), str(value)
    return str(value), extend_index(str(value))


def _band(readings: Iterable[Reading], row: Row, answers: Answers) -> Spectrum | None:
    """The band that the readings tell: in the catalogue's spelling, as a frequency, or as a channel."""
    for reading in readings:
        value = answers.value(reading, row)
        if isinstance(value, str) and value in _BANDS:
            return Spectrum(value)
        number = answers.number(reading, row)
        band = None if number is None else band_of(number)
        if band is not None:
            return band
    return None


def _band_by(fields: Mapping[str, int | float]) -> Spectrum | None:
    number = fields.get("frequency_mhz") or fields.get("channel")
    return band_of(number) if number else None


def _complete(fields: Fields, band: Spectrum) -> None:
    """A radio that tells its channel has a frequency, and the other way round."""
    if "frequency_mhz" not in fields and "channel" in fields:
        derived = frequency_of(band, int(fields["channel"]))
        fields |= {} if derived is None else {"frequency_mhz": derived}
    elif "channel" not in fields and "frequency_mhz" in fields:
        derived = channel_of(band, int(fields["frequency_mhz"]))
        fields |= {} if derived is None else {"channel": derived}


def samples_of(fleet: Fleet) -> list[Sample]:
    """The samples of all series, in the order in which they were found."""
    return [_sample(place, fields, fleet) for place, fields in fleet.places.items()]


_TAGS: Final = {
    "wifi_radio": ("band", "radio"),
    "wifi_ssid": ("band", "ssid"),
    "wired_port": ("port",),
    "uplink": ("link",),
}


def _sample(place: tuple[str, ...], fields: Fields, fleet: Fleet) -> Sample:
    measurement, ap, *own = place
    tags = {**fleet.tags, "ap": ap, **dict(zip(_TAGS.get(measurement, ()), own, strict=True))}
    return Sample(measurement, tags, dict(sorted(fields.items())), fleet.slot)
