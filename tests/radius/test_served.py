"""What Plaza writes for FreeRADIUS, what it finds wrong first, and where the role may listen."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from captive_portal.model import GatewayKind
from captive_portal.tables import metadata
from controller import radius
from controller.app import App
from controller.errors import ControllerError
from controller.inventory import load
from controller.roles import wanted
from controller.secrets import FileSecrets
from controller.settings import Settings
from controller.store.engine import open_engine
from controller.web_roles import run_radius
from metrics.local.store import LocalStore
from tests.radius.conftest import HERE, SECRETS
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
    secrets = {"site-radius": SECRETS[HERE], "known": "testing123-testing123", "odd": 'f2"c77a9be0143d5'}
    for name, secret in ({"gateway-key": "ab" * 32} | secrets).items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(secret)
    settings = Settings(data_dir=tmp_path, secrets_dir=tmp_path, radius_listen=f"127.0.0.1:{free_port()}")
    inventory = load(tmp_path / "inventory.yaml")
    ours = {name: {"kind": "portal", "secret": f"ref+file:{name}"} for name in secrets}
    credentials = {**inventory.credentials, **ours}
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
        ({"radius_credentials": "known"}, "everybody knows"),
        ({"radius_credentials": "odd"}, "characters"),
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
    inventory = load(Path(__file__).parents[2] / "inventory.yaml")
    assert "radius" not in wanted(Settings(), inventory)
    assert "radius" in wanted(Settings(radius_listen="127.0.0.1:8083"), inventory)
    with pytest.raises(ControllerError, match="radius_listen"):
        run_radius(Settings())
    with pytest.raises(ControllerError, match="radius_listen"):
        run_radius(Settings(radius_listen="0.0.0.0:8083"))
