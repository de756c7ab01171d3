"""A site whose RADIUS goes through a real FreeRADIUS and the real role, as a municipality runs them."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Arrival, Grant, PortalSite
from captive_portal.radius.tables import associations
from captive_portal.sessions import StoredSessions
from captive_portal.tables import portal_counts, sessions
from controller import settings
from controller.app import App, build, portal_sites, utc_now
from tests import need
from tests.children import killed_at_the_end
from tests.radius.conftest import HERE, SECRETS, SHIPPED, Reply, asked, freeradius
from tests.town import Town, environment, fetch, free_port, wait_for

Told = Mapping[str, str]
"""Attributes of a packet, as radclient writes them."""


@dataclass
class Plaza:
    """The town, what a test looks at behind it, and the ports that its FreeRADIUS is told to listen at."""

    town: Town
    app: App
    ports: tuple[int, int]
    listen: str
    radclient: str

    @property
    def raddb(self) -> Path:
        """Where FreeRADIUS's configuration is."""
        return self.town.directory / "raddb"

    @property
    def engine(self) -> Engine:
        """Of the store that the role writes."""
        return self.app.engine

    @property
    def site(self) -> PortalSite:
        """The one site."""
        return portal_sites(self.app)[HERE]

    def tap(self, mac: str, session: str = "") -> str:
        """The session of a phone that taps the button."""
        arrival = Arrival(HERE, pseudonym(self.site.wiring.key, mac), "b" * 32, "", "")
        stored = StoredSessions(self.engine)
        granted = stored.open(self.site, arrival, self.site.plan, utc_now(), session=session)
        assert isinstance(granted, Grant)
        return granted.session

    @contextmanager
    def role(self) -> Iterator["subprocess.Popen[bytes]"]:
        """`plaza run radius`, from its first answer on."""
        argv = [*self.town.program, "run", "radius"]
        log = self.town.directory / "role.log"
        with log.open("ab") as said:
            child = subprocess.Popen(argv, env=self.town.environ, stdout=said, stderr=said)
        with killed_at_the_end(child):
            wait_for(lambda: child.poll() is None and self._is_up(), f"the role; see {log}")
            yield child

    @contextmanager
    def freeradius(self) -> Iterator[None]:
        """With the files that `plaza radius write` wrote."""
        with freeradius(self.raddb, self.town.directory / "freeradius.log"):
            yield

    def ask(self, told: Told, what: str = "auth") -> Reply:
        """One packet, tried twice."""
        port = self.ports[what == "acct"]
        return asked(self.radclient, port, what, SECRETS[HERE], told)

    def stream(self, packets: Sequence[Told], per_s: int) -> "subprocess.Popen[str]":
        """Accounting of many phones at this pace; a packet is repeated every second until it is answered."""
        file = self.town.directory / "packets"
        file.write_text("\n\n".join(_lines(told) for told in packets) + "\n")
        argv = [self.radclient, "-s", "-f", str(file), "-n", str(per_s), "-p", "16", "-r", "90", "-t", "1"]
        argv += [f"127.0.0.1:{self.ports[1]}", "acct", SECRETS[HERE]]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def rows(self, of: Collection[str]) -> list[dict[str, Any]]:
        """These sessions."""
        wanted = select(sessions).where(sessions.c.acctuniqueid.in_(of))
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]

    def row(self, session: str) -> dict[str, Any]:
        """One session."""
        return self.rows([session])[0]

    def doors(self) -> int:
        """How many doors opened, as the portal counts them."""
        with self.engine.connect() as connection:
            return sum(connection.execute(select(portal_counts.c.online)).scalars())

    def associations(self, of: Collection[str]) -> int:
        """How many rows these sessions have."""
        wanted = select(associations.c.association).where(associations.c.acctuniqueid.in_(of))
        with self.engine.connect() as connection:
            return len(connection.execute(wanted).all())

    def _is_up(self) -> bool:
        try:
            return fetch(f"http://{self.listen}/healthz") == "{}"
        except OSError:
            return False


def killed(child: "subprocess.Popen[bytes]") -> None:
    """kill -9, and nothing of it is left: its processes end with it."""
    child.send_signal(signal.SIGKILL)
    child.wait(60)


@contextmanager
def plaza(directory: Path, nas_port: int) -> Iterator[Plaza]:
    """A town of one site of CoovaChillis; one of them takes requests at a port of UDP."""
    need.program("freeradius", "freeradius")
    radclient = need.program("radclient", "freeradius-utils")
    if not Path("/usr/lib/freeradius/rlm_rest.so").exists():
        need.missing("needs rlm_rest: apt-get install freeradius-rest")
    vault = directory / "var" / "secrets"
    vault.mkdir(parents=True)
    for name, secret in (("gateway-key", "ab" * 32), ("site-radius", SECRETS[HERE])):
        (vault / name).touch(mode=0o600)
        (vault / name).write_text(secret)
    (directory / "inventory.yaml").write_text(json.dumps(_inventory(nas_port)))  # JSON is YAML
    listen = f"127.0.0.1:{free_port()}"
    environ = environment(directory, directory / "inventory.yaml") | {"PLAZA_RADIUS_LISTEN": listen}
    town = Town(directory, environ, "", program=(sys.executable, "-m", "controller.cli.main"))
    app = build(settings.load(environ, directory))
    with ExitStack() as stack:
        stack.callback(app.engine.dispose)
        stack.callback(app.samples.close)
        ports = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
        made = Plaza(town, app, ports, listen, radclient)
        _write(made)
        yield made


def _write(made: Plaza) -> None:
    ports = ("--auth-port", str(made.ports[0]), "--acct-port", str(made.ports[1]))
    where = ("--listen", "127.0.0.1", "--run", str(made.raddb), *ports)
    written = made.town.plaza("radius", "write", str(made.raddb), *where)
    assert written.returncode == 0, written.stderr
    for name in ("radiusd.conf", "dictionary", "access_reject"):
        (made.raddb / name).write_bytes((SHIPPED / name).read_bytes())


def _lines(told: Told) -> str:
    return "\n".join(f"{name} = {value}" for name, value in told.items())


def _inventory(nas_port: int) -> dict[str, Any]:
    portal = {
        "languages": ["es"],
        "plan": "free",
        "duration": "1h",
        "octets": 0,
        "gateway_url": "http://127.0.0.1:2060",
        "gateway_credentials": "gateways",
        "kind": "coovachilli",
        "hosts": ["10.1.0.1:3990"],
        "credentials": "site-radius",
        "controller": {"url": f"radius://127.0.0.1:{nas_port}"},
        "nas": ["ap-1"],
        "radius": {"client": "127.0.0.1", "credentials": "site-radius"},
    }
    site = {"municipality": "08027", "name": "Plaza", "lat": 26.82, "lon": -107.07, "opened_on": "2026-01-15"}
    return {
        "version": 1,
        "credentials": {
            "gateways": {"kind": "gateway", "key": "ref+file:gateway-key"},
            "site-radius": {"kind": "portal", "secret": "ref+file:site-radius"},
        },
        "defaults": {
            "country": "MX",
            "platform": "generic",
            "hours": {"week": {"mon-sun": "00:00-24:00"}},
            "uplink": {"kind": "fibre", "provider": "none", "down_mbps": 100, "up_mbps": 100},
            "portal": portal,
        },
        "municipalities": {"08027": {"name": "Guachochi", "seat": "Guachochi", "zone": "America/Chihuahua"}},
        "sites": {HERE: site},
        "devices": {},
    }
