"""The guests' household in namespaces: a gateway with our dnsmasq, phones, and resolvers in the Internet."""

import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import count
from pathlib import Path

from captive_portal.gateway import rules
from captive_portal.gateway.config import Network
from captive_portal.gateway.household import Household
from captive_portal.gateway.nft import load
from captive_portal.gateway.policy import Policy
from tests import need
from tests.gateway import streets
from tests.gateway.conftest import Clock
from tests.gateway.netns import sockets
from tests.gateway.resolver import WEB4, A
from tests.gateway.streets import LAN, LAN6, PORTAL, run
from tests.gateway.town import wait_for

PROGRAMS = {"ip": "iproute2", "nft": "nftables", "dnsmasq": "dnsmasq-base"}
PORTAL_NAME, OWN_NAME = "portal.chihuahua.test", "gw.plaza.test"
UPSTREAM = "1.1.1.3"
FOREIGN, FOREIGN6 = "8.8.8.8", "2606:4700:4700::1111"
NETWORK = Network(
    lan="br-lan",
    address=IPv4Address(LAN),
    guests=IPv4Network("10.99.0.0/24"),
    lease_s=600,
    fixed=((PORTAL_NAME, PORTAL), (OWN_NAME, LAN)),
    api=f"https://{OWN_NAME}:8443/capport",
    rpz=None,
)
POLICY = Policy("08019-plaza", 1, 0, resolvers=(UPSTREAM,), garden=("gob.mx",))


@dataclass(frozen=True)
class Reply:
    """What a resolver said: its code (None is silence), the answers' values in hex, for how many seconds."""

    code: int | None
    values: tuple[str, ...] = ()
    ttl: int | None = field(default=None, compare=False)

    @property
    def addresses(self) -> list[str]:
        families = {8: socket.AF_INET, 32: socket.AF_INET6}
        return [socket.inet_ntop(families[len(one)], bytes.fromhex(one)) for one in self.values]


@dataclass
class House:
    """What a test stands in."""

    directory: Path
    dnsmasq: str
    tag: str = field(default_factory=lambda: f"hsh{os.getpid()}{secrets.token_hex(2)}")
    clock: Clock = field(default_factory=Clock)
    households: list[Household] = field(default_factory=list)
    ports: Iterator[int] = field(default_factory=lambda: count(20_000))
    resolvers: "subprocess.Popen[bytes] | None" = None

    def ns(self, name: str) -> str:
        return streets.namespace(self.tag, name)

    @property
    def run_dir(self) -> Path:
        return self.directory / "run"

    def household(self, network: Network = NETWORK, reach: Sequence[str] = ()) -> Household:
        """One that is not started; `reach` stands before the program."""
        enter = ("ip", "netns", "exec", self.ns("gateway"), *reach, self.dnsmasq)
        made = Household(
            network, self.run_dir, enter, self.clock, sockets(self.ns("gateway")), lambda: self.clock.seconds
        )
        self.households.append(made)
        return made

    def started(self, network: Network = NETWORK, policy: Policy = POLICY) -> Household:
        made = self.household(network)
        made.start(policy)
        return made

    def close(self) -> None:
        for one in self.households:
            one.stop()
        self.households.clear()
        (self.run_dir / "leases").unlink(missing_ok=True)

    def settle(self) -> None:
        """As it was: our interface, and phone1 with an address that it did not ask for."""
        self.guests(24)
        streets.ip(self.ns("phone1"), "addr flush dev eth0 scope global")
        streets.ip(self.ns("phone1"), "addr add 10.99.0.51/24 dev eth0")
        streets.ip(self.ns("phone1"), f"route replace default via {LAN}")
        streets.ip(self.ns("phone1"), "addr add 2001:db8:99::2/64 dev eth0 nodad")
        streets.ip(self.ns("phone1"), f"-6 route replace default via {LAN6}")

    def pids(self) -> dict[str, int]:
        return {one.stem: int(one.read_text()) for one in self.run_dir.glob("*.pid")}

    def guests(self, prefix: int) -> Network:
        """The guests' network with another size; our own interface follows."""
        network = replace(NETWORK, guests=IPv4Network(f"10.99.0.0/{prefix}"))
        streets.ip(self.ns("gateway"), "addr flush dev br-lan scope global")
        streets.ip(self.ns("gateway"), f"addr add {LAN}/{prefix} dev br-lan")
        streets.ip(self.ns("gateway"), f"addr add {LAN6}/64 dev br-lan nodad")
        return network

    def put_rules(self) -> None:
        """The rules of the gateway, with everybody outside."""
        territory = rules.Territory("br-lan", "wan", (LAN, 2060), (2060,), ((PORTAL, 443),), (), True)
        load(("ip", "netns", "exec", self.ns("gateway"), "nft"), rules.ruleset(territory))

    def nft(self, *words: str) -> str:
        return run("ip", "netns", "exec", self.ns("gateway"), "nft", *words)

    def ask(self, name: str, kind: int = A, port: int = 53) -> Reply:
        """Ask our own dnsmasq, as phone1 does."""
        return self.send(LAN, message(name, kind), port)

    def send(self, server: str, said: bytes, port: int = 53, tcp: bool = False) -> Reply:
        """Send a message to a server over UDP or TCP."""
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with sockets(self.ns("phone1"))(family, kind, 0) as link:
            link.settimeout(1)
            # each from another port: the kernel would take it for an earlier one, from before a door opened
            link.bind(("", next(self.ports)))
            try:
                link.connect((server, port))
                link.sendall(len(said).to_bytes(2) + said if tcp else said)
                found = link.recv(4096)[2 if tcp else 0 :]
            except OSError:
                return Reply(None)
        return _reply(found, len(said)) if found else Reply(None)

    def upstream(self) -> list[str]:
        """What reached any name server of the Internet so far: ADDRESS NAME TYPE."""
        return (self.directory / "asked").read_text().splitlines()[1:]

    def forget(self) -> None:
        """What was asked until now counts no more."""
        (self.directory / "asked").write_text("ready\n")


def message(name: str, kind: int = A) -> bytes:
    """A question, recursion wanted."""
    labels = [one.encode() for one in name.split(".")]
    return raw(labels, kind)


def raw(labels: Sequence[bytes], kind: int = A, flags: int = 0x0100) -> bytes:
    """A question whose labels may hold any octet."""
    header = struct.pack("!6H", 0x1234, flags, 1, 0, 0, 0)
    return header + b"".join(bytes([len(one)]) + one for one in labels) + b"\0" + struct.pack("!HH", kind, 1)


def _reply(found: bytes, asked: int) -> Reply:
    values, place, ttl = [], asked, None
    for _ in range(int.from_bytes(found[6:8])):
        length = int.from_bytes(found[place + 10 : place + 12])
        ttl = int.from_bytes(found[place + 6 : place + 10])
        values.append(found[place + 12 : place + 12 + length].hex())
        place += 12 + length
    return Reply(found[3] & 0x0F, tuple(values), ttl)


@contextmanager
def house(directory: Path) -> Iterator[House]:
    """All of it, gone again whatever happens; skips where the machine lacks a part."""
    need.root()
    found = {name: need.program(name, package) for name, package in PROGRAMS.items()}
    built = House(directory, found["dnsmasq"])
    try:
        streets.build(built.tag)
        _furnish(built)
        yield built
    finally:
        built.close()
        if built.resolvers:
            os.killpg(built.resolvers.pid, signal.SIGKILL)
            built.resolvers.wait(30)
        streets.remove(built.tag)


def _furnish(built: House) -> None:
    built.settle()
    internet = built.ns("internet")
    for address in (f"{UPSTREAM}/32", f"{FOREIGN}/32", f"{FOREIGN6}/128"):
        streets.ip(internet, f"addr add {address} dev lo" + (" nodad" if ":" in address else ""))
    servers = (UPSTREAM, FOREIGN, FOREIGN6)
    with (built.directory / "asked").open("ab") as asked:
        built.resolvers = subprocess.Popen(
            ["ip", "netns", "exec", internet, sys.executable, "-m", "tests.gateway.resolver", WEB4, *servers],
            stdin=subprocess.DEVNULL, stdout=asked, start_new_session=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
    wait_for((built.directory / "asked").read_text, "the resolvers")
