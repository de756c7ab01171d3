"""From rows to series: whose radio it is, on which band, and what follows from what it told."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from drivers import labels, readings
from drivers.answers import Answers, Row
from drivers.bands import Spectrum, band_of, complete
from drivers.definition import Platform
from drivers.fleet import Fleet
from drivers.sheets import ApTable, PortTable, RadioTable, SsidTable, Table
from drivers.snmp.seam import Oid
from drivers.tables import fields_of, rows_of
from drivers.values import text_of
from drivers.words import Reading, extend_index

_BANDS: Final = frozenset(Spectrum)


def collect_tables(platform: Platform, answers: Answers, fleet: Fleet) -> None:
    """Every table of the platform into the fleet."""
    for _, table in platform.tables:
        for row in rows_of(table, answers):
            _PUT.get(table.measurement, _put_plain)(table, row, answers, fleet)


def _put_ap(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    name = readings.text(answers, table.name, row) if isinstance(table, ApTable) else None
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
    complete(fields, band)
    if fields:
        number = fleet.number(ap, band)
        fleet.put("wifi_radio", ap, {"band": band, "radio": number}, fields)


def _put_ssid(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    if not isinstance(table, SsidTable):
        return
    ssid = labels.name_tag(readings.text(answers, table.ssid, row) or "")
    if not ssid:
        return
    ap = _owner(table.ap, row, answers, fleet)
    band = _band(table.band, row, answers) or Spectrum.ANY
    fleet.put("wifi_ssid", ap, {"band": band, "ssid": ssid}, fields_of(table, answers, row))


def _put_port(table: Table, row: Row, answers: Answers, fleet: Fleet) -> None:
    port = readings.text(answers, table.port, row) if isinstance(table, PortTable) else None
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


def _owner(told_by: Sequence[Reading], row: Row, answers: Answers, fleet: Fleet) -> str:
    """The access point that the row tells, or whose index is the part `ap` of the row's; else the device."""
    if not fleet.owners:
        return fleet.device
    part = row.parts.get("ap")
    told = [readings.value(answers, reading, row) for reading in told_by]
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


def _band(told_by: Iterable[Reading], row: Row, answers: Answers) -> Spectrum | None:
    """The band that the readings tell: in the catalogue's spelling, as a frequency, or as a channel."""
    for reading in told_by:
        value = readings.value(answers, reading, row)
        if isinstance(value, str) and value in _BANDS:
            return Spectrum(value)
        number = readings.number(answers, reading, row)
        band = None if number is None else band_of(number)
        if band is not None:
            return band
    return None


def _band_by(fields: Mapping[str, int | float]) -> Spectrum | None:
    number = fields.get("frequency_mhz") or fields.get("channel")
    return band_of(number) if number else None
