"""The Internet of the tests: public web servers with the probes of phones, and the real portal and edge."""

import contextlib
import json
import socket
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from captive_portal.guest import create_app as create_portal
from captive_portal.model import GatewayKind, Plan, PortalSite, Wiring
from captive_portal.portal import Portal
from captive_portal.sessions import StoredSessions
from controller.edge.app import create_app as create_edge
from controller.store.engine import open_engine
from tests.probes import PROBES

ANSWERS = {probe.path: (probe.status, probe.body) for probe in PROBES}


class Web(BaseHTTPRequestHandler):
    """A web server; `/drip` and `/flood` are downloads that never end."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path in ("/drip", "/flood"):
            self._pour(*((1000, 0.02) if self.path == "/drip" else (65536, 0)))
            return
        status, body = ANSWERS.get(self.path, (200, f"I am {self.connection.getsockname()[0]}\n".encode()))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        with contextlib.suppress(ConnectionError):
            while self.rfile.read1(65536):
                pass
        self.close_connection = True

    def _pour(self, octets: int, pause_s: float) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the phone had enough
            while True:
                self.wfile.write(b"." * octets)
                time.sleep(pause_s)

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


class Web6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def echo(ip: str) -> None:
    """A UDP service that sends every datagram back, and keeps sending to whoever said `stream`."""
    service = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    service.bind((ip, 7))
    while True:
        said, caller = service.recvfrom(2048)
        service.sendto(said, caller)
        sys.stderr.write(f"heard {said.decode()}\n")
        sys.stderr.flush()
        if said == b"stream":
            threading.Thread(target=_stream, args=(service, caller), daemon=True).start()


def _stream(service: socket.socket, caller: Any) -> None:
    while True:
        service.sendto(b"more", caller)
        time.sleep(0.05)


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


def serve(server: Any) -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    settings = json.loads(sys.argv[1])
    for ip in settings["web"]:
        kind = Web6 if ":" in ip else ThreadingHTTPServer
        for port in (80, 443):
            serve(kind((ip, port), Web))
        if ":" not in ip:
            threading.Thread(target=echo, args=(ip,), daemon=True).start()
    engine = open_engine(settings["store"])
    stored = StoredSessions(engine)

    def now() -> datetime:
        return datetime.now(UTC)

    portal = create_portal(Portal.over(engine, PlanFromFile(settings), now), names=[settings["portal"]])
    edge = create_edge({settings["site"]: bytes.fromhex(settings["key"])}, stored, now)
    serve(make_server(settings["portal"], 8080, portal, threaded=True))
    serve(make_server(settings["portal"], 8090, edge, threaded=True))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


main()
