"""UniFi's controllers: by the older API, alone or as a console, and by the newer one."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kinds.controllers import SECRET, USER, Asked, Said, Sessions, cookies


class UnifiClassic:
    """A UniFi controller by its older API, alone or as a console, which wants a token with each command."""

    def __init__(self, site: str, is_console: bool) -> None:
        self.sessions = Sessions()
        self.guests: dict[str, dict[str, Any]] = {}
        self.counted: list[dict[str, Any]] = []
        self._is_console = is_console
        self._login = "/api/auth/login" if is_console else "/api/login"
        self._site = f"{'/proxy/network' if is_console else ''}/api/s/{site}"

    def let_through(self) -> set[str]:
        """The guests."""
        return set(self.guests)

    def answer(self, asked: Asked) -> Said:
        """As the real one, as far as anybody told."""
        if (asked.method, asked.path) == ("POST", self._login):
            return self._entered(asked.body)
        session = cookies(asked).get("TOKEN" if self._is_console else "unifises", "")
        if not self.sessions.knows(session):
            return Said(401, {"meta": {"rc": "error", "msg": "api.err.LoginRequired"}, "data": []})
        if self._is_console and asked["X-CSRF-Token"] != f"prenda-{session}":
            return Said(403, {"meta": {"rc": "error", "msg": "api.err.NoPermission"}, "data": []})
        if (asked.method, asked.path) == ("POST", f"{self._site}/cmd/stamgr"):
            return self._commanded(asked.body)
        if (asked.method, asked.path) == ("POST", f"{self._site}/stat/guest"):
            return Said(200, {"meta": {"rc": "ok"}, "data": self.counted})
        return Said(404, {"meta": {"rc": "error", "msg": "api.err.NotFound"}})

    def _entered(self, login: Any) -> Said:
        if login != {"username": USER, "password": SECRET}:
            status = 403 if self._is_console else 400
            return Said(status, {"meta": {"rc": "error", "msg": "api.err.Invalid"}, "data": []})
        session = self.sessions.open()
        if not self._is_console:
            headers = {"Set-Cookie": f"unifises={session}; Path=/; Secure; HttpOnly"}
            return Said(200, {"meta": {"rc": "ok"}, "data": []}, headers)
        headers = {"Set-Cookie": f"TOKEN={session}; path=/; secure", "X-CSRF-Token": f"prenda-{session}"}
        return Said(200, {"unique_id": "5e1c"}, headers)

    def _commanded(self, command: Any) -> Said:
        mac = command.get("mac", "")
        if command["cmd"] == "authorize-guest":
            self.guests[mac] = command
        elif command["cmd"] == "unauthorize-guest":
            self.guests.pop(mac, None)
        return Said(200, {"meta": {"rc": "ok"}, "data": []})


class UnifiIntegration:
    """A UniFi console by its documented API."""

    SITE = "88f7af54-98f8-306a-a1c7-c9349722b1f6"
    API = "/proxy/network/integration/v1"

    def __init__(self, site: str) -> None:
        self.guests: dict[str, dict[str, Any]] = {}
        self.connected: dict[str, str] = {}
        self.usage: dict[str, dict[str, int]] = {}
        self._sites = [{"id": self.SITE, "internalReference": site, "name": "Plaza de Armas"}]

    def let_through(self) -> set[str]:
        """The guests."""
        return set(self.guests)

    def answer(self, asked: Asked) -> Said:
        """As Ubiquiti documents it."""
        if asked["X-API-KEY"] != SECRET:
            return Said(401, {"statusCode": 401, "statusName": "UNAUTHORIZED"})
        url = urlsplit(asked.path)
        wanted = parse_qs(url.query).get("filter", [""])[0]
        clients = f"{self.API}/sites/{self.SITE}/clients"
        if asked.method == "GET" and url.path == f"{self.API}/sites":
            return _page(self._sites)
        if asked.method == "GET" and url.path == clients:
            told = [
                {"id": each, "macAddress": mac, "type": "WIRELESS"} for mac, each in self.connected.items()
            ]
            return _page([one for one in told if wanted in ("", f"macAddress.eq('{one['macAddress']}')")])
        known = {f"{clients}/{each}": mac for mac, each in self.connected.items()}
        mac = known.get(url.path.removesuffix("/actions"), "")
        if not mac:
            return Said(404, {"statusCode": 404, "statusName": "NOT_FOUND"})
        if asked.method == "GET":
            return Said(200, {"macAddress": mac, "access": self._access(mac)})
        return self._acted(mac, asked.body)

    def _access(self, mac: str) -> dict[str, Any]:
        usage = self.usage.get(mac)
        authorization = {} if usage is None else {"authorization": {"usage": usage}}
        return {"type": "GUEST", "authorized": mac in self.guests, **authorization}

    def _acted(self, mac: str, body: Any) -> Said:
        if body["action"] == "AUTHORIZE_GUEST_ACCESS":
            self.guests[mac] = body
        else:
            self.guests.pop(mac, None)
        return Said(200, {"action": body["action"]})


def _page(rows: list[dict[str, str]]) -> Said:
    body = {"offset": 0, "limit": 200, "count": len(rows), "totalCount": len(rows), "data": rows}
    return Said(200, body)
