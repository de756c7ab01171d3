"""A virtual device without a timer, and what the controller does with it."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from drivers import apply, ssh
from drivers.apply import Ending, Goal, Step, Target, Timers
from drivers.configurers.aruba_instant import ArubaInstant
from drivers.configurers.cnpilot import CnPilot as Configured
from drivers.configurers.seam import Configurer, Wish
from drivers.errors import ConfigRejected, DriverError, Unreachable
from drivers.host_key import HostKey
from drivers.model import (
    Band,
    Captive,
    Device,
    Endpoint,
    GatewayKind,
    Intent,
    Manage,
    OnAir,
    Radio,
    Rate,
    Role,
    Secret,
    Security,
    SnmpV3,
    SshLogin,
    Ssid,
    Syslog,
)
from drivers.ssh import SshShell
from simulator.vendors.aruba_instant import ArubaInstant as Instant
from simulator.vendors.cnpilot import CnPilot
from simulator.vendors.device import Box
from simulator.vendors.server import VendorServer
from tests.configure.device import wait_until

PASSPHRASE = "no-lo-digas-4711"
TIMERS = Timers(revert_s=60, settle_s=0.01, grace_s=60, command_s=30, longest_pause_s=0.3)
BRIEF = replace(TIMERS, revert_s=3, command_s=2)
TOKENS = ("0123456789abcdef" * 2, "fedcba9876543210" * 2)


def small(country: str = "MX") -> Wish:
    """An open network for guests."""
    return Wish(Intent("ap-1", "plaza-1", country, (), (Ssid("Plaza Libre", vlan=20),)))


def whole(kind: GatewayKind, passphrase: str = PASSPHRASE) -> Wish:
    """All that an intent can ask such a device for."""
    days = tuple(OnAir(day, 8 * 60, 24 * 60 if day > 4 else 20 * 60) for day in range(7))
    portal = Captive(
        kind, "https://portal.chihuahua.example/entrar", ("*.gob.mx",), "portal", Endpoint("10.9.0.5", 1812)
    )
    schedule = days if kind is GatewayKind.ARUBA_INSTANT else ()
    guests = Ssid("Plaza $(ls) `ls` 🌵;'ñ' | x", rate=Rate(4096, 1024), schedule=schedule, captive=True)
    staff = Ssid("Personal", Security.WPA3, vlan=30, isolation=False, bands=(Band.GHZ_5,), passphrase="staff")
    old = Ssid("Antes", Security.WPA2, passphrase="staff", isolation=True)
    radios = (Radio(Band.GHZ_2, 6, 20, 12), Radio(Band.GHZ_5, 36, 80))
    manage = Manage("America/Ojinaga", ("10.9.0.1",), Syslog("10.9.0.2"), ("monitor",))
    ssids = (guests, staff, old, Ssid("OWE", Security.OWE))
    intent = Intent("ap-1", "plaza-08019-1", "MX", radios, ssids, manage, portal)
    user = SnmpV3("plazamon", "sha1", Secret("clave-de-auth-1"), "aes128", Secret("clave-de-priv-2"))
    return Wish(
        intent, {"staff": Secret(passphrase)}, {"monitor": user}, {"portal": Secret("radius-secreto-3")}
    )


@dataclass(frozen=True)
class Vendor:
    """One kind of such devices: how it is made and configured, and its configuration without our marker."""

    make: Callable[[], Instant | CnPilot]
    configurer: Configurer
    kind: GatewayKind
    marker: str

    def config(self, text: str) -> list[str]:
        """The lines of what is on flash, without the marker and the numbers it gives by itself."""
        found = re.sub(rf"^{self.marker}.*\n(?: .*\n)*", "", text, flags=re.MULTILINE)
        return sorted(line for line in found.split("\n") if not line.startswith(" index "))


ARUBA = Vendor(
    Instant, ArubaInstant(), GatewayKind.ARUBA_INSTANT, "wlan access-rule plaza-(?:trial|keeping|kept)-"
)
CAMBIUM = Vendor(CnPilot, Configured(), GatewayKind.CAMBIUM, "wireless wlan 16")
CAMBIUM_ALONE = replace(CAMBIUM, make=lambda: CnPilot(shared=False))


@dataclass
class Bench:
    """A device behind its SSH server, and a controller's way with it."""

    vendor: Vendor
    model: Instant | CnPilot
    server: VendorServer
    steps: list[Step] = field(default_factory=list)
    pinned: HostKey | None = None

    def __post_init__(self) -> None:
        self.pinned = ssh.fetch_host_key(self.device)

    @property
    def configurer(self) -> Configurer:
        """Its driver."""
        return self.vendor.configurer

    @property
    def box(self) -> Box:
        """The hardware."""
        return self.model.box

    def running(self) -> list[str]:
        """What works."""
        with self.box.lock:
            return self.vendor.config(self.model.running.text())

    def saved(self) -> list[str]:
        """What a power failure leaves."""
        return self.vendor.config(self.box.flash["config"])

    @property
    def device(self) -> Device:
        """What the inventory says of it."""
        at = Endpoint("127.0.0.1", self.server.port)
        return Device("ap-1", Role.AP, "08019", "08019-plaza", self.configurer.platform, "x", at, at, at)

    def connect(self) -> SshShell:
        """A new login."""
        login = SshLogin(self.server.user, password=Secret(self.server.password))
        return ssh.connect(self.device, login, self.pinned, 5.0)

    def target(self, timers: Timers = TIMERS) -> Target:
        """For drivers.apply."""
        return Target("ap-1", self.configurer, self.connect, timers)

    def plan(self, wish: Goal) -> apply.Plan:
        """What would be done."""
        return apply.plan(self.target(), wish)

    def carry_out(
        self,
        planned: apply.Plan,
        timers: Timers = TIMERS,
        token: str = TOKENS[0],
        before: Callable[[Step], None] = lambda step: None,
    ) -> str:
        """As controller.rollout does: change it, and on failure have the old back and ask what became of it.

        Returns "confirmed", "refused" (nothing was changed), "reverted" or "open".
        """
        reached: list[Step] = []

        def note(step: Step) -> None:
            reached.append(step)
            before(step)

        try:
            apply.carry_out(self.target(timers), planned, token, note)
        except DriverError as error:
            self.steps = reached
            return self._failed(planned, error, reached, timers, token)
        self.steps = reached
        return "confirmed"

    def _failed(
        self, planned: apply.Plan, error: DriverError, reached: list[Step], timers: Timers, token: str
    ) -> str:
        if reached == [Step.ARMED] and isinstance(error, ConfigRejected):
            return "refused"
        to = self.target(timers)
        if not isinstance(error, Unreachable):
            with suppress(DriverError):
                apply.take_back(to, token)
        try:
            ending = apply.await_end(to, token, 3.0 if isinstance(error, Unreachable) else 30.0)
        except DriverError:
            return "open"
        if ending is Ending.CONFIRMED:
            return "confirmed"
        return "reverted" if apply.is_as_before(to, planned) else "neither old nor new"

    def finish(self, wish: Wish, token: str = TOKENS[0]) -> Ending:
        """What the worker does with a trial that was left open."""
        return apply.finish(self.target(), token, wish)

    def finish_alone(self, goal: Goal | None) -> Ending:
        """The worker asks until a trial has ended, and nobody is at the power switch."""
        ended: list[Ending] = []

        def finished() -> bool:
            with suppress(Unreachable):
                ended.append(apply.finish(self.target(), TOKENS[0], goal))
            return bool(ended)

        wait_until("the trial has ended", finished)
        return ended[0]

    def end(self, planned: apply.Plan, wish: Wish, said: str) -> str:
        """An open one is finished as the worker does it; taken back if it is not as wished."""
        if said != "open":
            return said
        ended: list[Ending] = []

        def finished() -> bool:
            try:
                ended.append(self.finish(wish))
            except Unreachable as error:
                if "still open" in error.reason:
                    apply.take_back(self.target(), TOKENS[0])
            return bool(ended)

        wait_until("the trial has ended", finished)
        if ended == [Ending.CONFIRMED]:
            return "confirmed"
        return "reverted" if apply.is_as_before(self.target(), planned) else "neither old nor new"


def bench(vendor: Vendor) -> Iterator[Bench]:
    """While the server runs."""
    model = vendor.make()
    model.box.faults.boot_s = 0.05
    with VendorServer(model) as server:
        yield Bench(vendor, model, server)
