"""The Internet of openNDS's square: web servers with the probes of phones, and the real portal.

`python -m tests.crowd.internet JSON`; its clock is as far ahead as the seconds in a file say.
"""

import json
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from captive_portal.guest import create_app
from captive_portal.model import GatewayKind, Wiring
from captive_portal.portal import Portal
from controller.store.engine import open_engine
from tests.crowd.script import PLAN
from tests.portal.places import site_of
from tests.probes import PROBES


class Web(BaseHTTPRequestHandler):
    """Any web server; it knows what the systems of phones ask."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = {probe.path: probe for probe in PROBES}.get(self.path)
        body = found.body if found else b"I am the Internet\n"
        self.send_response(found.status if found else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


def main(told: dict[str, Any]) -> None:
    offset = Path(told["offset"])

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=int(offset.read_text()))

    wired = {**told["wiring"], "kind": GatewayKind(told["wiring"]["kind"])}
    wired |= {"key": bytes.fromhex(wired["key"]), "secret": wired["secret"].encode()}
    wiring = Wiring(**wired | {"hosts": frozenset(wired["hosts"])})
    plan = replace(PLAN, down_kbps=4000, up_kbps=1000)
    site = replace(site_of(wiring.site, plan, wiring.kind), wiring=wiring)
    views = Portal.over(open_engine(told["store"]), {wiring.site: site}, now)
    portal = create_app(views, names=told["names"])
    tls = told["tls"] and (f"{told['tls']}/gateway.pem", f"{told['tls']}/gateway.key")
    servers = (
        ThreadingHTTPServer((told["web"], 80), Web),
        make_server(told["portal"], told["port"], portal, threaded=True, ssl_context=tls or None),
    )
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
