"""A controller's folder and a simulator process full of access points, as a technician meets them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controller import rollout
from controller.app import App, build
from controller.journal import Row
from controller.rollouts.store import Store
from controller.settings import load
from tests.configure.desk import CANARY
from tests.configure.device import keygen
from tests.simulator.lab import REPOSITORY, Simulator

INVENTORY = """
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: root, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
  staff: {{kind: wifi, passphrase: ref+file:staff}}
profiles:
  plaza:
    ssids: [{{name: {ssid}}}, {{name: Personal, security: wpa2, passphrase: staff}}]
    radios: {{2g4: {{channel: 6}}}}
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
{sites}
devices:
{devices}
"""
SITE = "  {key}: {{municipality: 08019, name: {key}, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}"
DEVICE = "  {name}: {{site: {site}, address: {host}, ssh: {{port: {port}}}{more}}}"
GATEWAY = "ap-003"
QUICK = "--soak 0s --without clients --without uplink --without probe"


@dataclass
class Fleet:
    """So many access points, two at each site."""

    folder: Path
    simulator: Simulator
    entries: list[dict[str, object]]
    more: Mapping[str, str]

    def want(self, ssid: str) -> None:
        """Write the inventory so that all send this network."""
        sites = sorted({self.site(number) for number in range(len(self.entries))})
        devices = []
        for number, entry in enumerate(self.entries):
            ssh = entry["ssh"]
            assert isinstance(ssh, dict)
            name = str(entry["name"])
            devices.append(
                DEVICE.format(
                    name=name,
                    site=self.site(number),
                    host=ssh["host"],
                    port=ssh["port"],
                    more=self.more.get(name, ""),
                )
            )
        text = INVENTORY.format(
            ssid=ssid, sites="\n".join(SITE.format(key=key) for key in sites), devices="\n".join(devices)
        )
        (self.folder / "inventory.yaml").write_text(text)

    def site(self, number: int) -> str:
        """Where the access point of this number stands."""
        return f"08019-s{number // 2:03}"

    def root(self, name: str) -> Path:
        """Its file system."""
        return Path(self.simulator.spec["state_dir"]) / name

    def configuration(self, name: str) -> dict[str, bytes]:
        """What stands in its /etc/config, octet for octet."""
        return {file.name: file.read_bytes() for file in sorted((self.root(name) / "etc/config").iterdir())}

    def configurations(self) -> dict[str, dict[str, bytes]]:
        """Of all."""
        return {str(entry["name"]): self.configuration(str(entry["name"])) for entry in self.entries}

    def plaza(self, command: str, *options: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """What a technician types, in a process of its own."""
        said = subprocess.run(
            [sys.executable, "-m", *(options or ("controller.cli.main",)), *command.split()],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), **extra},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert CANARY not in said.stdout + said.stderr
        return said

    def app(self) -> App:
        """The controller's objects in this process."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return build(load())
        finally:
            os.chdir(before)

    def store(self) -> Store:
        """The rollouts."""
        return Store(rollout.works_of(self.app()).journal)

    def rows(self) -> dict[str, Row]:
        """Of the newest rollout."""
        store = self.store()
        return {row.device: row for row in store.rows(store.find("").name)}


def fleet(folder: Path, aps: int, more: Mapping[str, str] | None = None) -> Fleet:
    """Adopted, and each with the network `Vieja`; the inventory wants `Nueva`."""
    secrets = folder / "var/secrets"
    keygen(secrets / "aps-ssh-key")
    (secrets / "staff").write_text(CANARY)
    (secrets / "gateway-key").write_text("0" * 64)
    for file in secrets.iterdir():
        file.chmod(0o600)
    simulator = Simulator(folder, (secrets / "aps-ssh-key.pub").read_text().strip())
    entries = [simulator.ap(f"ap-{number:03}") for number in range(aps)]
    made = Fleet(folder, simulator, entries, more or {})
    made.want("Nueva")
    simulator.start()
    adopted = made.plaza("adopt all")
    assert adopted.returncode == 0, adopted.stderr
    return made
