"""What a technician types, and the inventory it is about."""

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.cli.main import main
from tests.configure.desk import CANARY
from tests.configure.device import Ap, free_port

INVENTORY = """
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: {user}, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
  staff: {{kind: wifi, passphrase: ref+file:staff}}
{people}profiles:
  plaza:
    ssids: [{{name: Chihuahua Gratis}}, {{name: Personal, security: wpa3, passphrase: staff}}]
    radios: {{2g4: {{channel: auto}}, 5g: {{channel: auto, width_mhz: 40}}}}
    uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
    portal: {{plan: free, duration: 1h}}
defaults:
  country: MX
  profile: plaza
  platform: openwrt
  ssh: {{credentials: aps-ssh}}
  portal: {{languages: [es], octets: 0, gateway_url: "http://10.19.1.1:2060", gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
devices:
{devices}"""
DEVICES = """\
  ap-08019-1: {{site: 08019-plaza, address: 127.0.0.1, ssh: {{port: {port}}}}}
  ap-08019-2: {{site: 08019-plaza, address: 127.0.0.2, ssh: {{port: {closed}}}}}
  sw-08019: {{site: 08019-plaza, address: 127.0.0.3, role: switch, platform: generic, ssids: []}}
"""

Plaza = Callable[..., tuple[int, str, str]]


def furnish(folder: Path, key: Path, user: str, devices: str, people: str = "") -> None:
    """Put an inventory and its secrets into a folder; with the private `key` Plaza logs in as `user`."""
    secrets = folder / "var/secrets"
    secrets.mkdir(parents=True)
    (folder / "inventory.yaml").write_text(INVENTORY.format(user=user, devices=devices, people=people))
    shutil.copy(key, secrets / "aps-ssh-key")
    (secrets / "staff").write_text(CANARY)
    (secrets / "gateway-key").write_text("0" * 64)
    for file in secrets.iterdir():
        file.chmod(0o600)


def typing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plaza:
    """Types a command with its answers; gives its exit code, its output and its errors."""

    def type_in(command: str, answer: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["plaza", *command.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
        return int(left.value.code or 0), said.out, said.err

    return type_in


def keyboard(
    one_ap: Ap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Plaza:
    """In front of one access point, one that is off, and a switch."""
    folder = tmp_path / "work"
    devices = DEVICES.format(port=one_ap.port, closed=free_port())
    furnish(folder, one_ap.root / "ssh/client", one_ap.user, devices)
    monkeypatch.chdir(folder)
    return typing(monkeypatch, capsys)
