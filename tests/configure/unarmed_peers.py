"""The devices without a timer as the fault suite needs them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from drivers import ssh
from drivers.apply import Target, Timers
from drivers.configurers.seam import Configurer, Wish
from drivers.model import Endpoint, Secret, SshLogin
from tests.configure.device import wait_until
from tests.configure.ordeal import Peer
from tests.configure.relay import Relay, relayed
from tests.configure.unarmed import ARUBA, CAMBIUM, Bench, Vendor, bench, small


class UnarmedPeer:
    """A virtual device behind a link."""

    def __init__(self, at: Bench, relay: Relay) -> None:
        self.at = at
        self.relay = relay
        self._seed = 1
        self.at.box.faults.unmanageable = lambda: at.model.running.has("vlan 99")

    @property
    def configurer(self) -> Configurer:
        """Its driver."""
        return self.at.configurer

    def adopt(self) -> None:
        """Pin the key that it shows now; one that cannot be reached shows none."""
        if self.at.box.faults.unmanageable():
            return
        wait_until("it listens", lambda: self.at.box.up)
        self.at.pinned = ssh.fetch_host_key(self.at.device)

    def target(self, timers: Timers) -> Target:
        """Over the link."""
        device = replace(self.at.device, ssh=Endpoint("127.0.0.1", self.relay.port))
        login = SshLogin(self.at.server.user, password=Secret(self.at.server.password))
        pinned = self.at.pinned
        return Target(
            device.name,
            self.configurer,
            lambda: ssh.connect(device, login, pinned, timers.command_s),
            timers,
        )

    def wish(self) -> Wish:
        """An open network for guests."""
        return small()

    def cutting(self) -> Wish:
        """A VLAN that ends its management."""
        (ssid,) = small().intent.ssids
        return Wish(replace(small().intent, ssids=(replace(ssid, vlan=99),)))

    def settings(self) -> object:
        """What works and what is saved."""
        return self.at.running(), self.at.saved()

    def by_hand(self) -> object:
        """The technician's own network."""
        return [line for line in self.at.saved() if "tecnica" in line or "hecha-a-mano" in line]

    def lose_power(self) -> None:
        """Off and on."""
        self.at.box.lose_power()
        wait_until("it is up", lambda: self.at.box.up)

    def fill(self) -> None:
        """Nothing can be saved."""
        self.at.box.faults.disk_full = True

    def empty(self) -> None:
        """It can again."""
        self.at.box.faults.disk_full = False

    def new_host_key(self) -> None:
        """It comes back with another."""
        self._seed += 1
        self.at.server.change_host_key(self._seed)
        self.lose_power()


def _peer(vendor: Vendor) -> Callable[[Path], AbstractContextManager[Peer]]:
    @contextmanager
    def made(folder: Path) -> Iterator[Peer]:
        for at in bench(vendor):
            with relayed(at.server.port) as relay:
                yield UnarmedPeer(at, relay)

    return made


UNARMED: dict[str, Callable[[Path], AbstractContextManager[Peer]]] = {
    "aruba_instant": _peer(ARUBA),
    "cambium_cnpilot": _peer(CAMBIUM),
}
"""By platform."""
