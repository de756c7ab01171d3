"""SmartZone's controller, as Ruckus' guide tells."""

from typing import Any

from tests.kinds.controllers import SECRET, USER, Asked, Said


class SmartZone:
    """A SmartZone's northbound interface; `verdict` is what it answers to a login."""

    def __init__(self) -> None:
        self.online: dict[str, dict[str, Any]] = {}
        self.verdict = 201

    def let_through(self) -> set[str]:
        """Who is logged in."""
        return {mac.lower() for mac in self.online}

    def answer(self, asked: Asked) -> Said:
        """As Ruckus' guide tells."""
        if (asked.method, asked.path) != ("POST", "/portalintf"):
            return Said(404, {})
        body = asked.body
        if (body["RequestUserName"], body["RequestPassword"]) != (USER, SECRET):
            return Said(200, {"ResponseCode": 306, "ReplyMessage": "Wrong request password"})
        mac = body["UE-MAC"]
        if body["RequestType"] == "Logout":
            gone = self.online.pop(mac, None)
            return Said(200, {"ResponseCode": 300 if gone is None else 200})
        if self.verdict in (201, 202):
            self.online[mac] = body
        return Said(200, {"ResponseCode": self.verdict, "UE-MAC": mac})
