"""A square without the program: the enforcer stands in this process, so a test says itself who is in.

The phones have fixed addresses. On the gateway two dnsmasq and a listener answer, on the Internet servers.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.enforcer import Ceiling, Regime, Terms
from captive_portal.gateway.nft import Nft
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.rules import Territory
from captive_portal.gateway.shaping import UNLIMITED, Rate
from tests import need
from tests.gateway import netns, streets
from tests.gateway.squares import PROGRAMS
from tests.gateway.streets import LAN, PHONES, PORTAL, SECRETS, WEB, WEB6
from tests.gateway.town import Fetched, Town, town, wait_for

REFUSED = 7  # curl's exit code
SECRETS6 = {
    "unique-local": "fd00:77::7",
    "site-local": "fec0::7",
    "nat64": "64:ff9b::a42:6",
    "6to4 of private": "2002:c0a8:4d07::7",
    "management": "2001:db8:66::200",
    "tunnel": "2001:db8:67::90",
}
OTHER_WEB = "203.0.113.81"
TERRITORY = Territory(
    "br-lan",
    "wan",
    (LAN, 2060),
    (2060,),
    ((PORTAL, 8080),),
    ("203.0.113.192/26", "2001:db8:66::/48"),
    own_names=True,
)
IPV6 = Regime(ipv6=True)
SAY = """
import socket, sys
ip, said, source = sys.argv[1:]
link = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
if source:
    link.setsockopt(socket.IPPROTO_IPV6 if ":" in ip else socket.IPPROTO_IP, 75 if ":" in ip else 19, 1)
    link.bind((source, 0))
link.sendto(said.encode(), (ip, 7))
"""
"""19 and 75 are IP_TRANSPARENT and IPV6_TRANSPARENT: the address need not be ours."""
HERE = {name: Phone(mac, f"10.99.0.{51 + n}") for n, (name, mac) in enumerate(PHONES.items())}
HERE6 = {name: f"2001:db8:99::{2 + n}" for n, name in enumerate(PHONES)}


@dataclass
class Alley:
    """Streets with servers, and the enforcer under test."""

    streets: Town
    enforcer: Nft
    nonces: int = 0

    @property
    def nft(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.streets.ns("gateway"), "nft")

    def anew(self, regime: Regime = IPV6, **changed: object) -> None:
        """Everybody is outside, and so is it in the kernel."""
        self.load("flush ruleset")
        opened = netns.sockets(self.streets.ns("gateway"))
        territory = replace(TERRITORY, **changed)  # type: ignore[arg-type]
        self.enforcer = Nft(territory, KernelClock(), self.nft, opened)
        self.enforcer.start()
        self.enforcer.govern(regime)

    def load(self, text: str) -> None:
        subprocess.run([*self.nft, "-f", "-"], input=text + "\n", text=True, check=True)

    def admit(self, name: str, seconds: int = 600, octets: int = 0, rate: Rate = UNLIMITED) -> None:
        self.nonces += 1
        terms = Terms(f"session-{name}", seconds, Ceiling(octets, octets), rate)
        assert self.enforcer.admit(HERE[name], terms, f"nonce{self.nonces}")

    def name(self, ip: str, lasts: str = "6h") -> None:
        """As dnsmasq does with the answer to a name of the garden."""
        which = "named6" if ":" in ip else "named"
        self.load(f"add element inet plaza {which} {{ {ip} timeout {lasts} }}")

    def fetch(self, name: str, ip: str, port: int = 80, *options: str) -> Fetched:
        host = f"[{ip}]" if ":" in ip else ip
        return self.streets.curl(name, f"http://{host}:{port}/", "-m", "3", *options)

    def passes(self, name: str, ip: str, port: int = 80, *options: str) -> bool:
        """Whether the phone hears this address itself, and not our listener or nobody."""
        return self.fetch(name, ip, port, *options).body == f"I am {ip}\n"

    def refused(self, name: str, ip: str, port: int = 80, *options: str) -> bool:
        """Whether that is told at once; curl waits three seconds for who is silent."""
        return self.fetch(name, ip, port, *options).exit_code == REFUSED

    def talk(self, name: str, *what: str) -> str:
        return self.streets.inside(name, sys.executable, "-m", "tests.gateway.talk", *what)

    def listed(self, name: str) -> str:
        """A set or a map of the table, as nft prints it; "" where it has no elements."""
        kind = "map" if name in {"door", "door6", "purse"} else "set"
        text = self.streets.inside("gateway", "nft", "list", kind, "inet", "plaza", name)
        return text.partition("elements")[2]

    def without(self, chain: str, *needles: str) -> None:
        """Take the rules out that hold all of these: so a test shows that it is them who defend."""
        listing = self.streets.inside("gateway", "nft", "-a", "list", "chain", "inet", "plaza", chain)
        found = [line for line in listing.splitlines() if all(needle in line for needle in needles)]
        handles = [int(number) for line in found for number in re.findall(r"# handle (\d+)$", line)]
        assert handles, f"{chain} has no rule with {needles}"
        self.load("\n".join(f"delete rule inet plaza {chain} handle {one}" for one in handles))

    def say(self, name: str, ip: str, said: str, source: str = "") -> None:
        """Send one datagram to the echo, perhaps from an address that is not the phone's."""
        self.streets.inside(name, sys.executable, "-c", SAY, ip, said, source)

    def heard(self, said: str) -> bool:
        """Whether the Internet heard this, once it had the time to."""
        mark = f"mark {time.monotonic_ns()}"
        self.streets.inside("gateway", sys.executable, "-c", SAY, WEB, mark, "")
        self.streets.inside("gateway", sys.executable, "-c", SAY, WEB6, f"{mark} of six", "")
        log = self.streets.directory / "internet.log"
        wait_for(lambda: f"heard {mark} of six" in log.read_text(), "the datagram after")
        return f"heard {said}\n" in log.read_text()


def counting(out: Alley, place: str, rule: str, hook: str = "prerouting") -> None:
    """Count what passes here from now on, in a table of the tests."""
    text = f"""\
table inet seen
delete table inet seen
table inet seen {{
  chain seen {{
    type filter hook {hook} priority 10
    {rule} counter
  }}
}}
"""
    out.streets.inside(place, "nft", "-f", "-", text=text)


def count(out: Alley, place: str) -> int:
    told = json.loads(out.streets.inside(place, "nft", "-j", "list", "table", "inet", "seen"))
    rules = (one["rule"] for one in told["nftables"] if "rule" in one)
    return next(
        int(part["counter"]["packets"]) for rule in rules for part in rule["expr"] if "counter" in part
    )


@contextmanager
def alley(directory: Path) -> Iterator[Alley]:
    """It, gone again whatever happens; skips where the machine lacks a part."""
    need.root()
    found = {name: need.program(name, package) for name, package in PROGRAMS.items()}
    with town(directory) as built:
        _addresses(built)
        for port, answer in ((53, WEB), (5301, PORTAL)):
            options = ("-k", "-C", "/dev/null", "-p", str(port), f"--address=/#/{answer}", "--no-resolv")
            built.spawn("gateway", found["dnsmasq"], *options, "--no-hosts", "--user=root", "--pid-file")
        _open(built, "gateway", [(LAN, 2060)])
        everywhere = [WEB, OTHER_WEB, PORTAL, *SECRETS.values(), WEB6, *SECRETS6.values()]
        ports = (25, 80, 443, 853, 8080)
        _open(built, "internet", [(ip, port) for ip in everywhere for port in ports])
        made = Alley(built, None)  # type: ignore[arg-type]
        made.anew()
        yield made


def _addresses(built: Town) -> None:
    for name, phone in HERE.items():
        streets.ip(built.ns(name), f"addr add {phone.ip}/24 dev eth0")
        streets.ip(built.ns(name), f"route add default via {LAN}")
    for ip in (OTHER_WEB, *SECRETS6.values()):
        streets.ip(built.ns("internet"), f"addr add {ip}/{128 if ':' in ip else 32} dev lo")
    streets.ip(built.ns("gateway"), "addr add 2001:db8:2::6/64 dev tunnel nodad")
    streets.ip(built.ns("internet"), "addr add 2001:db8:2::5/64 dev office nodad")
    streets.ip(built.ns("gateway"), f"-6 route add {SECRETS6['tunnel']} via 2001:db8:2::5")


def _open(built: Town, place: str, shops: list[tuple[str, int]]) -> None:
    servers = built.spawn(place, sys.executable, "-m", "tests.gateway.shops", json.dumps(shops))
    assert servers.stdout is not None
    assert servers.stdout.readline() == b"ready\n", "the servers did not come up"
