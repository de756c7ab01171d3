"""UniFi Network, the controller of UniFi access points: `stat/device` of one site, on UniFi OS or alone.

Ubiquiti documents only a newer API that tells less; the paths and fields here are those that public clients
of the older one read (Art-of-WiFi's UniFi-API-client, unpoller). Nobody had the hardware.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from drivers.collect import Collected
from drivers.collectors.findings import Findings
from drivers.collectors.notations import band, number
from drivers.collectors.parts import Row, row, rows, text
from drivers.errors import UnexpectedReply
from drivers.model import Device, HttpLogin
from drivers.web import Line

_CONNECTED: Final = 1
_SECOND_FACTOR: Final = 499


def enter(line: Line, login: HttpLogin) -> None:
    """UniFi OS answers at `/`, a stand-alone controller sends one away from it. Raises AuthFailed."""
    unifi_os = line.look("/").status == 200
    if login.password is not None:
        path = "/api/auth/login" if unifi_os else "/api/login"
        answer = line.hand_over(path, {"username": login.user, "password": login.password.reveal()})
        if answer.status == _SECOND_FACTOR:
            raise line.refused("it wants a second factor: use a local account that only reads")
        if answer.status == 400 or not line.good(answer).cookies:
            raise line.refused()
        line.headers["Cookie"] = "; ".join(answer.cookies)
    elif login.token is not None:
        line.headers["X-API-KEY"] = login.token.reveal()
    line.base = "/proxy/network" if unifi_os else ""


def ask(line: Line) -> Iterator[tuple[str, Any]]:
    """All devices of the site with their figures, in one answer."""
    site = line.device.http_site or "default"
    yield "devices", line.get(f"/api/s/{quote(site, safe='')}/stat/device")


def read(device: Device, said: Mapping[str, Any], slot: int) -> Collected:
    """The samples in what `ask` brought. Raises UnexpectedReply when it is no list of devices."""
    answer = row(said.get("devices"))
    if row(answer.get("meta")).get("rc") != "ok" or not isinstance(answer.get("data"), list):
        raise UnexpectedReply(
            device.name, "it lists no devices", "", "is it UniFi Network, is the site there?"
        )
    findings = Findings.of(device, slot)
    for one in rows(answer["data"]):
        if (one.get("type") == "uap" or one.get("radio_table_stats")) and one.get("adopted") is not False:
            _point(findings, one)
    return findings.collected()


def _point(findings: Findings, one: Row) -> None:
    key = text(one.get("mac")) or text(one.get("_id"))
    name = text(one.get("name"))
    if number(one.get("state")) != _CONNECTED:
        findings.point(key, name, {"up": 0})  # what else it tells is old
        return
    ap = findings.point(key, name, {"up": 1} | _device(one))
    names = [each for each in rows(one.get("vap_table")) if each.get("up") is not False]
    widths = {text(each.get("name")): each.get("ht") for each in rows(one.get("radio_table"))}
    for radio in rows(one.get("radio_table_stats")):
        own = [each for each in names if each.get("radio") == radio.get("radio")]
        told = {"width_mhz": widths.get(text(radio.get("name"))), "rssi_dbm": _mean_level(own)}
        findings.radio(ap, band(radio.get("radio")), told | _radio(radio))
    for each in names:
        counts = {"clients": "num_sta", "rx_octets": "rx_bytes", "tx_octets": "tx_bytes"}
        values = {field: each.get(theirs) for field, theirs in counts.items()}
        findings.ssid(ap, band(each.get("radio")), each.get("essid"), values)


def _device(one: Row) -> dict[str, object]:
    system, uplink = row(one.get("system-stats")), row(one.get("uplink"))
    return {
        "clients": one.get("num_sta"),
        "uptime_s": one.get("uptime"),
        "cpu_pct": system.get("cpu"),
        "memory_pct": system.get("mem"),
        "temperature_c": one.get("general_temperature"),
        "rx_octets": uplink.get("rx_bytes"),
        "tx_octets": uplink.get("tx_bytes"),
    }


def _radio(radio: Row) -> dict[str, object]:
    return {
        "clients": radio.get("num_sta"),
        "channel": radio.get("channel"),
        "power_dbm": radio.get("tx_power"),
        "utilisation_pct": radio.get("cu_total"),
        "utilisation_rx_pct": radio.get("cu_self_rx"),
        "utilisation_tx_pct": radio.get("cu_self_tx"),
        "retries": radio.get("tx_retries"),
    }


def _mean_level(names: Sequence[Row]) -> float | None:
    """`avg_client_signal` of each name, weighed by its clients; 0 says that it has none."""
    told = [(number(each.get("avg_client_signal")), number(each.get("num_sta"))) for each in names]
    heard = [(level, count) for level, count in told if level and count and count > 0]
    total = sum(count for _, count in heard)
    return sum(level * count for level, count in heard) / total if heard else None
