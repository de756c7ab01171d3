"""Vendors' devices of a simulator process, as a technician adopts, changes and takes them back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.configure.desk import CANARY
from tests.configure.device import keygen
from tests.configure.keyboard import Plaza, typing
from tests.simulator.lab import Simulator, free_port

INVENTORY = """
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: plaza, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
  staff: {{kind: wifi, passphrase: ref+file:staff}}
profiles:
  plaza:
    ssids:
      - {{name: Chihuahua Gratis, vlan: 20}}
      - {{name: Personal, security: wpa2, passphrase: staff, vlan: 20}}
    radios: {{2g4: {{channel: auto}}, 5g: {{channel: auto}}}}
    uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
    portal: {{plan: free, duration: 1h}}
defaults:
  country: MX
  profile: plaza
  ssh: {{credentials: aps-ssh}}
  portal: {{languages: [es], octets: 0, gateway_url: "http://10.19.1.1:2060", gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
  08019-kiosk: {{municipality: 08019, name: Kiosk, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
devices:
{devices}
  uf-08019: {{site: 08019-plaza, address: 127.0.0.9, platform: ubiquiti_unifi}}
"""
VENDORS = ("aruba_instant", "cambium_cnpilot", "cisco_9800", "cisco_ios", "mikrotik_routeros")
TIMERLESS = ("aruba_instant", "cambium_cnpilot")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A controller's folder, and a simulator with one device of each vendor."""
    folder = tmp_path_factory.mktemp("vendors")
    secrets = folder / "var/secrets"
    keygen(secrets / "aps-ssh-key")
    (secrets / "staff").write_text(CANARY)
    (secrets / "gateway-key").write_text("0" * 64)
    key = (secrets / "aps-ssh-key.pub").read_text().strip()
    for file in secrets.iterdir():
        file.chmod(0o600)
    simulator = Simulator(folder, key)
    devices = []
    for number, vendor in enumerate((*VENDORS, *TIMERLESS), start=1):
        site, end = ("plaza", "") if number <= len(VENDORS) else ("kiosk", "-2")
        host = f"127.78.0.{number}"
        at = {"host": host, "port": free_port(2, host), "user": "plaza", "authorized_key": key}
        entry = {"name": f"{vendor}{end}", "vendor": vendor, "minute_s": 20, "ssh": at}
        simulator.spec.setdefault("vendors", []).append(entry)
        name = f"ap-{vendor.replace('_', '-')}{end}"
        where = f"site: 08019-{site}, address: {host}, ssh: {{port: {at['port']}}}"
        devices.append(f"  {name}: {{{where}, platform: {vendor}}}")
    (folder / "inventory.yaml").write_text(INVENTORY.format(devices="\n".join(devices)))
    simulator.start()
    yield folder
    simulator.stop()


@pytest.fixture
def plaza(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plaza:
    """Types a command; gives its exit code, its output and its errors."""
    monkeypatch.chdir(work)
    return typing(monkeypatch, capsys)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_device_is_adopted_changed_and_taken_back(vendor: str, plaza: Plaza) -> None:
    name = f"ap-{vendor.replace('_', '-')}"
    assert plaza(f"adopt {name}")[0] == 0
    code, shown, errors = plaza(f"diff {name}")
    assert code == 3, errors
    assert "Chihuahua Gratis" in shown
    typed = f" --typed {name}" if vendor in TIMERLESS else ""
    code, output, errors = plaza(f"apply --yes{typed} {name}")
    assert (code, output.splitlines()[-2:]) == (0, [f"{name}: confirmed", "1 changed"]), errors
    assert plaza(f"diff {name}")[:2] == (0, "")
    code, output, errors = plaza(f"rollback --yes{typed} {name}")
    assert (code, output.splitlines()[-1]) == (0, "1 changed"), errors
    code, again, _ = plaza(f"diff {name}")
    assert code == 3
    assert "Chihuahua Gratis" in again


def test_what_has_no_timer_is_changed_only_once_its_name_was_typed(plaza: Plaza) -> None:
    name = "ap-aruba-instant"
    plaza(f"adopt {name}")
    code, _, errors = plaza(f"apply --yes {name}")
    assert code == 2
    assert f"--yes is not enough for it; add --typed {name}" in errors
    code, _, errors = plaza(f"apply {name}", answer="yes\n")
    assert code == 0
    assert "nothing on this device undoes a bad change" in errors
    assert errors.endswith("nothing was changed\n")
    assert plaza(f"diff {name}")[0] == 3


def test_of_two_that_have_no_timer_one_is_changed_and_the_other_is_held(plaza: Plaza) -> None:
    first, second = "ap-aruba-instant-2", "ap-cambium-cnpilot-2"
    plaza("adopt site=08019-kiosk")
    code, _, errors = plaza("diff site=08019-kiosk --out both.json")
    assert (code, errors.splitlines()[0]) == (3, "2 to change, 0 as intended")
    code, _, errors = plaza(f"apply --yes --typed {first} --typed {second} both.json")
    assert code == 2
    assert f"{first}, {second} have no timer of their own, and are changed one at a time" in errors
    code, output, errors = plaza(f"apply --yes --typed {first} --typed {second} site=08019-kiosk")
    assert code == 2
    assert f"{first}: confirmed" in output
    assert output.endswith("1 changed, 1 held\n")
    assert f"it has no timer of its own: one at a time, after {first}" in errors
    assert plaza(f"diff {second}")[0] == 3


def test_what_a_controller_configures_is_only_watched_and_the_tool_says_so(plaza: Plaza) -> None:
    code, output, errors = plaza("diff uf-08019")
    assert (code, output) == (0, "")
    assert "1 left alone" in errors
    assert "ubiquiti_unifi is configured through its UniFi Network controller" in errors
