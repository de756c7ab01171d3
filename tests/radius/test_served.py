"""From a site to its first Accept: the files that Plaza writes, a real FreeRADIUS, the role's answers."""

import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Arrival, GatewayKind, Grant
from captive_portal.radius.app import Radius, create_app
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.ledger import Ledger
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata
from controller import radius
from controller.app import App, utc_now
from controller.errors import ControllerError
from controller.inventory import load
from controller.roles import run_radius, wanted
from controller.secrets import FileSecrets
from controller.settings import Settings
from controller.store.engine import open_engine
from metrics.local.store import LocalStore
from tests import need
from tests.portal.places import site_of
from tests.radius.conftest import HERE, SECRETS, SHIPPED, Server, World, freeradius, served
from tests.radius.told import MAC, STATION
from tests.town import INVENTORY, free_port

PORTAL = {
    "kind": GatewayKind.MIKROTIK,
    "nas": ("ap-1",),
    "radius_client": "127.0.0.1",
    "radius_credentials": "site-radius",
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """Plaza with one site of RADIUS."""
    text = INVENTORY.format(snmp_port=161, ssh_port=22, gateway_port=2060, network="127.4.4")
    (tmp_path / "inventory.yaml").write_text(text)
    for name, secret in (("gateway-key", "ab" * 32), ("site-radius", SECRETS[HERE])):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(secret)
    settings = Settings(data_dir=tmp_path, secrets_dir=tmp_path, radius_listen=f"127.0.0.1:{free_port()}")
    inventory = load(tmp_path / "inventory.yaml")
    credentials = {
        **inventory.credentials,
        "site-radius": {"kind": "portal", "secret": "ref+file:site-radius"},
    }
    engine = open_engine(f"sqlite:///{tmp_path}/plaza.db")
    metadata.create_all(engine)
    samples = LocalStore.open(tmp_path / "samples")
    made = App(settings, inventory, FileSecrets(credentials, tmp_path), engine, samples)
    yield having(made, **PORTAL)
    samples.close()
    engine.dispose()


def having(app: App, **changed: Any) -> App:
    """The same with other values in the site's portal."""
    site = app.inventory.sites[HERE]
    sites = {**app.inventory.sites, HERE: replace(site, portal=replace(site.portal, **changed))}
    return replace(app, inventory=replace(app.inventory, sites=MappingProxyType(sites)))


def serving(app: App) -> Radius:
    """What the role serves."""
    sessions, token = StoredSessions(app.engine), radius.token(app.settings).encode()
    holders, ledger = StoredHolders(app.engine), Ledger(app.engine)
    return Radius(radius.radius_sites(app), holders, ledger, sessions, utc_now, token)


def test_a_phone_that_tapped_is_let_on_and_accounted_by_the_files_that_plaza_wrote(
    app: App, tmp_path: Path
) -> None:
    radclient = need.program("radclient", "freeradius-utils")
    raddb, ports = tmp_path / "raddb", (free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM))
    with ExitStack() as stack:
        flask = create_app(serving(app))
        port = stack.enter_context(served(flask))
        moved = app.settings.model_copy(update={"radius_listen": f"127.0.0.1:{port}"})
        radius.write(replace(app, settings=moved), radius.Server(raddb, raddb, "127.0.0.1", *ports))
        for name in ("radiusd.conf", "dictionary", "access_reject"):
            (raddb / name).write_bytes((SHIPPED / name).read_bytes())
        stack.enter_context(freeradius(raddb, tmp_path / "freeradius.log"))
        sessions, site = StoredSessions(app.engine), radius.radius_sites(app)[HERE]
        arrival = Arrival(HERE, pseudonym(site.key, MAC), "b" * 32, "", "")
        granted = sessions.open(site_of(HERE), arrival, site.plan, utc_now())
        assert isinstance(granted, Grant)
        session = granted.session
        world = World(flask, {}, sessions, Ledger(app.engine), StoredHolders(app.engine), app.engine, utc_now)
        server = Server(world, *ports, radclient, tmp_path / "freeradius.log")
        phone = {
            "User-Name": MAC,
            "User-Password": MAC,
            "Calling-Station-Id": STATION,
            "NAS-Identifier": "ap-1",
        }

        assert server.ask(phone).code == "Access-Accept"
        told = phone | {"Acct-Session-Id": "a-1", "Acct-Status-Type": "Stop", "Acct-Session-Time": "60"}
        told |= {"Class": f"0x{session.encode().hex()}", "Acct-Input-Octets": "7"}
        told.pop("User-Password")
        assert server.ask(told, what="acct").code == "Accounting-Response"

    assert (world.row(session)["acctsessiontime"], world.row(session)["acctinputoctets"]) == (60, 7)


def test_its_files_are_for_the_group_alone_and_only_they_hold_the_secrets(app: App, tmp_path: Path) -> None:
    radius.write(app, radius.Server(tmp_path / "raddb", tmp_path, "127.0.0.1"))

    written = sorted((tmp_path / "raddb").iterdir())
    assert [one.name for one in written] == ["clients.conf", "plaza.conf"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in written} == {0o640}
    assert SECRETS[HERE] in written[0].read_text()
    assert radius.token(app.settings) in written[1].read_text()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"nas": ()}, "portal.nas"),
        ({"radius_credentials": ""}, "portal.radius_credentials"),
        ({"radius_client": "plaza.example.mx"}, "portal.radius_client"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_written(
    app: App, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    wrong = having(app, **changed)

    with pytest.raises(ControllerError, match=said):
        radius.write(wrong, radius.Server(tmp_path / "raddb", tmp_path, "127.0.0.1"))
    assert not (tmp_path / "raddb").exists()


def test_two_sites_behind_one_address_are_said(app: App) -> None:
    other = replace(app.inventory.sites[HERE], key="08037-plaza")
    sites = MappingProxyType({**app.inventory.sites, other.key: other})
    both = replace(app, inventory=replace(app.inventory, sites=sites))

    assert "08037-plaza" in "".join(radius.problems(both))


def test_the_role_is_off_until_it_is_told_where_to_listen_and_stays_on_the_loopback() -> None:
    assert "radius" not in wanted(Settings())
    assert "radius" in wanted(Settings(radius_listen="127.0.0.1:8083"))
    with pytest.raises(ControllerError, match="radius_listen"):
        run_radius(Settings())
    with pytest.raises(ControllerError, match="radius_listen"):
        run_radius(Settings(radius_listen="0.0.0.0:8083"))
