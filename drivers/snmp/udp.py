"""One unconnected, non-blocking UDP socket per address family, with its ICMP errors and its own losses."""

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from drivers.model import Endpoint

Address = tuple[str, int] | tuple[str, int, int, int]

# linux/in.h, linux/in6.h, asm-generic/socket.h: names that the socket module lacks
_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("=9I")  # SK_MEMINFO_VARS; the last one is SK_MEMINFO_DROPS
_EXTENDED_ERROR: Final = struct.Struct("=IBBBBII")  # struct sock_extended_err
_ORIGINS_ICMP: Final = frozenset({2, 3})  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_MAX_DATAGRAM: Final = 65535
_UDP_HEADER: Final = 8
IPV4_HEADERS: Final = 20 + _UDP_HEADER
"""Octets of IPv4 without options and UDP around a datagram; further fragments have 20 more, not counted."""
IPV6_HEADERS: Final = 40 + _UDP_HEADER


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The network said that our datagram to `address` cannot arrive; `request` is what it quoted of it."""

    address: Address
    number: int
    request: bytes

    @property
    def refused(self) -> bool:
        """The host is there, and nothing listens at the port."""
        return self.number == errno.ECONNREFUSED


class UdpPort:
    """Where all requests of one address family leave from and all answers arrive."""

    def __init__(self, family: socket.AddressFamily, receive_octets: int) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self._ipv6 = family == socket.AF_INET6
        self.headers = IPV6_HEADERS if self._ipv6 else IPV4_HEADERS
        if self._ipv6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        self._raise_buffer(receive_octets)
        self.socket.bind(("::" if self._ipv6 else "0.0.0.0", 0))  # noqa: S104  answers come in on any interface

    @property
    def receive_octets(self) -> int:
        """The kernel's receive buffer as it is, which without CAP_NET_ADMIN is at most net.core.rmem_max."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    @property
    def dropped(self) -> int:
        """Datagrams the kernel threw away because we did not fetch them in time: our fault."""
        raw = self.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        return int(_MEMINFO.unpack(raw)[-1])

    def send(self, datagram: bytes, address: Address) -> OSError | None:
        """None when the kernel took it, otherwise why not. An old ICMP error is not this datagram's."""
        for _ in range(2):
            try:
                self.socket.sendto(datagram, address)
            except BlockingIOError as error:
                return error
            except OSError as error:
                if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                    return error
                trouble = error
            else:
                return None
        return trouble

    def receive(self, at_most: int) -> list[tuple[bytes, Address]]:
        """What has arrived, without waiting."""
        found: list[tuple[bytes, Address]] = []
        receive = self.socket.recvfrom
        for _ in range(at_most):
            try:
                found.append(receive(_MAX_DATAGRAM))
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error's echo; the error queue tells whose
        return found

    def unreachables(self) -> Iterator[Unreachable]:
        """ICMP errors about what we sent, without waiting."""
        while True:
            try:
                sent, ancillary, _, address = self.socket.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            for _, _, data in ancillary:
                code, origin, *_ = _EXTENDED_ERROR.unpack_from(data)
                if origin in _ORIGINS_ICMP:
                    yield Unreachable(address, code, sent)

    def close(self) -> None:
        """Release the socket."""
        self.socket.close()

    def _raise_buffer(self, octets: int) -> None:
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)


@lru_cache(maxsize=65536)
def numeric_address(endpoint: Endpoint) -> tuple[socket.AddressFamily, Address] | None:
    """Family and socket address as answers will carry them; None when the host is a name or has a scope."""
    try:
        host = ipaddress.ip_address(endpoint.host)
    except ValueError:
        return None
    if isinstance(host, ipaddress.IPv4Address):
        return socket.AF_INET, (str(host), endpoint.port)
    return None if host.scope_id else (socket.AF_INET6, (str(host), endpoint.port, 0, 0))
