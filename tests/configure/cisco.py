"""A virtual Cisco device behind its SSH server, and what Plaza wants of it."""

import re
from dataclasses import dataclass, replace

from drivers.change import Change, Line
from drivers.configurers.cisco_ios import CISCO_9800, CISCO_IOS, Cisco
from drivers.configurers.seam import Phase, Running, Talk, Wish
from drivers.model import (
    Band,
    Captive,
    Endpoint,
    GatewayKind,
    Intent,
    Manage,
    Radio,
    Secret,
    Security,
    SnmpV3,
    Ssid,
    Syslog,
)
from drivers.ssh import SshShell
from simulator.vendors.cisco_ios import CiscoIos
from simulator.vendors.cisco_startup import Flavour
from simulator.vendors.device import Box
from simulator.vendors.server import VendorServer
from tests.configure.device import wait_until
from tests.configure.test_terminal import enter

PASSPHRASE = "clave-de-la-alcaldia"
AUTH_KEY, PRIV_KEY, RADIUS_KEY = "auth-key-1234", "priv-key-1234", "radius-key-1234"
SECRETS = (PASSPHRASE, AUTH_KEY, PRIV_KEY, RADIUS_KEY)
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDIb2xh tecnica@chihuahua"
TOKEN = "a1b2c3d4"
THREE_MINUTES = 180  # three seconds of the test

WISH = Wish(
    Intent(
        "ap-1",
        "ap-nuevo",
        "MX",
        (Radio(Band.GHZ_5, width_mhz=40, power_dbm=17),),
        (
            Ssid("Chihuahua Gratis", vlan=20),
            Ssid("Alcaldia", Security.WPA2, passphrase="alcaldia", vlan=40, isolation=False),
        ),
        Manage(
            zone="America/Ojinaga",
            ntp=("10.0.0.1", "10.0.0.2"),
            syslog=Syslog("10.0.0.5", 5514),
            snmp_users=("poll",),
            ssh_keys=(RSA,),
        ),
    ),
    passphrases={"alcaldia": Secret(PASSPHRASE)},
    snmp_users={"poll": SnmpV3("plazapoll", "sha1", Secret(AUTH_KEY), "aes128", Secret(PRIV_KEY))},
    portal_secrets={"portal": Secret(RADIUS_KEY)},
)


@dataclass
class Bench:
    """A virtual device behind its SSH server, and what Plaza makes of it."""

    device: CiscoIos
    server: VendorServer
    cisco: Cisco

    def talk(self, shell: SshShell, timeout_s: float = 30) -> Talk:
        return Talk(shell, "ap-1", timeout_s)

    def read(self) -> Running:
        with enter(self.server) as shell:
            return self.cisco.read(self.talk(shell))

    def change(self, wish: Wish = WISH) -> Change:
        return self.cisco.change("ap-1", self.read(), wish)

    def arm(self, shell: SshShell, change: Change, timeout_s: float = 30) -> None:
        """Arm for what the device runs now."""
        talk = self.talk(shell, timeout_s)
        self.cisco.arm(talk, change, self.cisco.read(talk).fingerprint, TOKEN, THREE_MINUTES)

    def try_out(self, change: Change, timeout_s: float = 30) -> None:
        """Arm and apply in one login."""
        with enter(self.server) as shell:
            self.arm(shell, change, timeout_s)
            self.cisco.apply(self.talk(shell, timeout_s), change, TOKEN)

    def confirm(self) -> None:
        with enter(self.server) as shell:
            self.cisco.confirm(self.talk(shell), TOKEN)

    def status(self, token: str = TOKEN) -> tuple[Phase, str, str]:
        with enter(self.server) as shell:
            known = self.cisco.status(self.talk(shell), token)
            return known.phase, known.token, known.ending

    def make(self, wish: Wish) -> Change:
        """Have a wish at work for good."""
        change = self.change(wish)
        self.try_out(change)
        self.confirm()
        return change

    def settle(self) -> None:
        """Until no change waits any more."""
        wait_until("the trial ends", lambda: not self.device.pending())
        wait_until("it is up", lambda: self.device.box.up)

    def running(self) -> str:
        """What it runs, without what we keep there for a trial."""
        return trimmed(self.device.running_text())

    def startup(self) -> str:
        return trimmed(self.device.startup_text())


def trimmed(text: str) -> str:
    """Without the traces of a trial, which stay: its archive, its token, SNMPv3 users to be set again."""
    text = re.sub(r"alias exec plaza_(trial|armed|go_\w+) [\w ]+\n!\n", "", text)
    text = re.sub(r"alias exec plaza_snmp_\S+ unsure\n!\n", "", text)
    return re.sub(r"archive\n( path flash:plaza-rollback\n)?( maximum 3\n)?!\n", "", text)


def bench_of(flavour: Flavour, startup: str | None = None, *, hidden_keys: bool = False) -> Bench:
    """Not yet listening."""
    device = CiscoIos(flavour, Box(minute_s=1.0), startup, hidden_keys=hidden_keys)
    cisco = CISCO_IOS if flavour is Flavour.AUTONOMOUS else CISCO_9800
    return Bench(device, VendorServer(device), cisco)


def asked(**parts: object) -> Wish:
    """WISH with other parts of its intent."""
    return replace(WISH, intent=replace(WISH.intent, **parts))  # type: ignore[arg-type]


def captive() -> Captive:
    """A portal of ours in front of a controller."""
    portal = "https://portal.chihuahua.gob.mx/p/08019"
    radius = Endpoint("10.0.0.9", 1812)
    return Captive(GatewayKind.CISCO_WLC, portal, ("*.gob.mx",), "portal", radius)


def line_of(command: str) -> Line:
    """A line without secrets."""
    return Line(Secret(command), command, command)
