"""What is in the air: sockets, request ids and due times of all polls of one event loop."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from math import ceil
from typing import Final

from drivers.snmp import ber, hot
from drivers.snmp.alarms import Alarms
from drivers.snmp.dialogue import Answer
from drivers.snmp.envelope import Disbelieved, Refusal
from drivers.snmp.exchange import PORT, Exchange
from drivers.snmp.seam import Failure, Reason
from drivers.snmp.udp import Address, UdpPort, Unreachable
from drivers.snmp.window import Window

_OCTETS_PER_ANSWER: Final = 4608  # what the kernel charges for an answer of 1.5 kB, twice for safety
_DATAGRAMS_PER_TURN: Final = 256
_DATAGRAMS_BEFORE_ALARMS: Final = 8192
_RESEND_S: Final = 0.005
_LONGEST_RESEND_S: Final = 0.25
_OUR_QUEUE_IS_FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM})
_REST_S: Final = 0.002
_MANY: Final = 64
_FINE: Final = b"\x02\x01\x00\x02\x01\x00\x30"  # no error-status, no error-index, then the bindings
_FEWEST_PROBES: Final = 64
_SILENT_PER_PROBE: Final = 5  # 5,000 that are dead cost some 250 probes a second
_PROBE_S: Final = 0.02
_PROBES_AT_ONCE: Final = 8
_MOST_DETOURS: Final = 4  # who are you, what time is it, and once again when the engine was replaced
_OF_ANOTHER_REQUEST: Final = "belongs to another request"


class Wire:
    """Sends questions, matches answers by request id, source and community, and keeps the time.

    A poll holds a place in the `live` window until its first try goes unanswered; a device that was silent
    the last time waits in the `slow` one, so that the dead never hold places of the living.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, random_id: Callable[[], bytes], receive_octets: int
    ) -> None:
        self._loop = loop
        self._random_id = random_id
        self._receive_octets = receive_octets
        self._alarms: Alarms[bytes] = Alarms(loop, self._fetch, self._overdue, self._late)
        self._ports: dict[socket.AddressFamily, UdpPort] = {}
        self._known: set[Exchange] = set()
        self._pending: dict[bytes, Exchange] = {}
        self._talking: dict[Address, Exchange] = {}
        self._silent: set[str] = set()
        places = self.receive_octets // _OCTETS_PER_ANSWER
        self.live: Window[Exchange] = Window(places)
        self._slow: Window[Exchange] = Window(_FEWEST_PROBES)
        self._probing: asyncio.TimerHandle | None = None
        self._resting: dict[UdpPort, asyncio.TimerHandle] = {}
        self._dropped = 0
        self._dropped_at = -1.0
        self.ignored = 0
        """Datagrams from nobody we are talking to."""

    @property
    def receive_octets(self) -> int:
        """The kernel's buffer for answers, as it is."""
        return self._port(socket.AF_INET).receive_octets

    @property
    def dropped(self) -> int:
        """Answers lost because we did not fetch them in time: our fault, never counted against an agent."""
        return sum(port.dropped for port in self._ports.values())

    def know(self, exchange: Exchange) -> None:
        """A poll that will end, be it by `close`."""
        self._known.add(exchange)

    def start(self, exchange: Exchange, family: socket.AddressFamily, address: Address) -> None:
        """Let it wait for its place."""
        exchange.port = port = self._port(family)
        exchange.headers = port.headers
        exchange.address = address
        if exchange.request.device not in self._silent:
            self.live.wait(exchange)
            self._admit()
            return
        self._slow.wait(exchange)
        if self._probing is None:
            self._probing = self._loop.call_later(_PROBE_S, self._probe)

    def end(self, exchange: Exchange, failure: Failure | None) -> None:
        """Deliver what came of it, once."""
        if exchange not in self._known:
            return
        self._known.discard(exchange)
        self._forget_ids(exchange)
        if self._talking.get(exchange.address) is exchange:
            del self._talking[exchange.address]
        self.live.leave(exchange)
        self._slow.leave(exchange)
        exchange.deliver(exchange.reply(failure, self._alarms.now()))
        self._admit()

    def close(self) -> None:
        """End every poll with TIMEOUT and release the sockets."""
        while self._known:
            self.end(next(iter(self._known)), Failure(Reason.TIMEOUT, "the poller was closed"))
        self._alarms.cancel()
        if self._probing is not None:
            self._probing.cancel()
        for resting in self._resting.values():
            resting.cancel()
        self._resting.clear()
        for port in self._ports.values():
            self._loop.remove_reader(port.socket)
            port.close()

    def _port(self, family: socket.AddressFamily) -> UdpPort:
        port = self._ports.get(family)
        if port is None:
            port = self._ports[family] = UdpPort(family, self._receive_octets)
            self._loop.add_reader(port.socket, self._ready, port)
        return port

    def _admit(self) -> None:
        while (exchange := self.live.admit()) is not None:
            if exchange in self._known:
                self._begin(exchange)
            else:
                self.live.leave(exchange)

    def _probe(self) -> None:
        """Let a few of the silent try again; never many at once, the living come first."""
        self._probing = None
        for _ in range(_PROBES_AT_ONCE):
            exchange = self._slow.admit()
            if exchange is None:
                break
            if exchange in self._known:
                self._begin(exchange)
            else:
                self._slow.leave(exchange)
        if self._slow.waiting:
            self._probing = self._loop.call_later(_PROBE_S, self._probe)

    def _begin(self, exchange: Exchange) -> None:
        exchange.started = self._alarms.now()
        exchange.deadline = exchange.started + exchange.request.deadline_s
        self._talking[exchange.address] = exchange
        self._ask(exchange)

    def _ask(self, exchange: Exchange) -> None:
        if exchange.ask():
            self._send(exchange)
            return
        self._silent.discard(exchange.request.device)
        self.live.answered()
        self.end(exchange, None)

    def _send(self, exchange: Exchange) -> None:
        request_id = self._random_id()
        while request_id in self._pending:
            request_id = self._random_id()
        now = exchange.sent = self._alarms.now()
        datagram = exchange.datagram(request_id)
        error = exchange.port.send(datagram, exchange.address)
        if error is not None and error.errno in _OUR_QUEUE_IS_FULL:
            self._send_later(exchange, now)
            return
        self._pending[request_id] = exchange
        exchange.unsent = 0
        exchange.sent_octets += len(datagram) + exchange.headers
        exchange.trouble = f" ({error.strerror})" if error else ""
        left_s, timeout_s = exchange.deadline - now, exchange.timeout_s()
        self._alarms.set(now, timeout_s if timeout_s <= left_s else ceil(left_s * 100) / 100, request_id)

    def _send_later(self, exchange: Exchange, now: float) -> None:
        """Our own queue is full: that is no try, and fewer polls should be in the air."""
        exchange.take_back()
        exchange.unsent += 1
        if now >= exchange.deadline:
            detail = "our own network queue was full all the time; is this machine's link too slow?"
            self.end(exchange, Failure(Reason.TIMEOUT, detail))
            return
        self.live.stalled()
        wait_s = min(_LONGEST_RESEND_S, _RESEND_S * 2**exchange.unsent)
        self._loop.call_later(wait_s, self._send_again, exchange)

    def _send_again(self, exchange: Exchange) -> None:
        if exchange in self._known:
            self._send(exchange)

    def _fetch(self) -> None:
        for port in list(self._ports.values()):
            self._turn(port, _DATAGRAMS_BEFORE_ALARMS)
        dropped = self.dropped
        if dropped > self._dropped:
            self._dropped = dropped
            self._dropped_at = self._alarms.now()
            self._late()

    def _ready(self, port: UdpPort) -> None:
        """Answers have arrived. While many are awaited, take a short rest after some: the next come in
        numbers, and waking up costs as much as hearing one.
        """
        self._turn(port, _DATAGRAMS_PER_TURN)
        if len(self._pending) > _MANY:
            self._loop.remove_reader(port.socket)
            self._resting[port] = self._loop.call_later(_REST_S, self._rested, port)

    def _rested(self, port: UdpPort) -> None:
        del self._resting[port]
        self._loop.add_reader(port.socket, self._ready, port)

    def _turn(self, port: UdpPort, at_most: int) -> None:
        for datagram, address in port.receive(at_most):
            self._hear(datagram, address)
        for unreachable in port.unreachables():
            self._unreachable(unreachable)

    def _hear(self, datagram: bytes, address: Address) -> None:
        request_id = hot.id_of(datagram)
        exchange = self._pending.get(request_id) if request_id is not None else None
        if exchange is None or request_id is None:
            about = self._talking.get(address)
            if about:
                about.received_octets += len(datagram) + about.headers
                _stray(about, request_id)
            else:
                self.ignored += 1
            return
        try:
            if exchange.address != address:
                raise Disbelieved(f"comes from {address[0]} port {address[1]}")
            exchange.received_octets += len(datagram) + exchange.headers
            answered = self._listen(exchange, datagram, request_id)
        except Disbelieved as why:
            exchange.ignore(str(why))
        except (ber.BerError, IndexError):
            exchange.ignore("cannot be read")
        except Refusal as refusal:
            self.end(exchange, refusal.failure)
        else:
            exchange.time(request_id, self._alarms.now())
            self._go_on(exchange, answered=answered)

    def _listen(self, exchange: Exchange, datagram: bytes, request_id: bytes) -> bool:
        """Whether this was the answer to the question; if not, the question must be asked again.

        Raises Disbelieved, Refusal, BerError, IndexError, and has learned nothing then.
        """
        opened = exchange.envelope.open(datagram, request_id)
        if opened is None:
            exchange.detours += 1
            if exchange.detours > _MOST_DETOURS:
                raise Disbelieved("tells us again and again to ask otherwise")
            return False
        data, at, end = opened
        dialogue = exchange.dialogue
        forecast = dialogue.forecast
        if forecast is not None and data[at : at + len(_FINE)] == _FINE:
            _, start, stop = hot.header(data, at + len(_FINE) - 1, end)
            values = hot.values_named(data, start, stop, forecast.names)
            if values is not None and dialogue.hear_values(forecast, values):
                return True
        dialogue.hear(_answer(data, at, end))
        return True

    def _go_on(self, exchange: Exchange, *, answered: bool) -> None:
        self._forget_ids(exchange)
        exchange.answered = True
        if answered:
            self._ask(exchange)
        else:
            exchange.tries = 0
            exchange.waited_s = 0.0
            self._send(exchange)

    def _unreachable(self, unreachable: Unreachable) -> None:
        exchange = self._talking.get(unreachable.address)
        if exchange is not None and exchange.quoted_in(unreachable.request):
            exchange.refused = PORT if unreachable.refused else os.strerror(unreachable.number)
            if exchange.exhausted:
                self._fall_silent(exchange)

    def _overdue(self, request_id: bytes) -> None:
        exchange = self._pending.get(request_id)
        if exchange is None or exchange.ids[-1] != request_id:
            return  # answered meanwhile, or asked again
        now = self._alarms.now()
        if now >= exchange.deadline:
            self._fall_silent(exchange)
        elif self._dropped_at >= exchange.sent:  # the answer may be among those we lost: our fault
            exchange.tries -= 1
            self._send(exchange)
        elif exchange.exhausted:
            self._fall_silent(exchange)
        else:
            self.live.leave(exchange)
            exchange.ask_again()
            self._send(exchange)
            self._admit()

    def _fall_silent(self, exchange: Exchange) -> None:
        exchange.trip.forget()
        self._silent.add(exchange.request.device)
        self._slow.resize(max(_FEWEST_PROBES, len(self._silent) // _SILENT_PER_PROBE))
        self.end(exchange, exchange.silence())

    def _late(self) -> None:
        self.live.stalled()

    def _forget_ids(self, exchange: Exchange) -> None:
        for request_id in exchange.current_ids():
            self._pending.pop(request_id, None)
        exchange.asked_from = len(exchange.ids)


def _stray(about: Exchange, request_id: bytes | None) -> None:
    """A datagram from where we are talking that answers nothing we wait for."""
    if request_id is None:
        about.ignore("cannot be read")
    elif request_id in about.ids:
        about.repeated += 1  # both tries were answered, as happens on slow links
    else:
        about.ignore(_OF_ANOTHER_REQUEST)


def _answer(data: bytes, at: int, end: int) -> Answer:
    status, at = hot.read_integer(data, at, end)
    index, at = hot.read_integer(data, at, end)
    _, at, stop = hot.header(data, at, end)
    return Answer(status, index, ber.read_varbinds(data, at, stop))
