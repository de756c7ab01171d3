"""Virtual Cisco devices as the fault suite needs them, with minutes of one second."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from drivers import ssh
from drivers.apply import Target, Timers
from drivers.change import Change
from drivers.configurers.cisco_ios import CISCO_9800, CISCO_IOS, Cisco
from drivers.configurers.seam import Talk, Wish
from drivers.host_key import HostKey
from drivers.model import Device, Endpoint, Secret, SshLogin
from simulator.vendors.cisco_ios import CiscoIos
from simulator.vendors.cisco_startup import Flavour
from simulator.vendors.device import Box
from simulator.vendors.server import VendorServer
from tests.configure.cisco import WISH, trimmed
from tests.configure.device import wait_until
from tests.configure.relay import Relay, relayed
from tests.configure.test_terminal import device_at


class Hurried(Cisco):
    """The configurer of a device whose minutes are seconds: it counts its timer in them."""

    def __init__(self, cisco: Cisco) -> None:
        super().__init__(cisco.flavour)
        self.traits = replace(self.traits, timer_step_s=1, timer_least_s=1, timer_most_s=120)

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """A second is a minute of the device."""
        super().arm(talk, change, fingerprint, token, revert_s * 60)


class CiscoPeer:
    """A device of one flavour on a link that can fail."""

    def __init__(self, fake: CiscoIos, server: VendorServer, relay: Relay) -> None:
        autonomous = fake.flavour is Flavour.AUTONOMOUS
        self.configurer = Hurried(CISCO_IOS if autonomous else CISCO_9800)
        self.fake = fake
        self.server = server
        self.relay = relay
        self._keys = 1
        self.adopt()

    @property
    def device(self) -> Device:
        """What the inventory says of it."""
        return replace(device_at(self.relay.port), ssh=Endpoint("127.0.0.1", self.relay.port))

    def adopt(self) -> None:
        """Pin the key that it shows now."""
        kind, public_key = self.server.public_key.split()
        found = ssh.fetch_host_key(device_at(self.server.port))
        self._pinned = HostKey(kind, public_key, found.fingerprint)

    def target(self, timers: Timers) -> Target:
        """Over the link."""
        device, pinned = self.device, self._pinned
        login = SshLogin(self.server.user, password=Secret(self.server.password))
        return Target(
            device.name, self.configurer, lambda: ssh.connect(device, login, pinned, timers.command_s), timers
        )

    def wish(self) -> Wish:
        """Our networks, our hostname and the rest."""
        return WISH

    def cutting(self) -> Wish:
        """A network in a VLAN that takes the management away."""
        self.fake.box.faults.unmanageable = lambda: "vlan 66" in self.fake.running_text()
        first = replace(WISH.intent.ssids[0], vlan=66)
        return replace(WISH, intent=replace(WISH.intent, ssids=(first, *WISH.intent.ssids[1:])))

    def settings(self) -> object:
        """What runs and what is saved, without what we keep there for a trial, and the SNMPv3 users.

        No revert brings a user back, so one that is marked to be set again may be anything.
        """
        with self.fake.box.lock:
            running, users = self.fake.running_text(), self.fake.snmp_users
            sure = {
                name: line for name, line in users.items() if f"plaza_snmp_{name} unsure\n" not in running
            }
            return trimmed(running), trimmed(self.fake.startup_text()), sure

    def by_hand(self) -> object:
        """The technician's network with its key."""
        lines = self.fake.running_text().splitlines()
        return [line for line in lines if any(word in line for word in ("tecnica", "0007160A", "hecha-a"))]

    def lose_power(self) -> None:
        """Off, and on again."""
        self.fake.box.lose_power()
        wait_until("it is up", lambda: self.fake.box.up)

    def fill(self) -> None:
        """No file can be written."""
        self.fake.box.faults.disk_full = True

    def empty(self) -> None:
        """Files can be written."""
        self.fake.box.faults.disk_full = False

    def new_host_key(self) -> None:
        """Another stands in its place, and who was logged in no longer is."""
        self._keys += 1
        self.server.change_host_key(self._keys)
        self.server.cut()


@contextmanager
def aironet(folder: Path) -> Iterator[CiscoPeer]:
    """An autonomous access point."""
    yield from _peer(Flavour.AUTONOMOUS)


@contextmanager
def catalyst(folder: Path) -> Iterator[CiscoPeer]:
    """A controller."""
    yield from _peer(Flavour.CATALYST)


def _peer(flavour: Flavour) -> Iterator[CiscoPeer]:
    fake = CiscoIos(flavour, Box(minute_s=1.0))
    with VendorServer(fake) as server, relayed(server.port) as relay:
        yield CiscoPeer(fake, server, relay)
