"""An access point with OpenWrt, and one act of its configurer after the other."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from drivers.change import Change
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Running, Talk, Trial, Wish
from drivers.errors import AuthFailed, Unreachable
from drivers.model import Intent, Manage, Ssid
from tests.configure.desk import Desk
from tests.configure.device import Ap, Dropbear, install_program, wait_until

SIMULATED = Path(__file__).parents[2] / "simulator" / "bin"
TOKEN = "0123456789abcdef"
OTHER = "fedcba9876543210"

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGnCzLNd4sT2hcr4DTlZLXUxaVBcG5VYJe7q0s2Xn1pA"
"""A public key whose private half nobody has."""


def intent(ap: Ap, manage: Manage | None = None) -> Intent:
    """What the inventory says of an access point."""
    device = ap.device
    return Intent(
        device.name, device.name, device.country, device.radios, device.ssids, manage or device.manage
    )


@dataclass
class Bench:
    """A device, a desk with its login, and the plan of one change."""

    ap: Ap
    desk: Desk
    openwrt: OpenWrt = field(default_factory=OpenWrt)

    @contextmanager
    def talk(self) -> Iterator[Talk]:
        """A new login."""
        with self.desk.works.access.enter(self.ap.device) as session:
            yield Talk(session, self.ap.name, 60)

    def read(self) -> Running:
        """What it runs."""
        with self.talk() as talk:
            return self.openwrt.read(talk)

    def change(self, wish: Wish) -> tuple[Change, Running]:
        """What a wish asks for, and of which configuration."""
        running = self.read()
        return self.openwrt.change(self.ap.name, running, wish), running

    def arm(self, wish: Wish, revert_s: int = 300, token: str = TOKEN) -> Change:
        """A change is staged and its timer runs."""
        change, running = self.change(wish)
        self._arm(change, running, revert_s, token)
        return change

    def apply(self, wish: Wish, revert_s: int = 300, token: str = TOKEN) -> Change:
        """A change works, not yet for good."""
        change = self.arm(wish, revert_s, token)
        self._apply(change, token)
        return change

    def restore(self, earlier: Running, token: str = OTHER) -> Change:
        """What is ours as it was, for good."""
        running = self.read()
        change = self.openwrt.restoration(self.ap.name, running, earlier)
        self._arm(change, running, 300, token)
        self._apply(change, token)
        self.confirm(token)
        return change

    def _arm(self, change: Change, running: Running, revert_s: int, token: str) -> None:
        with self.talk() as talk:
            self.openwrt.arm(talk, change, running.fingerprint, token, revert_s)

    def _apply(self, change: Change, token: str) -> None:
        with self.talk() as talk:
            self.openwrt.apply(talk, change, token)
        wait_until("its services have reloaded", lambda: _came_to_an_end(self.status(token)))

    def confirm(self, token: str = TOKEN) -> None:
        """For good."""
        with self.talk() as talk:
            self.openwrt.confirm(talk, token)

    def revert(self, token: str = TOKEN) -> None:
        """Back at once."""
        with self.talk() as talk:
            self.openwrt.revert(talk, token)

    def status(self, token: str = TOKEN) -> Trial:
        """How it stands."""
        with self.talk() as talk:
            return self.openwrt.status(talk, token)

    def ended(self, token: str = TOKEN) -> bool:
        """Whether it knows what became of the trial."""
        return self.status(token).ending != ""

    def await_reverted(self, token: str = TOKEN) -> None:
        """Wait until the old configuration is said to be back."""
        wait_until("the device reverted", lambda: self._reverted(token))

    def _reverted(self, token: str) -> bool:
        try:
            return self.status(token).ending == "reverted"
        except (AuthFailed, Unreachable):  # the keys are among what comes back; a controller asks again
            return False

    def keep(self, wish: Wish, token: str = TOKEN) -> Change:
        """A whole change, confirmed."""
        change = self.apply(wish, token=token)
        self.confirm(token)
        return change


def _came_to_an_end(known: Trial) -> bool:
    return known.reloaded or known.ending != ""


def renamed(ap: Ap, name: str = "Otra red") -> Wish:
    """A wish for another network name."""
    return Wish(replace(intent(ap), ssids=(Ssid(name),)))


def with_manage(ap: Ap, manage: Manage) -> Wish:
    """A wish for how the device is kept."""
    return Wish(intent(ap, manage))


def program(ap: Ap, name: str) -> Path:
    """Where the device looks for a program first."""
    return ap.root / ("sbin" if isinstance(ap.server, Dropbear) else "bin") / name


def write_program(ap: Ap, name: str, body: str) -> None:
    """A program of the device does this from now on."""
    path = program(ap, name)
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def with_rpcd(ap: Ap) -> None:
    """rpcd runs on the device, and ubus reaches it."""
    (ap.root / "var").symlink_to("tmp")
    for name in ("rpcd", "ubus"):
        if isinstance(ap.server, Dropbear):
            install_program(ap.root, SIMULATED / name, f"sbin/{name}")
        else:
            shutil.copy(SIMULATED / name, program(ap, name))
    answered(ap)


def answered(ap: Ap) -> None:
    """Its netifd has nothing to say, and says so without delay."""
    (ap.root / "tmp/run/ubus").mkdir(parents=True, exist_ok=True)
    (ap.root / "tmp/run/ubus/.version").touch()


def file(ap: Ap, path: str, text: str | None = None) -> str:
    """A file of the device; written first when there is a text, "" when there is none."""
    place = ap.root / path
    if text is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return place.read_text() if place.exists() else ""
