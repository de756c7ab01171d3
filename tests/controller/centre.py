"""A centre for tests: the real landing views over real HTTP before real stores, with faults on order."""

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask
from sqlalchemy import Engine
from werkzeug.serving import make_server

from captive_portal.sessions import StoredSessions
from controller.adoption.current import Current
from controller.edge.app import create_app
from controller.edge.landing import Landings
from controller.landing import Runway
from controller.remote_poller_centre import Address, Centre, Identity
from controller.store.engine import open_store
from drivers.model import Secret
from metrics.local.store import LocalStore
from metrics.segments import Spool

NAME = "sierra"
TOKEN = "0123456789abcdef" * 4
INVENTORY = """\
version: 1
credentials:
  aps-snmp: {kind: snmp-v2c, community: ref+file:snmp-community}
  gateways: {kind: gateway, key: ref+file:gateway-key}
defaults:
  country: MX
  platform: openwrt
  snmp: {credentials: aps-snmp, port: %(port)s}
  reach: {kind: agent, through: sierra}
  uplink: {kind: satellite, provider: Sierra, down_mbps: 25, up_mbps: 5}
  portal: {gateway_url: "http://127.0.0.1:9", gateway_credentials: gateways}
  hours: {week: {mon-sun: 00:00-24:00}}
municipalities:
  08027: {name: Guachochi, seat: Guachochi, zone: America/Chihuahua}
sites:
  08027-plaza: {municipality: 08027, name: Plaza principal de Guachochi, lat: 26.82, lon: -107.07,
    opened_on: 2026-01-15}
devices:
  ap-kiosk: {site: 08027-plaza, address: 127.73.1.11}
  ap-school: {site: 08027-plaza, address: 127.73.1.12}
  ap-theirs: {site: 08027-plaza, address: 127.73.1.13, reach: {kind: direct}}
"""


@dataclass
class Central:
    """What lands, and what goes wrong: calls number `deaf`, from 1, are applied and their answers lost."""

    directory: Path
    engine: Engine
    samples: LocalStore
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    url: str = ""
    calls: int = 0
    deaf: set[int] = field(default_factory=set)
    ca: Path | None = None
    landings: Landings = field(init=False)

    def app(self) -> Flask:
        """The edge."""
        made = create_app({}, StoredSessions(self.engine), lambda: self.now)
        inventory = Current(self.directory / "inventory.yaml").inventory
        runway = Runway(self.engine, self.samples, inventory, lambda: bytes(32))
        self.landings = Landings({NAME: lambda: Secret(TOKEN)}, runway, lambda: self.now)
        self.landings.register(made)
        return made

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The edge behind a line that swallows answers."""
        self.calls += 1
        if self.calls not in self.deaf:
            return self._app.wsgi_app(environ, start_response)
        answer = b"".join(self._app.wsgi_app(environ, lambda *_: lambda _: None))
        assert answer
        start_response("502 Bad Gateway", [])
        return [b""]

    def __post_init__(self) -> None:
        self._app = self.app()

    def centre(self, spool: Spool, token: str = TOKEN, name: str = NAME, deadline_s: float = 20.0) -> Centre:
        """The way to it, as a poller with this spool goes it."""
        return Centre(Address.of(self.url, self.ca), Identity(name, spool.id, token.encode), deadline_s)

    def journal(self) -> dict[str, list[tuple[int, int]]]:
        """(seq, points) of every batch that was written, by writer."""
        found: dict[str, list[tuple[int, int]]] = {}
        for day in self.samples.days():
            with self.samples.reading(day) as volume:
                for writer, seq, points in volume.execute(
                    "SELECT writer, seq, points FROM journal ORDER BY seq"
                ):
                    found.setdefault(writer, []).append((seq, points))
        return found


@cache
def empty_store() -> bytes:
    """A relational store at this version: migrations take a third of a second."""
    with TemporaryDirectory() as directory:
        open_store(f"sqlite:///{directory}/plaza.db").dispose()
        return Path(directory, "plaza.db").read_bytes()


@contextmanager
def central(directory: Path, tls: ssl.SSLContext | None = None) -> Iterator[Central]:
    """A centre that listens."""
    (directory / "inventory.yaml").write_text(INVENTORY % {"port": 161})
    (directory / "plaza.db").write_bytes(empty_store())
    engine = open_store(f"sqlite:///{directory}/plaza.db")
    samples = LocalStore.open(directory / "samples")
    made = Central(directory, engine, samples)
    server = make_server("127.0.0.1", 0, made, threaded=True, ssl_context=tls)
    made.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        samples.close()
        engine.dispose()
