"""One Plaza with four sites, each with another kind of gateway, on one clock that a test moves."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from werkzeug.serving import make_server

from captive_portal.guest import create_app
from captive_portal.model import PortalSite
from captive_portal.portal import Portal
from captive_portal.radius.app import Radius
from captive_portal.radius.app import create_app as create_radius
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.ledger import Ledger
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata
from controller import radius
from controller.app import App, portal_sites
from controller.edge.app import create_app as create_edge
from controller.inventory import load
from controller.portal_jobs import portal_jobs
from controller.secrets import FileSecrets
from controller.settings import Settings
from controller.store.engine import open_engine
from metrics.local.store import LocalStore
from tests.town import free_port

OPENNDS, PLAZA, RADIUS, OMADA = "08019-plaza", "08027-plaza", "08037-plaza", "08052-plaza"
SITES: Final = (PLAZA, OPENNDS, RADIUS, OMADA)
SECRETS: Final = {
    "gateways": "g" * 64,
    "faskey": "a-faskey-of-the-tests",
    "shared": "compartido-de-prueba-7",
    "operator": "operador-de-prueba-4711",
}
AP: Final = "b0:19:21:04:1e:12"
INVENTORY: Final = """\
version: 1
credentials:
  gateways: {{kind: gateway, key: ref+file:gateways}}
  faskey: {{kind: portal, secret: ref+file:faskey}}
  shared: {{kind: portal, secret: ref+file:shared}}
  operator: {{kind: portal, user: plaza, secret: ref+file:operator}}
defaults:
  profile: plaza
  platform: openwrt
  portal: {{languages: [es], plan: libre, duration: 20m, daily: 40m, octets: 0, gateway_credentials: gateways,
    gateway_url: "http://127.0.0.1:{gateway_port}"}}
  hours: {{week: {{mon-sun: 00:00-24:00}}}}
  uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
profiles:
  plaza: {{ssids: [{{name: Plaza}}], radios: {{2g4: {{channel: 6}}}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
  08027: {{name: Guachochi, seat: Guachochi, zone: America/Chihuahua}}
  08037: {{name: Juárez, seat: Juárez, zone: America/Ciudad_Juarez}}
  08052: {{name: Ojinaga, seat: Ojinaga, zone: America/Ojinaga}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza, lat: 28.63, lon: -106.07, opened_on: 2026-01-15,
    portal: {{kind: opennds, variant: level-3, hosts: ["10.99.0.1:2050"], credentials: faskey}}}}
  08027-plaza: {{municipality: 08027, name: Plaza, lat: 26.82, lon: -107.07, opened_on: 2026-01-15}}
  08037-plaza: {{municipality: 08037, name: Plaza, lat: 31.73, lon: -106.48, opened_on: 2026-01-15,
    portal: {{kind: radius, hosts: [ap-1], nas: [ap-1], credentials: shared,
      controller: {{url: "{nas}"}}, radius: {{client: 127.0.0.1, credentials: shared}}}}}}
  08052-plaza: {{municipality: 08052, name: Plaza, lat: 29.56, lon: -104.41, opened_on: 2026-01-15,
    portal: {{kind: omada, hosts: ["{ap}"], credentials: operator,
      controller: {{url: "{omada}/{omada_id}", site: {omada_site}, fingerprint: "{fingerprint}"}}}}}}
devices: {{}}
"""


@dataclass
class Municipality:
    """`portal` is the origin of the pages; `work` does what the worker's jobs have to do by now."""

    app: App
    clock: Callable[[], datetime]
    portal: str
    sites: dict[str, PortalSite]
    due: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.jobs = portal_jobs(self.app, self.clock)

    def work(self) -> None:
        """Each job whose turn it is."""
        for job in self.jobs:
            if self.due.get(job.name, self.clock()) <= self.clock():
                self.due[job.name] = self.clock() + timedelta(seconds=job.every_s)
                job.work()


def app_of(directory: Path, **values: Any) -> App:
    """What every process of it is made of; its store is `store.db` of the directory."""
    file = directory / "inventory.yaml"
    file.write_text(INVENTORY.format(ap=AP, **values))
    for name, secret in SECRETS.items():
        (directory / name).touch(mode=0o600)
        (directory / name).write_text(secret)
    portal = f"127.0.0.1:{free_port()}"
    settings = Settings(
        data_dir=directory,
        secrets_dir=directory,
        portal_listen=portal,
        edge_listen=f"127.0.0.1:{free_port()}",
        radius_listen=f"127.0.0.1:{free_port()}",
    )
    inventory = load(file)
    engine = open_engine(f"sqlite:///{directory}/store.db")
    metadata.create_all(engine)
    samples = LocalStore.open(settings.samples_dir)
    return App(settings, inventory, FileSecrets(inventory.credentials, directory), engine, samples)


@contextmanager
def municipality(app: App, clock: Callable[[], datetime]) -> Iterator[Municipality]:
    """Its portal, its edge and what FreeRADIUS asks, on the loopback."""
    sites, settings = portal_sites(app), app.settings
    sessions, holders = StoredSessions(app.engine), StoredHolders(app.engine)
    keys = {key: site.wiring.keys for key, site in sites.items()}
    token = radius.token(settings).encode()
    asked = Radius(radius.radius_sites(app), holders, Ledger(app.engine, holders), clock, token)
    served = (
        (settings.portal_listen, create_app(Portal.over(app.engine, sites, clock))),
        (settings.edge_listen, create_edge(keys, sessions, clock)),
        (settings.radius_listen, create_radius(asked)),
    )
    with ExitStack() as stack:
        for listen, wsgi in served:
            stack.enter_context(serving(int(listen.rpartition(":")[2]), wsgi))
        yield Municipality(app, clock, settings.public_portal_url, sites)


@contextmanager
def serving(port: int, wsgi: Any) -> Iterator[None]:
    server = make_server("127.0.0.1", port, wsgi, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
