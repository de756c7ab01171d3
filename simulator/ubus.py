"""Writes what bin/ubus and bin/iwinfo print: one JSON file per question, from a Reading."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from simulator.air import BAND_NAMES, RadioAir, frequency_mhz
from simulator.ap import VirtualAp
from simulator.chance import between
from simulator.home import BOARD, MODEL, RELEASE, REVISION
from simulator.reading import BssReading, Iface, RadioReading, Reading

ANSWERS: Final = "tmp/run/ubus"
_KIB: Final = 1024

Answer = tuple[str, dict[str, Any]]
"""File name `object.method` or `object.method.argument`, and the JSON that ubus prints."""


def publish(ap: VirtualAp, root: Path, now_s: float) -> None:
    """Write the answers of this moment; each file changes at once or not at all.

    bin/wifi removes `.version`, and bin/ubus waits until it is there again.
    """
    directory = root / ANSWERS
    directory.mkdir(parents=True, exist_ok=True)
    version = _version(ap)
    wanted = dict(answers(ap.reading(now_s)))
    for name, answer in wanted.items():
        _write(directory / name, json.dumps(answer, indent="\t", ensure_ascii=False) + "\n")
    for file in directory.iterdir():
        if file.name not in wanted and not file.name.startswith("."):
            file.unlink(missing_ok=True)
    _write(directory / ".version", version)


def publish_if_changed(ap: VirtualAp, root: Path, now_s: float) -> None:
    """Write them again when a configuration was applied since."""
    try:
        known = (root / ANSWERS / ".version").read_text()
    except OSError:
        known = ""
    if known != _version(ap):
        publish(ap, root, now_s)


def _version(ap: VirtualAp) -> str:
    return repr(ap.home.version()) if ap.home else ""


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{threading.get_ident()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def answers(reading: Reading) -> Iterator[Answer]:
    """All answers; the shapes are those of OpenWrt 23.05's rpcd, netifd, iwinfo and hostapd."""
    yield "system.board", _board(reading)
    yield "system.info", _info(reading)
    yield "network.wireless.status", {radio.air.name: _radio_status(radio.air) for radio in reading.radios}
    yield "iwinfo.devices", {"devices": [b.bss.ifname for b in reading.bsses]}
    for iface in reading.ifaces:
        yield f"network.device.status.{iface.name}", _device_status(iface)
    by_band = {radio.air.band: radio for radio in reading.radios}
    macs = {iface.name: _mac(iface.mac) for iface in reading.ifaces}
    for bss in reading.bsses:
        yield from _bss_answers(reading, by_band[bss.band], bss, macs[bss.bss.ifname])


def _bss_answers(reading: Reading, radio: RadioReading, bss: BssReading, bssid: str) -> Iterator[Answer]:
    ifname = bss.bss.ifname
    stations = _stations(reading, bss)
    yield f"iwinfo.info.{ifname}", _iwinfo(radio, bss, bssid)
    yield f"iwinfo.assoclist.{ifname}", {"results": [_station(mac, radio) for mac in stations]}
    yield f"iwinfo.survey.{ifname}", {"results": [_survey(radio)]}
    yield f"hostapd.{ifname}.get_status", _hostapd_status(radio, bss, bssid)
    clients = {mac: {"auth": True, "assoc": True, "authorized": True} for mac in stations}
    yield f"hostapd.{ifname}.get_clients", {"freq": _frequency(radio.air), "clients": clients}


def _board(reading: Reading) -> dict[str, Any]:
    return {
        "kernel": "5.15.167",
        "hostname": reading.hostname,
        "system": "ARMv8 Processor rev 4",
        "model": MODEL,
        "board_name": BOARD,
        "rootfs_type": "squashfs",
        "release": {
            "distribution": "OpenWrt",
            "version": RELEASE,
            "revision": REVISION,
            "target": "mediatek/filogic",
            "description": f"OpenWrt {RELEASE} {REVISION}",
        },
    }


def _info(reading: Reading) -> dict[str, Any]:
    memory = reading.memory
    return {
        "localtime": reading.epoch_s,
        "uptime": reading.uptime_s,
        "load": [int(reading.processor.load * 65536)] * 3,
        "memory": {
            "total": memory.total * _KIB,
            "free": memory.free * _KIB,
            "shared": 0,
            "buffered": memory.buffers * _KIB,
            "available": (memory.free + memory.cached) * _KIB,
            "cached": memory.cached * _KIB,
        },
    }


def _radio_status(air: RadioAir) -> dict[str, Any]:
    config = {"band": BAND_NAMES[air.band], "channel": str(air.channel), "txpower": air.power_dbm}
    interfaces = [
        {
            "section": bss.section,
            "ifname": bss.ifname,
            "config": {"mode": "ap", "ssid": bss.ssid, "encryption": bss.encryption, "network": ["lan"]},
            "vlans": [],
            "stations": [],
        }
        for bss in air.bsses
    ]
    return {
        "up": bool(air.bsses),
        "pending": False,
        "autostart": True,
        "disabled": False,
        "retry_setup_failed": False,
        "config": config,
        "interfaces": interfaces,
    }


def _iwinfo(radio: RadioReading, bss: BssReading, bssid: str) -> dict[str, Any]:
    width = radio.air.width_mhz
    mode = "HT" if width <= 40 else "VHT"
    return {
        "phy": f"phy{radio.air.phy}",
        "ssid": bss.bss.ssid,
        "bssid": bssid.upper(),
        "country": "MX",
        "mode": "Master",
        "channel": radio.air.channel,
        "frequency": _frequency(radio.air),
        "frequency_offset": 0,
        "txpower": radio.air.power_dbm,
        "txpower_offset": 0,
        "quality": 52,
        "quality_max": 70,
        "signal": -58,
        "noise": radio.noise_dbm,
        "bitrate": 86700,
        "encryption": {"enabled": bss.bss.encryption != "none"},
        "htmodes": [f"{mode}{width}"],
        "hwmodes": ["n"],
        "hwmode": "n",
        "htmode": f"{mode}{width}",
        "hardware": {"name": "Generic MAC80211"},
    }


def _hostapd_status(radio: RadioReading, bss: BssReading, bssid: str) -> dict[str, Any]:
    return {
        "status": "ENABLED",
        "bssid": bssid,
        "ssid": bss.bss.ssid,
        "freq": _frequency(radio.air),
        "channel": radio.air.channel,
        "op_class": 81,
        "beacon_interval": 100,
        "phy": bss.bss.ifname,
        "airtime": {
            "time": radio.active_ms,
            "time_busy": radio.busy_ms,
            "utilization": round(radio.utilisation_pct * 255 / 100),
        },
    }


def _survey(radio: RadioReading) -> dict[str, Any]:
    return {
        "mhz": _frequency(radio.air),
        "noise": radio.noise_dbm,
        "active_time": radio.active_ms,
        "busy_time": radio.busy_ms,
        "busy_time_ext": 0,
        "rx_time": radio.busy_ms // 3,
        "tx_time": radio.busy_ms // 2,
    }


def _device_status(iface: Iface) -> dict[str, Any]:
    return {
        "external": False,
        "present": True,
        "type": "Network device",
        "up": True,
        "carrier": True,
        "mtu": iface.mtu,
        "macaddr": _mac(iface.mac),
        "statistics": {
            "rx_bytes": iface.rx_octets,
            "rx_packets": iface.rx_packets,
            "tx_bytes": iface.tx_octets,
            "tx_packets": iface.tx_packets,
        },
    }


def _station(mac: str, radio: RadioReading) -> dict[str, Any]:
    return {
        "mac": mac.upper(),
        "signal": -61,
        "noise": radio.noise_dbm,
        "inactive": 40,
        "connected_time": 300,
    }


def _stations(reading: Reading, bss: BssReading) -> list[str]:
    """Invented phones: locally administered addresses, as phones use on public networks."""
    tails = (between(0, 2**40 - 1, reading.name, bss.bss.ifname, n) for n in range(bss.clients))
    return [_mac(b"\x06" + tail.to_bytes(5, "big")) for tail in tails]


def _frequency(air: RadioAir) -> int:
    return frequency_mhz(air.band, air.channel)


def _mac(octets: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in octets or bytes(6))
