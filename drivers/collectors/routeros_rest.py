"""RouterOS 7.1 and later over its REST API (help.mikrotik.com, REST API): HTTP Basic, one GET per menu.

`monitor` is a POST that changes nothing. All values are texts, whatever they mean.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from drivers.collect import Collected
from drivers.collectors.parts import rows, text
from drivers.collectors.routeros import Record, read
from drivers.model import Device, HttpLogin
from drivers.web import Line

_CLIENTS = {"wireless": "wireless-clients", "wifi": "wifi-clients"}


def enter(line: Line, login: HttpLogin) -> None:
    """HTTP Basic with every question. Raises AuthFailed for a token, which RouterOS does not know."""
    if login.password is None:
        raise line.refused("RouterOS takes a user and a password, no token")
    pair = f"{login.user}:{login.password.reveal()}".encode()
    line.headers["Authorization"] = f"Basic {b64encode(pair).decode()}"


def ask(line: Line) -> Iterator[tuple[str, Any]]:
    """Every menu, one after another."""
    yield "resource", line.get("/rest/system/resource")
    for menu in ("identity", "health"):
        yield menu, line.offered(f"/rest/system/{menu}")
    yield "interface", line.offered("/rest/interface")
    for menu, clients in _CLIENTS.items():
        found = line.offered(f"/rest/interface/{menu}")
        yield menu, found
        if found is not None:
            yield f"{menu}-monitor", [_monitored(line, menu, one) for one in rows(found)]
            yield clients, line.offered(f"/rest/interface/{menu}/registration-table")


def collect(device: Device, said: Mapping[str, Any], slot: int) -> Collected:
    """The samples in what `ask` brought. Raises UnexpectedReply."""
    records = {menu: _records(value) for menu, value in said.items() if value is not None}
    return read(device, records, slot)


def _monitored(line: Line, menu: str, interface: Mapping[str, Any]) -> Record:
    name = text(interface.get("name"))
    if not name or interface.get("disabled") == "true":
        return {}
    answer = line.hand_over(f"/rest/interface/{menu}/monitor", {"numbers": name, "once": ""})
    told = None if answer.status in (400, 404) else line.json(line.good(answer))
    return {**next(iter(_records(told)), {}), "name": name}


def _records(value: object) -> list[Record]:
    found = [value] if isinstance(value, dict) else rows(value)
    return [{str(key): text(told) for key, told in one.items()} for one in found]
