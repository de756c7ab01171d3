"""Counts what pysnmp sends and receives, which it does not tell: at its transports, by the agent's address.

Two polls of one address at the same time, as of two credentials of one device, count each other's octets too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.hlapi.v3arch.asyncio import Udp6TransportTarget, UdpTransportTarget

from drivers.snmp.udp import IPV4_HEADERS, IPV6_HEADERS


@dataclass(slots=True, eq=False)
class Tally:
    """Octets on the wire of one poll, with their headers."""

    sent: int = 0
    received: int = 0


_listening: Final[dict[tuple[str, int], list[Tally]]] = {}


@contextmanager
def counted(target: Any, tally: Tally) -> Iterator[None]:
    """Meanwhile what goes to the target and comes from it is added to the tally."""
    address = tuple(target.transport_address[:2])
    tallies = _listening.setdefault(address, [])
    tallies.append(tally)
    try:
        yield
    finally:
        tallies.remove(tally)
        if not tallies:
            del _listening[address]


def _tallies(address: Any) -> list[Tally]:
    return _listening.get(tuple(address[:2]), [])


class _Udp(udp.UdpAsyncioTransport):  # type: ignore[misc]
    def send_message(self, message: Any, address: Any) -> None:
        for tally in _tallies(address):
            tally.sent += len(message) + IPV4_HEADERS
        super().send_message(message, address)

    def datagram_received(self, datagram: bytes, address: Any) -> None:
        for tally in _tallies(address):
            tally.received += len(datagram) + IPV4_HEADERS
        super().datagram_received(datagram, address)


class _Udp6(udp6.Udp6AsyncioTransport):  # type: ignore[misc]
    def send_message(self, message: Any, address: Any) -> None:
        for tally in _tallies(address):
            tally.sent += len(message) + IPV6_HEADERS
        super().send_message(message, address)

    def datagram_received(self, datagram: bytes, address: Any) -> None:
        for tally in _tallies(address):
            tally.received += len(datagram) + IPV6_HEADERS
        super().datagram_received(datagram, address)


class UdpTarget(UdpTransportTarget):  # type: ignore[misc]
    """An agent at an IPv4 address or a name, its octets counted."""

    PROTO_TRANSPORT = _Udp


class Udp6Target(Udp6TransportTarget):  # type: ignore[misc]
    """An agent at an IPv6 address, its octets counted."""

    PROTO_TRANSPORT = _Udp6
