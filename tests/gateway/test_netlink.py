"""The codec of netlink, and what the kernel makes of it: nft is the witness."""

import contextlib
import errno
import json
import os
import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from captive_portal.gateway.elements import (
    Element,
    Limit,
    Quota,
    Table,
    ether,
    mac_ip,
    mark,
    read_ether,
    read_mac_ip,
)
from captive_portal.gateway.errors import Refused
from captive_portal.gateway.neighbours import Neighbours
from captive_portal.gateway.netlink import (
    Channel,
    Message,
    attributes,
    leaf,
    messages,
    nest,
    packed,
)
from tests import need
from tests.gateway import netns

TABLE = """\
table inet plaza {
  map door { type ether_addr . ipv4_addr : mark; flags timeout; }
  set down { type mark; flags timeout; counter; }
  set slow { type mark; flags timeout; limit rate over 1 bytes/second; }
  map purse { type mark : quota; }
  map six { type ether_addr : mark; flags timeout; }
}
"""
MACS = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":"))
ADDRESSES = st.ip_addresses(v=4).map(str)
NUMBERS = st.integers(0x10, 0xFFFFFFFE)
COMMENTS = st.text("abcXYZ019 -_", min_size=1, max_size=74).filter(str.strip)
SECONDS = st.integers(100, 31 * 24 * 3600)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Opened = Callable[[int, int, int], socket.socket]


@dataclass
class Kernel:
    """A table in a network namespace of its own, over netlink and as nft sees it."""

    table: Table
    nft: tuple[str, ...]
    opened: Opened

    def anew(self) -> None:
        self.load("add table inet plaza\ndelete table inet plaza\n" + TABLE)

    def load(self, text: str) -> None:
        subprocess.run([*self.nft, "-f", "-"], input=text, text=True, check=True)

    def apply(self, *steps: Message) -> None:
        self.table.channel.batch(steps)

    def listed(self, kind: str, name: str) -> dict[str, Any]:
        """What nft says of a set, a map or a quota."""
        text = subprocess.run(
            [*self.nft, "-j", "list", "table", "inet", "plaza"], capture_output=True, text=True, check=True
        ).stdout
        found = (one[kind] for one in json.loads(text)["nftables"] if kind in one)
        wanted: dict[str, Any] = next(one for one in found if one["name"] == name)
        return wanted


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    need.root()
    ip = need.program("ip", "iproute2")
    name = f"plz-nl-{secrets.token_hex(3)}"
    subprocess.run([ip, "netns", "add", name], check=True)
    try:
        yield name
    finally:
        subprocess.run([ip, "netns", "delete", name], check=True)


@pytest.fixture
def kernel(namespace: str) -> Kernel:
    opened = netns.sockets(namespace)
    nft = ("ip", "netns", "exec", namespace, need.program("nft", "nftables"))
    made = Kernel(Table("plaza", Channel(opened)), nft, opened)
    made.anew()
    return made


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40))))
def test_attributes_that_were_written_are_read(wanted: list[tuple[int, bytes]]) -> None:
    assert list(attributes(b"".join(leaf(*one) for one in wanted))) == wanted
    ((kind, inside),) = attributes(nest(7, *(leaf(*one) for one in wanted)))
    assert (kind, list(attributes(inside))) == (7, wanted)


@given(
    st.lists(st.builds(Message, *[st.integers(0, 0xFFFF)] * 2, st.binary(max_size=40), st.integers(0, 99)))
)
def test_messages_that_were_written_are_read(wanted: list[Message]) -> None:
    assert list(messages(b"".join(map(packed, wanted)))) == wanted


@given(st.binary(max_size=200))
def test_octets_that_are_no_netlink_are_told_and_end(octets: bytes) -> None:
    for read in (attributes, messages):
        with contextlib.suppress(ValueError):
            assert sum(1 for _ in read(octets)) <= len(octets)  # type: ignore[operator]


@given(MACS, ADDRESSES)
def test_a_key_of_mac_and_address_is_read_as_it_was_written(mac: str, ip: str) -> None:
    assert read_mac_ip(mac_ip(mac, ip)) == (mac, ip)


@given(MACS)
def test_a_key_of_a_mac_is_read_as_it_was_written(mac: str) -> None:
    assert read_ether(ether(mac)) == mac


@pytest.mark.parametrize("mac", ["", "02:ca:fe", "02:ca:fe:5e:00:01:02", "02:ca:fe:5e:00:zz"])
def test_what_is_no_mac_is_no_key(mac: str) -> None:
    with pytest.raises(ValueError, match=r"MAC|hex"):
        mac_ip(mac, "10.99.0.51")


@FEW
@pytest.mark.root
@given(mac=MACS, ip=ADDRESSES, number=NUMBERS, comment=COMMENTS, seconds=SECONDS)
def test_nft_lists_the_door_that_netlink_made(
    kernel: Kernel, mac: str, ip: str, number: int, comment: str, seconds: int
) -> None:
    kernel.anew()
    door = Element("door", mac_ip(mac, ip), seconds * 1000, mark(number), comment=comment)
    kernel.apply(kernel.table.added(door))
    ((key, given_mark),) = kernel.listed("map", "door")["elem"]
    assert key["elem"]["val"] == {"concat": [mac, ip]}
    assert (key["elem"]["timeout"], key["elem"]["comment"]) == (seconds, comment)
    assert seconds - 60 < key["elem"]["expires"] <= seconds
    assert given_mark == number
    (read,) = kernel.table.elements("door")
    assert 0 < read.expires_ms <= door.timeout_ms
    assert replace(read, expires_ms=0) == door
    kernel.apply(kernel.table.removed(door))
    assert "elem" not in kernel.listed("map", "door")


@FEW
@pytest.mark.root
@example(octets=2**64, used=2**64, number=16)
@given(octets=st.integers(1, 2**63 - 1), used=st.integers(0, 2**63), number=NUMBERS)
def test_nft_lists_the_quota_that_netlink_made(kernel: Kernel, octets: int, used: int, number: int) -> None:
    kernel.anew()
    quota, purse = Quota("q1", octets, used), Element("purse", mark(number), object="q1")
    kernel.apply(kernel.table.quota(quota), kernel.table.added(purse))
    said = kernel.listed("quota", "q1")
    octets = min(octets, 2**63 - 1)
    assert (said["bytes"], said["used"], said["inv"]) == (octets, min(used, octets), True)
    assert kernel.listed("map", "purse")["elem"] == [[number, "q1"]]
    (read,) = kernel.table.quotas().values()
    assert (read.name, read.octets, read.used) == ("q1", octets, min(used, octets))
    assert read.depleted == (used >= octets)
    assert list(kernel.table.elements("purse")) == [purse]
    kernel.apply(kernel.table.removed(purse), kernel.table.quota_removed("q1"))
    assert kernel.table.quotas() == {}


@pytest.mark.root
def test_what_nft_made_is_read(kernel: Kernel) -> None:
    kernel.load(
        'add element inet plaza down { 0x11 counter packets 3 bytes 300 timeout 1h comment "session1" }\n'
        "add element inet plaza slow "
        "{ 0x12 limit rate over 250000 bytes/second burst 65536 bytes timeout 1h }\n"
    )
    (down,), (slow,) = kernel.table.elements("down"), kernel.table.elements("slow")
    assert (down.key, down.octets, down.comment, down.limit) == (mark(0x11), 300, "session1", None)
    assert (slow.key, slow.octets, slow.limit) == (mark(0x12), None, Limit(250_000, 65_536))
    assert kernel.table.element("down", mark(0x11)).octets == 300
    with pytest.raises(Refused) as refused:
        kernel.table.element("down", mark(0x99))
    assert refused.value.failures == ((0, errno.ENOENT),)


@pytest.mark.root
def test_a_limit_that_netlink_made_is_the_one_that_nft_makes(kernel: Kernel) -> None:
    kernel.apply(kernel.table.added(Element("slow", mark(7), 3_600_000, limit=Limit(125_000, 65_536))))
    (said,) = kernel.listed("set", "slow")["elem"]
    limit = said["elem"]["limit"]
    assert (limit["rate"], limit["rate_unit"], limit["per"]) == (125_000, "bytes", "second")
    assert (limit["burst"], limit["burst_unit"], limit["inv"]) == (64, "kbytes", True)


@pytest.mark.root
def test_nft_lists_the_mac_that_netlink_put_in_and_a_set_that_is_emptied_is_empty(kernel: Kernel) -> None:
    macs = [f"02:ca:fe:5e:00:{last:02x}" for last in range(1, 4)]
    kernel.apply(*(kernel.table.added(Element("six", ether(mac), 60_000, mark(99))) for mac in macs))
    listed = kernel.listed("map", "six")["elem"]
    assert sorted(key["elem"]["val"] for key, _ in listed) == macs
    assert {given_mark for _, given_mark in listed} == {99}
    for _ in range(2):
        kernel.apply(kernel.table.emptied("six"))
        assert "elem" not in kernel.listed("map", "six")


@pytest.mark.root
def test_one_step_that_is_refused_undoes_all_and_is_named(kernel: Kernel) -> None:
    table, first, second = kernel.table, Element("down", mark(1)), Element("down", mark(2))
    kernel.apply(table.created(first))
    with pytest.raises(Refused) as refused:
        kernel.apply(table.created(second), table.created(first), table.removed(Element("down", mark(3))))
    assert refused.value.failures == ((1, errno.EEXIST), (2, errno.ENOENT))
    assert [one.key for one in table.elements("down")] == [mark(1)]
    kernel.apply(table.removed(first), table.added(first), table.added(second))
    assert {one.key for one in table.elements("down")} == {mark(1), mark(2)}


@pytest.mark.root
def test_a_crowd_is_put_in_at_once_and_all_of_it_is_read(kernel: Kernel) -> None:
    crowd = [Element("down", mark(number), comment=f"session{number}") for number in range(2000)]
    for start in range(0, 2000, 500):
        kernel.apply(*map(kernel.table.added, crowd[start : start + 500]))
    assert {one.comment for one in kernel.table.elements("down")} == {one.comment for one in crowd}
    assert len(kernel.listed("set", "down")["elem"]) == 2000


@pytest.mark.root
def test_what_changes_while_it_is_read_is_read_again(kernel: Kernel) -> None:
    """A crowd leaves in one step, when half of it has been read: then nobody is there."""
    crowd = [Element("down", mark(number)) for number in range(900)]
    kernel.apply(*map(kernel.table.added, crowd))
    reads: list[int] = []

    class Disturbed(socket.socket):
        """Reads as any other; before the second piece is read, the crowd leaves."""

        def recv(self, *arguments: int) -> bytes:
            if len(reads) == 1:
                kernel.apply(*map(kernel.table.removed, crowd))
            octets = super().recv(*arguments)
            reads.append(len(octets))
            return octets

    def disturbed(*kind: int) -> socket.socket:
        return Disturbed(fileno=kernel.opened(*kind).detach())

    table = Table("plaza", Channel(disturbed))
    assert list(table.elements("down")) == []
    assert len(reads) > 2


@pytest.mark.root
def test_a_table_that_is_gone_is_told(kernel: Kernel) -> None:
    kernel.load("flush ruleset\n")
    for ask in (lambda: list(kernel.table.elements("down")), lambda: kernel.apply(_step(kernel))):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.failures == ((0, errno.ENOENT),)


def _step(kernel: Kernel) -> Message:
    return kernel.table.added(Element("down", mark(1)))


@pytest.mark.root
def test_who_may_not_change_the_rules_is_told_so_at_once(kernel: Kernel) -> None:
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        try:
            Channel().batch([_step(kernel)])
        except Refused as refused:
            os._exit(0 if refused.failures == ((-1, errno.EPERM),) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.root
def test_a_refusal_names_no_phone(kernel: Kernel) -> None:
    door = Element("door", mac_ip("02:ca:fe:5e:00:01", "10.99.0.51"), data=mark(1))
    kernel.apply(kernel.table.added(door))
    with pytest.raises(Refused) as refused:
        kernel.apply(kernel.table.created(door))
    shown = f"{refused.value} {refused.value!r} {door!r} {kernel.table.added(door)!r}"
    for written in ("02:ca:fe", "10.99.0.51", "02cafe", r"\xca\xfe"):
        assert written not in shown


@pytest.mark.root
def test_a_neighbour_is_who_the_kernel_has_resolved_on_that_interface(namespace: str) -> None:
    def ip(command: str) -> None:
        subprocess.run(["ip", "-n", namespace, *command.split()], check=True)

    for name, address in (("lan0", "10.99.0.1/24"), ("wan0", "198.51.100.2/24")):
        ip(f"link add {name} type bridge")
        ip(f"link set {name} up")
        ip(f"addr add {address} dev {name}")
    ip("neigh add 10.99.0.51 lladdr 02:CA:FE:5E:00:01 dev lan0 nud reachable")
    ip("neigh add 10.99.0.52 dev lan0 nud incomplete")
    ip("neigh add 198.51.100.9 lladdr 02:ca:fe:5e:00:09 dev wan0 nud stale")
    lan, wan = (Neighbours(name, netns.sockets(namespace)) for name in ("lan0", "wan0"))
    assert lan.mac_of("10.99.0.51") == "02:ca:fe:5e:00:01"
    assert wan.mac_of("198.51.100.9") == "02:ca:fe:5e:00:09", "stale, but it is who was there"
    for unknown in ("10.99.0.52", "10.99.0.53", "198.51.100.9"):
        assert lan.mac_of(unknown) is None
    assert Neighbours("lan9", netns.sockets(namespace)).mac_of("10.99.0.51") is None
