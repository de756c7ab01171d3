"""Whose MAC stands behind an IPv4 address, as the kernel has resolved it: arp(7)."""

import errno
import fcntl
import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import Final

from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.netlink import Opened

_SIOCGARP: Final = 0x8954
_COMPLETE: Final = 0x02
_ETHERNET: Final = 1
_ARPREQ: Final = struct.Struct("=HH4s8xH6s8xi16x16s")
"""struct arpreq: family, port, address; family, hardware address; flags; netmask; interface."""
_NOBODY: Final = (errno.ENXIO, errno.ENODEV)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Those on one Ethernet interface. `opened` makes the socket that asks."""

    interface: str
    opened: Opened = socket.socket

    def mac_of(self, ip: str) -> str | None:
        """The MAC, lower case with colons; None where none is resolved. Raises EnforcerFailed."""
        address = ipaddress.IPv4Address(ip).packed
        asked = bytearray(_ARPREQ.pack(socket.AF_INET, 0, address, 0, b"", 0, self.interface.encode()))
        try:
            with self.opened(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0) as link:
                fcntl.ioctl(link.fileno(), _SIOCGARP, asked)
        except OSError as error:
            if error.errno in _NOBODY:
                return None
            raise EnforcerFailed(f"the kernel's neighbours: {error.strerror}") from error
        _, _, _, hardware, mac, flags, _ = _ARPREQ.unpack(asked)
        return mac.hex(":") if hardware == _ETHERNET and flags & _COMPLETE else None
