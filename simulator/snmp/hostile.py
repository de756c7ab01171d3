"""What agents say that break the rules: a view shows what is not there, a whim answers a PDU as it likes.

How answers are spoilt and delivered is in simulator.snmp.delivery; a fault in no table is honest here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Generic

from simulator.model import Access, Fault, V1Access, V3Access
from simulator.snmp import ber, pdu
from simulator.snmp.ber import Oid
from simulator.snmp.pdu import GET, GET_BULK, Dialect, Pdu
from simulator.snmp.tree import Instance, R, Tree, View

MAX_VARBINDS: Final = 10  # of too-big
MAX_REPETITIONS: Final = 3  # of short-bulk
SICK: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 6, 0)  # sysLocation.0, of sick-object
_OF_BULK: Final = frozenset({Fault.SHORT_BULK, Fault.NO_BULK, Fault.BULK_REFUSED})
SHARED_ENGINE_ID: Final = b"\x80\x00\x1f\x88\x04clone"


def unsuited(fault: Fault, access: Access) -> str:
    """Why this fault cannot befall an agent with this access; empty when it can."""
    if fault.startswith("v3-") and not isinstance(access, V3Access):
        return f"{fault} needs SNMPv3"
    if fault is Fault.V3_WRONG_DIGEST and isinstance(access, V3Access) and not access.auth_protocol:
        return f"{fault} needs a user with authentication"
    if fault in _OF_BULK and isinstance(access, V1Access):
        return f"{fault} needs GETBULK, which SNMPv1 does not have"
    return ""


def other_engine_id(fault: Fault | None, own: bytes) -> bytes:
    """The engineID that an agent with this fault shows instead of its own; empty for its own."""
    if fault is Fault.V3_SHARED_ENGINE_ID:
        return SHARED_ENGINE_ID
    return own[:-1] + bytes((own[-1] ^ 0x80,)) if fault is Fault.V3_ENGINE_ID_CHANGED else b""


def view(fault: Fault | None, honest: Tree[R]) -> View[R]:
    """What an agent with this fault shows."""
    return _warped(fault, honest) if fault in _VIEWS else honest


@dataclass(frozen=True)
class _Nothing(Generic[R]):
    """There is no object at all."""

    honest: View[R]

    def exact(self, oid: Oid) -> Instance[R] | None:
        return None

    def following(self, oid: Oid) -> Instance[R] | None:
        return None

    def object_of(self, oid: Oid) -> Oid | None:
        return None


@dataclass(frozen=True)
class _Warped(Generic[R]):
    """Honest to a GET; walks are left to the subclasses."""

    honest: View[R]

    def exact(self, oid: Oid) -> Instance[R] | None:
        return self.honest.exact(oid)

    def object_of(self, oid: Oid) -> Oid | None:
        return self.honest.object_of(oid)


class _Ending(_Warped[R]):
    """Behind an instance there is nothing."""

    def following(self, oid: Oid) -> Instance[R] | None:
        return None if self.honest.exact(oid) else self.honest.following(oid)


class _Backward(_Warped[R]):
    """Behind an object's second row comes its first."""

    def following(self, oid: Oid) -> Instance[R] | None:
        above = self.honest.object_of(oid)
        first = self.honest.following(above) if above else None
        second = self.honest.following(first.oid) if first else None
        return first if second and second.oid == oid else self.honest.following(oid)


class _Endless(_Warped[R]):
    """Behind every row of an object there is one more, with the value of its first."""

    def following(self, oid: Oid) -> Instance[R] | None:
        above = self.honest.object_of(oid)
        first = self.honest.following(above) if above else None
        if first is None or above == oid:
            return self.honest.following(oid)
        behind = (*oid[:-1], oid[-1] + 1)
        return Instance(behind, ber.oid(behind), first.read)


_VIEWS: Final[Mapping[Fault | None, Callable[[Any], View[Any]]]] = {
    Fault.NO_SUCH_OBJECT: _Nothing,
    Fault.END_OF_VIEW: _Ending,
    Fault.NOT_INCREASING: _Backward,
    Fault.ENDLESS_WALK: _Endless,
}


@lru_cache(maxsize=256)
def _warped(fault: Fault, honest: Tree[Any]) -> View[Any]:
    return _VIEWS[fault](honest)


Honest = Callable[[Pdu], bytes | None]
"""The answer of an agent that keeps the rules."""

Whim = Callable[[Pdu, Honest, Dialect], bytes | None]


def whim(fault: Fault | None) -> Whim:
    """How an agent with this fault answers a PDU."""
    return _WHIMS.get(fault, _honest)


def _honest(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    return honest(request)


def _too_big(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    asked = len(pdu.names(request.varbinds))
    if request.tag == GET_BULK:
        return honest(_bounded(request, asked, MAX_VARBINDS))
    return dialect.too_big(request) if asked > MAX_VARBINDS else honest(request)


def _bounded(request: Pdu, asked: int, limit: int) -> Pdu:
    """A GETBULK whose repetitions bring at most `limit` varbinds, one repetition at least."""
    single = min(max(0, request.first), asked)
    repetitions = (limit - single) // max(1, asked - single)
    return replace(request, second=min(request.second, max(1, repetitions)))


def _one_varbind(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    if len(pdu.names(request.varbinds)) == 1:
        return honest(request)
    return pdu.refusal(request, pdu.GEN_ERR) if request.tag == GET_BULK else dialect.too_big(request)


def _gen_error(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    return pdu.refusal(request, pdu.GEN_ERR) if request.tag == GET else honest(request)


def _sick_object(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    asked = pdu.names(request.varbinds) if request.tag == GET else []
    return pdu.refusal(request, pdu.GEN_ERR, asked.index(SICK) + 1) if SICK in asked else honest(request)


def _empty_answer(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    return None if honest(request) is None else pdu.response(request, b"")


def _short_bulk(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    cut = replace(request, second=min(request.second, MAX_REPETITIONS))
    return honest(cut if request.tag == GET_BULK else request)


def _no_bulk(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    return None if request.tag == GET_BULK else honest(request)


def _bulk_refused(request: Pdu, honest: Honest, dialect: Dialect) -> bytes | None:
    return pdu.refusal(request, pdu.GEN_ERR) if request.tag == GET_BULK else honest(request)


_WHIMS: Final[Mapping[Fault | None, Whim]] = {
    Fault.TOO_BIG: _too_big,
    Fault.ONE_VARBIND: _one_varbind,
    Fault.GEN_ERROR: _gen_error,
    Fault.SICK_OBJECT: _sick_object,
    Fault.EMPTY_ANSWER: _empty_answer,
    Fault.SHORT_BULK: _short_bulk,
    Fault.NO_BULK: _no_bulk,
    Fault.BULK_REFUSED: _bulk_refused,
}
