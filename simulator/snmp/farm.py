"""Thousands of small agents behind one socket, each at an address of its own in 127/8."""

import contextlib
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final

from simulator.chance import draw
from simulator.clock import Clock
from simulator.errors import AddressTaken
from simulator.loop import Loop
from simulator.model import FarmSpec, V1Access, V3Access
from simulator.snmp import ber, farm_mib, v3
from simulator.snmp.agent import MAX_DATAGRAM, MODERN, OLD, VERSION_1, VERSION_2C
from simulator.snmp.ber import BadMessage
from simulator.snmp.farm_mib import Member
from simulator.snmp.recipe import Kitchen

IP_PKTINFO: Final = 8  # ip(7); not in the socket module of Python 3.11
BUFFER_OCTETS: Final = 32 << 20
MAX_REQUEST: Final = 8192
_BUFFERS: Final = ((33, socket.SO_RCVBUF), (32, socket.SO_SNDBUF))  # SO_RCVBUFFORCE, SO_SNDBUFFORCE
_BURST: Final = 64
_PKTINFO: Final = struct.Struct("=i4s4s")  # ipi_ifindex, ipi_spec_dst, ipi_addr

Agent = Callable[[bytes, float], bytes | None]
"""Answers a datagram at a model time; None is silence."""

Envelope = list[tuple[int, int, bytes]]
"""The ancillary data that makes a reply leave from the address that was asked."""


class Farm:
    """The socket, and the agents as they are asked for."""

    def __init__(self, spec: FarmSpec, clock: Clock) -> None:
        self._spec = spec
        self._clock = clock
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._known: dict[bytes, tuple[Agent, Envelope]] = {}
        self._breed: Callable[[int], Agent] = lambda number: _silent

    def open(self) -> None:
        """Bind; what comes waits until somebody serves. Raises AddressTaken."""
        self._sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        for forced, asked in _BUFFERS:
            try:
                self._sock.setsockopt(socket.SOL_SOCKET, forced, BUFFER_OCTETS)
            except PermissionError:  # needs CAP_NET_ADMIN; without it the kernel's limit holds
                self._sock.setsockopt(socket.SOL_SOCKET, asked, BUFFER_OCTETS)
        try:
            self._sock.bind(("", self._spec.port))
        except OSError as error:
            raise AddressTaken("farm", f"0.0.0.0:{self._spec.port}", error.strerror or str(error)) from error

    def serve(self, loop: Loop, seed: int, boots: int) -> None:
        """Answer from now on."""
        self._breed = breeder(seed, self._spec, boots, int(self._clock()))
        loop.watch(self._sock, self._answer_burst)

    def close(self) -> None:
        """Release the socket."""
        self._sock.close()

    def _answer_burst(self) -> None:
        """Then the others in the loop have their turn."""
        now_s, receive, send, known = self._clock(), self._sock.recvmsg, self._sock.sendmsg, self._known
        with contextlib.suppress(OSError):  # nothing more to read, or a reply that is lost, as on any network
            for _ in range(_BURST):
                datagram, ancillary, _, peer = receive(MAX_REQUEST, 64)
                address = ancillary[0][2][8:]
                agent, envelope = known.get(address) or self._meet(address)
                reply = agent(datagram, now_s)
                if reply is not None:
                    send((reply,), envelope, 0, peer)

    def _meet(self, address: bytes) -> tuple[Agent, Envelope]:
        number = int.from_bytes(address, "big") - int(self._spec.network.network_address) - 1
        agent = self._breed(number) if 0 <= number < self._spec.agents else _silent
        reply_from = _PKTINFO.pack(0, address, bytes(4))
        self._known[address] = agent, [(socket.IPPROTO_IP, IP_PKTINFO, reply_from)]
        return self._known[address]


def breeder(seed: int, spec: FarmSpec, boots: int, started_s: int) -> Callable[[int], Agent]:
    """Makes the agent with a number, from 0 on; all share one kitchen."""
    old = isinstance(spec.access, V1Access)
    tree = farm_mib.narrow_tree() if old else farm_mib.tree()
    kitchen = Kitchen(tree, OLD if old else MODERN)

    def breed(number: int) -> Agent:
        if draw(seed, "farm", "dead", number) * 100 < spec.dead_pct:
            return _silent
        who = farm_mib.member(seed, number, started_s)
        if isinstance(spec.access, V3Access):
            address = spec.network.network_address + 1 + number
            engine = v3.Engine(spec.access, engine_id(address), boots, started_s)
            return _private(kitchen, who, engine, spec.access.context.encode())
        version = VERSION_1 if old else VERSION_2C
        return _plain(kitchen, who, ber.integer(version) + ber.octets(spec.access.community.encode()))

    return breed


def engine_id(address: IPv4Address) -> bytes:
    """An snmpEngineID of an IPv4 address, RFC 3411."""
    return b"\x80\x00\x1f\x88\x01" + address.packed


def _silent(datagram: bytes, now_s: float) -> None:
    """A dead agent."""


def _plain(kitchen: Kitchen, who: Member, header: bytes) -> Agent:
    """An agent of SNMPv1 or v2c; `header` is the encoded version and community that it knows."""
    room = MAX_DATAGRAM - len(header) - 8

    def answer(datagram: bytes, now_s: float) -> bytes | None:
        try:
            size = datagram[1]
            start = 2 + (size & 0x7F if size & 0x80 else 0)
            end = start + len(header)
            if datagram[start:end] != header:
                return None
            response = kitchen.response(who, int(now_s), datagram, end, room)
        except (BadMessage, IndexError):
            return None
        return None if response is None else ber.tlv(ber.SEQUENCE, header + response)

    return answer


def _private(kitchen: Kitchen, who: Member, engine: v3.Engine, context: bytes) -> Agent:
    """An agent of SNMPv3."""

    def mind(data: bytes, position: int, now_s: float, room: int) -> bytes | None:
        return kitchen.response(who, int(now_s), data, position, room)

    responder = v3.Responder(engine, mind, context)

    def answer(datagram: bytes, now_s: float) -> bytes | None:
        try:
            return responder.answer(datagram, now_s)
        except (BadMessage, IndexError):
            return None

    return answer
