"""Every platform's device as the fault suite needs it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from drivers import ssh
from drivers.apply import Target, Timers
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Configurer, Wish
from drivers.model import Device, Endpoint, Intent
from tests.configure.device import Ap, make_ap, quickest, wait_until
from tests.configure.ordeal import Peer
from tests.configure.relay import Relay, relayed


class OpenWrtPeer:
    """dropbear, BusyBox and uci in a chroot, or OpenSSH where nobody is root."""

    configurer: Configurer = OpenWrt()

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
        """Our network on both radios."""
        return Wish(_intent(self.ap.device))

    def cutting(self) -> Wish:
        """The country that ends the SSH server."""
        return Wish(replace(_intent(self.ap.device), country="XX"))

    def settings(self) -> object:
        """Its files, octet for octet."""
        return self.ap.configuration()

    def by_hand(self) -> object:
        """A network of the technician's."""
        return self.ap.option("wireless.@wifi-iface[0].key"), self.ap.option("wireless.radio0.cell_density")

    def lose_power(self) -> None:
        """Off and on."""
        self.ap.lose_power()
        self.ap.boot()

    def fill(self) -> None:
        """`tar` writes nothing more."""
        self._tar = self.ap.root / "bin/tar"
        if not self._tar.with_name("tar.whole").exists() and self._tar.exists():
            self._tar.rename(self._tar.with_name("tar.whole"))
        self._tar.unlink(missing_ok=True)
        self._tar.write_text("#!/bin/sh\necho 'tar: write error: No space left on device' >&2\nexit 1\n")
        self._tar.chmod(0o755)

    def empty(self) -> None:
        """`tar` writes again."""
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
        self.ap.boot()


def _intent(device: Device) -> Intent:
    return Intent(device.name, device.name, device.country, device.radios, device.ssids)


@contextmanager
def openwrt(folder: Path) -> Iterator[Peer]:
    """An OpenWrt access point."""
    ap = make_ap(folder, quickest())
    try:
        with relayed(ap.port) as relay:
            yield OpenWrtPeer(ap, relay)
    finally:
        ap.lose_power()


PEERS: dict[str, Callable[[Path], AbstractContextManager[Peer]]] = {"openwrt": openwrt}
"""By platform."""
