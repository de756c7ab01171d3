"""Frames of a phone that does not exist, at one interface of this machine.

The kernel knows neither its MAC nor its address, so it answers nothing in its place, and nothing is left
behind however the process ends: the promiscuous mode belongs to the socket.
"""

import ctypes
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from drivers.probe.errors import Untried

BROADCAST: Final = "ff:ff:ff:ff:ff:ff"
_FRAME_OCTETS: Final = 1 << 17  # the kernel may hand over many segments as one
_EVERY_PROTOCOL: Final = 0x0003
_ARP: Final = b"\x08\x06"
_BUFFER_OCTETS: Final = 1 << 21  # a window of TCP that comes at once, with what the kernel adds to each frame
_RCVBUFFORCE: Final = 33
_SOL_PACKET, _ADD_MEMBERSHIP, _PROMISCUOUS = 263, 1, 1
_ATTACH_FILTER: Final = 26
_FLAGS, _UP, _RUNNING = 0x8913, 0x1, 0x40  # SIOCGIFFLAGS, IFF_UP, IFF_RUNNING


def random_mac() -> bytes:
    """Locally administered and unicast, as phones make up for each network."""
    drawn = bytearray(os.urandom(6))
    drawn[0] = drawn[0] & 0xFC | 0x02
    return bytes(drawn)


def mac_of(text: str) -> bytes:
    """A MAC that is nobody's by birth, from `02:…`. Raises ValueError."""
    octets = bytes.fromhex(text.replace(":", ""))
    if len(octets) != 6 or octets[0] & 3 != 2:
        raise ValueError(f"{text} is no locally administered MAC of one phone")
    return octets


class Link:
    """Sends and hears frames as `mac`; once it has an `address`, answers who asks for it by ARP.

    Raises Untried where the interface or the right to use it is missing.
    """

    def __init__(self, interface: str, mac: bytes) -> None:
        self.interface = interface
        self.hardware = mac
        self.mac = mac.hex(":")
        self.address = ""
        self._neighbours = {mac}
        self._socket = _open(interface, mac)

    @property
    def heard(self) -> int:
        """How many others sent something to everybody; who, is nobody's business."""
        return len(self._neighbours) - 1

    def send(self, frame: Packet | bytes) -> None:
        """Put a frame on the wire."""
        try:
            self._socket.send(bytes(frame))
        except OSError as error:
            raise Untried(f"{self.interface}: {error.strerror}") from error

    def receive(self, until: float) -> Iterator[Packet]:
        """Frames to us and to everybody, until a moment of the monotonic clock."""
        return map(Ether, self.octets(until))

    def octets(self, until: float) -> Iterator[bytes]:
        """The same, as they came."""
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                octets = self._socket.recv(_FRAME_OCTETS)
            except TimeoutError:
                return
            except OSError as error:
                raise Untried(f"{self.interface}: {error.strerror}") from error
            if octets[0] & 1:
                self._neighbours.add(octets[6:12])
            if octets[12:14] == _ARP:
                self._answer(Ether(octets))
            yield octets

    def close(self) -> None:
        """Give the interface back."""
        self._socket.close()

    def _answer(self, frame: Packet) -> None:
        asked = frame.getlayer(ARP)
        if asked is None or asked.op != 1 or not self.address or asked.pdst != self.address:
            return
        reply = ARP(op=2, hwsrc=self.mac, psrc=self.address, hwdst=asked.hwsrc, pdst=asked.psrc)
        self.send(Ether(src=self.mac, dst=asked.hwsrc) / reply)


def _open(interface: str, mac: bytes) -> socket.socket:
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # hears nothing before it is bound
    except PermissionError:
        raise Untried("needs root (or CAP_NET_RAW) to be a phone") from None
    except OSError as error:  # systemd's RestrictAddressFamilies
        raise Untried(f"this process may not send frames: {error.strerror}") from None
    try:
        _listen_as(opened, interface, mac)
    except BaseException:
        opened.close()
        raise
    return opened


def _listen_as(opened: socket.socket, interface: str, mac: bytes) -> None:
    try:
        number = socket.if_nametoindex(interface)
    except OSError:
        raise Untried(f"this machine has no interface {interface}") from None
    asked = struct.pack("16sh14x", interface.encode(), 0)
    (flags,) = struct.unpack_from("16xh", fcntl.ioctl(opened, _FLAGS, asked))
    if not flags & _UP:
        raise Untried(f"{interface} is down: ip link set {interface} up")
    if not flags & _RUNNING:
        raise Untried(f"{interface} has no link: look at its cable and its switch port")
    _only_for(opened, mac)
    with suppress(PermissionError):  # CAP_NET_ADMIN: without it a fast download loses frames, and is slower
        opened.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER_OCTETS)
    membership = struct.pack("iHH8s", number, _PROMISCUOUS, 0, b"")
    opened.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, membership)
    opened.bind((interface, _EVERY_PROTOCOL))


def _only_for(opened: socket.socket, mac: bytes) -> None:
    """A filter in the kernel: other people's traffic never reaches this process."""
    first, last = struct.unpack("!IH", mac)
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0x20, 0, 0, 0),  # the first four octets of where it goes
            (0x15, 0, 2, first),
            (0x28, 0, 0, 4),  # and the last two
            (0x15, 2, 0, last),
            (0x30, 0, 0, 0),
            (0x45, 0, 1, 1),  # to a group
            (0x06, 0, 0, _FRAME_OCTETS),
            (0x06, 0, 0, 0),
        )
    )
    kept = ctypes.create_string_buffer(program)
    opened.setsockopt(
        socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(kept))
    )
