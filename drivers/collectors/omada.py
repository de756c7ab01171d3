"""TP-Link Omada controller over its Open API (5.9 and later): client credentials, then GETs only.

Paths and fields are those of TP-Link's published OpenAPI document (DeviceInfo, ApRadioChannel, ClientInfo,
APRadioTrafficEntity). Nobody had the hardware. Clients are counted per radio and name,
and then forgotten.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from drivers.bands import Spectrum
from drivers.collect import Collected
from drivers.collectors.findings import Findings
from drivers.collectors.notations import number, seconds
from drivers.collectors.parts import Row, row, rows, text
from drivers.errors import UnexpectedReply
from drivers.model import Device, HttpLogin
from drivers.web import Line

_CONNECTED: Final = 1
_MOST_PAGES: Final = 50
_TOKEN_OVER: Final = frozenset((-44112, -44113, -44116))
# Their name of the radio → band, and the number that a client says it is on.
_RADIOS: Final = {
    "2g": (Spectrum.GHZ_2, 0),
    "5g": (Spectrum.GHZ_5, 1),
    "5g2": (Spectrum.GHZ_5, 2),
    "6g": (Spectrum.GHZ_6, 3),
}
_CHANNEL: Final = re.compile(r"([0-9]{1,3})(?:\s*/\s*([0-9]{4,5})\s*MHz)?")


def enter(line: Line, login: HttpLogin) -> None:
    """An access token for the controller's own id, which it tells anybody. Raises AuthFailed."""
    identity = text(row(row(line.get("/api/info")).get("result")).get("omadacId"))
    if login.password is None:
        raise line.refused("Omada takes a client id as user and a client secret as password")
    if not identity:
        raise line.unexpected("it tells no omadacId")
    wanted = {"omadacId": identity, "client_id": login.user, "client_secret": login.password.reveal()}
    answer = line.post("/openapi/authorize/token?grant_type=client_credentials", wanted)
    token = text(row(row(answer).get("result")).get("accessToken"))
    if not token:
        raise line.refused()
    line.headers["Authorization"] = f"AccessToken={token}"
    line.base = f"/openapi/v1/{quote(identity, safe='')}"


def ask(line: Line) -> Iterator[tuple[str, Any]]:
    """Of each site its devices and its clients, of each access point that is connected its radios."""
    for site in _sites(line):
        path = f"/sites/{quote(site, safe='')}"
        points: list[str] = []
        for page, found in _pages(line, f"{path}/devices", 100):
            yield f"devices {site} {page}", found
            points += [text(one.get("mac")) for one in found if _is_connected_point(one)]
        for page, found in _pages(line, f"{path}/clients", 1000):
            yield f"clients {site} {page}", found
        for mac in filter(None, points):
            yield f"radios {mac}", _result(line, f"{path}/aps/{quote(mac, safe='')}/radios")


def read(device: Device, said: Mapping[str, Any], slot: int) -> Collected:
    """The samples in what `ask` brought. Raises UnexpectedReply when it listed no devices."""
    pages = [name for name in said if name.startswith("devices ")]
    if not pages:
        raise UnexpectedReply(device.name, "it lists no devices", "", "may the client see this site?")
    findings = Findings.of(device, slot)
    clients = [one for name in said if name.startswith("clients ") for one in rows(said[name])]
    counted = any(name.startswith("clients ") for name in said)
    for one in (each for name in pages for each in rows(said[name])):
        if one.get("type") == "ap" and number(one.get("status")) != 2:  # 2 is pending: nobody's yet
            own = [each for each in clients if _is_on(each, one)] if counted else None
            _point(findings, one, row(said.get(f"radios {text(one.get('mac'))}")), own)
    return findings.collected()


def _sites(line: Line) -> list[str]:
    wanted = line.device.http_site
    sites = [one for _, page in _pages(line, "/sites", 100) for one in page]
    found = [
        text(one.get("siteId"))
        for one in sites
        if not wanted or wanted in (one.get("name"), one.get("siteId"))
    ]
    if not found:
        raise line.unexpected(f"it has no site {wanted!r} that we may see")
    return list(filter(None, found))


def _pages(line: Line, path: str, size: int) -> Iterator[tuple[int, list[Row]]]:
    for page in range(1, _MOST_PAGES + 1):
        result = row(_result(line, path, page=page, pageSize=size))
        yield page, rows(result.get("data"))
        if page * size >= (number(result.get("totalRows")) or 0):
            return


def _result(line: Line, path: str, **query: object) -> Any:
    answer = row(line.get(path, **query))
    code = number(answer.get("errorCode"))
    if code in _TOKEN_OVER:
        raise line.refused()
    if code != 0:
        raise line.unexpected(f"it answers with error {code}")
    return answer.get("result")


def _is_connected_point(one: Row) -> bool:
    return one.get("type") == "ap" and number(one.get("status")) == _CONNECTED


def _is_on(client: Row, point: Row) -> bool:
    return client.get("wireless") is True and text(client.get("apMac")) == text(point.get("mac"))


def _point(findings: Findings, one: Row, radios: Row, clients: list[Row] | None) -> None:
    key, name = text(one.get("mac")), text(one.get("name"))
    if number(one.get("status")) != _CONNECTED:
        findings.point(key, name, {"up": 0})
        return
    system = {
        "uptime_s": seconds(one.get("uptime")),
        "cpu_pct": one.get("cpuUtil"),
        "memory_pct": one.get("memUtil"),
    }
    count = {} if clients is None else {"clients": len(clients)}
    ap = findings.point(key, name, {"up": 1} | count | system)
    for radio, (spectrum, theirs) in _RADIOS.items():
        told = _radio(row(radios.get(f"wp{radio}")), row(radios.get(f"radioTraffic{radio}")))
        if any(value is not None for value in told.values()):
            own = None if clients is None else [each for each in clients if each.get("radioId") == theirs]
            findings.radio(ap, spectrum, told | _heard(own))
    _names(findings, ap, clients or ())


def _names(findings: Findings, ap: str, clients: Iterable[Row]) -> None:
    """A network name nobody is on is not told."""
    spectra: dict[object, Spectrum] = {theirs: spectrum for spectrum, theirs in _RADIOS.values()}
    on_air = Counter((number(one.get("radioId")), text(one.get("ssid"))) for one in clients)
    for (radio, ssid), count in on_air.items():
        findings.ssid(ap, spectra.get(radio), ssid, {"clients": count})


def _radio(channel: Row, traffic: Row) -> dict[str, object]:
    at = _CHANNEL.match(text(channel.get("actualChannel")))
    return {
        "channel": at[1] if at else None,
        "frequency_mhz": at[2] if at else None,
        "width_mhz": channel.get("bandWidth"),
        "power_dbm": channel.get("txPower"),
        "utilisation_pct": channel.get("busyUtil"),
        "utilisation_rx_pct": channel.get("rxUtil"),
        "utilisation_tx_pct": channel.get("txUtil"),
        "utilisation_other_pct": channel.get("interUtil"),
        "rx_octets": traffic.get("rx"),
        "tx_octets": traffic.get("tx"),
        "retries": traffic.get("txRetryPkts"),
        "rx_errors": traffic.get("rxErrPkts"),
        "tx_errors": traffic.get("txErrPkts"),
    }


def _heard(clients: list[Row] | None) -> dict[str, object]:
    if clients is None:
        return {}
    levels = [level for level in (number(each.get("rssi")) for each in clients) if level]
    found: dict[str, object] = {"clients": len(clients)}
    if levels:
        found |= {"rssi_dbm": sum(levels) / len(levels), "rssi_min_dbm": min(levels)}
    return found
