"""pysnmp decodes notices: traps of SNMPv1, traps and informs of v2c and v3; it acknowledges the believed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.carrier.asyncio.dispatch import AsyncioDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.ntfrcv import NotificationReceiver
from pysnmp.proto import errind
from pysnmp.proto.secmod.cache import Cache

from drivers.model import SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3
from drivers.snmp.notice import EngineIdentity, Notice, Unheard, kind_of
from drivers.snmp.pysnmp_users import Users
from drivers.snmp.pysnmp_values import plain
from drivers.snmp.seam import Oid, Value

_SNMP_TRAP_OID: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_SNMP_TRAP_COMMUNITY: Final[Oid] = (1, 3, 6, 1, 6, 3, 18, 1, 4, 0)
_V3_MODEL: Final = 3
_NO_AUTH, _AUTH_NO_PRIV, _AUTH_PRIV = 1, 2, 3  # securityLevel, RFC 3411 §3.4.3
_TIME_WINDOW_S: Final = 150  # RFC 3414 §2.2.3

Send = Callable[[bytes, Any], None]


@dataclass(slots=True)
class _Hearing:
    """What is known about the datagram that is being decoded."""

    source: str
    claimed_engine: bytes = b""
    boots: int = 0
    time_s: int = 0
    asks: bool = False
    answered: bool = False
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class _Clock:
    """Where the authoritative clock of a sender stood when we last heard it."""

    boots: int
    time_s: int
    heard_at_s: float


class Decoder:
    """One pysnmp engine, used from one running loop. `decode` does everything before it returns."""

    def __init__(
        self,
        identity: EngineIdentity,
        senders: Mapping[str, Sequence[SnmpCredentials]],
        send: Send,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identity = identity
        self._senders = senders
        self._clock = clock
        self._clocks: dict[bytes, _Clock] = {}
        self._hearing = _Hearing("")
        self._engine = _engine(identity)
        self._users = Users(self._engine, identity.engine_id)
        self._communities = _communities(self._engine, senders)
        self._send = send
        self._transports = {4: _Transport(self._answer), 6: _Transport(self._answer)}
        _connect(self._engine, self._transports)
        _Application(self._engine, self._believes, self._hear)
        self._engine.observer.register_observer(self._see_clock, "rfc3414.processIncomingMsg")
        self._engine.observer.register_observer(self._see_failure, "rfc3412.prepareDataElements:sm-failure")

    def knows(self, source: str, engine_id: bytes, boots: int, credentials: SnmpV3) -> None:
        """See `notices.Receiver.knows`."""
        self._users.add(source, engine_id, credentials)
        last = self._clocks.get(engine_id)
        if last is None or last.boots != boots:
            self._clocks[engine_id] = _Clock(boots, 0, self._clock())

    def decode(self, datagram: bytes, source: str, address: Any) -> Notice | Unheard:
        """What it says; `address` is where an answer goes. Never raises for what somebody sends."""
        self._hearing = hearing = _Hearing(source)
        try:
            self._users.enter(datagram, source, self._senders[source])
            self._transports[6 if ":" in address[0] else 4].receive(datagram, address)
        except Exception:  # noqa: BLE001  whatever hostile octets make of pysnmp, RecursionError too
            hearing.notice = None
        if hearing.notice is not None:
            return hearing.notice
        for model in self._engine.security_models.values():
            model._cache = Cache()  # pysnmp keeps for ever what it began and did not end
        return Unheard.GREETING if hearing.asks and hearing.answered else Unheard.DISBELIEVED

    def close(self) -> None:
        """Release what pysnmp runs in the loop."""
        self._engine.close_dispatcher()

    def _believes(self, model: int, name: str, level: int) -> bool:
        known = self._senders[self._hearing.source]
        if model != _V3_MODEL:
            community = self._communities.get(name, "")
            return any(isinstance(c, SnmpV1 | SnmpV2c) and c.community.reveal() == community for c in known)
        enough = any(isinstance(c, SnmpV3) and c.user == name and level >= _level(c) for c in known)
        said = self._hearing
        if not enough or said.claimed_engine == self._identity.engine_id:
            return enough  # an inform: we are authoritative, and pysnmp looks at the time (step 7 a)
        ours = self._users.is_engine_of(said.source, said.claimed_engine)
        return ours and (level == _NO_AUTH or self._is_fresh())

    def _is_fresh(self) -> bool:
        """RFC 3414 §3.2 step 7 b. pysnmp does not: the message has overwritten its notion by then."""
        said, now_s = self._hearing, self._clock()
        last = self._clocks[said.claimed_engine]
        expected_s = last.time_s + (now_s - last.heard_at_s) if last.time_s else 0
        if (said.boots, said.time_s) < (last.boots, expected_s - _TIME_WINDOW_S):
            return False
        if (said.boots, said.time_s) > (last.boots, last.time_s):
            self._clocks[said.claimed_engine] = _Clock(said.boots, said.time_s, now_s)
        return True

    def _see_clock(self, engine: Any, point: str, variables: Mapping[str, Any], context: Any) -> None:
        hearing = self._hearing
        hearing.claimed_engine = bytes(variables["securityEngineId"])
        hearing.boots, hearing.time_s = int(variables["snmpEngineBoots"]), int(variables["snmpEngineTime"])

    def _see_failure(self, engine: Any, point: str, variables: Mapping[str, Any], context: Any) -> None:
        """A sender of informs first asks for our engineID, then for our time; both answers are reports."""
        why = variables["statusInformation"]["errorIndication"]
        asks_who = isinstance(why, errind.UnknownEngineID)
        asks_time = isinstance(why, errind.NotInTimeWindow)
        ours = self._hearing.claimed_engine == self._identity.engine_id
        self._hearing.asks = asks_who or (asks_time and ours)

    def _answer(self, datagram: bytes, address: Any) -> None:
        self._hearing.answered = True
        self._send(datagram, address)

    def _hear(self, engine: Any, state: Any, context_id: Any, context: Any, varbinds: Any, mine: Any) -> None:
        values = {tuple(name): plain(value) for name, value in varbinds}
        values.pop(_SNMP_TRAP_COMMUNITY, None)  # a secret, which pysnmp adds to a trap of SNMPv1
        oid = values.pop(_SNMP_TRAP_OID, None)
        said: dict[Oid, Value] = {name: value for name, value in values.items() if value is not None}
        oid = oid if isinstance(oid, tuple) else ()
        self._hearing.notice = Notice(self._hearing.source, kind_of(oid), oid, said)


class _Application(NotificationReceiver):  # type: ignore[misc]  # pysnmp is not typed
    """pysnmp's own acknowledges an inform before anybody is asked; this one asks first."""

    def __init__(self, engine: Any, believes: Callable[[int, str, int], bool], hear: Any) -> None:
        super().__init__(engine, hear)
        self._believes = believes

    def process_pdu(self, engine: Any, version: Any, model: Any, name: Any, level: Any, *rest: Any) -> None:
        """Called by pysnmp with what was decoded and, in SNMPv3, authenticated."""
        if self._believes(int(model), str(name), int(level)):
            super().process_pdu(engine, version, model, name, level, *rest)


class _Transport:
    """What pysnmp takes for a transport: datagrams come in by `receive` and go out by `send`."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._callback: Any = None

    def register_callback(self, callback: Any) -> None:
        """Called by pysnmp."""
        self._callback = callback

    def unregister_callback(self) -> None:
        """Called by pysnmp."""
        self._callback = None

    def close_transport(self) -> None:
        """Called by pysnmp; the socket is not ours to close."""

    def send_message(self, message: bytes, address: Any) -> None:
        """Called by pysnmp with an acknowledgement or a report."""
        self._send(message, tuple(address))

    def receive(self, datagram: bytes, address: Any) -> None:
        """Hand a datagram in; pysnmp has dealt with it when this returns."""
        self._callback(self, udp.UdpTransportAddress(address), datagram)


def _engine(identity: EngineIdentity) -> Any:
    """It gets its ID afterwards: an engine made with one keeps its boots in /tmp, open to everybody."""
    engine = SnmpEngine()
    names = ("snmpEngineID", "snmpEngineBoots")
    own_id, boots = engine.get_mib_builder().import_symbols("__SNMP-FRAMEWORK-MIB", *names)
    own_id.syntax = engine.snmpEngineID = own_id.syntax.clone(identity.engine_id)
    boots.syntax = boots.syntax.clone(identity.boots)
    return engine


def _connect(engine: Any, transports: Mapping[int, _Transport]) -> None:
    dispatcher = AsyncioDispatcher()
    engine.register_transport_dispatcher(dispatcher)
    dispatcher.register_transport(udp.DOMAIN_NAME, transports[4])
    dispatcher.register_transport(udp6.DOMAIN_NAME, transports[6])


def _communities(engine: Any, senders: Mapping[str, Sequence[SnmpCredentials]]) -> Mapping[str, str]:
    """Tell pysnmp every community; returns each by the name that pysnmp will call it."""
    known = (c for some in senders.values() for c in some if isinstance(c, SnmpV1 | SnmpV2c))
    named = {f"c{n}": text for n, text in enumerate(sorted({c.community.reveal() for c in known}))}
    for name, text in named.items():
        config.add_v1_system(engine, name, text)
    return named


def _level(credentials: SnmpV3) -> int:
    """The securityLevel of the credential: less is not believed."""
    if credentials.auth_protocol == "none":
        return _NO_AUTH
    return _AUTH_NO_PRIV if credentials.priv_protocol == "none" else _AUTH_PRIV
