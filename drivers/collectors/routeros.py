"""MikroTik RouterOS: what its menus print, over SSH (6 and 7) or over its REST API (7.1 and later).

Both ways bring the same records, texts by name: REST wraps the console in JSON (help.mikrotik.com: REST API,
Wireless Interface, WiFi). A menu that this version or model does not have is absent. Nobody had the hardware.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final

from drivers.bands import Spectrum, band_of
from drivers.collect import Collected
from drivers.collectors.findings import Findings
from drivers.collectors.notations import bits_per_s, number, seconds, share_pct
from drivers.definition import load_platforms
from drivers.errors import UnexpectedReply
from drivers.model import Device
from drivers.snmp.seam import Oid, Value
from drivers.traffic import choose

Record = Mapping[str, str]
Records = Mapping[str, Sequence[Record]]
"""Menu → its entries; one that stands alone (`resource`) is a list of one."""

_ETHERNET: Final = 6  # ianaiftype-MIB ethernetCsmacd, what a platform's traffic rule may ask for
_WIDTHS: Final = {"Ce": 40, "eC": 40, "XX": 40} | dict.fromkeys(("Ceee", "eCee", "eeCe", "eeeC", "XXXX"), 80)


def read(device: Device, records: Records, slot: int) -> Collected:
    """The samples in these records. Raises UnexpectedReply when the device told no resources."""
    resource = _only(records, "resource")
    if not resource:
        raise UnexpectedReply(device.name, "it told no /system resource", "", "is it RouterOS, may we read?")
    findings = Findings.of(device, slot)
    findings.fact("name", _only(records, "identity").get("name"))
    findings.fact("model", resource.get("board-name"))
    findings.fact("version", resource.get("version"))
    findings.tell(_device(resource, records))
    findings.tell(_traffic(device, records.get("interface", ())))
    for menu, clients in (("wireless", "wireless-clients"), ("wifi", "wifi-clients")):
        _menu(findings, records, menu, records.get(clients))
    return findings.collected()


def _only(records: Records, menu: str) -> Record:
    return next(iter(records.get(menu, ())), {})


def _device(resource: Record, records: Records) -> dict[str, object]:
    total, free = number(resource.get("total-memory")), number(resource.get("free-memory"))
    sensors = [number(one.get("value")) for one in records.get("health", ()) if one.get("type") == "C"]
    sensors.append(number(_only(records, "health").get("temperature")))
    known = [told for told in sensors if told]  # 0 is a board without a sensor
    return {
        "uptime_s": seconds(resource.get("uptime")),
        "cpu_pct": resource.get("cpu-load"),
        "memory_pct": None if total is None or free is None else share_pct(total - free, total),
        "temperature_c": max(known, default=None),
    }


def _traffic(device: Device, interfaces: Sequence[Record]) -> dict[str, object]:
    """The counters of the interface that the platform's rule names, as over SNMP."""
    rule = load_platforms()[device.platform].traffic
    if rule is None:
        return {}
    names: dict[Oid, str] = {(row,): one.get("name", "") for row, one in enumerate(interfaces)}
    types: dict[Oid, Value] = {row: _ETHERNET for row in names if interfaces[row[0]].get("type") == "ether"}
    rows = choose(rule.interfaces, names, types)
    return {
        field: _sum([number(interfaces[row[0]].get(key)) for row in rows])
        for field, key in (("rx_octets", "rx-byte"), ("tx_octets", "tx-byte"))
    }


def _sum(values: Sequence[int | float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _menu(findings: Findings, records: Records, menu: str, clients: Sequence[Record] | None) -> None:
    """The radios and names of `/interface wireless` or `/interface wifi`."""
    monitors = {one.get("name", ""): one for one in records.get(f"{menu}-monitor", ())}
    interfaces = [one for one in records.get(menu, ()) if one.get("name") and not _off(one)]
    bands: dict[str, Spectrum | None] = {}
    for one in interfaces:
        if _master(one) == one["name"]:
            radio = _radio(one, monitors.get(one["name"], {}))
            told = number(radio["frequency_mhz"])
            bands[one["name"]] = None if told is None else band_of(told)
            own = {each["name"] for each in interfaces if _master(each) == one["name"]}
            findings.radio(findings.name, bands[one["name"]], radio | _heard(_of(own, clients)))
    for one in interfaces:
        heard = _of({one["name"]}, clients)
        count = {} if heard is None else {"clients": len(heard)}
        name = one.get("ssid") or one.get("configuration.ssid")
        findings.ssid(findings.name, bands.get(_master(one)), name, count)


def _of(interfaces: Collection[str], clients: Sequence[Record] | None) -> list[Record] | None:
    return None if clients is None else [one for one in clients if one.get("interface") in interfaces]


def _off(interface: Record) -> bool:
    return interface.get("disabled") in ("true", "yes") or interface.get("mode", "").startswith("station")


def _master(interface: Record) -> str:
    """The interface whose radio this one is on: a virtual one names another, a radio is its own."""
    named = interface.get("master-interface", "none")
    return interface.get("name", "") if named in ("", "none") else named


def _radio(interface: Record, monitor: Record) -> dict[str, object]:
    """`channel` is `5180/20-Ceee/ac(17dBm)` or `5180/ax/Ceee`; a frequency that is `auto` is no number."""
    channel = monitor.get("channel", "")
    frequency, *parts = channel.split("/")
    widths = [_width(part) for part in parts]
    return {
        "clients": monitor.get("registered-peers") or monitor.get("registered-clients"),
        "frequency_mhz": number(frequency) or number(interface.get("frequency")),
        "width_mhz": next((width for width in widths if width), None),
        "power_dbm": monitor.get("tx-power") or _between(channel, "(", "dBm)"),
        "noise_dbm": monitor.get("noise-floor"),
        "ccq_pct": monitor.get("overall-tx-ccq"),
    }


def _width(part: str) -> int | float | None:
    mhz, _, extension = part.partition("-")
    if mhz in _WIDTHS:
        return _WIDTHS[mhz]
    return _WIDTHS.get(extension, number(mhz) if mhz.isdigit() else None)


def _between(text: str, start: str, end: str) -> str | None:
    rest = text.partition(start)[2]
    return rest.removesuffix(end) if rest.endswith(end) else None


def _heard(clients: Sequence[Record] | None) -> dict[str, object]:
    """What follows from the registration table; nothing where it was not told."""
    if clients is None:
        return {}
    levels = _known(number(one.get("signal-strength") or one.get("signal")) for one in clients)
    ratios = _known(number(one.get("signal-to-noise")) for one in clients)
    found: dict[str, object] = {"clients": len(clients)}
    if levels:
        found |= {"rssi_dbm": fmean(levels), "rssi_min_dbm": min(levels)}
    if ratios:
        found |= {"snr_db": fmean(ratios), "snr_min_db": min(ratios)}
    for field, key in (("tx_rate_bps", "tx-rate"), ("rx_rate_bps", "rx-rate")):
        rates = _known(bits_per_s(one.get(key)) for one in clients)
        found |= {field: fmean(rates)} if rates else {}
    return found


def _known(values: Iterable[int | float | None]) -> list[int | float]:
    return [value for value in values if value is not None]
