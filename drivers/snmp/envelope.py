"""How a question travels to one agent and its answer is believed: the message processing of v1 and v2c."""

from typing import Final, Protocol

from drivers.snmp.ber import ID_HEAD, BerError, Tag, Verb, Version, community_head
from drivers.snmp.hot import header, tlv
from drivers.snmp.questions import Question
from drivers.snmp.seam import Failure

_RESPONSE: Final = int(Verb.RESPONSE)


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
    if data[at : at + 6] != ID_HEAD + request_id:
        raise Disbelieved("belongs to another request")
    return data, at + 6, end
