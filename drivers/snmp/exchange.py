"""One poll in progress on the wire."""

from collections.abc import Callable
from typing import Final

from drivers.model import SnmpV2c
from drivers.snmp.ber import encode_request, request_template
from drivers.snmp.dialogue import Dialogue, Habits
from drivers.snmp.seam import Failure, PollReply, PollRequest, Reason
from drivers.snmp.udp import Address, UdpPort

_ID_HEADER: Final = b"\x02\x04"


class Exchange:
    """Ids, tries and times of one poll. `ids` are all those an answer to the present question may carry."""

    __slots__ = (
        "_template",
        "address",
        "answered",
        "community",
        "deadline",
        "deliver",
        "dialogue",
        "ids",
        "ignored",
        "most_tries",
        "port",
        "refused",
        "request",
        "sent",
        "started",
        "tries",
        "trouble",
    )

    port: UdpPort

    def __init__(self, request: PollRequest, habits: Habits, deliver: Callable[[PollReply], None]) -> None:
        self.request = request
        self.dialogue = Dialogue(request, habits)
        self.deliver = deliver
        self.community = b""
        if isinstance(request.credentials, SnmpV2c):
            self.community = request.credentials.community.reveal().encode()
        self.address: Address = ("", 0)
        self.ids: list[int] = []
        self.tries = self.ignored = 0
        self.most_tries = 1
        self.started = self.sent = self.deadline = 0.0
        self.refused = self.answered = False
        self.trouble = ""
        self._template = (b"", b"")

    @property
    def exhausted(self) -> bool:
        """Whether no try is left for the present question."""
        return self.tries > self.request.retries

    def ask(self) -> bool:
        """Take the next question; False when there is none."""
        question = self.dialogue.question()
        if question is None:
            return False
        self._template = request_template(question.verb, question.oids, question.repetitions)
        self.tries = 0
        return True

    def datagram(self, request_id: int) -> bytes:
        """The present question under a new id."""
        self.ids.append(request_id)
        self.tries += 1
        self.most_tries = max(self.most_tries, self.tries)
        self.refused = False
        return encode_request(self.community, self._template, request_id)

    def quoted_in(self, datagram: bytes) -> bool:
        """Whether this start of a datagram can be our last one; routers may quote nothing of it."""
        last = self.ids[-1] if self.ids else 0
        return not datagram or _ID_HEADER + last.to_bytes(4, "big") in datagram

    def reply(self, failure: Failure | None, now: float) -> PollReply:
        """What came of it."""
        elapsed_s = now - self.started if self.started else 0.0
        return self.dialogue.reply(failure, elapsed_s, self.most_tries, self.ignored)

    def silence(self) -> Failure:
        """Why we give up."""
        where = self.request.endpoint
        if self.refused:
            detail = f"{where} refuses: the device is on, but nothing listens there; is its snmpd running?"
            return Failure(Reason.REFUSED, detail)
        if self.answered:
            return Failure(Reason.TIMEOUT, f"{where} stopped answering half-way{self.trouble}")
        detail = f"no answer from {where} in {self.most_tries} tries{self.trouble}"
        return Failure(Reason.TIMEOUT, f"{detail}; is it on, and is the community right?")
