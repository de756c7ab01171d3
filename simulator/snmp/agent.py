"""An agent: one datagram in, at most one out."""

import hashlib
from typing import Final, Protocol

from simulator.ap import VirtualAp
from simulator.model import Fault, V1Access, V3Access
from simulator.reading import Reading
from simulator.snmp import ber, hostile, mib, pdu, v3
from simulator.snmp.ber import BadMessage
from simulator.snmp.pdu import Dialect
from simulator.snmp.tree import Tree

VERSION_1: Final = 0
VERSION_2C: Final = 1
MAX_DATAGRAM: Final = 65507
OLD: Final = pdu.Old()
MODERN: Final = pdu.Modern()


class Agent(Protocol):
    """What stands behind one address."""

    def answer(self, datagram: bytes, now_s: float) -> bytes | None:
        """The answer to a datagram at a model time; None is silence."""
        ...

    def seal(self, spoilt: bytes, answer: bytes) -> bytes:
        """An answer that some octets were changed in, with its digest made anew where it has one."""
        ...

    def fall_ill(self, fault: Fault | None, now_s: float) -> None:
        """What happens at the moment the AP breaks or is mended."""
        ...

    def tell(self, pdu: bytes, now_s: float) -> bytes:
        """A message with this SNMPv2-Trap-PDU; empty from an agent that speaks only SNMPv1."""
        ...


def agent(ap: VirtualAp, boots: int) -> Agent:
    """The agent of an AP, which speaks the one version its spec names."""
    access = ap.spec.access
    if isinstance(access, V3Access):
        own = v3.Engine(access, engine_id(ap.spec.name), boots, ap.started_s)
        return V3Agent(ap, access, v3.Responder(own, Mind(ap, MODERN), access.context.encode()))
    if isinstance(access, V1Access):
        return CommunityAgent(ap, VERSION_1, access.community.encode(), Mind(ap, OLD))
    return CommunityAgent(ap, VERSION_2C, access.community.encode(), Mind(ap, MODERN))


class Mind:
    """What an AP's agent answers to a PDU, whoever asked and however it came."""

    def __init__(self, ap: VirtualAp, dialect: Dialect) -> None:
        self._ap = ap
        self._dialect = dialect
        self._plant = mib.narrow_tree if isinstance(dialect, pdu.Old) else mib.tree
        self._last: tuple[Tree[Reading], Reading] | None = None

    def __call__(self, data: bytes, position: int, now_s: float, room: int) -> bytes | None:
        """See v3.Mind."""
        request = pdu.parse(data, position)
        tree, reading = self._sight(now_s)
        fault = self._ap.fault
        view = hostile.view(fault, tree)
        return hostile.whim(fault)(
            request, lambda asked: self._dialect.answer(asked, view, reading, room), self._dialect
        )

    def _sight(self, now_s: float) -> tuple[Tree[Reading], Reading]:
        """What there is to be seen now; the tree is looked up once per reading."""
        reading = self._ap.reading(now_s)
        if self._last is None or self._last[1] is not reading:
            self._last = self._plant(mib.shape(reading)), reading
        return self._last


class CommunityAgent:
    """SNMPv1 (RFC 1157) or SNMPv2c (RFC 1901): a strange community gets no answer, nor does rubbish."""

    def __init__(self, ap: VirtualAp, version: int, community: bytes, mind: Mind) -> None:
        self._ap = ap
        self._version = version
        self._community = community
        self._mind = mind

    def answer(self, datagram: bytes, now_s: float) -> bytes | None:
        """See Agent."""
        if self._ap.fault in {Fault.DEAD, Fault.WRONG_COMMUNITY}:
            return None
        try:
            start, _ = ber.expect(ber.SEQUENCE, datagram, 0)
            version, position = ber.take_integer(datagram, start)
            community, position = ber.take_octets(datagram, position)
            if version != self._version or community != self._community:
                return None
            header = datagram[start:position]
            response = self._mind(datagram, position, now_s, MAX_DATAGRAM - len(header) - 8)
        except BadMessage:
            return None
        return None if response is None else ber.tlv(ber.SEQUENCE, header + response)

    def seal(self, spoilt: bytes, answer: bytes) -> bytes:
        """See Agent; there is no digest."""
        return spoilt

    def fall_ill(self, fault: Fault | None, now_s: float) -> None:
        """See Agent; there is no engine."""

    def tell(self, pdu: bytes, now_s: float) -> bytes:
        """See Agent."""
        if self._version == VERSION_1:
            return b""
        return ber.tlv(ber.SEQUENCE, ber.integer(self._version) + ber.octets(self._community) + pdu)


class V3Agent:
    """SNMPv3 with the user-based security model; `wrong-community` makes it forget its user."""

    def __init__(self, ap: VirtualAp, access: V3Access, responder: v3.Responder) -> None:
        self._ap = ap
        self._access = access
        self._responder = responder
        self._own = responder.engine

    def answer(self, datagram: bytes, now_s: float) -> bytes | None:
        """See Agent."""
        if self._ap.fault is Fault.DEAD:
            return None
        try:
            if self._ap.fault is Fault.WRONG_COMMUNITY:
                return self._responder.answer_as_stranger(datagram, now_s)
            return self._responder.answer(datagram, now_s)
        except BadMessage:
            return None

    def seal(self, spoilt: bytes, answer: bytes) -> bytes:
        """See Agent."""
        message = v3.parse(answer)
        if not message.flags & v3.AUTH:
            return spoilt
        return self._responder.engine.signed(spoilt, message.digest_at)

    def fall_ill(self, fault: Fault | None, now_s: float) -> None:
        """See Agent."""
        strange = hostile.other_engine_id(fault, self._own.engine_id)
        if strange:
            self._responder.engine = v3.Engine(self._access, strange, 1, int(now_s))
            return
        self._responder.engine = self._own
        if fault is Fault.V3_REBOOT:
            self._own.restart(self._own.boots + 1, now_s)
        elif fault is Fault.V3_BOOTS_RESET:
            self._own.restart(1, now_s)

    def tell(self, pdu: bytes, now_s: float) -> bytes:
        """See Agent."""
        return self._responder.tell(pdu, now_s)


def engine_id(name: str) -> bytes:
    """An snmpEngineID in net-snmp's format (RFC 3411): the AP's name as text, hashed when it is too long."""
    text = name.encode()
    if len(text) <= 27:
        return b"\x80\x00\x1f\x88\x04" + text
    return b"\x80\x00\x1f\x88\x05" + hashlib.sha256(text).digest()[:27]
