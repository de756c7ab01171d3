"""How a question travels to one SNMPv3 agent and its answer is believed (RFC 3412, RFC 3414)."""

import hmac
import os
from collections.abc import Callable
from itertools import count
from typing import Final, NamedTuple

from drivers.model import SnmpV3
from drivers.snmp.ber import BerError, Pdu, Tag, Verb, decode_pdu, integer
from drivers.snmp.envelope import Disbelieved, Refusal, response_body
from drivers.snmp.hot import header, read_integer, read_octets, tlv
from drivers.snmp.questions import Question
from drivers.snmp.seam import Failure, Oid, Reason
from drivers.snmp.usm import Keys, localized

AUTH, PRIV, REPORTABLE = 1, 2, 4
_TIME_WINDOW_S: Final = 150  # RFC 3414 §2.2.3
_MOST_BOOTS: Final = 2**31 - 1
_MAX_SIZE: Final = b"\x02\x03\x00\xff\xe3"  # msgMaxSize: what a UDP datagram holds
_MODEL: Final = b"\x02\x01\x03"  # the user-based security model
_VERSION: Final = b"\x02\x01\x03"
_HEADS: Final = {
    flags: (_VERSION + b"\x30\x11\x02\x04", _MAX_SIZE + b"\x04\x01" + bytes((flags,)) + _MODEL)
    for flags in range(8)
}
"""Version and msgGlobalData around the msgID (17 octets with it), by msgFlags."""
_USM_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 15, 1, 1)
_UNKNOWN_CONTEXTS: Final[Oid] = (1, 3, 6, 1, 6, 3, 12, 1, 5)
_NOT_IN_TIME_WINDOW, _UNKNOWN_ENGINE_ID = 2, 4
_REFUSALS: Final = {
    1: "does not offer this user the security level we ask for; is privacy set up for it?",
    3: "does not know the user",
    5: "says the authentication key or protocol is wrong",
    6: "says the privacy key or protocol is wrong",
}
_SALT_MASK: Final = 2**64 - 1
_salts: Final = count(int.from_bytes(os.urandom(8), "big"))
"""Never the same twice in a process, begun anywhere so that two processes hardly meet (RFC 3826 §3.1.2.1)."""


class Parts(NamedTuple):
    """A message taken apart; `digest_at` is where its authentication parameters begin."""

    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    payload_at: int
    end: int


def parse(data: bytes) -> Parts:
    """Header and security parameters. Raises BerError, IndexError."""
    _, at, end = header(data, 0, len(data))
    _, at, after = header(data, at + len(_VERSION), end)
    _, at = read_integer(data, at, after)
    _, at = read_integer(data, at, after)
    flags, at = read_octets(data, at, after)
    if len(flags) != 1 or data[at : at + 3] != _MODEL:
        raise BerError("another security model")
    _, at, payload_at = header(data, after, end)
    _, at, stop = header(data, at, payload_at)
    engine_id, at = read_octets(data, at, stop)
    boots, at = read_integer(data, at, stop)
    time_s, at = read_integer(data, at, stop)
    if boots < 0 or time_s < 0:
        raise BerError("a clock below zero")
    user, at = read_octets(data, at, stop)
    digest, at = read_octets(data, at, stop)
    digest_at = at - len(digest)
    salt, _ = read_octets(data, at, stop)
    return Parts(flags[0], engine_id, boots, time_s, user, digest, digest_at, salt, payload_at, end)


class UserEnvelope:
    """One user at one agent. State is per agent: clones share engineIDs (RFC 3414 §3.2).

    Boots and time are those of the agent's last authentic message; a report that nobody signed moves nothing
    but the search for the engine.
    """

    __slots__ = (
        "_asked_who",
        "_boots",
        "_clock",
        "_context",
        "_engine_id",
        "_keys",
        "_level",
        "_name",
        "_sought",
        "_stamp",
        "_time_s",
        "_told_at",
        "_user",
        "_user_name",
        "bulk",
        "events",
        "known_boots",
        "known_engine_id",
    )

    def __init__(
        self, user: SnmpV3, clock: Callable[[], float], engine_id: bytes = b"", boots: int = 0
    ) -> None:
        self._clock = clock
        self.bulk = True
        self._user = user
        self._level = (AUTH if user.auth_protocol != "none" else 0) | (
            PRIV if user.priv_protocol != "none" else 0
        )
        self._name = user.user.encode()
        self._user_name = tlv(Tag.OCTETS, self._name)
        self._context = self._stamp = b""
        self._keys: Keys | None = None
        self._engine_id = b""
        self._boots = self._time_s = 0
        self._told_at = 0.0
        self._asked_who = False
        self._sought = 0
        self.known_engine_id = engine_id
        self.known_boots = boots
        self.events: list[str] = []
        """Sentences for the audit log."""

    def begin(self) -> None:
        """One more poll: the engine may be sought anew, once."""
        self._sought = 0

    def seal(self, question: Question, request_id: bytes) -> bytes:
        """See Envelope."""
        if self._keys is None:
            self._asked_who = True
            return _who_are_you(request_id)
        self._asked_who = False
        scoped = tlv(Tag.SEQUENCE, self._context + question.head + request_id + question.tail)
        time_s = self._time_s + int(self._clock() - self._told_at)
        return self._sealed(self._keys, request_id, scoped, time_s)

    def open(self, datagram: bytes, request_id: bytes) -> tuple[bytes, int, int] | None:
        """See Envelope."""
        try:
            parts = parse(datagram)
            authentic = bool(parts.flags & AUTH) and self._authentic(datagram, parts)
            scoped, at, end = self._scoped(datagram, parts, authentic=authentic)
            if scoped[at] == Verb.REPORT:
                self._report(decode_pdu(scoped, at, end), parts, authentic=authentic)
                return None
            if self._keys is None or parts.flags & (AUTH | PRIV) != self._level:
                raise Disbelieved("is less secure than what was asked")
            self._note_time(parts)
            return response_body(scoped, at, end, request_id)
        except BerError as error:
            raise Disbelieved("cannot be read") from error

    def _sealed(self, keys: Keys, request_id: bytes, scoped: bytes, time_s: int) -> bytes:
        payload, salt = scoped, b""
        if keys.cipherer is not None:
            clock = self._boots.to_bytes(4, "big") + time_s.to_bytes(4, "big")
            secret, salt = keys.cipherer.encrypt(scoped, clock, next(_salts) & _SALT_MASK)
            payload = tlv(Tag.OCTETS, secret)
        salt = tlv(Tag.OCTETS, salt)
        stamp = self._stamp + integer(self._boots) + integer(time_s) + self._user_name
        security = tlv(Tag.SEQUENCE, stamp + tlv(Tag.OCTETS, bytes(keys.digest_octets)) + salt)
        before, after = _HEADS[self._level | REPORTABLE]
        message = tlv(Tag.SEQUENCE, before + request_id + after + tlv(Tag.OCTETS, security) + payload)
        if not keys.digest_octets:
            return message
        stop = len(message) - len(payload) - len(salt)
        return message[: stop - keys.digest_octets] + keys.digest(message) + message[stop:]

    def _authentic(self, datagram: bytes, parts: Parts) -> bool:
        keys = self._keys
        if keys is None or parts.engine_id != self._engine_id or parts.user != self._name:
            raise Disbelieved("comes from another engine or user")
        size = keys.digest_octets
        at = parts.digest_at
        blank = datagram[:at] + bytes(size) + datagram[at + size : parts.end]
        if len(parts.digest) != size or not size or not hmac.compare_digest(keys.digest(blank), parts.digest):
            raise Disbelieved("bears a wrong digest")
        return True

    def _scoped(self, datagram: bytes, parts: Parts, *, authentic: bool) -> tuple[bytes, int, int]:
        """Where the PDU stands in the scoped PDU, decrypted if it must be."""
        data, at, end = datagram, parts.payload_at, parts.end
        if parts.flags & PRIV:
            cipherer = self._keys.cipherer if self._keys else None
            if not authentic or cipherer is None or len(parts.salt) != 8:
                raise Disbelieved("is encrypted where nothing was agreed")
            secret, _ = read_octets(data, at, end)
            clock = parts.boots.to_bytes(4, "big") + parts.time_s.to_bytes(4, "big")
            try:
                data = cipherer.decrypt(secret, clock, parts.salt)
            except ValueError as error:
                raise Disbelieved("cannot be decrypted") from error
            at, end = 0, len(data)
        tag, at, end = header(data, at, end)
        if tag != Tag.SEQUENCE:
            raise Disbelieved("cannot be decrypted")
        _, at = read_octets(data, at, end)
        _, at = read_octets(data, at, end)
        return data, at, end

    def _note_time(self, parts: Parts) -> None:
        """RFC 3414 §3.2 step 7b: authentic time only goes forward."""
        if not self._level & AUTH:
            return
        expected_s = self._time_s + int(self._clock() - self._told_at)
        behind = parts.boots == self._boots and parts.time_s < expected_s - _TIME_WINDOW_S
        if parts.boots < self._boots or parts.boots == _MOST_BOOTS or behind:
            raise Disbelieved("is older than what the agent said before")
        self._set_clock(parts)
        self._note_engine()

    def _set_clock(self, parts: Parts) -> None:
        self._boots, self._time_s, self._told_at = parts.boots, parts.time_s, self._clock()

    def _note_engine(self) -> None:
        """An authentic answer: what differs from before is news for the audit log."""
        if self._engine_id == self.known_engine_id and self._boots == self.known_boots:
            return
        if self.known_engine_id and self._engine_id != self.known_engine_id:
            was, now = self.known_engine_id.hex(), self._engine_id.hex()
            self.events.append(f"SNMPv3 engineID changed from {was} to {now}; was the device replaced?")
        elif self._boots < self.known_boots:
            boots = f"from {self.known_boots} to {self._boots}"
            self.events.append(f"SNMPv3 engineBoots went back {boots}; was the device reset?")
        self.known_engine_id, self.known_boots = self._engine_id, self._boots

    def _report(self, pdu: Pdu, parts: Parts, *, authentic: bool) -> None:
        """What the agent lacks. Returns when asking again may help. Raises Disbelieved, Refusal."""
        name = pdu.varbinds[0][0] if pdu.varbinds else ()
        if name[: len(_UNKNOWN_CONTEXTS)] == _UNKNOWN_CONTEXTS:
            raise Refusal(Failure(Reason.ERROR, f"the agent has no context {self._user.context!r}"))
        kind = name[len(_USM_STATS)] if name[:-2] == _USM_STATS else 0
        if kind == _UNKNOWN_ENGINE_ID:
            self._found_engine(parts)
        elif kind == _NOT_IN_TIME_WINDOW:
            self._late(parts, authentic=authentic)
        elif kind in _REFUSALS and not self._asked_who:
            raise Refusal(Failure(Reason.AUTH, f"the agent {_REFUSALS[kind]} (user {self._user.user})"))
        else:
            raise Disbelieved("is a report about something else")

    def _found_engine(self, parts: Parts) -> None:
        if self._keys is not None and parts.engine_id == self._engine_id:
            return  # a second answer to our search
        if not self._asked_who:  # it has become another engine than the one we knew
            self._seek()
            return
        if not 5 <= len(parts.engine_id) <= 32:
            raise Disbelieved("names no engine")
        self._engine_id = parts.engine_id
        self._keys = localized(self._user, parts.engine_id)
        self._stamp = tlv(Tag.OCTETS, parts.engine_id)
        self._context = self._stamp + tlv(Tag.OCTETS, self._user.context.encode())
        self._set_clock(parts)

    def _late(self, parts: Parts, *, authentic: bool) -> None:
        """The agent's clock is another. Boots that went back are believed only of an engine sought anew."""
        if not authentic:
            raise Disbelieved("is a report nobody signed")
        if parts.boots < self._boots and not self._sought:
            self._seek()
            return
        self._set_clock(parts)

    def _seek(self) -> None:
        """Ask who it is, at most once a poll: nobody can keep us asking."""
        if self._sought:
            raise Disbelieved("changes its engine again and again")
        self._sought += 1
        self._keys = None


def _who_are_you(request_id: bytes) -> bytes:
    """RFC 3414 §4: an empty request to nobody, which an engine answers with a report that names it."""
    nobody = tlv(Tag.SEQUENCE, b"\x04\x00\x02\x01\x00\x02\x01\x00\x04\x00\x04\x00\x04\x00")
    pdu = tlv(Verb.GET, b"\x02\x04" + request_id + b"\x02\x01\x00\x02\x01\x00\x30\x00")
    scoped = tlv(Tag.SEQUENCE, b"\x04\x00\x04\x00" + pdu)
    before, after = _HEADS[REPORTABLE]
    return tlv(Tag.SEQUENCE, before + request_id + after + tlv(Tag.OCTETS, nobody) + scoped)
