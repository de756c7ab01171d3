"""An agent: one datagram in, at most one out."""

import hashlib
from collections.abc import Callable
from typing import Final

from simulator.ap import VirtualAp
from simulator.model import Fault, V2cAccess
from simulator.reading import Reading
from simulator.snmp import ber, mib, pdu, v3
from simulator.snmp.ber import BadMessage

VERSION_2C: Final = 1
MAX_DATAGRAM: Final = 65507

Agent = Callable[[bytes, float], bytes | None]
"""Answers a datagram at a model time; None is silence."""


def agent(ap: VirtualAp, boots: int) -> Agent:
    """The agent of an AP, which speaks the one version its spec names."""
    if isinstance(ap.spec.access, V2cAccess):
        return V2cAgent(ap, ap.spec.access.community.encode())
    engine = v3.Engine(ap.spec.access, engine_id(ap.spec.name), boots, ap.started_s)
    return V3Agent(ap, v3.Responder(engine, _Sight(ap)))


class V2cAgent:
    """SNMPv2c (RFC 1901, RFC 3416): an unknown community and rubbish get no answer, as from snmpd."""

    def __init__(self, ap: VirtualAp, community: bytes) -> None:
        self._ap = ap
        self._community = community
        self._view = _Sight(ap)

    def __call__(self, datagram: bytes, now_s: float) -> bytes | None:
        """See Agent."""
        if self._ap.fault in {Fault.DEAD, Fault.WRONG_COMMUNITY}:
            return None
        try:
            start, _ = ber.expect(ber.SEQUENCE, datagram, 0)
            version, position = ber.take_integer(datagram, start)
            community, position = ber.take_octets(datagram, position)
            if version != VERSION_2C or community != self._community:
                return None
            header = datagram[start:position]
            tree, reading = self._view(now_s)
            room = MAX_DATAGRAM - len(header) - 8
            response = pdu.answer(pdu.parse(datagram, position), tree, reading, room)
        except BadMessage:
            return None
        return None if response is None else ber.tlv(ber.SEQUENCE, header + response)


class V3Agent:
    """SNMPv3 with the user-based security model; `wrong-community` makes it forget its user."""

    def __init__(self, ap: VirtualAp, responder: v3.Responder) -> None:
        self._ap = ap
        self._responder = responder

    def __call__(self, datagram: bytes, now_s: float) -> bytes | None:
        """See Agent."""
        if self._ap.fault is Fault.DEAD:
            return None
        try:
            if self._ap.fault is Fault.WRONG_COMMUNITY:
                return self._responder.answer_as_stranger(datagram, now_s)
            return self._responder.answer(datagram, now_s)
        except BadMessage:
            return None


def engine_id(name: str) -> bytes:
    """An snmpEngineID in net-snmp's format (RFC 3411): the AP's name as text, hashed when it is too long."""
    text = name.encode()
    if len(text) <= 27:
        return b"\x80\x00\x1f\x88\x04" + text
    return b"\x80\x00\x1f\x88\x05" + hashlib.sha256(text).digest()[:27]


class _Sight:
    """What an AP's agent shows now; the tree is looked up once per reading."""

    def __init__(self, ap: VirtualAp) -> None:
        self._ap = ap
        self._last: tuple[mib.Tree, Reading] | None = None

    def __call__(self, now_s: float) -> tuple[mib.Tree, Reading]:
        reading = self._ap.reading(now_s)
        if self._last is None or self._last[1] is not reading:
            self._last = mib.tree(mib.shape(reading)), reading
        return self._last
