"""SNMPv3 messages of an agent: discovery, time window, digests, privacy and the Reports that go with them."""

import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from simulator.model import V3Access
from simulator.snmp import ber, pdu
from simulator.snmp.ber import BadMessage, Oid
from simulator.snmp.usm import AUTH_PROTOCOLS, Keys, keys

AUTH: Final = 0x01
PRIV: Final = 0x02
REPORTABLE: Final = 0x04
USM_MODEL: Final = 3
TIME_WINDOW_S: Final = 150  # RFC 3414 §2.2.3
AUTHORIZATION_ERROR: Final = 16
MAX_MESSAGE: Final = 65507

_USM_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 15, 1, 1)
UNSUPPORTED_SEC_LEVELS: Final[Oid] = (*_USM_STATS, 1, 0)
NOT_IN_TIME_WINDOWS: Final[Oid] = (*_USM_STATS, 2, 0)
UNKNOWN_USER_NAMES: Final[Oid] = (*_USM_STATS, 3, 0)
UNKNOWN_ENGINE_IDS: Final[Oid] = (*_USM_STATS, 4, 0)
WRONG_DIGESTS: Final[Oid] = (*_USM_STATS, 5, 0)
DECRYPTION_ERRORS: Final[Oid] = (*_USM_STATS, 6, 0)
UNKNOWN_CONTEXTS: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1, 5, 0)

Mind = Callable[[bytes, int, float, int], bytes | None]
"""Octets, where in them the PDU starts that they end with, model time, room in octets → response.

None is silence. Raises BadMessage.
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message taken apart; `digest_at` is where its authentication parameters start in the datagram."""

    message_id: int
    max_size: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    payload_at: int

    @property
    def level(self) -> int:
        """Authentication and privacy flags alone."""
        return self.flags & (AUTH | PRIV)


def parse(data: bytes) -> Message:
    """The header and security parameters. Raises BadMessage for rubbish, other versions and other models."""
    start, _ = ber.expect(ber.SEQUENCE, data, 0)
    version, position = ber.take_integer(data, start)
    start, payload = ber.expect(ber.SEQUENCE, data, position)
    message_id, position = ber.take_integer(data, start)
    max_size, position = ber.take_integer(data, position)
    flags, position = ber.take_octets(data, position)
    model, _ = ber.take_integer(data, position)
    if version != 3 or model != USM_MODEL or len(flags) != 1 or flags[0] & (AUTH | PRIV) == PRIV:
        raise BadMessage("not a message of the user-based security model")
    start, payload = ber.expect(ber.OCTET_STRING, data, payload)
    start, _ = ber.expect(ber.SEQUENCE, data, start)
    engine_id, position = ber.take_octets(data, start)
    boots, position = ber.take_integer(data, position)
    time_s, position = ber.take_integer(data, position)
    user, position = ber.take_octets(data, position)
    digest_at, position = ber.expect(ber.OCTET_STRING, data, position)
    salt, _ = ber.take_octets(data, position)
    digest = data[digest_at:position]
    head = (message_id, max_size, flags[0], engine_id, boots, time_s, user)
    return Message(*head, digest, digest_at, salt, payload)


class Engine:
    """One authoritative engine with one user; keys are derived once."""

    def __init__(self, access: V3Access, engine_id: bytes, boots: int, started_s: int) -> None:
        self.engine_id = engine_id
        self.boots = boots
        self.user = access.user.encode()
        self.level = (AUTH if access.auth_protocol else 0) | (PRIV if access.priv_protocol else 0)
        self.keys: Keys = keys(access, engine_id)
        self._started_s = started_s
        self.stamp = ber.octets(engine_id) + ber.integer(boots)

    def time_s(self, now_s: float) -> int:
        """snmpEngineTime: seconds since this boot."""
        return max(0, int(now_s) - self._started_s)

    def restart(self, boots: int, now_s: float) -> None:
        """Count from here."""
        self.boots = boots
        self.stamp = ber.octets(self.engine_id) + ber.integer(boots)
        self._started_s = int(now_s)

    def signed(self, message: bytes, digest_at: int) -> bytes:
        """A message with the digest it should have; the octets there now do not count."""
        size = self.keys.digest_octets
        head, tail = message[:digest_at], message[digest_at + size :]
        return head + self.keys.sign(head + bytes(size) + tail) + tail


_VERSION: Final = ber.integer(3)
_HEADS: Final = tuple(
    ber.integer(MAX_MESSAGE) + ber.octets(bytes((level,))) + ber.integer(USM_MODEL) for level in range(4)
)
"""What follows the msgID in a header, by security level."""
_DIGESTS: Final = {size: ber.octets(bytes(size)) for size in (0, *AUTH_PROTOCOLS.values())}
"""The authentication parameters before they are known."""


class Responder:
    """Processes messages in the order of RFC 3414 §3.2; what cannot be accepted ends in a Report."""

    def __init__(self, engine: Engine, mind: Mind, context: bytes) -> None:
        self.engine = engine
        self._mind = mind
        self._context = context
        self._stats: Counter[Oid] = Counter()
        self._salts = count(1)

    def answer(self, data: bytes, now_s: float) -> bytes | None:
        """The reply, or None for silence. Raises BadMessage."""
        message = parse(data)
        problem = self._problem(message, data, now_s)
        if problem:
            return self._report(message, problem, now_s)
        scoped = data[message.payload_at :]
        if message.flags & PRIV:
            scoped = self._decrypt(message, scoped)
            if scoped[:1] != b"\x30":
                return self._report(message, DECRYPTION_ERRORS, now_s)
        try:
            return self._respond(message, scoped, now_s)
        except BadMessage:
            if not message.flags & PRIV:
                raise
            return self._report(message, DECRYPTION_ERRORS, now_s)  # rubbish that begins like a sequence

    def answer_as_stranger(self, data: bytes, now_s: float) -> bytes | None:
        """As `answer`, had the engine another user than the one we are asked for. Raises BadMessage."""
        message = parse(data)
        known = message.engine_id == self.engine.engine_id
        return self._report(message, UNKNOWN_USER_NAMES if known else UNKNOWN_ENGINE_IDS, now_s)

    def tell(self, body: bytes, now_s: float) -> bytes:
        """A message nobody asked for, of which we are the authoritative engine (RFC 3412 §6.4)."""
        engine = self.engine
        nobodys = Message(next(self._salts), 0, 0, b"", 0, 0, engine.user, b"", 0, b"", 0)
        scoped = ber.octets(engine.engine_id) + ber.octets(self._context) + body
        return self._message(nobodys, engine.level, scoped, now_s)

    def _problem(self, message: Message, data: bytes, now_s: float) -> Oid | None:
        engine = self.engine
        if message.engine_id != engine.engine_id:
            return UNKNOWN_ENGINE_IDS
        if message.user != engine.user:
            return UNKNOWN_USER_NAMES
        if message.level & ~engine.level:
            return UNSUPPORTED_SEC_LEVELS
        if not message.flags & AUTH:
            return None
        if not self._genuine(message, data):
            return WRONG_DIGESTS
        late = abs(message.time_s - engine.time_s(now_s)) > TIME_WINDOW_S
        return NOT_IN_TIME_WINDOWS if late or message.boots != engine.boots else None

    def _genuine(self, message: Message, data: bytes) -> bool:
        if len(message.digest) != self.engine.keys.digest_octets:
            return False
        return hmac.compare_digest(self.engine.signed(data, message.digest_at), data)

    def _decrypt(self, message: Message, payload: bytes) -> bytes:
        privacy = self.engine.keys.privacy
        start, end = ber.expect(ber.OCTET_STRING, payload, 0)
        if privacy is None or len(message.salt) != 8:
            return b""
        return privacy.decrypt(payload[start:end], _clock(message.boots, message.time_s), message.salt)

    def _respond(self, message: Message, scoped: bytes, now_s: float) -> bytes | None:
        start, end = ber.expect(ber.SEQUENCE, scoped, 0)
        _, position = ber.take_octets(scoped, start)
        context, position = ber.take_octets(scoped, position)
        if context != self._context:
            return self._report(message, UNKNOWN_CONTEXTS, now_s, pdu.parse(scoped, position).request_id)
        if message.level != self.engine.level:
            response: bytes | None = pdu.refusal(pdu.parse(scoped, position), AUTHORIZATION_ERROR)
        else:
            room = min(message.max_size, MAX_MESSAGE) - 160 - position - len(message.user)
            response = self._mind(scoped[:end], position, now_s, room)
        if response is None:
            return None
        return self._message(message, message.level, scoped[start:position] + response, now_s)

    def _report(
        self, message: Message, problem: Oid, now_s: float, request_id: bytes = b"\x02\x01\x00"
    ) -> bytes | None:
        """A Report with the counter's new value; only the time window's is signed (RFC 3414 §3.2 step 7)."""
        self._stats[problem] += 1
        if not message.flags & REPORTABLE:
            return None
        value = ber.number(ber.COUNTER32, self._stats[problem])
        varbind = ber.tlv(ber.SEQUENCE, ber.oid(problem) + value)
        body = ber.tlv(pdu.REPORT, request_id + b"\x02\x01\x00\x02\x01\x00" + ber.tlv(ber.SEQUENCE, varbind))
        level = AUTH if problem == NOT_IN_TIME_WINDOWS else 0
        return self._message(
            message, level, ber.octets(self.engine.engine_id) + ber.octets(b"") + body, now_s
        )

    def _message(self, request: Message, level: int, scoped: bytes, now_s: float) -> bytes:
        engine = self.engine
        time_s = engine.time_s(now_s)
        payload, salt = ber.tlv(ber.SEQUENCE, scoped), b""
        if level & PRIV and engine.keys.privacy:
            secret, salt = engine.keys.privacy.encrypt(
                payload, _clock(engine.boots, time_s), next(self._salts)
            )
            payload = ber.octets(secret)
        size = engine.keys.digest_octets if level & AUTH else 0
        security = (
            engine.stamp + ber.integer(time_s) + ber.octets(request.user) + _DIGESTS[size] + ber.octets(salt)
        )
        head = ber.tlv(ber.SEQUENCE, ber.integer(request.message_id) + _HEADS[level])
        security = ber.octets(ber.tlv(ber.SEQUENCE, security))
        message = ber.tlv(ber.SEQUENCE, _VERSION + head + security + payload)
        if not size:
            return message
        return engine.signed(message, len(message) - len(payload) - len(salt) - 2 - size)


def _clock(boots: int, time_s: int) -> bytes:
    return (boots & 0xFFFFFFFF).to_bytes(4, "big") + (time_s & 0xFFFFFFFF).to_bytes(4, "big")
