"""Two sites behind one application for FreeRADIUS, over a real SQLite file and a clock that tests move."""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from werkzeug.serving import make_server
from werkzeug.test import Client, EnvironBuilder, TestResponse

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Arrival, GatewayKind, Grant, Plan
from captive_portal.radius.app import TOKEN_HEADER, Door, Radius, create_app
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.ledger import Ledger
from captive_portal.radius.model import RadiusSite
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller.store.engine import open_engine
from tests import need
from tests.children import heard, killed_at_the_end
from tests.portal.conftest import Clock
from tests.portal.places import site_of
from tests.radius.told import MAC
from tests.town import free_port

HERE = "08027-plaza"
THERE = "08037-plaza"
TOKEN = "5f" * 32
SECRETS = {HERE: "b4d51c0e7f2a49669a31d87e5c02f613", THERE: "61e09fd3a7c8452bb7f0246d91ce3a58"}
SHIPPED = Path(__file__).parents[2] / "deploy" / "freeradius"
HOUR = Plan("hora", timedelta(hours=1))


def radius_site(key: str, plan: Plan = HOUR, **changed: Any) -> RadiusSite:
    """A MikroTik's site with two access points."""
    given: dict[str, Any] = {
        "kind": GatewayKind.MIKROTIK,
        "plan": plan,
        "nas": frozenset({"ap-1", "ap-2", "10.9.0.1"}),
    }
    return RadiusSite(site=key, key=f"key of {key}".encode().ljust(32, b"."), **given | changed)


@dataclass
class World:
    """The application and everything around it."""

    app: Door
    sites: dict[str, RadiusSite]
    sessions: StoredSessions
    ledger: Ledger
    holders: StoredHolders
    engine: Engine
    clock: Clock

    def tap(self, site: str = HERE, mac: str = MAC) -> str:
        """The session of a phone that taps the button."""
        device = pseudonym(self.sites[site].key, mac)
        arrival = Arrival(site, device, "b" * 32, "", "")
        grant = self.sessions.open(site_of(site), arrival, self.sites[site].plan, self.clock())
        assert isinstance(grant, Grant)
        return grant.session

    def post(self, path: str, body: Any, site: str = HERE, token: str = TOKEN) -> TestResponse:
        return Client(self.app).post(f"/radius/{site}/{path}", json=body, headers={TOKEN_HEADER: token})

    def environ(self, path: str, body: Any, site: str = HERE) -> dict[str, Any]:
        """What a server calls the application with (PEP 3333)."""
        made = EnvironBuilder(f"/radius/{site}/{path}", json=body, method="POST").get_environ()
        return {**made, "HTTP_X_PLAZA_RADIUS": TOKEN}

    def row(self, session: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            found = connection.execute(select(sessions).where(sessions.c.acctuniqueid == session))
            return dict(found.mappings().one())


def _for_tests(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # nothing crashes here


def make_world(directory: Path) -> World:
    engine = open_engine(f"sqlite:///{directory}/store.db")
    event.listen(engine, "connect", _for_tests)
    metadata.create_all(engine)
    return world_over(engine)


def world_over(engine: Engine) -> World:
    """The application over a store that has every table."""
    clock, sites = Clock(), {HERE: radius_site(HERE), THERE: radius_site(THERE)}
    holders = StoredHolders(engine)
    ledger = Ledger(engine, holders)
    app = create_app(Radius(sites, holders, ledger, clock, TOKEN.encode()))
    return World(app, sites, StoredSessions(engine), ledger, holders, engine, clock)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.engine.dispose()


@dataclass(frozen=True)
class Reply:
    """What radclient received: `Access-Accept` and the like, empty for silence; attributes by name."""

    code: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """A FreeRADIUS with the shipped configuration, asked by radclient."""

    world: World
    auth_port: int
    acct_port: int
    radclient: str
    log: Path

    def ask(self, told: Mapping[str, str], *, what: str = "auth", site: str = HERE, wait_s: int = 4) -> Reply:
        """One packet, tried twice."""
        signed = {"Message-Authenticator": "0x00"} if what == "auth" else {}
        source = {"Packet-Src-IP-Address": {HERE: "127.0.0.1", THERE: "127.0.0.2"}[site]}
        port = self.auth_port if what == "auth" else self.acct_port
        return asked(self.radclient, port, what, SECRETS[site], {**told, **signed, **source}, wait_s)


def asked(
    radclient: str, port: int, what: str, secret: str, told: Mapping[str, str], wait_s: int = 4
) -> Reply:
    """What a FreeRADIUS of this machine says to one packet, tried twice, each for so long."""
    text = "\n".join(f"{name} = {value}" for name, value in told.items())
    argv = [radclient, "-x", "-r", "2", "-t", str(wait_s), f"127.0.0.1:{port}", what, secret]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
    return _reply(done.stdout)


def _reply(said: str) -> Reply:
    code, attributes = "", {}
    for line in said.splitlines():
        if line.startswith("Received "):
            code = line.split()[1]
        elif code and line.startswith("\t"):
            name, _, value = line.strip().partition(" = ")
            attributes[name] = value.strip('"')
    return Reply(code, attributes)


def configure(directory: Path, http_port: int, ports: tuple[int, int]) -> None:
    """The shipped files; of the two examples only what belongs to a machine is replaced."""
    shutil.copytree(SHIPPED, directory, dirs_exist_ok=True)
    here = {"directory": directory, "run": directory, "listen": "127.0.0.1", "token": f'"{TOKEN}"'}
    here |= {"auth_port": ports[0], "acct_port": ports[1], "rest": f'"http://127.0.0.1:{http_port}"'}
    (directory / "plaza.conf").write_text(_filled("plaza.conf", here))
    clients = ""
    for site, address in ((HERE, "127.0.0.1"), (THERE, "127.0.0.2")):
        values = {"ipaddr": f"{address}/32", "secret": f'"{SECRETS[site]}"', "shortname": site}
        clients += _filled("clients.conf", values).replace("client 08027-plaza", f"client {site}")
    (directory / "clients.conf").write_text(clients)


def _filled(name: str, values: Mapping[str, object]) -> str:
    text = (SHIPPED / f"{name}.example").read_text()
    for key, value in values.items():
        text, found = re.subn(rf"(?m)^  {key} = .*$", f"  {key} = {value}", text)
        assert found == 1, key
    return text


@contextmanager
def freeradius(directory: Path, log: Path, ready: bytes = b"Ready to process requests") -> Iterator[None]:
    """A FreeRADIUS of a directory, from its first readiness until it is killed; all it says is in `log`."""
    argv = [
        need.program("freeradius", "freeradius"),
        "-f",
        "-l",
        "stdout",
        "-d",
        str(directory),
        "-n",
        "radiusd",
    ]
    with log.open("wb") as written:
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with killed_at_the_end(child):
            written.write(heard(child.stdout, ready))
            written.flush()
            copier = threading.Thread(target=_copy, args=(child.stdout, log), daemon=True)
            copier.start()
            yield
            child.kill()
            copier.join(30)


def _copy(pipe: Any, log: Path) -> None:
    with log.open("ab", buffering=0) as written:
        while piece := os.read(pipe.fileno(), 65536):
            written.write(piece)


@contextmanager
def served(app: Door) -> Iterator[int]:
    """The port of an application on loopback."""
    http = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield http.server_port
    http.shutdown()
    thread.join(30)
    http.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """FreeRADIUS and the application it asks."""
    need.program("freeradius", "freeradius")
    radclient = need.program("radclient", "freeradius-utils")
    if not Path("/usr/lib/freeradius/rlm_rest.so").exists():
        need.missing("needs rlm_rest: apt-get install freeradius-rest")
    directory = tmp_path_factory.mktemp("radius")
    world = make_world(directory)
    ports = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    with ExitStack() as stack:
        http_port = stack.enter_context(served(world.app))
        configure(directory / "raddb", http_port, ports)
        log = directory / "freeradius.log"
        stack.enter_context(freeradius(directory / "raddb", log))
        yield Server(world, *ports, radclient, log)
    world.engine.dispose()
