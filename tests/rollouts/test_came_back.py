"""Nobody gets past the questions of the beginning because it was out of reach then."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller import app, rollout, settings
from controller.cli.main import main
from controller.journal import State
from controller.rollouts.store import Store
from simulator.vendors.cnpilot import CnPilot
from simulator.vendors.server import VendorServer
from tests.rollouts.fleet import QUICK

Plaza = Callable[..., tuple[int, str]]

INVENTORY = """
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: plaza, password: ref+file:pw}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
defaults:
  country: MX
  platform: cambium_cnpilot
  ssids: [{{name: Nueva, vlan: 20}}]
  ssh: {{credentials: aps-ssh}}
  uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
  portal:
    plan: free
    duration: 1h
    languages: [es]
    octets: 0
    gateway_url: "http://10.19.1.1:2060"
    gateway_credentials: gateways
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  s1: {{municipality: 08019, name: s1, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
  s2: {{municipality: 08019, name: s2, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
devices:
  d1: {{site: s1, address: 127.0.0.1, ssh: {{port: {0}}}}}
  d2: {{site: s2, address: 127.0.0.2, ssh: {{port: {1}}}}}
"""


@pytest.fixture
def devices() -> Iterator[list[VendorServer]]:
    """Two access points that nothing brings back by itself."""
    servers = [
        VendorServer(_access_point(), host_key_seed=seed, at=(f"127.0.0.{seed}", 0)) for seed in (1, 2)
    ]
    for server in servers:
        server.__enter__()
    yield servers
    for server in servers:
        server.close()


@pytest.fixture
def plaza(
    devices: list[VendorServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Plaza:
    """Types a command in a folder where both are adopted; gives its exit code and all that it says."""
    secrets = tmp_path / "var/secrets"
    secrets.mkdir(parents=True)
    for name, secret in (("pw", "plaza-secret"), ("gateway-key", "0" * 64)):
        (secrets / name).write_text(secret)
        (secrets / name).chmod(0o600)
    (tmp_path / "inventory.yaml").write_text(INVENTORY.format(*(server.port for server in devices)))
    monkeypatch.chdir(tmp_path)

    def type_in(command: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["plaza", *command.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out + said.err

    code, said = type_in("adopt all")
    assert code == 0, said
    return type_in


def _access_point() -> CnPilot:
    made = CnPilot()
    made.box.faults.boot_s = 0.05
    return made


def _come_back(devices: list[VendorServer]) -> None:
    """Both are on again, and their next try is due."""
    for number, server in enumerate(devices):
        back = VendorServer(
            server.device, host_key_seed=number + 1, at=(f"127.0.0.{number + 1}", server.port)
        )
        back.__enter__()
        devices[number] = back
    store = Store(rollout.works_of(app.build(settings.load())).journal)
    for row in store.rows(store.find("").name):
        store.note(replace(row, next_at=0))


def test_what_nothing_brings_back_is_held_when_it_comes_back_and_its_name_is_asked_for(
    devices: list[VendorServer], plaza: Plaza
) -> None:
    before = [server.device.box.flash["config"] for server in devices]
    for server in devices:
        server.close()
    assert plaza(f"rollout start all --why red --yes {QUICK}")[0] == 3
    _come_back(devices)
    code, said = plaza("rollout resume")
    assert code == 2
    assert "d1: held: nothing on it undoes a bad change: plaza rollout retry asks for its name" in said
    assert [server.device.box.flash["config"] for server in devices] == before
    code, said = plaza("rollout retry --why red --yes")
    assert (code, "--yes is not enough for it, add --typed d1" in said) == (2, True)
    code, said = plaza("rollout retry --why red --yes --typed d1")
    assert code == 2, said
    after = [server.device.box.flash["config"] for server in devices]
    assert (after[0] != before[0], after[1] == before[1]) == (True, True), said
    assert State.HELD.value in said
