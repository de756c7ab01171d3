"""The Internet of the tests: public web servers with the probes of phones, and the real portal and edge."""

import json
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from captive_portal.guest import create_app as create_portal
from captive_portal.model import GatewayKind, Keys, Plan, PortalSite, Wiring
from captive_portal.portal import Portal
from captive_portal.sessions import StoredSessions
from controller.edge.app import create_app as create_edge
from controller.store.engine import open_engine
from tests.gateway import shops
from tests.gateway.shops import serve


class PlanFromFile(dict[str, PortalSite]):
    """The one site, whose plan a test changes through a file."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        super().__init__({settings["site"]: self._site()})

    def get(self, key: str, default: Any = None) -> Any:
        return self._site() if key == self.settings["site"] else default

    def __getitem__(self, key: str) -> PortalSite:
        return self._site()

    def _site(self) -> PortalSite:
        seconds, down_kbps, up_kbps, octets = map(int, Path(self.settings["plan"]).read_text().split())
        gateway_url = f"http://{self.settings['gateway']}:2060"
        return PortalSite(
            key=self.settings["site"],
            name="Plaza de Armas",
            municipality="08019",
            municipality_name="Chihuahua",
            zone="America/Chihuahua",
            languages=("es", "en"),
            plan=Plan("libre", timedelta(seconds=seconds), octets, down_kbps=down_kbps, up_kbps=up_kbps),
            gateway_url=gateway_url,
            wiring=Wiring(
                self.settings["site"],
                GatewayKind.PLAZA,
                bytes.fromhex(self.settings["key"]),
                landing="",
                api_url=gateway_url,
            ),
        )


def main() -> None:
    settings = json.loads(sys.argv[1])
    for ip in settings["web"]:
        for port in (80, 443):
            shops.open_shop(ip, port)
        shops.open_echo(ip)
    engine = open_engine(settings["store"])
    stored = StoredSessions(engine)

    def now() -> datetime:
        return datetime.now(UTC)

    portal = create_portal(Portal.over(engine, PlanFromFile(settings), now), names=[settings["portal"]])
    edge = create_edge({settings["site"]: Keys(bytes.fromhex(settings["key"]))}, stored, now)
    serve(make_server(settings["portal"], 8080, portal, threaded=True))
    serve(make_server(settings["portal"], 8090, edge, threaded=True))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


main()
