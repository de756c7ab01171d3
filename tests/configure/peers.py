"""Every platform's device as the fault suite needs it."""

import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from drivers import ssh
from drivers.apply import Target, Timers
from drivers.configurers.airos import AirOs
from drivers.configurers.linux import Linux
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Configurer, Wish
from drivers.model import Band, Endpoint, Intent, Radio, Secret, Security, Ssid
from tests.configure import airosbox, linuxbox
from tests.configure.ciscobox import aironet, catalyst
from tests.configure.desk import CANARY
from tests.configure.device import Ap, make_ap, quickest, wait_until
from tests.configure.ordeal import Peer
from tests.configure.relay import Relay, relayed
from tests.configure.routerosbox import mikrotik
from tests.configure.unarmed_peers import UNARMED

STAFF = Ssid("Personal", Security.WPA2, bands=(Band.GHZ_5,), passphrase="staff")


class ShellPeer:
    """A device with a real SSH server and a real shell: dropbear and BusyBox in a chroot, else OpenSSH."""

    configurer: Configurer
    intent: Intent
    cut_off = "XX"  # the country that ends its SSH server

    def __init__(self, ap: Ap, relay: Relay) -> None:
        self.ap = ap
        self.relay = relay
        self.adopt()

    def adopt(self) -> None:
        """Pin the key that it shows now."""
        wait_until("it listens", self.ap.listening)
        self._host_key = self.ap.host_key()

    def target(self, timers: Timers) -> Target:
        """Over the link."""
        device = replace(self.ap.device, ssh=Endpoint("127.0.0.1", self.relay.port))
        host_key = self._host_key
        return Target(
            device.name,
            self.configurer,
            lambda: ssh.connect(device, self.ap.login, host_key, timers.command_s),
            timers,
        )

    def wish(self) -> Wish:
        """Our network."""
        return Wish(self.intent, {"staff": Secret(CANARY)})

    def cutting(self) -> Wish:
        """The country that ends the SSH server."""
        return Wish(replace(self.intent, country=self.cut_off), {"staff": Secret(CANARY)})

    def settings(self) -> object:
        """Its files, octet for octet."""
        return self.ap.configuration()

    def boot(self) -> None:
        """On again."""
        self.ap.boot()

    def lose_power(self) -> None:
        """Off and on."""
        self.ap.lose_power()
        self.boot()

    def fill(self) -> None:
        """What saves the old state writes nothing more."""
        tar = self.ap.root / "bin/tar"
        whole = tar.with_name("tar.whole")
        if (tar.exists() or tar.is_symlink()) and not whole.is_symlink():
            tar.rename(whole)
        tar.write_text("#!/bin/sh\necho 'tar: write error: No space left on device' >&2\nexit 1\n")
        tar.chmod(0o755)

    def empty(self) -> None:
        """It writes again."""
        tar = self.ap.root / "bin/tar"
        whole = tar.with_name("tar.whole")
        if whole.exists() or whole.is_symlink():
            whole.replace(tar)
        elif tar.exists() and not tar.is_symlink():
            tar.unlink()

    def new_host_key(self) -> None:
        """It came back with another."""
        self.ap.lose_power()
        self.ap.server.new_host_key(self.ap.root)
        self.boot()


class OpenWrtPeer(ShellPeer):
    """With the stand-in for uci, or the real one."""

    configurer = OpenWrt()
    intent = Intent(
        "ap-08019-1",
        "ap-08019-1",
        "MX",
        (Radio(Band.GHZ_2, 6), Radio(Band.GHZ_5, 149, 40, 20)),
        (Ssid("Chihuahua Gratis"), STAFF),
    )

    def by_hand(self) -> object:
        """A network of the technician's."""
        return self.ap.option("wireless.@wifi-iface[0].key"), self.ap.option("wireless.radio0.cell_density")


class LinuxPeer(ShellPeer):
    """A gateway of any distribution."""

    configurer = Linux()
    intent = Intent("caja-08019-1", "caja-uno", "MX", (Radio(Band.GHZ_2, 6), Radio(Band.GHZ_5, 36)), (STAFF,))
    ap: linuxbox.Box

    def cutting(self) -> Wish:
        """In the file of the radio that manages it."""
        wish = super().cutting()
        ssid = replace(STAFF, bands=(Band.GHZ_2,))
        return replace(wish, intent=replace(wish.intent, ssids=(ssid,)))

    def by_hand(self) -> object:
        """Files of the technician's."""
        return self.ap.file("/etc/rsyslog.d/50-mano.conf"), self.ap.file("/etc/hostapd/mano.conf")

    def settings(self) -> object:
        """Its files but the hook that starts our guard, which stays, and its host keys."""
        found = self.ap.configuration()
        return {
            name: octets
            for name, octets in found.items()
            if "guard" not in name and not name.startswith("etc/dropbear/")
        }

    def boot(self) -> None:
        """With the boot hook once it is there."""
        if (self.ap.root / "etc/plaza-guard/guard").exists():
            self.ap.boot()
        else:
            self.ap.start()


class AirOsPeer(ShellPeer):
    """A radio that keeps what it runs in memory."""

    configurer = AirOs()
    intent = Intent("enlace-08019-1", "enlace-uno", "MX", (Radio(Band.GHZ_5, 149, 20, 20),), (STAFF,))
    cut_off = "ES"
    ap: airosbox.Radio

    def by_hand(self) -> object:
        """A script of the technician's, and keys of theirs."""
        return (self.ap.root / "etc/persistent/rc.poststart").read_text(), self.ap.value("netconf.1.up")

    def settings(self) -> object:
        """What runs, and what a power cycle would bring."""
        return self.ap.cfg(), _without_history(self.ap)

    def fill(self) -> None:
        """Its flash."""
        super().fill()
        (self.ap.root / "flash/full").touch()

    def empty(self) -> None:
        """Its flash."""
        super().empty()
        (self.ap.root / "flash/full").unlink(missing_ok=True)


def _without_history(radio: airosbox.Radio) -> str:
    """The system.cfg that lies in flash."""
    with tarfile.open(radio.root / "flash/kept") as kept:
        member = kept.extractfile("tmp/system.cfg")
        assert member is not None
        return member.read().decode()


@contextmanager
def _on_a_link(ap: Ap, kind: Callable[[Ap, Relay], Peer]) -> Iterator[Peer]:
    try:
        with relayed(ap.port) as relay:
            yield kind(ap, relay)
    finally:
        ap.lose_power()


PEERS: dict[str, Callable[[Path], AbstractContextManager[Peer]]] = {
    **UNARMED,
    "cisco_9800": catalyst,
    "cisco_ios": aironet,
    "mikrotik_routeros": mikrotik,
    "linux": lambda folder: _on_a_link(linuxbox.make_box(folder, quickest()), LinuxPeer),
    "openwrt": lambda folder: _on_a_link(make_ap(folder, quickest()), OpenWrtPeer),
    "ubiquiti_airos": lambda folder: _on_a_link(airosbox.make_radio(folder, quickest()), AirOsPeer),
}
"""By platform."""
