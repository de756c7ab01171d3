"""How the answers of a broken AP leave it: spoilt, lost, late, after an old one, from elsewhere."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from simulator.ap import VirtualAp
from simulator.chance import draw
from simulator.model import Fault
from simulator.snmp import ber
from simulator.snmp.agent import Agent

LOSS_PCT: Final = 30  # of lossy
DELAY_S: Final = 1.5  # of slow-drip
_TURN: Final = 0x5A  # turns bits of an octet, not the sign of a number
VERSION_3: Final = 3


class Source(Enum):
    """Which socket a letter leaves from."""

    OWN = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Letter:
    """A datagram to send."""

    octets: bytes
    after_s: float = 0.0
    source: Source = Source.OWN


class Outbox:
    """Puts an agent's answers into letters."""

    def __init__(self, seed: int, ap: VirtualAp, agent: Agent) -> None:
        self._seed = seed
        self._ap = ap
        self._agent = agent
        self._count = 0
        self._previous: bytes | None = None

    def letters(self, datagram: bytes, now_s: float) -> tuple[Letter, ...]:
        """What leaves because of a datagram that came."""
        fault = self._ap.fault
        answer = self._agent.answer(datagram, now_s)
        if answer is None:
            return ()
        previous, self._previous = self._previous, answer
        self._count += 1
        if fault is Fault.LOSSY and self._draw() * 100 < LOSS_PCT:
            return ()
        if fault is Fault.STALE_ID and previous is not None:
            return Letter(previous), Letter(answer)
        return (_letter(fault, self._spoil(fault, answer)),)

    def _draw(self) -> float:
        return draw(self._seed, self._ap.spec.name, str(self._ap.fault), self._count)

    def _spoil(self, fault: Fault | None, answer: bytes) -> bytes:
        if fault is Fault.TRUNCATED:
            return answer[: len(answer) * 2 // 3]
        if fault is Fault.GARBAGE:
            return random.Random(self._draw()).randbytes(len(answer))
        edit = _EDITS.get(fault)
        if edit is None:
            return answer
        spoilt = edit(answer)
        return spoilt if fault is Fault.V3_WRONG_DIGEST else self._agent.seal(spoilt, answer)


def _letter(fault: Fault | None, octets: bytes) -> Letter:
    if fault is Fault.SLOW_DRIP:
        return Letter(octets, after_s=DELAY_S)
    return Letter(octets, source=Source.OTHER if fault is Fault.OTHER_SOURCE else Source.OWN)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where in an answer stand: its version, its id, and the end of its community or user."""

    version: int
    id: int
    name_end: int
    digest: int


def _places(answer: bytes) -> _Places:
    start, _ = ber.expect(ber.SEQUENCE, answer, 0)
    version, position = ber.take_integer(answer, start)
    if version == VERSION_3:
        return _v3_places(answer, position)
    _, behind = ber.take_octets(answer, position)
    _, inside, _ = ber.enter(answer, behind)
    _, id_end = ber.take_integer(answer, inside)
    return _Places(position - 1, id_end - 1, behind, 0)


def _v3_places(answer: bytes, position: int) -> _Places:
    inside, header_end = ber.expect(ber.SEQUENCE, answer, position)
    _, id_end = ber.take_integer(answer, inside)
    inside, _ = ber.expect(ber.OCTET_STRING, answer, header_end)
    inside, _ = ber.expect(ber.SEQUENCE, answer, inside)
    _, behind = ber.take_octets(answer, inside)  # engineID
    _, behind = ber.take_integer(answer, behind)  # engineBoots
    _, behind = ber.take_integer(answer, behind)  # engineTime
    _, name_end = ber.take_octets(answer, behind)
    digest, end = ber.expect(ber.OCTET_STRING, answer, name_end)
    return _Places(position - 1, id_end - 1, name_end, digest if end > digest else 0)


def _turned(octets: bytes, at: int, bits: int = _TURN) -> bytes:
    return octets[:at] + bytes((octets[at] ^ bits,)) + octets[at + 1 :]


def _wrong_version(answer: bytes) -> bytes:
    return _turned(answer, _places(answer).version, 1)


def _wrong_id(answer: bytes) -> bytes:
    return _turned(answer, _places(answer).id)


def _wrong_name(answer: bytes) -> bytes:
    end = _places(answer).name_end
    return _turned(answer, end - 1) if answer[end - 1] else answer  # a discovery's user is empty


def _wrong_digest(answer: bytes) -> bytes:
    at = _places(answer).digest
    return _turned(answer, at) if at else answer


_EDITS: Final[Mapping[Fault | None, Callable[[bytes], bytes]]] = {
    Fault.WRONG_VERSION: _wrong_version,
    Fault.WRONG_ID: _wrong_id,
    Fault.WRONG_COMMUNITY_ANSWER: _wrong_name,
    Fault.V3_WRONG_DIGEST: _wrong_digest,
}
