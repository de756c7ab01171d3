"""Hears what devices tell unasked, traps and informs, and spends little on those it does not know."""

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from drivers.model import Endpoint, SnmpCredentials, SnmpV3
from drivers.snmp.allowance import Allowance
from drivers.snmp.notice import Counts, EngineIdentity, Notice, Unheard, plain_address
from drivers.snmp.pysnmp_notices import Decoder

Senders = Mapping[str, Sequence[SnmpCredentials]]
"""Source address → the credentials of the devices there; several share the address of a site's gateway."""

# Decoding costs pysnmp 0.3 ms a notice, and 20 ms when 4,096 octets are full of variable bindings: it gets a
# tenth of the loop's time at most, and one source a fiftieth.
SHARE: Final = 0.1
BURST_S: Final = 0.25
SOURCE_SHARE: Final = 0.02
SOURCE_BURST_S: Final = 0.1
MAX_OCTETS: Final = 4096

_AT_ONCE: Final = 64
_REST_S: Final = 0.01


class Receiver:
    """Listens in the running loop from its making until `close`. Raises OSError when it cannot listen there.

    What a stranger sends costs one read and one look-up; pysnmp never sees it. After _AT_ONCE reads the
    socket rests, so that the kernel drops a flood. A lost notice costs little: the device's turn comes.
    """

    def __init__(
        self,
        listen: Endpoint,
        senders: Senders,
        identity: EngineIdentity,
        heard: Callable[[Notice], None],
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self.counts = Counts()
        self._senders = senders
        self._heard = heard
        self._clock = clock
        self._spent = spent  # of our processor: on a busy machine decoding takes longer, and is no flood
        self._all = Allowance(SHARE, BURST_S)
        self._by_source = {source: Allowance(SOURCE_SHARE, SOURCE_BURST_S) for source in senders}
        self._loop = asyncio.get_running_loop()
        self._socket = _bound(listen)
        self.endpoint = Endpoint(listen.host, self._socket.getsockname()[1])
        self._decoder = Decoder(identity, senders, self._send, clock)
        self._loop.add_reader(self._socket, self._read)

    def knows(self, source: str, engine_id: bytes, boots: int, credentials: SnmpV3) -> None:
        """The engine of a device at `source`: traps of SNMPv3 are believed of known engines only.

        Their sender is authoritative (RFC 3414 §1.5.1). Fewer boots than before: the device lost count.
        """
        self._decoder.knows(source, engine_id, boots, credentials)

    def close(self) -> None:
        """Listen no more."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._decoder.close()

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                datagram, address = self._socket.recvfrom(MAX_OCTETS + 1)
            except BlockingIOError:
                return
            except OSError:
                continue  # an answer of ours met a closed port
            if self._take(datagram, address):
                return  # everybody else in the loop has a turn between two decodings
        self._loop.remove_reader(self._socket)
        self._loop.call_later(_REST_S, self._read_again)

    def _read_again(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._read)

    def _take(self, datagram: bytes, address: Any) -> bool:
        """Whether it was worth decoding."""
        source = plain_address(address[0])
        if source not in self._senders:
            self.counts.strangers += 1
            return False
        began_s = self._clock()
        allowances = self._by_source[source], self._all
        if len(datagram) > MAX_OCTETS or not all(one.is_left(began_s) for one in allowances):
            self.counts.surplus += 1
            return False
        spent_s = -self._spent()
        outcome = self._decoder.decode(datagram, source, address)
        spent_s += self._spent()
        for one in allowances:
            one.spend(spent_s)
        self._count(outcome)
        return True

    def _count(self, outcome: Notice | Unheard) -> None:
        if isinstance(outcome, Notice):
            self.counts.heard += 1
            self._heard(outcome)
        elif outcome is Unheard.DISBELIEVED:
            self.counts.disbelieved += 1

    def _send(self, datagram: bytes, address: Any) -> None:
        try:
            self._socket.sendto(datagram, address)
        except OSError:
            return  # the sender asks again


def _bound(listen: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((listen.host, listen.port))
    except OSError:
        made.close()
        raise
    return made
