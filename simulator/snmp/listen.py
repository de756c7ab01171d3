"""One UDP socket per agent."""

import socket
from typing import Final

from simulator.ap import VirtualAp
from simulator.clock import Clock
from simulator.errors import AddressTaken
from simulator.loop import Loop
from simulator.model import Address, Fault
from simulator.snmp.agent import Agent
from simulator.snmp.delivery import Letter, Outbox, Source
from simulator.snmp.trap import Trap, pdu

_BURST: Final = 16

Peer = tuple[str, int]


class Door:
    """Where an AP's agent is asked; shut while its port is closed."""

    def __init__(self, ap: VirtualAp, loop: Loop, clock: Clock) -> None:
        self._ap = ap
        self._loop = loop
        self._clock = clock
        self._sock: socket.socket | None = None
        self._other: socket.socket | None = None
        self._behind: tuple[Agent, Outbox] | None = None

    def open(self) -> socket.socket:
        """Bind; what comes waits until somebody serves. Raises AddressTaken."""
        spec = self._ap.spec
        sock = self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.bind((spec.snmp.host, spec.snmp.port))
        except OSError as error:
            self._shut()
            raise AddressTaken(f"{spec.name} snmp", str(spec.snmp), error.strerror or str(error)) from error
        return sock

    def serve(self, agent: Agent, seed: int) -> None:
        """Let this agent answer from now on."""
        self._behind = agent, Outbox(seed, self._ap, agent)
        if self._sock:
            self._loop.watch(self._sock, self._answer_burst)

    def fault_changed(self) -> None:
        """The AP broke or was mended. Raises AddressTaken when a closed port has found another owner."""
        if self._ap.fault is Fault.CLOSED_PORT:
            if self._sock:
                self._loop.forget(self._sock)
            self._shut()
        elif self._sock is None:
            self._loop.watch(self.open(), self._answer_burst)
        if self._behind:
            self._behind[0].fall_ill(self._ap.fault, self._clock())

    def tell(self, trap: Trap, to: Address) -> None:
        """Send a trap from the AP's own address and port."""
        if self._sock is None or self._behind is None:
            return
        now_s = self._clock()
        octets = self._behind[0].tell(pdu(trap, now_s - self._ap.started_s), now_s)
        if octets:
            self._send(Letter(octets), (to.host, to.port))

    def close(self) -> None:
        """Release the sockets."""
        self._shut()
        if self._other:
            self._other.close()

    def _shut(self) -> None:
        if self._sock:
            self._sock.close()
        self._sock = None

    def _answer_burst(self) -> None:
        """Then the other agents have their turn."""
        for _ in range(_BURST):
            if self._sock is None or self._behind is None:
                return
            try:
                datagram, peer = self._sock.recvfrom(65535)
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # a poller closed its port before our answer came
            for letter in self._behind[1].letters(datagram, self._clock()):
                self._post(letter, peer)

    def _post(self, letter: Letter, peer: Peer) -> None:
        if letter.after_s:
            self._loop.later(letter.after_s, lambda: self._send(letter, peer))
        else:
            self._send(letter, peer)

    def _send(self, letter: Letter, peer: Peer) -> None:
        sock = self._sock if letter.source is Source.OWN else self._elsewhere()
        if sock is None:
            return
        try:
            sock.sendto(letter.octets, peer)
        except OSError:
            return  # a full buffer or a peer that is gone: the datagram is lost, as on any network

    def _elsewhere(self) -> socket.socket:
        """A socket at another port, and within 127/8 at another address."""
        if self._other is None:
            first, second, rest = self._ap.spec.snmp.host.split(".", 2)
            host = f"127.{int(second) ^ 1}.{rest}" if first == "127" else self._ap.spec.snmp.host
            self._other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._other.bind((host, 0))
        return self._other
