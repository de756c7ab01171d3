"""UniFi's documented API: `clients/{id}/actions` under an API key (Ubiquiti, Network API, 9.1.105 and later).

`secret` is the key, `api_site` the site's id or the name by which the older API knows it. The paths are those
of a console; a stand-alone controller may have them elsewhere. Field names are from Ubiquiti's reference as
public clients quote it; nobody here had the hardware. Unverified: that `rxBytes` of a guest's usage is what
the phone received, and that `rxRateLimitKbps` bounds the same, its download, as public clients have it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from captive_portal.gateways.calling import ACT_S, LIST_S, Entry, Line, Reply
from captive_portal.gateways.told import Row, count, row, rows
from captive_portal.gateways.units import kbps, megabytes, minutes
from captive_portal.model import Admitted, Grant, Phone, Usage, Wiring

_API: Final = "/proxy/network/integration/v1"
_PAGE: Final = 200
_MOST_PAGES: Final = 50


class UnifiIntegration:
    """The API with a key."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def authorise(self, phone: Phone, ap: str, grant: Grant) -> None:
        """It replaces an authorisation that runs, and counts from nought. Raises GatewayFailed."""
        action: dict[str, object] = {"action": "AUTHORIZE_GUEST_ACCESS"}
        action["timeLimitMinutes"] = minutes(grant.seconds)
        if grant.octets:
            action["dataUsageLimitMBytes"] = megabytes(grant.octets)
        rates = {"rxRateLimitKbps": grant.down_kbps, "txRateLimitKbps": grant.up_kbps}
        action |= {name: kbps(rate) for name, rate in rates.items() if rate}
        self._act(phone, action)

    def revoke(self, phone: Phone) -> None:
        """Only for a phone that is connected: others have no id. Raises GatewayFailed."""
        self._act(phone, {"action": "UNAUTHORIZE_GUEST_ACCESS"})

    def used(self, admitted: Sequence[Admitted]) -> Sequence[Usage]:
        """One question per phone that is connected. Raises GatewayFailed."""
        with self._line(LIST_S) as line:
            clients = f"{_API}/sites/{self._site(line)}/clients"
            ids = {str(each.get("macAddress", "")).lower(): _id(each) for each in _pages(line, clients)}
            known = [each for each in admitted if ids.get(each.phone.mac)]
            return [_usage(each.session, line.get(f"{clients}/{ids[each.phone.mac]}")) for each in known]

    def _act(self, phone: Phone, action: Mapping[str, object]) -> None:
        with self._line(ACT_S) as line:
            clients = f"{_API}/sites/{self._site(line)}/clients"
            wanted = quote(f"macAddress.eq('{phone.mac}')", safe="")
            found = [_id(each) for each in rows(line.get(f"{clients}?filter={wanted}").get("data"))]
            if len(found) != 1 or not found[0]:
                raise line.failed("it does not see this phone connected")
            line.good(line.ask("POST", f"{clients}/{found[0]}/actions", action))

    def _site(self, line: Line) -> str:
        wanted = self._wiring.api_site or "default"
        for each in _pages(line, f"{_API}/sites"):
            if wanted in (each.get("id"), each.get("internalReference")) and _id(each):
                return _id(each)
        raise line.failed("it has no such site that we may see")

    def _line(self, within_s: float) -> Line:
        return Line(self._wiring, Entry(self._enter, _is_over), within_s)

    def _enter(self, line: Line) -> None:
        line.headers["X-API-KEY"] = self._wiring.secret.decode()


def _is_over(_reply: Reply) -> bool:
    """A key that is refused now will be refused again."""
    return False


def _pages(line: Line, path: str) -> Iterator[Row]:
    for page in range(_MOST_PAGES):
        told = line.get(f"{path}?offset={page * _PAGE}&limit={_PAGE}")
        yield from rows(told.get("data"))
        if (page + 1) * _PAGE >= (count(told.get("totalCount")) or 0):
            return


def _id(one: Row) -> str:
    told = one.get("id")
    return quote(told, safe="") if isinstance(told, str) else ""


def _usage(session: str, client: Row) -> Usage:
    used = row(row(row(client.get("access")).get("authorization")).get("usage"))
    return Usage(
        session, count(used.get("durationSec")), count(used.get("rxBytes")), count(used.get("txBytes"))
    )
