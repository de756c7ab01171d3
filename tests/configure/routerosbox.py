"""Virtual RouterOS devices behind a real SSH server, as the tests configure them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from drivers import ssh
from drivers.apply import Target, Timers
from drivers.configurers.routeros import RouterOs
from drivers.configurers.seam import Configurer, Wish
from drivers.host_key import HostKey
from drivers.model import Band, Device, Endpoint, Intent, Radio, Role, Secret, SshLogin, Ssid
from simulator.ssh import host_key
from simulator.vendors.device import Box
from simulator.vendors.routeros import RouterOs as FakeRouterOs
from simulator.vendors.routeros_startup import hand_made
from simulator.vendors.server import VendorServer
from tests.configure.relay import Relay, relayed

LOGIN = SshLogin("plaza", password=Secret("plaza-secret"))
NOTES = ("plaza-revert", "plaza-boot", "plaza-last")
INTENT = Intent(
    device="ap-1",
    hostname="ap-1",
    country="MX",
    radios=(Radio(Band.GHZ_2, channel=6), Radio(Band.GHZ_5, channel=36, width_mhz=40, power_dbm=18)),
    ssids=(Ssid("Chihuahua Gratis"),),
)


class RouterOsPeer:
    """A device of this platform as the fault suite needs it."""

    configurer: Configurer = RouterOs()

    def __init__(self, fake: FakeRouterOs, server: VendorServer, relay: Relay) -> None:
        self.fake = fake
        self.server = server
        self.relay = relay
        self.login = LOGIN
        self._keys = 1
        self.adopt()

    @property
    def device(self) -> Device:
        """What the inventory says of it."""
        endpoint = Endpoint("127.0.0.1", self.relay.port)
        return Device(
            name="ap-1",
            role=Role.AP,
            municipality="08019",
            site="08019-plaza",
            platform=self.configurer.platform,
            address="192.168.10.2",
            snmp=endpoint,
            ssh=endpoint,
            http=endpoint,
        )

    def adopt(self) -> None:
        """Pin the key that it shows now."""
        key = host_key(self._keys, "vendor")
        self.host_key = HostKey(key.get_name(), key.get_base64(), ssh.fingerprint(key.asbytes()))

    def target(self, timers: Timers) -> Target:
        """Over the link."""
        device, pinned = self.device, self.host_key
        suffix = self.configurer.traits.user_suffix
        return Target(
            device.name,
            self.configurer,
            lambda: ssh.connect(device, self.login, pinned, timers.command_s, user_suffix=suffix),
            timers,
        )

    def wish(self) -> Wish:
        """Our network on both radios."""
        return Wish(INTENT)

    def cutting(self) -> Wish:
        """A management VLAN that nobody reaches."""
        self.fake.box.faults.unmanageable = lambda: self.vlan() != "10"
        return Wish(replace(INTENT, manage=replace(INTENT.manage, vlan=99)))

    def vlan(self) -> str:
        """Of its management."""
        return self.fake.value("interface vlan", "vlan-id", ("name", "management"))

    def settings(self) -> object:
        """All of it, but our notes of trials."""
        lines = self.fake.exported().splitlines()
        return tuple(line for line in lines if not any(f"name={note}" in line for note in NOTES))

    def by_hand(self) -> object:
        """A network of the technician's, and a rule."""
        wifi = self.fake.value("interface wifi", "security.passphrase", ("default-name", "wifi1"))
        profile = self.fake.value(
            "interface wireless security-profiles", "wpa2-pre-shared-key", ("name", "tecnica")
        )
        return wifi, profile, self.fake.value("ip firewall filter", "comment")

    def lose_power(self) -> None:
        """Off and on; up when it has booted."""
        self.fake.box.lose_power()
        time.sleep(self.fake.box.faults.boot_s)

    def fill(self) -> None:
        """No file can be written."""
        self.fake.box.faults.disk_full = True

    def empty(self) -> None:
        """Files can be written."""
        self.fake.box.faults.disk_full = False

    def new_host_key(self) -> None:
        """It was reinstalled, or is another."""
        self._keys += 1
        self.server.change_host_key(self._keys)
        self.server.cut()


@contextmanager
def mikrotik(
    folder: Path, version: str = "7.16.2", *, wifi: bool = True, flash_folder: bool = False
) -> Iterator[RouterOsPeer]:
    """A MikroTik access point."""
    fake = FakeRouterOs(Box(), version, flash_folder=flash_folder)
    hand_made(fake, wifi=wifi)
    with VendorServer(fake) as server, relayed(server.port) as relay:
        yield RouterOsPeer(fake, server, relay)


def wishing(secrets: Mapping[str, str] | None = None, **changes: object) -> Wish:
    """The usual intent with changes; passphrases by name."""
    passphrases = {name: Secret(value) for name, value in (secrets or {}).items()}
    return Wish(replace(INTENT, **changes), passphrases)  # type: ignore[arg-type]  # the names of an Intent
