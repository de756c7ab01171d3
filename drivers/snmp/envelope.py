"""How a question travels to one agent and its answer is believed: the message processing of v1 and v2c."""

from typing import Final, Protocol

from drivers.snmp.ber import BerError, Tag, Verb, Version, community_head, header, tlv
from drivers.snmp.questions import Question
from drivers.snmp.seam import Failure

ID_OCTETS: Final = 4
_RESPONSE: Final = int(Verb.RESPONSE)
_ID_HEAD: Final = b"\x02\x04"
_V1, _V2C, _V3 = b"\x02\x01\x00", b"\x02\x01\x01", b"\x02\x01\x03"


class Disbelieved(Exception):
    """A datagram that is not the answer it seems to be; the text goes on after "its answer"."""


class Refusal(Exception):
    """The agent has understood and refuses us."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.detail)


class Envelope(Protocol):
    """Seals questions for one agent and opens its answers."""

    bulk: bool
    """Whether this version has GETBULK."""

    def seal(self, question: Question, request_id: bytes) -> bytes:
        """The datagram that asks `question`, or first what must be asked before it."""
        ...

    def open(self, datagram: bytes, request_id: bytes) -> tuple[bytes, int, int] | None:
        """Octets, where the PDU's error-status stands in them, and where the PDU ends.

        None: the agent told what we lacked, ask again. Raises Disbelieved, Refusal, IndexError (cut short).
        """
        ...


def id_of(datagram: bytes) -> bytes | None:
    """The request-id (v1, v2c) or msgID (v3) as four octets, unproved; None when there is none."""
    try:
        at = 2 + (datagram[1] & 0x7F if datagram[1] & 0x80 else 0)
        version = datagram[at : at + 3]
        at += 3
        if version in (_V1, _V2C):
            at += 2 + datagram[at + 1]  # the community, which is ours and so short
            at += 2 + (datagram[at + 1] & 0x7F if datagram[at + 1] & 0x80 else 0)
        elif version == _V3:
            at += 2 + (datagram[at + 1] & 0x7F if datagram[at + 1] & 0x80 else 0)
        else:
            return None
    except IndexError:
        return None
    found = datagram[at + 2 : at + 2 + ID_OCTETS]
    return found if datagram[at : at + 2] == _ID_HEAD and len(found) == ID_OCTETS else None


class CommunityEnvelope:
    """SNMPv1 and v2c: the community is the only proof (RFC 1157 §4, RFC 1901 §3)."""

    __slots__ = ("_head", "bulk")

    def __init__(self, version: Version, community: bytes) -> None:
        self._head = community_head(version, community)
        self.bulk = version != Version.V1

    def seal(self, question: Question, request_id: bytes) -> bytes:
        """See Envelope."""
        return tlv(Tag.SEQUENCE, self._head + question.head + request_id + question.tail)

    def open(self, datagram: bytes, request_id: bytes) -> tuple[bytes, int, int]:
        """See Envelope."""
        try:
            tag, at, end = header(datagram, 0, len(datagram))
            stop = at + len(self._head)
            if tag != Tag.SEQUENCE or datagram[at:stop] != self._head:
                raise Disbelieved(self._difference(datagram, at))
            return response_body(datagram, stop, end, request_id)
        except BerError as error:
            raise Disbelieved("cannot be read") from error

    def _difference(self, datagram: bytes, at: int) -> str:
        if datagram[at : at + 3] != self._head[:3]:
            return "speaks another version of SNMP"
        return "bears another community"


def response_body(data: bytes, at: int, end: int, request_id: bytes) -> tuple[bytes, int, int]:
    """A response PDU with this id, as Envelope.open gives it. Raises Disbelieved, BerError, IndexError."""
    verb, at, end = header(data, at, end)
    if verb != _RESPONSE:
        raise Disbelieved("is no response")
    if data[at : at + 6] != _ID_HEAD + request_id:
        raise Disbelieved("belongs to another request")
    return data, at + 6, end
