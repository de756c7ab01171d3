"""Asks an access point to let a phone go, or to change what bounds its session (RFC 5176).

pyrad makes and checks the packets; the sending is ours, because its client leaves its socket open, takes an
answer from any address, and leaves the check of the answer's code to its caller.
"""

import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pyrad.packet import (
    CoAACK,
    CoANAK,
    CoAPacket,
    CoARequest,
    DisconnectACK,
    DisconnectNAK,
    DisconnectRequest,
    PacketError,
)

from captive_portal.errors import GatewayFailed

PORT: Final = 3799
TRIES: Final = 4
WAIT_S: Final = 2.0
"""How long each try waits: with four tries a satellite's round trip is had several times over."""

MAX_OCTETS: Final = 4096
NO_SUCH_SESSION: Final = 503

Attributes = Mapping[int | tuple[int, int], list[bytes]]
"""Number, or vendor and number → values."""

USER_NAME, CALLING_STATION_ID, NAS_IDENTIFIER, ACCT_SESSION_ID, ERROR_CAUSE = 1, 31, 32, 44, 101

# FreeRADIUS 3.2's dictionary.rfc2865, .rfc2869, .wispr and .chillispot, CoovaChilli's radius_chillispot.h.
NUMBERS: Final[Mapping[str, int | tuple[int, int]]] = {
    "Session-Timeout": 27,
    "Acct-Interim-Interval": 85,
    "WISPr-Bandwidth-Max-Up": (14122, 7),
    "WISPr-Bandwidth-Max-Down": (14122, 8),
    "ChilliSpot-Max-Total-Octets": (14559, 3),
    "ChilliSpot-Max-Total-Gigawords": (14559, 23),
}


class Proof(StrEnum):
    """What proves a request, besides its Request Authenticator, which covers all of it (RFC 5176 §2.3)."""

    SIGNED = "Message-Authenticator"
    BARE = "nothing"


@dataclass(frozen=True, slots=True)
class Nas:
    """An access point or its controller that takes requests; `identifier` is its NAS-Identifier, or empty.

    `proof` is BARE for one that refuses a Message-Authenticator.
    """

    site: str
    host: str
    secret: bytes = field(repr=False)
    port: int = PORT
    identifier: str = ""
    proof: Proof = Proof.SIGNED


@dataclass(frozen=True, slots=True)
class Target:
    """What names a phone's session there. All that is given has to match (RFC 5176 §3), so give little.

    `mac` is in lower case with colons; it is told as RFC 3580 §3.21 spells it.
    """

    user: str = field(default="", repr=False)
    mac: str = field(default="", repr=False)
    association: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """It did."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not; `cause` is the Error-Cause (RFC 5176 §3.5), 0 when it tells none."""

    cause: int


def disconnect(nas: Nas, target: Target, wait_s: float = WAIT_S) -> Acknowledged | Refused:
    """End a session; one that is not there has ended, too. Raises GatewayFailed when nobody answers."""
    answer = _asked(nas, DisconnectRequest, _named(nas, target), wait_s)
    return Acknowledged() if answer == Refused(NO_SUCH_SESSION) else answer


def change(
    nas: Nas, target: Target, bounds: Mapping[str, int], wait_s: float = WAIT_S
) -> Acknowledged | Refused:
    """Bound a session anew, by names of NUMBERS. Raises GatewayFailed when nobody answers.

    Give only what its kind takes: some refuse the whole request for one attribute they do not know.
    """
    wanted: Attributes = {NUMBERS[name]: [struct.pack("!I", value)] for name, value in bounds.items()}
    return _asked(nas, CoARequest, {**_named(nas, target), **wanted}, wait_s)


def _named(nas: Nas, target: Target) -> Attributes:
    texts = (
        (NAS_IDENTIFIER, nas.identifier),
        (USER_NAME, target.user),
        (CALLING_STATION_ID, target.mac.upper().replace(":", "-")),
        (ACCT_SESSION_ID, target.association),
    )
    return {number: [text.encode()] for number, text in texts if text}


def _asked(nas: Nas, code: int, attributes: Attributes, wait_s: float) -> Acknowledged | Refused:
    packet = CoAPacket(code=code, secret=nas.secret, message_authenticator=nas.proof is Proof.SIGNED)
    for number, values in attributes.items():
        packet[number] = values
    answer = _answer(nas, packet, wait_s)
    if answer.code == (DisconnectACK if code == DisconnectRequest else CoAACK):
        return Acknowledged()
    if answer.code == (DisconnectNAK if code == DisconnectRequest else CoANAK):
        return Refused(_error_cause(answer))
    raise GatewayFailed(nas.site, "the access point answered a request to let go with something else")


def _answer(nas: Nas, packet: CoAPacket, wait_s: float) -> CoAPacket:
    """The first answer that the secret signed. A repetition is the same datagram (RFC 5176 §2.3)."""
    sent = packet.RequestPacket()
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(nas.host, nas.port, type=socket.SOCK_DGRAM)
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect(address)
            for _ in range(TRIES):
                line.send(sent)
                found = _heard(line, packet, wait_s)
                if found is not None:
                    return found
    except OSError as error:
        raise GatewayFailed(nas.site, f"the access point cannot be asked: {error.strerror}") from error
    raise GatewayFailed(nas.site, "the access point gave no answer that can be believed")


def _heard(line: socket.socket, packet: CoAPacket, wait_s: float) -> CoAPacket | None:
    until = time.monotonic() + wait_s
    while (left := until - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            received = line.recv(MAX_OCTETS)
        except (TimeoutError, ConnectionRefusedError):
            time.sleep(max(0.0, until - time.monotonic()))  # refused: it may be starting
            return None
        answer = _believed(packet, received)
        if answer is not None:
            return answer
    return None


def _believed(packet: CoAPacket, received: bytes) -> CoAPacket | None:
    """An answer whose Response Authenticator, and Message-Authenticator where it has one, are right."""
    try:
        answer = packet.CreateReply(packet=received)
    except (PacketError, ValueError, struct.error):
        return None
    return answer if packet.VerifyReply(answer, received) else None


def _error_cause(answer: CoAPacket) -> int:
    told = answer.get(ERROR_CAUSE, [])
    return int.from_bytes(told[0], "big") if told else 0
