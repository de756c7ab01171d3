"""Cambium cnMaestro over its RESTful API (v2): OAuth client credentials, then GETs only.

Paths, paging and OAuth are those of Cambium's published OpenAPI document 6.1.0; the fields of a radio are
those of its RESTful API manual, remembered and not compared one by one. Nobody had the hardware. Devices
report to cnMaestro every five minutes, so figures may be that old.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from drivers.collect import Collected
from drivers.collectors.findings import Findings
from drivers.collectors.notations import band, number
from drivers.collectors.parts import Row, row, rows, text
from drivers.errors import UnexpectedReply
from drivers.model import Device, HttpLogin
from drivers.web import Line

_PAGE: Final = 100
_MOST_PAGES: Final = 200


def enter(line: Line, login: HttpLogin) -> None:
    """An access token. Raises AuthFailed."""
    if login.password is None:
        raise line.refused("cnMaestro takes a client id as user and a client secret as password")
    pair = b64encode(f"{login.user}:{login.password.reveal()}".encode()).decode()
    answer = line.post("/api/v2/access/token", "grant_type=client_credentials", Authorization=f"Basic {pair}")
    token = text(row(answer).get("access_token"))
    if not token:
        raise line.refused()
    line.headers["Authorization"] = f"Bearer {token}"
    line.base = "/api/v2"


def ask(line: Line) -> Iterator[tuple[str, Any]]:
    """All devices, then their figures, a page at a time."""
    for path in ("/devices", "/devices/statistics"):
        for page in range(_MOST_PAGES):
            of_site = {"site": line.device.http_site} if line.device.http_site else {}
            answer = row(line.get(path, limit=_PAGE, offset=page * _PAGE, **of_site))
            yield f"{path} {page}", answer.get("data")
            if (page + 1) * _PAGE >= (number(row(answer.get("paging")).get("total")) or 0):
                break


def read(device: Device, said: Mapping[str, Any], slot: int) -> Collected:
    """The samples in what `ask` brought. Raises UnexpectedReply when it listed no devices."""
    pages = [name for name in said if name.startswith("/devices ")]
    if not any(isinstance(said[name], list) for name in pages):
        raise UnexpectedReply(
            device.name, "it lists no devices", "", "is it cnMaestro, may the client read them?"
        )
    findings = Findings.of(device, slot)
    told = {
        text(one.get("mac")): one
        for name in said
        if name.startswith("/devices/statistics ")
        for one in rows(said[name])
    }
    for one in (each for name in pages for each in rows(said[name])):
        statistics = told.get(text(one.get("mac")), {})
        if _is_point({**one, **statistics}):
            _point(findings, one, statistics)
    return findings.collected()


def _is_point(one: Row) -> bool:
    """Wi-Fi, or the access point's end of a fixed link."""
    return text(one.get("type")).startswith("wifi") or one.get("mode") == "ap"


def _point(findings: Findings, one: Row, statistics: Row) -> None:
    key, name = text(one.get("mac")), text(one.get("name"))
    if one.get("status") != "online":
        findings.point(key, name, {"up": 0})
        return
    radios = rows(statistics.get("radios"))
    ap = findings.point(key, name, {"up": 1, "cpu_pct": statistics.get("cpu")})
    for radio in radios:
        findings.radio(ap, band(radio.get("band")), _radio(radio))
    fixed = row(statistics.get("radio"))
    if fixed:
        fields = {
            "clients": statistics.get("connected_sms"),
            "frequency_mhz": fixed.get("frequency"),
            "width_mhz": fixed.get("channel_width"),
            "power_dbm": fixed.get("tx_power"),
        }
        findings.radio(ap, band(fixed.get("frequency")), fields)


def _radio(radio: Row) -> dict[str, object]:
    return {
        "clients": radio.get("num_clients"),
        "channel": radio.get("channel"),
        "power_dbm": radio.get("power"),
        "noise_dbm": radio.get("noise_floor"),
        "utilisation_pct": radio.get("airtime"),
    }
