"""One UDP socket per agent."""

import socket
from collections.abc import Callable

from simulator.clock import Clock
from simulator.errors import AddressTaken
from simulator.model import ApSpec
from simulator.snmp.agent import Agent

_BURST = 16


def bind(spec: ApSpec) -> socket.socket:
    """The bound socket of an AP's agent. Raises AddressTaken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        sock.bind((spec.snmp.host, spec.snmp.port))
    except OSError as error:
        sock.close()
        raise AddressTaken(f"{spec.name} snmp", str(spec.snmp), error.strerror or str(error)) from error
    return sock


def server(sock: socket.socket, agent: Agent, clock: Clock) -> Callable[[], None]:
    """What to call when the socket can be read: answers a burst, then the other agents have their turn."""

    def answer_burst() -> None:
        for _ in range(_BURST):
            try:
                datagram, peer = sock.recvfrom(65535)
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # a poller closed its port before our answer came
            reply = agent(datagram, clock())
            if reply is not None:
                _send(sock, reply, peer)

    return answer_burst


def _send(sock: socket.socket, reply: bytes, peer: tuple[str, int]) -> None:
    try:
        sock.sendto(reply, peer)
    except OSError:
        return  # a full buffer or a peer that is gone: the datagram is lost, as on any network
