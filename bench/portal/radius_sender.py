"""Plays access points: RADIUS packets (RFC 2865, RFC 2866), many on their way at the same time."""

import hashlib
import hmac
import os
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.poll.child import ClientFailed
from bench.portal.serving import HOST

LANES: Final = 32
"""Access points, each with one packet on its way."""

ACCESS_REQUEST, ACCESS_ACCEPT, ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE = 1, 2, 4, 5
USER_NAME, USER_PASSWORD, CLASS, CALLING_STATION_ID, NAS_IDENTIFIER = 1, 2, 25, 31, 32
STATUS_TYPE, INPUT_OCTETS, OUTPUT_OCTETS, SESSION_ID, SESSION_TIME, TERMINATE_CAUSE = 40, 42, 43, 44, 46, 49
MESSAGE_AUTHENTICATOR: Final = 80

_AGAIN_S: Final = 3.0
_TRIES: Final = 10
_MAX: Final = 4096

Attributes = Sequence[tuple[int, bytes | int]]


def access_request(number: int, secret: bytes, password: bytes, attributes: Attributes) -> bytes:
    """With the password hidden (RFC 2865 §5.2) and signed by Message-Authenticator (RFC 3579 §3.2)."""
    authenticator = os.urandom(16)
    hidden = (USER_PASSWORD, _hidden(password, secret, authenticator))
    packet = _packet(
        ACCESS_REQUEST, number, authenticator, (*attributes, hidden, (MESSAGE_AUTHENTICATOR, bytes(16)))
    )
    return packet[:-16] + hmac.new(secret, packet, "md5").digest()


def accounting_request(number: int, secret: bytes, attributes: Attributes) -> bytes:
    """Signed by its Request Authenticator (RFC 2866 §3)."""
    packet = _packet(ACCOUNTING_REQUEST, number, bytes(16), attributes)
    return packet[:4] + hashlib.md5(packet + secret).digest() + packet[20:]  # noqa: S324  RADIUS has it so


def send(port: int, packets: Sequence[bytes], wanted: int, lanes: int = LANES) -> None:
    """Have all of them answered with this code. Raises ClientFailed."""
    with selectors.DefaultSelector() as selector:
        busy = [_lane(port, packets[first::lanes]) for first in range(min(lanes, len(packets)))]
        for lane in busy:
            selector.register(lane.line, selectors.EVENT_READ, lane)
        try:
            while selector.get_map():
                for key, _ in selector.select(0.2):
                    if not key.data.answered(wanted):
                        selector.unregister(key.fileobj)
                for lane in busy:
                    lane.repeat()
        finally:
            for lane in busy:
                lane.line.close()


@dataclass(slots=True)
class _Lane:
    line: socket.socket
    rest: Iterator[bytes]
    sent: bytes
    tries: int = 0
    since_s: float = field(default_factory=time.monotonic)

    def answered(self, wanted: int) -> bool:
        """Take an answer and send the next; False when there is none."""
        answer = self.line.recv(_MAX)
        if answer[1] != self.sent[1]:
            return True  # to one that was repeated
        if answer[0] != wanted:
            raise ClientFailed(f"FreeRADIUS answered with the code {answer[0]} instead of {wanted}")
        self.sent = next(self.rest, b"")
        self.tries, self.since_s = 0, time.monotonic()
        if self.sent:
            self.line.send(self.sent)
        return bool(self.sent)

    def repeat(self) -> None:
        """As an access point does: the same datagram."""
        if not self.sent or time.monotonic() - self.since_s < _AGAIN_S:
            return
        if self.tries == _TRIES:
            raise ClientFailed(f"FreeRADIUS did not answer within {_TRIES * _AGAIN_S:.0f} s")
        self.tries, self.since_s = self.tries + 1, time.monotonic()
        self.line.send(self.sent)


def _lane(port: int, packets: Sequence[bytes]) -> _Lane:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.connect((HOST, port))
    line.send(packets[0])
    return _Lane(line, iter(packets[1:]), packets[0])


def _packet(code: int, number: int, authenticator: bytes, attributes: Attributes) -> bytes:
    body = b"".join(_attribute(kind, value) for kind, value in attributes)
    return struct.pack("!BBH", code, number % 256, 20 + len(body)) + authenticator + body


def _attribute(kind: int, value: bytes | int) -> bytes:
    octets = struct.pack("!I", value) if isinstance(value, int) else value
    return struct.pack("!BB", kind, 2 + len(octets)) + octets


def _hidden(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    padded, found, before = password + bytes(-len(password) % 16), b"", authenticator
    for at in range(0, len(padded), 16):
        mask = hashlib.md5(secret + before).digest()  # noqa: S324
        before = bytes(one ^ other for one, other in zip(padded[at : at + 16], mask, strict=True))
        found += before
    return found
