"""What one turn over incidents costs at 3,000 devices: `python -m bench.incidents`.

Prints CPU seconds of this process per turn, the mean and the worst, over a store in a temporary directory.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from controller.app import App, build
from controller.health import State, Verdict
from controller.incidents.job import EVERY_S, Incidents
from controller.settings import Settings
from controller.store import health

SITES, MUNICIPALITIES, PROVIDERS = 1000, 67, 7
START = 1_795_724_000
UP, DOWN = Verdict(State.UP, True, None, ""), Verdict(State.DOWN, False, None, "silent")
HEAD = """\
version: 1
credentials: {v2: {kind: snmp-v2c, community: ref+file:c}, gate: {kind: gateway, key: ref+file:g}}
defaults:
  platform: openwrt
  poll_profile: normal
  snmp: {credentials: v2}
  uplink: {kind: fibre, provider: none, down_mbps: 100, up_mbps: 50}
  portal: {gateway_url: http://10.8.0.1:2060, gateway_credentials: gate}
  hours: {week: {mon-sun: 06:00-23:00}}
"""


@dataclass
class Network:
    """A controller whose devices are polled and judged as often as they are."""

    app: App
    now: int = START

    def __post_init__(self) -> None:
        self.job = Incidents(self.app, lambda: datetime.fromtimestamp(self.now, UTC), lambda: float(self.now))

    def cost(self, down: Collection[str], rounds: int) -> str:
        """So many rounds with these down: the CPU of a turn."""
        spent = []
        for _ in range(rounds):
            self.now += EVERY_S
            names = self.app.inventory.devices
            health.keep(self.app.engine, [(name, DOWN if name in down else UP, self.now) for name in names])
            before = time.process_time()
            self.job.turn()
            spent.append(time.process_time() - before)
        return f"mean {sum(spent) / len(spent):.3f} s, worst {max(spent):.3f} s"


def inventory() -> str:
    """A switch and two access points that it feeds at each site."""
    lines = [HEAD, "municipalities:"]
    lines += [
        f"  08{n:03}: {{name: M{n}, seat: S, zone: America/Chihuahua}}" for n in range(1, MUNICIPALITIES + 1)
    ]
    sites, devices = ["sites:"], ["devices:"]
    for n in range(SITES):
        place = f"municipality: 08{n % MUNICIPALITIES + 1:03}, name: P{n}, lat: 26.8, lon: -107.0"
        sites.append(
            f"  s{n}: {{{place}, opened_on: 2026-01-15, uplink: {{provider: P{n % PROVIDERS}}}, probe: e{n}}}"
        )
        address = f"10.{n // 250}.{n % 250}"
        devices.append(f"  sw{n}: {{site: s{n}, role: switch, address: {address}.1}}")
        for port in (1, 2):
            fed = f"parent: sw{n}, powered_by: {{device: sw{n}, port: '{port}'}}"
            devices.append(f"  ap{n}-{port}: {{site: s{n}, address: {address}.{port + 1}, {fed}}}")
    return "\n".join([*lines, *sites, *devices]) + "\n"


def main() -> None:
    """Print what turns cost while the network is calm, and in outages of several sizes."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "inventory.yaml"
        file.write_text(inventory())
        places = {"data_dir": folder, "inventory": file, "secrets_dir": folder}
        network = Network(build(Settings.model_validate(places)))
        names = sorted(network.app.inventory.devices)
        few = {f"ap{n}-1" for n in range(30)}
        there = {one.name for one in network.app.inventory.devices.values() if one.municipality == "08005"}
        click.echo(f"{len(names)} devices")
        click.echo(f"all is well:                    {network.cost((), 12)}")
        click.echo(f"thirty access points go:        {network.cost(few, 4)}")
        click.echo(f"thirty are down:                {network.cost(few, 10)}")
        click.echo(f"and a whole municipality:       {network.cost(few | there, 5)}")
        click.echo(f"every second device goes:       {network.cost(names[::2], 4)}")
        click.echo(f"every second device is down:    {network.cost(names[::2], 10)}")
        click.echo(f"all of them answer again:       {network.cost((), 11)}")
        network.app.samples.close()
        network.app.engine.dispose()


if __name__ == "__main__":
    main()
