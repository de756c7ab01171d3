"""One poll in progress on the wire."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from drivers.model import SnmpV3
from drivers.snmp.dialogue import Dialogue
from drivers.snmp.envelope import Envelope
from drivers.snmp.questions import Question
from drivers.snmp.roundtrip import RoundTrip
from drivers.snmp.seam import Failure, PollReply, PollRequest, Reason
from drivers.snmp.udp import Address, UdpPort

_ID_HEADER: Final = b"\x02\x04"
PORT: Final = "port unreachable"
_ROUNDING_S: Final = 1e-6


class Exchange:
    """Ids, tries, times and octets of one poll.

    The present question was first `asked`, last `sent`, and its tries so far wait `waited_s` in all.
    `ids` are all it ever sent; from `asked_from` on, those that an answer to the present question may carry.
    `headers` are the octets of IP and UDP around each datagram, `unsent` counts the times in a row that our
    own queue was full, `repeated` the answers that came again.
    """

    __slots__ = (
        "address",
        "answered",
        "asked",
        "asked_from",
        "deadline",
        "deliver",
        "detours",
        "dialogue",
        "envelope",
        "headers",
        "ids",
        "ignored",
        "most_tries",
        "port",
        "question",
        "received_octets",
        "refused",
        "repeated",
        "request",
        "sent",
        "sent_octets",
        "started",
        "tries",
        "trip",
        "trouble",
        "unsent",
        "waited_s",
    )

    port: UdpPort

    def __init__(
        self,
        request: PollRequest,
        dialogue: Dialogue,
        envelope: Envelope,
        deliver: Callable[[PollReply], None],
        trip: RoundTrip,
    ) -> None:
        self.request = request
        self.dialogue = dialogue
        self.envelope = envelope
        self.deliver = deliver
        self.trip = trip
        self.question: Question | None = None
        self.address: Address = ("", 0)
        self.ids: list[bytes] = []
        self.tries = self.detours = self.asked_from = self.unsent = self.repeated = 0
        self.headers = self.sent_octets = self.received_octets = 0
        self.ignored: Counter[str] | None = None
        self.most_tries = 1
        self.started = self.asked = self.sent = self.deadline = self.waited_s = 0.0
        self.refused = ""
        self.answered = False
        self.trouble = ""

    @property
    def exhausted(self) -> bool:
        """Whether no try is left for the present question."""
        request = self.request
        patience_s = request.timeout_s * (request.retries + 1)
        return self.tries > request.retries and self.waited_s >= patience_s - _ROUNDING_S

    def ask(self) -> bool:
        """Take the next question; False when there is none."""
        self.question = self.dialogue.question()
        self.tries = self.detours = 0
        self.waited_s = 0.0
        return self.question is not None

    def datagram(self, request_id: bytes) -> bytes:
        """The present question under a new id."""
        assert self.question is not None  # noqa: S101  only what was asked is sent
        self.ids.append(request_id)
        self.tries += 1
        self.most_tries = max(self.most_tries, self.tries)
        self.refused = ""
        return self.envelope.seal(self.question, request_id)

    def timeout_s(self) -> float:
        """How long to wait for an answer to the try just sent, were there no deadline."""
        request, tries = self.request, self.tries
        if tries == 1:
            self.asked = self.sent
        wait_s = self.trip.timeout_s(request.timeout_s, request.retries, tries, self.waited_s)
        self.waited_s += wait_s
        return wait_s

    def time(self, request_id: bytes, now: float) -> None:
        """An answer with this id was believed; only that to a first try tells how long the way is."""
        if request_id == self.ids[self.asked_from] and self.asked:
            self.trip.measured(now - self.asked)

    def ask_again(self) -> None:
        """The last try was in vain."""
        self.question = self.dialogue.unanswered()

    def take_back(self) -> None:
        """The last try never left us: it is none."""
        self.ids.pop()
        self.tries -= 1

    def current_ids(self) -> list[bytes]:
        """Those an answer to the present question may carry."""
        return self.ids[self.asked_from :]

    def ignore(self, why: str) -> None:
        """A datagram was not believed."""
        if self.ignored is None:
            self.ignored = Counter()
        self.ignored[why] += 1

    def quoted_in(self, datagram: bytes) -> bool:
        """Whether this start of a datagram can be our last one; routers may quote nothing of it."""
        last = self.ids[-1] if self.ids else b""
        return not datagram or _ID_HEADER + last in datagram

    def reply(self, failure: Failure | None, now: float) -> PollReply:
        """What came of it."""
        elapsed_s = now - self.started if self.started else 0.0
        ignored = self.repeated + (self.ignored.total() if self.ignored else 0)
        octets = (self.sent_octets, self.received_octets)
        return self.dialogue.reply(failure, elapsed_s, self.most_tries, ignored, octets)

    def silence(self) -> Failure:
        """Why we give up."""
        where = self.request.endpoint
        if self.refused == PORT:
            detail = f"{where} refuses: the device is on, but nothing listens there; is its snmpd running?"
            return Failure(Reason.REFUSED, detail)
        if self.refused:
            return Failure(Reason.TIMEOUT, f"the network cannot reach {where}: {self.refused}")
        if self.ignored:
            why, _ = self.ignored.most_common(1)[0]
            return Failure(Reason.DISBELIEVED, f"{where} answers, but its answer {why}{self.trouble}")
        if self.answered:
            return Failure(Reason.TIMEOUT, f"{where} stopped answering half-way{self.trouble}")
        detail = f"no answer from {where} in {self.most_tries} tries{self.trouble}"
        right = "" if isinstance(self.request.credentials, SnmpV3) else ", and is the community right"
        return Failure(Reason.TIMEOUT, f"{detail}; is it on{right}?")
