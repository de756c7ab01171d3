"""A user of SNMPv3 gets a successor at a real snmpd; the poller asks as whom the agent answers."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from controller.poller import Targets, poll_once
from controller.rotation.renewed import Renewed
from drivers.definition import load_platforms
from drivers.model import SnmpV3
from drivers.snmp.backends import open_poller
from tests.configure.linuxbox import Box
from tests.people.agent import make_agent
from tests.people.town import Town

INVENTORY = """
version: 1
credentials:
  cajas-ssh: {{kind: ssh, user: {user}, private_key: ref+file:cajas-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
  nms: {{kind: snmp-v3, user: plaza, auth_protocol: sha256, auth_key: {auth}, priv_key: {priv}}}
defaults:
  country: MX
  platform: linux
  manage: {{snmp_users: [nms]}}
  ssh: {{credentials: cajas-ssh}}
  snmp: {{credentials: nms}}
  uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
  portal:
    {{plan: free, duration: 1h, languages: [es], octets: 0, gateway_url: "http://10.19.1.1:2060",
    gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
devices:
  caja-08019-1:
    {{site: 08019-plaza, address: 127.0.0.1, ssh: {{port: {port}}}, snmp: {{port: {snmp}}}, role: gateway}}
"""
FILES = ("ref+file:nms-auth", "ref+file:nms-priv")
DERIVED = ("ref+derived:nms-master#municipality", "ref+derived:nms-master#municipality")


@pytest.fixture(params=[FILES, DERIVED], ids=["files", "derived"])
def box(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[tuple[Town, Box]]:
    """A box that Plaza has adopted and configured; its agent answers the user."""
    box, port = make_agent(tmp_path)
    work = tmp_path / "work"
    secrets = work / "var/secrets"
    secrets.mkdir(parents=True)
    auth, priv = request.param
    text = INVENTORY.format(user=box.user, port=box.port, snmp=port, auth=auth, priv=priv)
    (work / "inventory.yaml").write_text(text)
    shutil.copy(box.root / "ssh/client", secrets / "cajas-key")
    words = {"nms-auth": "canario-auth-4711", "nms-priv": "canario-priv-4711", "nms-master": "a" * 64}
    for name, word in {**words, "gateway-key": "0" * 64}.items():
        (secrets / name).write_text(word)
    for file in secrets.iterdir():
        file.chmod(0o600)
    monkeypatch.chdir(work)
    here = Town(work, {box.name: box}, capsys, monkeypatch)
    assert here.plaza("adopt all")[0] == 0
    code, said = here.plaza("apply all --yes")
    assert code == 0, said
    yield here, box
    box.lose_power()


def ticking() -> Callable[[], float]:
    """A clock on which much time passes between two looks."""
    minutes = count(0, 60)
    return lambda: float(next(minutes))


def asked(here: Town) -> tuple[str, str]:
    """As whom the poller asks now, and how the device is."""
    built = here.means().app
    targets = Targets.of(built.inventory.devices.values(), load_platforms(), built.secrets)
    (request,) = targets.requests.values()
    assert isinstance(request.credentials, SnmpV3)

    async def poll() -> str:
        poller = open_poller(learned={}, backend="own")
        try:
            (polled,) = await poll_once(targets, poller, 30)
        finally:
            await poller.close()
        return "answers" if polled.failure is None else str(polled.failure.reason)

    return request.credentials.user, asyncio.run(poll())


@pytest.mark.soak
def test_a_user_of_snmp_is_rotated(box: tuple[Town, Box]) -> None:
    here, device = box
    assert asked(here) == ("plaza", "answers")
    built = here.means().app
    running = Renewed(built.engine, built.secrets, built.inventory.devices, started=0, now=ticking())
    assert running(device.name) is None
    code, said = here.plaza("credentials rotate nms --why yearly --yes")
    assert code == 0, said
    assert asked(here) == ("plaza-2", "answers")
    renewed = running(device.name)
    assert isinstance(renewed, SnmpV3), "a poller that ran all the time has heard of it"
    assert renewed.user == "plaza-2"
    config = device.file("/etc/snmp/snmpd.conf.d/plaza.conf")
    assert "createUser plaza-2 " in config
    assert "createUser plaza " not in config
    assert here.plaza("diff all")[0] == 0

    code, said = here.plaza("credentials rotate nms --why again --yes")
    assert code == 0, said
    assert asked(here) == ("plaza-3", "answers")
    for file in here.secrets.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
        if "nms" in file.name and "user" not in file.name:
            assert file.read_text().strip() not in here.told()


@pytest.mark.soak
def test_the_user_that_a_stolen_device_shared_is_rotated_at_the_others(box: tuple[Town, Box]) -> None:
    here, device = box
    entry = "  robada: {site: 08019-plaza, address: 127.0.0.2, role: ap}\n"
    here.write_inventory(lambda text: text + entry)
    code, said = here.plaza("stolen robada --why robbery --yes")
    assert "nms: will be rotated" in said
    assert code == 0, said
    assert asked(here) == ("plaza-2", "answers")
    assert "createUser plaza " not in device.file("/etc/snmp/snmpd.conf.d/plaza.conf")
    assert "robada was stolen: robbery" in here.told()
