"""A TCP (RFC 9293) as small as one request needs: it opens, sends, hears in order, sends again, and ends."""

import os
import time
from collections.abc import Iterator
from typing import Final

from drivers.probe.errors import Failed, Reset
from drivers.probe.phone import Phone
from drivers.probe.segment import ACK, FIN, PSH, RST, SYN, Segment

_WAITS_S: Final = (1.0, 2.0, 4.0, 8.0)
_SEGMENT: Final = 1200
_WINDOW: Final = 65_535
_SCALE: Final = 3  # 512 KiB in flight: a satellite's round trip is not what bounds a download
_RING: Final = 1 << 32
_OPTIONS: Final = b"\x02\x04" + _SEGMENT.to_bytes(2) + b"\x01\x03\x03" + bytes([_SCALE])  # MSS, WScale


class Connection:
    """A connection from the phone to a server, until a moment of the monotonic clock.

    `rtt_ms` is from the phone's first packet to the server's.
    Every method raises Failed when that has come or nobody answers, and Reset.
    Checksums are not looked at: a network card computes them after we have seen the packet.
    """

    def __init__(self, phone: Phone, address: str, port: int, until: float) -> None:
        self.server = f"{address}:{port}"
        self.address, self.port = address, port
        self._phone, self._until = phone, until
        self._own_port = 32768 + int.from_bytes(os.urandom(2)) % 28000
        self._next = int.from_bytes(os.urandom(4))  # what we send next
        self._acked = self._next
        self._due = 0  # what we hear next
        self._heard = bytearray()
        self._early: dict[int, tuple[bytes, bool]] = {}  # content, and whether it ends there
        self._ended = False
        self.rtt_ms = 0.0
        self._open()

    def send(self, octets: bytes) -> None:
        """Return when all of it has been acknowledged."""
        for start in range(0, len(octets), _SEGMENT):
            self._deliver(octets[start : start + _SEGMENT])

    def receive(self) -> bytes:
        """What comes next, b"" at its end."""
        if not self._heard and not self._ended:
            for segment in self._segments(self._until):
                self._take(segment)
                if self._heard or self._ended:
                    break
            else:
                raise Failed(f"{self.server} fell silent")
        taken, self._heard = bytes(self._heard), bytearray()
        return taken

    def close(self) -> None:
        """Leave nothing half open at the server: a reset unless it has ended its side too."""
        self._send(FIN | ACK if self._ended else RST | ACK)

    def _open(self) -> None:
        for wait_s in _WAITS_S:
            begun = time.monotonic()
            self._send(SYN, options=_OPTIONS)
            for segment in self._segments(min(self._until, time.monotonic() + wait_s)):
                opened = segment.flags & SYN and segment.flags & ACK
                if opened and segment.ack == (self._next + 1) % _RING:
                    self._next = self._acked = segment.ack
                    self._due = (segment.seq + 1) % _RING
                    self.rtt_ms = (time.monotonic() - begun) * 1000
                    self._send(ACK)
                    return
            if time.monotonic() >= self._until:
                break
        raise Failed(f"{self.server} does not answer")

    def _deliver(self, chunk: bytes) -> None:
        goal = (self._next + len(chunk)) % _RING
        for wait_s in _WAITS_S:
            self._send(PSH | ACK, chunk)
            for segment in self._segments(min(self._until, time.monotonic() + wait_s)):
                self._take(segment)
                if self._acked == goal:
                    self._next = goal
                    return
            if time.monotonic() >= self._until:
                break
        raise Failed(f"{self.server} does not acknowledge what we send")

    def _segments(self, until: float) -> Iterator[Segment]:
        """Segments of this connection; a reset ends it, whatever the state."""
        for segment in self._phone.segments(self.address, until):
            if segment.ports != (self.port, self._own_port):
                continue
            if segment.flags & RST:
                refused = "refuses the connection" if not self._due else "breaks the connection off"
                raise Reset(f"{self.server} {refused} (TCP reset)")
            yield segment

    def _take(self, segment: Segment) -> None:
        if segment.flags & ACK and (segment.ack - self._next) % _RING <= _SEGMENT:
            self._acked = segment.ack
        last = bool(segment.flags & FIN)
        if segment.content or last:
            if abs(self._ahead(segment.seq)) <= _WINDOW << _SCALE:
                self._early[segment.seq] = segment.content, last
            self._join()
            self._send(ACK)  # also of what came twice or too early: then the server sends what lacks

    def _join(self) -> None:
        """Take what is next, of all that came."""
        for number in sorted(self._early, key=self._ahead):
            content, last = self._early[number]
            known = -self._ahead(number)
            if known < 0:
                return
            del self._early[number]
            if known <= len(content):
                self._heard += content[known:]
                self._due = (number + len(content)) % _RING
                if last and not self._ended:
                    self._due = (self._due + 1) % _RING
                    self._ended = True

    def _ahead(self, number: int) -> int:
        """How far a sequence number is beyond what is due, negative where it is before."""
        return (number - self._due + _RING // 2) % _RING - _RING // 2

    def _send(self, flags: int, content: bytes = b"", options: bytes = b"") -> None:
        ports, due = (self._own_port, self.port), self._due if flags & ACK else 0
        segment = Segment(ports, self._next, due, flags, _WINDOW, options, content)
        self._phone.send_segment(self.address, segment)
