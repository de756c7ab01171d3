"""The phone above its frames: its lease, its neighbours, the way to an address."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from drivers.probe.dhcp import Lease
from drivers.probe.errors import Failed
from drivers.probe.link import BROADCAST, Link
from drivers.probe.segment import IPV4, Segment

_ARP_WAITS_S: Final = (0.5, 1.0, 2.0)
_UNREACHABLE: Final = 3
_ICMP: Final = 1


@dataclass(slots=True)
class Phone:
    """A phone that has its lease; it remembers the addresses of names, and which DNS server told them."""

    link: Link
    lease: Lease
    names: dict[str, list[str]] = field(default_factory=dict)
    told_by: str = ""
    _neighbours: dict[str, str] = field(default_factory=dict)

    def resolve_neighbour(self, address: str) -> str:
        """The MAC of an address in this network, by ARP. Raises Failed."""
        if address in self._neighbours:
            return self._neighbours[address]
        asked = ARP(op=1, hwsrc=self.link.mac, psrc=self.lease.address, pdst=address)
        for wait_s in _ARP_WAITS_S:
            self.link.send(Ether(src=self.link.mac, dst=BROADCAST) / asked)
            for frame in self.link.receive(time.monotonic() + wait_s):
                told = frame.getlayer(ARP)
                if told is not None and told.op == 2 and told.psrc == address:
                    self._neighbours[address] = told.hwsrc
                    return str(told.hwsrc)
        raise Failed(f"nobody answers for {address} (ARP)")

    def send(self, address: str, packet: Packet) -> None:
        """Send what goes above IP to an address, over the router of its route. Raises Failed."""
        mac = self.resolve_neighbour(self._hop(address))
        ip = IP(src=self.lease.address, dst=address)
        self.link.send(Ether(src=self.link.mac, dst=mac) / ip / packet)

    def receive(self, address: str, until: float) -> Iterator[Packet]:
        """IP packets to us from an address, and what ICMP says of packets that did not reach it."""
        for frame in self.link.receive(until):
            packet = frame.getlayer(IP)
            if packet is None or packet.dst != self.lease.address or packet.frag or packet.flags.MF:
                continue
            if packet.src == address or _concerns(packet, address):
                yield packet

    def send_segment(self, address: str, segment: Segment) -> None:
        """Send a TCP segment to an address. Raises Failed."""
        mac = self.resolve_neighbour(self._hop(address))
        packet = segment.packet(IPv4Address(self.lease.address), IPv4Address(address))
        self.link.send(bytes.fromhex(mac.replace(":", "")) + self.link.hardware + IPV4 + packet)

    def segments(self, address: str, until: float) -> Iterator[Segment]:
        """TCP segments to us from an address. Raises Failed when ICMP says that ours do not reach it."""
        source, goal = IPv4Address(address), IPv4Address(self.lease.address)
        for frame in self.link.octets(until):
            segment = Segment.read(frame, source, goal)
            if segment is not None:
                yield segment
            elif frame[12:14] == IPV4 and frame[23] == _ICMP and _concerns(Ether(frame), address):
                raise Failed(f"{address} cannot be reached (ICMP unreachable)")

    def _hop(self, address: str) -> str:
        """Who carries a packet on: the router of the longest route, or its goal itself."""
        goal = IPv4Address(address)
        fitting = [route for route in self.lease.routes if goal in route.network]
        if not fitting:
            raise Failed(f"DHCP gave no way to {address}: no router")
        best = max(fitting, key=lambda route: route.network.prefixlen)
        return address if IPv4Address(best.router).is_unspecified else best.router


def unreachable(packet: Packet) -> bool:
    """Whether a packet says that ours did not get there."""
    return ICMP in packet and packet[ICMP].type == _UNREACHABLE


def _concerns(packet: Packet, address: str) -> bool:
    """ICMP errors quote the packet they are about."""
    if not unreachable(packet):
        return False
    quoted = packet.getlayer("IP in ICMP")
    return quoted is not None and quoted.dst == address
