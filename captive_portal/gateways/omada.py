"""TP-Link Omada, software controller or OC, 5.0.15 and later: a hotspot operator authorises the phone.

Login and `extPortal/auth` are TP-Link's interface for an external portal (documents 13080 and, from 6.2.10,
132060; their PHP sample has the two paths exchanged). `api_url` ends with the controller's id, as the browser
shows it after login; `api_site` is the site's id; `user` is an operator of the hotspot manager. `time` is how
long, in milliseconds: so the later document and its sample. The earlier one says "microsecond", which we hold
for a mistake: others measured milliseconds with 5.15 and 6. From 6.2.10 the controller sends the phone with
`clientIp` and wants that back; only there it takes `totalTrafficLimitBytes`: an older one does not enforce a
grant's octets. To a controller outside the site that address is the site's public one.

The list of authorised clients and its `disconnect` are undocumented; others captured them from 5.15.24. It is
a history, where one phone may hold several rows, and `duration` stays 0 for a while. Nobody here had the
hardware. Unverified: `download` and `upload` in that list (TP-Link's Open API names them so, in octets), and
a report that a phone stays online after `time` until it is disconnected: dismiss it when its session ends.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from captive_portal.gateways.calling import ACT_S, LIST_S, Entry, Line, Reply
from captive_portal.gateways.told import Row, ap_of, count, ip_of, newest, phone_of, row, rows
from captive_portal.gateways.wiring import arrived, fields_of, mac_of, needed
from captive_portal.model import Admitted, Arrival, Done, Grant, Phone, Usage, Wiring

EXTERNAL_PORTAL: Final = "4"
_SESSION_OVER: Final = re.compile(rb'"errorCode"\s*:\s*-1200\b')
_GONE: Final = -1001
_PAGE: Final = 1000
_MOST_PAGES: Final = 5
_SHAPES: Final = {"apMac": ("ssidName", "radioId"), "gatewayMac": ("vid",)}
"""Who caught the phone, and what else comes back to the controller with it."""


class OmadaGateway:
    """The portal's side of Omada at one site (style C): stateless."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._clients = f"/api/v2/hotspot/sites/{quote(wiring.api_site, safe='')}"

    def read(self, query: str) -> Arrival:
        """The phone in `clientMac=` at an access point, or at a gateway. Raises ArrivalInvalid."""
        fields = fields_of(self._wiring, query)
        phone = Phone(
            mac_of(self._wiring, needed(self._wiring, fields, "clientMac")), ip_of(fields.get("clientIp", ""))
        )
        catcher = "gatewayMac" if "gatewayMac" in fields else "apMac"
        carried = {catcher: _spelt(ap_of(self._wiring, needed(self._wiring, fields, catcher)))}
        for name in _SHAPES[catcher]:
            carried[name] = needed(self._wiring, fields, name)
        return arrived(self._wiring, phone, carried)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Done:
        """Authorise the phone for the grant's time, and its octets where the version can.

        Raises GatewayFailed.
        """
        phone = phone_of(arrival)
        body: dict[str, object] = {"clientMac": _spelt(phone.mac), **arrival.carried}
        body |= {
            "site": self._wiring.api_site,
            "time": str(grant.seconds * 1000),
            "authType": EXTERNAL_PORTAL,
        }
        if phone.ip:
            body |= {"clientIp": phone.ip, "originUrl": ""}
            if grant.octets:
                body["totalTrafficLimitBytes"] = grant.octets
        with self._line(ACT_S) as line:
            _result(line, line.post("/api/v2/hotspot/extPortal/auth", body))
        return Done()

    def dismiss(self, admitted: Admitted) -> bool:
        """End every authorisation that the phone holds. Raises GatewayFailed."""
        with self._line(ACT_S) as line:
            for each in list(self._authorised(line, searchKey=_spelt(admitted.phone.mac))):
                if each.get("mac") == _spelt(admitted.phone.mac) and each.get("valid") is not False:
                    path = f"{self._clients}/cmd/clients/{quote(str(each.get('id', '')), safe='')}/disconnect"
                    told = line.post(path, {})
                    if told.get("errorCode") != _GONE:
                        _result(line, told)
        return True

    def account(self, admitted: Sequence[Admitted]) -> Sequence[Usage]:
        """What the controller tells of each newest authorisation; who is in no list is left out.

        Raises GatewayFailed.
        """
        with self._line(LIST_S) as line:
            known = newest(self._authorised(line))
        return [
            Usage(
                session=each.session,
                seconds=count(one.get("duration")) or None,
                octets_down=count(one.get("download")),
                octets_up=count(one.get("upload")),
            )
            for each in admitted
            if (one := known.get(each.phone.mac)) is not None
        ]

    def _authorised(self, line: Line, **narrowed: str) -> Iterator[Row]:
        for page in range(1, _MOST_PAGES + 1):
            query = urlencode(
                {"currentPage": page, "currentPageSize": _PAGE, "sorts.end": "desc", **narrowed}
            )
            told = row(_result(line, line.get(f"{self._clients}/clients?{query}")))
            yield from rows(told.get("data"))
            if page * _PAGE >= (count(told.get("totalRows")) or 0):
                return

    def _line(self, within_s: float) -> Line:
        return Line(self._wiring, Entry(self._enter, _is_over), within_s)

    def _enter(self, line: Line) -> None:
        line.headers.pop("Csrf-Token", None)
        login = {"name": self._wiring.user, "password": self._wiring.secret.decode()}
        token = row(line.said(line.send("POST", "/api/v2/hotspot/login", login)).get("result")).get("token")
        if not isinstance(token, str):
            raise line.refused()
        line.headers["Csrf-Token"] = token


def _is_over(reply: Reply) -> bool:
    """Without a session it sends one to its login page, or says error -1200."""
    return reply.status in (302, 401) or bool(_SESSION_OVER.search(reply.body))


def _result(line: Line, told: Mapping[str, Any]) -> object:
    code = told.get("errorCode")
    if code != 0:
        raise line.failed(f"it answers with error {code if isinstance(code, int) else 'unknown'}")
    return told.get("result")


def _spelt(mac: str) -> str:
    """As this controller writes a MAC, and as alone it finds one."""
    return mac.upper().replace(":", "-")
