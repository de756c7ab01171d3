"""What a site's gateway may say to the edge, and what it hears."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from captive_portal.model import BoxEvent, GatewayEvent, Report, Usage

MAX_BODY_OCTETS: Final = 64 * 1024
CENTURY_S: Final = 100 * 366 * 24 * 3600

Octets = Annotated[int, Field(ge=0, lt=2**62)]
Age = Annotated[int, Field(ge=0, lt=CENTURY_S)]
Seconds = Annotated[int, Field(ge=0, lt=2**31)]
Seq = Annotated[int, Field(ge=1, lt=2**62)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

SESSION: Final = r"^[A-Za-z0-9_-]{1,32}$"


class Model(BaseModel):
    """Strict: a text is not a number, and nothing unknown is let through."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Event(Model):
    """One thing that happened, `age_s` seconds ago. Totals are None when nobody counted.

    At a door: `opened`, `closed`, `admitted` (by staff's hand) and `continued` (while the portal was away),
    both for so many `seconds`. Of the gateway as a whole: a `pulse` of `values`, and an `alarm` whose `cause`
    is one word. `device` is a pseudonym.
    """

    seq: Seq
    kind: Literal["opened", "admitted", "continued", "closed", "pulse", "alarm"]
    session: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,32}$")
    age_s: Age
    seconds: Seconds | None = None
    octets_down: Octets | None = None
    octets_up: Octets | None = None
    cause: str = Field(default="", pattern=r"^[A-Za-z-]{0,32}$")
    device: str = Field(default="", pattern=r"^([0-9a-f]{32})?$")
    values: dict[Word, Octets] = Field(default_factory=dict, max_length=32)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind in {"pulse", "alarm"}) == bool(self.session):
            raise ValueError("a session goes with what happened at a door, and with nothing else")
        if self.kind == "alarm" and not self.cause:
            raise ValueError("an alarm has a cause")
        return self

    def noun(self) -> BoxEvent:
        """As the portal knows it."""
        told = self.model_dump(exclude={"seq", "values"})
        return BoxEvent(self.seq, GatewayEvent(id="", **told), self.values)


class Used(Model):
    """What a session has used so far."""

    session: str = Field(pattern=SESSION)
    seconds: Seconds | None = None
    octets_down: Octets | None = None
    octets_up: Octets | None = None

    def noun(self) -> Usage:
        """As the portal knows it."""
        return Usage(**self.model_dump())


class Question(Model):
    """One call of a gateway; the answer carries the same nonce.

    `box` is the gateway's own name, `epoch` that of the key that it signs with, `serial` that of the policy
    that it follows, `month` that by whose key it counts. Events are in the order of their `seq`.
    """

    version: Literal[2]
    site: str
    box: str = Field(pattern=r"^[0-9a-f]{32}$")
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    epoch: int = Field(ge=0, lt=10**6)
    serial: Octets
    month: str = Field(default="", pattern=r"^(\d{4}-\d{2})?$")
    events: tuple[Event, ...] = Field(default=(), max_length=512)
    usage: tuple[Used, ...] = Field(default=(), max_length=512)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        numbers = [event.seq for event in self.events]
        if numbers != sorted(set(numbers)):
            raise ValueError("events are not in their order")
        return self

    def noun(self) -> Report:
        """As the portal knows it."""
        events = tuple(event.noun() for event in self.events)
        usage = tuple(one.noun() for one in self.usage)
        return Report(self.box, events, usage, self.serial, self.epoch)


class SignedPolicy(Model):
    """A policy as `captive_portal.gateway.policy` seals it."""

    text: str
    signature: str


class Rekey(Model):
    """The key of a later epoch, under a pad that only the holder of the former key can make."""

    epoch: int
    pad: str


class Month(Model):
    """The key by which devices are counted in a month (YYYY-MM), under a pad; the month ends at (UTC, s)."""

    name: str
    pad: str
    ends_at: int


class Answer(Model):
    """Our time (UTC, s), the number up to which we have the box's events, and the sessions to end at once.

    `policy` is there when the gateway follows another one, `rekey` when it signs with the former key, `month`
    when it does not count by the current one.
    """

    version: Literal[2] = 2
    nonce: str
    now: int
    have: int
    dismiss: tuple[str, ...]
    policy: SignedPolicy | None = None
    rekey: Rekey | None = None
    month: Month | None = None
