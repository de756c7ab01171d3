"""Ubiquiti airOS over SSH: `mca-status` prints one `key=value` after another, parted by commas and line ends.

Nobody had the hardware. The keys and their units (ccq in thousandths, rates in Mbit/s, distance in metres)
are those that public programs read from airOS 5, 6 and 8; Ubiquiti does not document them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from drivers.collect import Collected
from drivers.collectors.findings import Findings
from drivers.collectors.notations import band, number, share_pct
from drivers.errors import UnexpectedReply
from drivers.model import Device

if TYPE_CHECKING:
    from drivers.ssh import Shell

SCRIPT: Final = "mca-status 2>/dev/null\necho\necho plaza end=1\n"
TIMEOUT_S: Final = 20.0
_RAW_OCTETS: Final = 2000
_FACTS: Final = {"name": "deviceName", "model": "platform", "version": "firmwareVersion"}


def ask(shell: "Shell") -> Iterator[tuple[str, str]]:
    """One script that only reads."""
    yield "status", shell.run(SCRIPT, TIMEOUT_S).text


def read(device: Device, said: Mapping[str, str], slot: int) -> Collected:
    """The samples in what `ask` brought. Raises UnexpectedReply when it is not that, or not all of it."""
    text = said.get("status", "")
    if "plaza end=1" not in text:
        raise UnexpectedReply(device.name, "the answer was cut short", text[:_RAW_OCTETS], "try again")
    status = dict(_pairs(text))
    if not status.keys() & set(_FACTS.values()):
        raise UnexpectedReply(device.name, "mca-status did not run", text[:_RAW_OCTETS], "is it airOS?")
    findings = Findings.of(device, slot)
    for name, key in _FACTS.items():
        findings.fact(name, status.get(key))
    findings.tell(_device(status))
    findings.radio(findings.name, band(status.get("freq")), _radio(status))
    clients = {"clients": status.get("wlanConnections")}
    findings.ssid(findings.name, band(status.get("freq")), status.get("essid"), clients)
    return findings.collected()


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for piece in re.split(r"[\r\n,]+", text):
        key, equals, value = piece.partition("=")
        if equals and value.strip():
            yield key.strip(), value.strip()


def _device(status: Mapping[str, str]) -> dict[str, object]:
    total, free = number(status.get("memTotal")), number(status.get("memFree"))
    return {
        "uptime_s": status.get("uptime"),
        "cpu_pct": status.get("cpuUsage"),
        "memory_pct": None if total is None or free is None else share_pct(total - free, total),
        "temperature_c": _told(status, "temperature"),
        "rx_octets": status.get("lanRxBytes"),
        "tx_octets": status.get("lanTxBytes"),
    }


def _radio(status: Mapping[str, str]) -> dict[str, object]:
    return {
        "clients": status.get("wlanConnections"),
        "frequency_mhz": _told(status, "freq"),
        "width_mhz": _told(status, "chanbw"),
        "power_dbm": status.get("txPower"),
        "noise_dbm": _told(status, "noise"),
        "rssi_dbm": _told(status, "signal"),
        "rssi_chain0_dbm": _told(status, "chain0Signal"),
        "rssi_chain1_dbm": _told(status, "chain1Signal"),
        "ccq_pct": _scaled(status, "ccq", 0.1),
        "quality_pct": status.get("wlanPollingQuality"),
        "capacity_pct": status.get("wlanPollingCapacity"),
        "tx_rate_bps": _scaled(status, "wlanTxRate", 1_000_000),
        "rx_rate_bps": _scaled(status, "wlanRxRate", 1_000_000),
        "distance_m": _told(status, "distance"),
        "rx_octets": status.get("wlanRxBytes"),
        "tx_octets": status.get("wlanTxBytes"),
    }


def _told(status: Mapping[str, str], key: str) -> int | float | None:
    """A value of which 0 is how airOS says that there is none: no station, no sensor."""
    return number(status.get(key)) or None


def _scaled(status: Mapping[str, str], key: str, factor: float) -> float | None:
    told = number(status.get(key))
    return None if told is None else told * factor
