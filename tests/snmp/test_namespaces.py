"""Two sites with the same addresses inside: each device is known by its name, reached through its gateway."""

import asyncio
import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from drivers.snmp.backends import open_poller
from drivers.snmp.seam import PollReply
from tests import need
from tests.snmp.hostile import IF_DESCR, SYS_NAME
from tests.snmp.polling import ask
from tests.snmp.snmpd import COMMUNITY, USER, snmpd

pytestmark = pytest.mark.root

SITES = {"a": "10.77.1", "b": "10.77.2"}
FORWARDED = 16110
T = TypeVar("T")


class Network:
    """A poller and two sites, each a gateway that forwards one UDP port to 192.168.88.10, in namespaces."""

    def __init__(self) -> None:
        self.prefix = f"plz{os.getpid()}"

    def __enter__(self) -> "Network":
        self._ip("netns", "add", self.name("poller"))
        for site, net in SITES.items():
            self._site(site, net)
        return self

    def __exit__(self, *_: object) -> None:
        for name in ("poller", *(f"{role}{site}" for site in SITES for role in ("gw", "ap"))):
            subprocess.run(["ip", "netns", "del", self.name(name)], check=False, capture_output=True)

    def name(self, role: str) -> str:
        """The namespace of a role."""
        return f"{self.prefix}{role}"

    def inside(self, role: str) -> list[str]:
        """The command prefix that runs something there."""
        return ["ip", "netns", "exec", self.name(role)]

    def call(self, role: str, work: Callable[[], T]) -> T:
        """Run `work` on a thread that lives in that namespace."""
        found: list[T] = []

        def run() -> None:
            with Path(f"/run/netns/{self.name(role)}").open() as namespace:
                assert ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000) == 0
            found.append(work())

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return found[0]

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=30)

    def _link(self, one: str, one_address: str, other: str, other_address: str, interface: str) -> None:
        peer = f"{interface}p"
        self._ip(
            "link",
            "add",
            interface,
            "netns",
            self.name(one),
            "type",
            "veth",
            "peer",
            peer,
            "netns",
            self.name(other),
        )
        for role, port, address in ((one, interface, one_address), (other, peer, other_address)):
            self._ip("-n", self.name(role), "addr", "add", address, "dev", port)
            self._ip("-n", self.name(role), "link", "set", port, "up")
            self._ip("-n", self.name(role), "link", "set", "lo", "up")

    def _site(self, site: str, net: str) -> None:
        gateway, ap = f"gw{site}", f"ap{site}"
        self._ip("netns", "add", self.name(gateway))
        self._ip("netns", "add", self.name(ap))
        self._link("poller", f"{net}.1/24", gateway, f"{net}.2/24", f"wan{site}")
        self._link(gateway, "192.168.88.1/24", ap, "192.168.88.10/24", f"lan{site}")
        self._ip("-n", self.name(ap), "route", "add", "default", "via", "192.168.88.1")
        forward = [*self.inside(gateway), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]
        subprocess.run(forward, check=True, timeout=30)
        rule = f"udp dport {FORWARDED} dnat to 192.168.88.10:161"
        rules = f"table ip nat {{ chain pre {{ type nat hook prerouting priority dstnat; {rule}; }}; }}"
        subprocess.run([*self.inside(gateway), "nft", rules], check=True, timeout=30)


@pytest.fixture
def network() -> Iterator[Network]:
    need.root()
    need.program("nft", "nftables")
    with Network() as made:
        yield made


def test_two_sites_with_equal_addresses_are_both_polled_and_not_mixed(
    network: Network, tmp_path: Path
) -> None:
    requests = [
        ask(
            FORWARDED,
            [SYS_NAME],
            [IF_DESCR],
            device=f"ap-{site}-{version}",
            host=f"{net}.2",
            credentials=credentials,
        )
        for site, net in SITES.items()
        for version, credentials in (("v2c", COMMUNITY), ("v3", USER))
    ]

    async def run() -> list[PollReply]:
        poller = open_poller()
        try:
            return [reply async for reply in poller.poll(requests)]
        finally:
            await poller.close()

    with ExitStack() as agents:
        for site in SITES:
            inside = network.inside(f"ap{site}")
            running = snmpd(tmp_path / site, name=f"ap-{site}", host="192.168.88.10", port=161, inside=inside)
            agents.enter_context(running)
        replies = network.call("poller", lambda: asyncio.run(run()))

    assert {reply.device: reply.failure for reply in replies} == {r.device: None for r in requests}
    names = {reply.device: reply.scalars[SYS_NAME] for reply in replies}
    assert names == {
        "ap-a-v2c": b"ap-a",
        "ap-a-v3": b"ap-a",
        "ap-b-v2c": b"ap-b",
        "ap-b-v3": b"ap-b",
    }
    assert {tuple(reply.columns[IF_DESCR].values()) for reply in replies} == {
        (b"lo", b"lanap"),
        (b"lo", b"lanbp"),
    }


_ASKS_SIXTY = """
import asyncio
from drivers.model import Endpoint, Secret, SnmpV2c
from drivers.snmp.engine import Engine
from drivers.snmp.seam import PollRequest

async def main():
    engine = Engine()
    asked = [
        PollRequest(f"ap-{n}", Endpoint(f"10.9.0.{2 + n}", 161), SnmpV2c(Secret("public")),
                    ((1, 3, 6, 1, 2, 1, 1, 5, 0),), timeout_s=0.3, retries=1, deadline_s=2)
        for n in range(60)
    ]
    async for reply in engine.poll(asked):
        print(reply.failure.detail)
    await engine.close()

asyncio.run(main())
"""


def test_a_full_queue_of_our_own_is_no_try_of_any_agent() -> None:
    """A link of 8 kbit/s, before which our kernel refuses to take more datagrams."""
    need.root()
    ip, tc = need.program("ip", "iproute2"), need.program("tc", "iproute2")
    name = f"plaza-queue-{os.getpid()}"
    commands = [
        f"{ip} -n {name} link add slow type veth peer name far",
        f"{ip} -n {name} addr add 10.9.0.1/24 dev slow",
        f"{ip} -n {name} link set far up",
        f"{ip} -n {name} link set slow arp off up",
        f"{tc} -n {name} qdisc add dev slow root tbf rate 8kbit burst 1600 limit 1600",
    ]
    subprocess.run([ip, "netns", "add", name], check=True)
    try:
        for command in commands:
            subprocess.run(command.split(), check=True)
        said = need.ran(["-c", _ASKS_SIXTY], os.environ, inside=[ip, "netns", "exec", name])
    finally:
        subprocess.run([ip, "netns", "del", name], check=True)

    details = said.splitlines()
    assert len(details) == 60
    assert [detail for detail in details if "No buffer space" in detail] == []
    assert [detail for detail in details if "our own network queue was full" in detail]
