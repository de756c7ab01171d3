"""How a phone gets its address: RFC 2131, with the wishes of an Android phone."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from drivers.probe.errors import Failed
from drivers.probe.link import BROADCAST, Link

# mask, router, DNS, domain, MTU, broadcast, lease times, vendor's, portal API (RFC 8910), routes (RFC 3442)
_WANTED: Final = [1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 121]
_NOWHERE: Final = "0.0.0.0"  # noqa: S104  a phone without an address
_OWN: Final = "169.254.7.7"  # what a phone gives itself when nobody gives it one, RFC 3927
_WAITS_S: Final = (2.0, 4.0, 8.0)
_INFORM_S: Final = 2.0
_OFFER, _ACK, _NAK = 2, 5, 6


@dataclass(frozen=True, slots=True)
class Route:
    """What lies behind a router; `router` 0.0.0.0 is the network itself."""

    network: IPv4Network
    router: str


@dataclass(frozen=True, slots=True)
class Lease:
    """What a server gave; "" and () for what it left out. `server_mac` is where the release goes."""

    address: str
    server: str
    server_mac: str
    dns: tuple[str, ...]
    routes: tuple[Route, ...]
    api: str

    @property
    def router(self) -> str:
        """The way to everywhere."""
        return next((r.router for r in self.routes if r.network.prefixlen == 0), "")


def obtain(link: Link, until: float, offers_s: float) -> tuple[Lease, float]:
    """A lease and the ms its two round trips took; listens `offers_s` for a second server. Raises Failed."""
    number = int.from_bytes(os.urandom(4))
    offers, offer_ms = _discover(link, number, until, offers_s)
    if not offers:
        raise Failed(_silence(link))
    leases = [_lease(offer) for offer in offers]
    _agreed(leases)
    begun = time.monotonic()
    try:
        lease = _request(link, leases[0], number, until)
    except BaseException:
        release(link, leases[0])  # we heard no yes, and the server may have said it
        raise
    return lease, offer_ms + (time.monotonic() - begun) * 1000


def _request(link: Link, offered: Lease, number: int, until: float) -> Lease:
    asked = ("requested_addr", offered.address), ("server_id", offered.server)
    for reply in _asked(link, _message(link, number, "request", *asked), number, until):
        kind = _option(reply, "message-type")
        if kind == _ACK:
            return _lease(reply)
        if kind == _NAK:
            why = _text(_option(reply, "error_message")) or "it does not say why"
            raise Failed(f"the DHCP server {offered.server} refuses the address that it offered: {why}")
    raise Failed(f"the DHCP server {offered.server} offered an address, then fell silent")


def release(link: Link, lease: Lease) -> None:
    """Give the address back; nobody answers that."""
    number = int.from_bytes(os.urandom(4))
    frame = _message(link, number, "release", ("server_id", lease.server), ciaddr=lease.address)
    frame[Ether].dst = lease.server_mac
    frame[IP].src, frame[IP].dst = lease.address, lease.server
    link.send(frame)


def _discover(link: Link, number: int, until: float, offers_s: float) -> tuple[list[Packet], float]:
    """One offer of each server, in the order they came, and the ms to the first."""
    offers: dict[tuple[str, str], Packet] = {}
    begun, first_ms, close = time.monotonic(), 0.0, until
    for reply in _asked(link, _message(link, number, "discover"), number, until):
        if _option(reply, "message-type") == _OFFER:
            first_ms = (time.monotonic() - begun) * 1000
            close = min(until, time.monotonic() + offers_s)
            offers.setdefault((_option(reply, "server_id"), reply[Ether].src), reply)
            break
    for reply in _replies(link, number, close) if offers else ():
        if _option(reply, "message-type") == _OFFER:
            offers.setdefault((_option(reply, "server_id"), reply[Ether].src), reply)
    return list(offers.values()), first_ms


def _asked(link: Link, message: Packet, number: int, until: float) -> Iterator[Packet]:
    """Replies to a message, which is sent again when nobody answers."""
    for wait_s in _WAITS_S:
        if time.monotonic() >= until:
            return
        link.send(message)
        yield from _replies(link, number, min(until, time.monotonic() + wait_s))


def _replies(link: Link, number: int, until: float) -> Iterator[Packet]:
    for frame in link.receive(until):
        reply = frame.getlayer(BOOTP)
        if reply is not None and DHCP in frame and reply.op == 2 and reply.xid == number:
            yield frame


def _message(link: Link, number: int, kind: str, *options: tuple[str, Any], **fields: str) -> Packet:
    bootp = BOOTP(chaddr=link.hardware, xid=number, **fields)
    told = [("message-type", kind), *options]
    if kind != "release":
        told += [("vendor_class_id", "android-dhcp-14"), ("max_dhcp_size", 1500), ("param_req_list", _WANTED)]
    ip = IP(src=_NOWHERE, dst="255.255.255.255") / UDP(sport=68, dport=67)
    return Ether(src=link.mac, dst=BROADCAST) / ip / bootp / DHCP(options=[*told, "end"])


def _silence(link: Link) -> str:
    """Nobody offers: a server that still answers a question (DHCPINFORM) has no address left."""
    number = int.from_bytes(os.urandom(4))
    link.address = _OWN  # so that the server finds us by ARP
    inform = _message(link, number, "inform", ciaddr=_OWN)
    for reply in _asked(link, inform, number, time.monotonic() + _INFORM_S):
        server = _option(reply, "server_id")
        return f"the DHCP server {server} answers, but offers no address: its pool is used up"
    others = f"{link.heard} other device{'' if link.heard == 1 else 's'}"
    heard = f"{others} can be heard there" if link.heard else "nothing at all can be heard there"
    return f"no DHCP server offers an address: none is there, or its pool is used up; {heard}"


def _agreed(offers: list[Lease]) -> None:
    """Two servers may share the work; one that sends guests elsewhere is not the site's."""
    if len({(offer.router, offer.dns, offer.api) for offer in offers}) > 1:
        each = " and ".join(
            f"{offer.server} (router {offer.router or 'none'}, DNS {', '.join(offer.dns) or 'none'})"
            for offer in offers
        )
        raise Failed(f"{len(offers)} DHCP servers answer and do not agree: {each}; one is not the site's")


def _lease(reply: Packet) -> Lease:
    server = _option(reply, "server_id") or reply[IP].src
    try:
        routes = _routes(reply)
    except ValueError as error:
        raise Failed(f"the DHCP server {server} gives a network that is none: {error}") from None
    return Lease(
        address=reply[BOOTP].yiaddr,
        server=server,
        server_mac=reply[Ether].src,
        dns=tuple(_option(reply, "name_server", every=True)),
        routes=routes,
        api=_text(_option(reply, "captive-portal")),
    )


def _routes(reply: Packet) -> tuple[Route, ...]:
    """The network itself, and classless routes, which replace the router option (RFC 3442)."""
    mask = _option(reply, "subnet_mask") or "255.255.255.255"
    own = Route(IPv4Network(f"{reply[BOOTP].yiaddr}/{mask}", strict=False), _NOWHERE)
    routes = [own]
    classless = _option(reply, "classless_static_routes", every=True)
    for written in classless:
        network, _, router = str(written).partition(":")
        routes.append(Route(IPv4Network(network, strict=False), str(IPv4Address(router))))
    router = _option(reply, "router")
    if router and not classless:
        routes.append(Route(IPv4Network("0.0.0.0/0"), router))
    return tuple(routes)


def _option(reply: Packet, name: str, *, every: bool = False) -> Any:
    """The first value of an option ("" without it), or `every` one as a tuple."""
    for option in reply[DHCP].options:
        if isinstance(option, tuple) and option[0] == name:
            values = option[1:]
            if len(values) == 1 and isinstance(values[0], list):
                values = tuple(values[0])
            return values if every else values[0]
    return () if every else ""


def _text(value: Any) -> str:
    """Some servers count a final NUL to their texts."""
    return value.decode("utf-8", "replace").rstrip("\0") if isinstance(value, bytes) else ""
