"""A square with a real openNDS 9.10.0, its phones, and the real portal on the Internet behind it."""

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

from captive_portal.model import GatewayKind, Wiring
from captive_portal.tables import metadata
from tests import need
from tests.gateway import certificates, streets
from tests.gateway.streets import LAN, PORTAL, WEB, run
from tests.gateway.town import Fetched, Town, wait_for

SITE: Final = "08019-plaza"
FASKEY: Final = b"a-faskey-of-the-tests"
DOOR: Final = f"{LAN}:2050"
NAME: Final = "portal.test"
HERE: Final = Path(__file__).parent
KEY: Final = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Level:
    """A FAS level: what openNDS is told, and where the portal is."""

    variant: str
    settings: str
    origin: str
    port: int

    @property
    def wiring(self) -> Wiring:
        return Wiring(
            SITE,
            GatewayKind.OPENNDS,
            KEY,
            landing=f"{self.origin}/p/{SITE}/online",
            hosts=frozenset({DOOR}),
            secret=FASKEY,
            variant=self.variant,
            portal_url=f"{self.origin}/p/{SITE}",
        )


LEVEL_2: Final = Level("level-2", "fas_secure_enabled 2\nsessiontimeout 20\n", f"http://{PORTAL}:8080", 8080)
LEVEL_3: Final = Level(
    "level-3",
    # authmon.sh alone reads the interval of its polls, out of a line that openNDS itself would refuse
    f"fas_secure_enabled 3\nfasremotefqdn {NAME}\n# nat_traversal_poll_interval 1\nsessiontimeout 20\n"
    "binauth /usr/lib/opennds/binauth_log.sh\n",
    f"https://{NAME}:8443",
    8443,
)
SETTINGS: Final = """\
GatewayName Plaza
GatewayInterface br-lan
GatewayPort 2050
gatewayfqdn status.client
enable_serial_number_suffix 0
login_option_enabled 0
fasport {port}
fasremoteip {portal}
faspath /p/{site}
{level}faskey {faskey}
checkinterval 5
preauthidletimeout 0
authidletimeout 0
FirewallRuleSet authenticated-users {{
  FirewallRule allow all
}}
FirewallRuleSet users-to-router {{
  FirewallRule allow udp port 53
  FirewallRule allow udp port 67
}}
"""
"""At each check openNDS 9.10 asks a script for its routes, and exits when that fails, as it did once on a
busy machine: so it checks no oftener than the tests can wait."""

RESOLVER: Final = f"""\
no-resolv
no-hosts
no-ping
bind-interfaces
interface=br-lan
except-interface=lo
dhcp-range=10.99.0.50,10.99.0.150,255.255.255.0,10m
dhcp-option-force=114,http://{DOOR}/captive-api
address=/#/{WEB}
address=/{NAME}/{PORTAL}
dhcp-leasefile=/var/lib/misc/dnsmasq.leases
pid-file=/run/dnsmasq.pid
"""


@dataclass
class Square:
    """openNDS of one level, with so many phones; `offset` is how far ahead of ours their clock is."""

    town: Town
    level: Level
    phones: Sequence[str]
    wiring: Wiring
    ahead_s: int = 0
    extra: list[str] = field(default_factory=list)

    @property
    def page(self) -> str:
        """Where phones arrive."""
        return self.wiring.portal_url

    def get(self, phone: str, url: str, *options: str) -> Fetched:
        """What a phone's browser sees; it follows nothing by itself."""
        return self.town.curl(phone, url, "--cacert", str(self.town.directory / "ca.pem"), *options)

    def enter(self, phone: str) -> Fetched:
        """A phone arrives, reads the page and taps; what the portal answers, perhaps a refusal at once."""
        sent = wait_for(lambda: self.get(phone, f"http://{WEB}/").location, "openNDS to catch a phone")
        page = self.get(phone, sent)
        if "<button" not in page.body:
            return page
        return self.get(phone, f"{self.page}/enter", *_form(page))

    def leave(self, phone: str, status: Fetched) -> Fetched:
        """The button of the page with what is left: where the portal sends the phone."""
        return self.get(phone, f"{self.page}/leave", *_form(status))

    def carry(self, phone: str, answer: Fetched) -> Fetched:
        """Level 2: the phone goes where it was sent, until the page that its session is on."""
        while answer.location:
            answer = self.get(phone, answer.location)
        return answer

    def onward(self, phone: str, page: Fetched) -> Fetched:
        """Level 3: the button of the page that says to wait."""
        link = re.search(r'<a href="([^"]+/online[^"]+)"', page.body)
        assert link, page.body
        return self.get(phone, urljoin(self.page, html.unescape(link[1])))

    def is_told(self, phone: str, page: Fetched) -> bool:
        """Level 3: whether the page behind that button says how much time is left."""
        return "Te quedan" in self.onward(phone, page).body

    def is_online(self, phone: str) -> bool:
        return self.get(phone, f"http://{WEB}/").status == 200

    @property
    def clock(self) -> dict[str, str]:
        """The environment of a program that is to have their clock."""
        directory = self.town.directory
        shim, offset = directory / "moving_clock.so", directory / "offset"
        return {"LD_PRELOAD": str(shim), "CLOCK_OFFSET_FILE": str(offset)}

    def now(self) -> datetime:
        """The moment by their clock."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def forward(self, seconds: int) -> None:
        """Time passes, for openNDS and for the portal."""
        self.ahead_s += seconds
        file = self.town.directory / "offset.new"
        file.write_text(str(self.ahead_s))
        file.replace(self.town.directory / "offset")

    def ndsctl(self, *words: str) -> str:
        """What its operator says to openNDS."""
        gateway = self.town.programs[-1].pid
        (inner,) = run("pgrep", "-P", str(gateway)).split()
        return run("nsenter", "-t", inner, "-m", "-n", "-p", "ndsctl", *words, check=False)


@contextmanager
def square(directory: Path, level: Level, phones: int = 2, wiring: Wiring | None = None) -> Iterator[Square]:
    """The square, gone again whatever happens; `wiring` is its site's unless it is the level's own."""
    need.root()
    for name, package in {"opennds": "opennds", "php": "php-cli", "iptables": "iptables"}.items():
        need.program(name, package)
    names = [f"phone{number}" for number in range(1, phones + 1)]
    made = Square(Town(directory, key=KEY), level, names, wiring or level.wiring)
    try:
        streets.build(made.town.tag)
        for number in range(len(streets.PHONES) + 1, phones + 1):
            _build_phone(made, number)
        _start(made)
        yield made
    finally:
        made.town.remove()
        for name in made.extra:
            run("ip", "netns", "delete", made.town.ns(name), check=False)
            shutil.rmtree(Path("/etc/netns") / made.town.ns(name), ignore_errors=True)


def _form(page: Fetched) -> list[str]:
    """What a page's form sends, for curl."""
    fields = re.findall(r'name="([^"]+)" value="([^"]*)"', page.body)
    return [text for name, value in fields for text in ("-d", f"{name}={html.unescape(value)}")]


def _build_phone(made: Square, number: int) -> None:
    """One more than the town has."""
    phone, gateway = made.town.ns(f"phone{number}"), made.town.ns("gateway")
    made.extra.append(f"phone{number}")
    run("ip", "netns", "add", phone)
    streets.ip(
        phone, f"link add eth0 address {mac_of(number)} type veth peer name port{number} netns {gateway}"
    )
    streets.ip(gateway, f"link set port{number} master br-lan up")
    streets.ip(gateway, f"link set port{number} type bridge_slave isolated on")
    streets.ip(phone, "link set eth0 up")
    resolver = Path("/etc/netns") / phone
    resolver.mkdir(parents=True)
    (resolver / "resolv.conf").write_text(f"nameserver {LAN}\n")


def mac_of(number: int) -> str:
    """The address of a phone, counted from 1."""
    return f"02:ca:fe:5e:00:{number:02x}"


def _start(made: Square) -> None:
    town = made.town
    metadata.create_all(town.engine)
    made.forward(0)
    certificates.write(town.directory, NAME)
    told = {"port": made.level.port, "portal": PORTAL, "site": SITE, "level": made.level.settings}
    (town.directory / "opennds.conf").write_text(SETTINGS.format(**told, faskey=FASKEY.decode()))
    (town.directory / "dnsmasq.conf").write_text(RESOLVER)
    internet = town.spawn("internet", sys.executable, "-m", "tests.crowd.internet", json.dumps(_told(made)))
    assert internet.stdout is not None
    assert internet.stdout.readline() == b"ready\n", (town.directory / "internet.log").read_text()
    unshare = (need.program("unshare", "util-linux"), "-m", "-p", "-f", "--kill-child")
    env = {
        "CLOCK_SHIM": _shim(town.directory),
        "CLOCK_OFFSET_FILE": str(town.directory / "offset"),
        "SSL_CERT_FILE": str(town.directory / "ca.pem"),
    }
    town.spawn("gateway", *unshare, "sh", str(HERE / "opennds.sh"), str(town.directory), env=env)
    log = town.directory / "gateway.log"
    wait_for(lambda: "openNDS is now running" in log.read_text(), "openNDS", 60)
    for name in made.phones:
        _lease(town, name)


def _told(made: Square) -> dict[str, object]:
    wiring = made.wiring
    wired = {
        "site": wiring.site,
        "kind": wiring.kind.value,
        "key": wiring.key.hex(),
        "landing": wiring.landing,
        "hosts": sorted(wiring.hosts),
        "secret": wiring.secret.decode(),
        "variant": wiring.variant,
        "portal_url": wiring.portal_url,
    }
    directory = made.town.directory
    return {
        "wiring": wired,
        "store": made.town.store_url,
        "offset": str(directory / "offset"),
        "web": WEB,
        "names": [PORTAL, NAME],
        "portal": PORTAL,
        "port": made.level.port,
        "tls": str(directory) if made.level.origin.startswith("https:") else "",
    }


def _shim(directory: Path) -> str:
    """Moves openNDS's clock with the portal's."""
    compiler, made = need.program("cc", "gcc"), directory / "moving_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, HERE / "moving_clock.c"], check=True)
    return str(made)


def _lease(town: Town, name: str) -> None:
    mac = mac_of(int(name.removeprefix("phone")))
    lease = json.loads(town.inside(name, sys.executable, "-m", "tests.gateway.dhcp", "eth0", mac))
    streets.ip(town.ns(name), f"addr add {lease['ip']}/24 dev eth0")
    streets.ip(town.ns(name), f"route add default via {lease['router']}")
