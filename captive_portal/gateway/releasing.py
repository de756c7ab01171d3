"""Addresses that nobody uses are given back, so that a pool which somebody fills with made-up MACs has room.

Whoever has an address and is a phone says so in ARP, when it joins and whenever it is asked. When the pool is
nearly full, those never heard are asked, to their MAC alone: an access point hands that to no radio that is
not joined under it. Who has not answered the third time is released, as if it had said so itself.
"""

import os
import socket
import struct
from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from captive_portal.gateway.netlink import Opened
from captive_portal.gateway.phone import Phone

NEARLY_FULL: Final = 0.8
GRACE_S: Final = 15.0
"""How long a phone may take from its lease to its first word: an address is first probed (RFC 5227)."""

ASKS: Final = 3
AT_ONCE: Final = 1000
FORGET_S: Final = 60.0
PACE: Final = 50
"""Datagrams that fit into dnsmasq's buffer."""

_ARP: Final = 0x0806
_RCVBUFFORCE: Final = 33
"""<asm-generic/socket.h>"""

_FRAME: Final = struct.Struct("!6s6sH HHBBH 6s4s6s4s")
_DHCP: Final = struct.Struct("!BBBB4sHH4s12x16s192x")
_COOKIE: Final = b"\x63\x82\x53\x63"
_KIND, _RELEASE, _SERVER = 53, 7, 54
_HEARD_AT_MOST: Final = 20_000
_BUFFER: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whom to ask, and whom to release because nobody is there."""

    asked: tuple[Phone, ...] = ()
    silent: tuple[Phone, ...] = ()


@dataclass(slots=True)
class _Known:
    """A lease: when it was first and last listed, whether its phone was heard, how often it was asked."""

    since: float
    listed: float
    alive: bool
    asked: int = 0


class Reclaim:
    """Decides. Time is seconds since boot; leases found at the first look are taken for phones' own."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: dict[Phone, _Known] = {}
        self._began = False

    def step(self, now: float, listed: Iterable[Phone], heard: Set[Phone]) -> Verdict:
        """What to do, given who has a lease and who has spoken since the last step."""
        holders = tuple(listed)
        for phone in holders:
            self._note(now, phone, phone in heard)
        self._began = True
        self._known = {one: it for one, it in self._known.items() if now - it.listed < FORGET_S}
        if len(holders) < NEARLY_FULL * self._size:
            return Verdict()
        here = {phone: self._known[phone] for phone in holders}
        doubtful = [one for one, it in here.items() if not it.alive and now - it.since >= GRACE_S]
        silent = tuple(one for one in doubtful if here[one].asked >= ASKS)
        asked = tuple(one for one in doubtful if here[one].asked < ASKS)[:AT_ONCE]
        for one in asked:
            here[one].asked += 1
        for one in silent:
            # should it have the address again, it is a new lease
            del self._known[one]
        return Verdict(asked, silent)

    def _note(self, now: float, phone: Phone, heard: bool) -> None:
        known = self._known.get(phone)
        if known is None:
            known = self._known[phone] = _Known(now, now, alive=not self._began)
        known.listed = now
        known.alive = known.alive or heard


class Ear:
    """Hears the ARP of the guests' interface and asks in it. `opened` makes sockets. Raises OSError."""

    def __init__(self, lan: str, address: IPv4Address, opened: Opened = socket.socket) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._link = opened(socket.AF_PACKET, kind, socket.htons(_ARP))
        with suppress(OSError):  # a small one hears less
            self._link.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER)
        self._link.bind((lan, _ARP))
        self._mac: bytes = self._link.getsockname()[4]
        self._address = address

    def heard(self) -> set[Phone]:
        """Who has spoken since the last time."""
        found: set[Phone] = set()
        for _ in range(_HEARD_AT_MOST):
            try:
                frame = self._link.recv(128)
            except BlockingIOError:
                break
            speaker = sender(frame)
            if speaker:
                found.add(speaker)
        return found

    def ask(self, phones: Iterable[Phone]) -> None:
        """Ask each, at its MAC alone, whether it has its address."""
        for one in phones:
            with suppress(BlockingIOError):  # the next step asks again
                self._link.send(question(self._mac, self._address, one))

    def close(self) -> None:
        """Hear no more."""
        self._link.close()


def sender(frame: bytes) -> Phone | None:
    """Who sent an ARP frame, by what it says of itself; None where the frame came from another MAC."""
    if len(frame) < _FRAME.size:
        return None
    _, source, kind, hardware, protocol, *lengths, _, mac, ip, _, _ = _FRAME.unpack_from(frame)
    if (kind, hardware, protocol, lengths) != (_ARP, 1, 0x0800, [6, 4]) or source != mac:
        return None
    return Phone(mac.hex(":"), socket.inet_ntoa(ip))


def question(mac: bytes, address: IPv4Address, phone: Phone) -> bytes:
    """The frame that asks a phone for its address, from us."""
    theirs = bytes.fromhex(phone.mac.replace(":", ""))
    asked = socket.inet_aton(phone.ip)
    return _FRAME.pack(theirs, mac, _ARP, 1, 0x0800, 6, 4, 1, mac, address.packed, bytes(6), asked)


def farewell(address: IPv4Address, phone: Phone) -> bytes:
    """The DHCPRELEASE (RFC 2131) that a phone sends to us when it leaves."""
    mac = bytes.fromhex(phone.mac.replace(":", ""))
    fixed = _DHCP.pack(1, 1, 6, 0, os.urandom(4), 0, 0, socket.inet_aton(phone.ip), mac + bytes(10))
    return fixed + _COOKIE + bytes([_KIND, 1, _RELEASE, _SERVER, 4]) + address.packed + b"\xff"
