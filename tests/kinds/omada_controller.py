"""Omada's controller, as far as others measured it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.kinds.controllers import SECRET, USER, Asked, Said, Sessions, cookies


class Omada:
    """An Omada controller's hotspot, which sends whoever has no session to its login page.

    `searches` is whether it narrows its list by `searchKey`, as the version did that was measured.
    """

    def __init__(self, controller: str, site: str) -> None:
        self.sessions = Sessions()
        self.asked_for: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        self.searches = True
        self._hotspot = f"/{controller}/api/v2/hotspot"
        self._site = site

    def let_through(self) -> set[str]:
        """Who holds a valid record."""
        return {one["mac"].lower().replace("-", ":") for one in self.records if one["valid"]}

    def answer(self, asked: Asked) -> Said:
        """As others measured it."""
        url = urlsplit(asked.path)
        if (asked.method, url.path) == ("POST", f"{self._hotspot}/login"):
            return self._entered(asked.body)
        session = cookies(asked).get("TPOMADA_SESSIONID", "")
        if not self.sessions.knows(session) or asked["Csrf-Token"] != f"prenda-{session}":
            return Said(302, {}, {"Location": "/login"})
        clients = f"{self._hotspot}/sites/{self._site}"
        if (asked.method, url.path) == ("POST", f"{self._hotspot}/extPortal/auth"):
            return self._authorised(asked.body)
        if (asked.method, url.path) == ("GET", f"{clients}/clients"):
            return self._listed(parse_qs(url.query))
        if asked.method == "POST" and url.path.startswith(f"{clients}/cmd/clients/"):
            return self._disconnected(url.path.split("/")[-2])
        return Said(200, {"errorCode": -1600, "msg": "Unsupported request path."})

    def _entered(self, login: Any) -> Said:
        if login != {"name": USER, "password": SECRET}:
            return Said(200, {"errorCode": -30109, "msg": "Invalid username or password."})
        session = self.sessions.open()
        headers = {"Set-Cookie": f"TPOMADA_SESSIONID={session}; Path=/; Secure; HttpOnly"}
        return Said(200, {"errorCode": 0, "result": {"token": f"prenda-{session}"}}, headers)

    def _authorised(self, body: Any) -> Said:
        if body.get("site") != self._site or body.get("authType") != "4":
            return Said(200, {"errorCode": -41501, "msg": "Failed to authenticate."})
        self.asked_for.append(body)
        self.records.append(
            {"id": f"r{len(self.records)}", "mac": body["clientMac"], "valid": True, "start": 9}
        )
        return Said(200, {"errorCode": 0})

    def _listed(self, query: dict[str, list[str]]) -> Said:
        search = query.get("searchKey", [""])[0] if self.searches else ""
        size, page = int(query["currentPageSize"][0]), int(query["currentPage"][0])
        told = [one for one in self.records if search in one["mac"]]
        rows = told[(page - 1) * size : page * size]
        return Said(200, {"errorCode": 0, "result": {"totalRows": len(told), "data": rows}})

    def _disconnected(self, record: str) -> Said:
        for one in self.records:
            if one["id"] == record:
                one["valid"] = False
                return Said(200, {"errorCode": 0})
        return Said(200, {"errorCode": -1001, "msg": "Auth record does not exist."})
