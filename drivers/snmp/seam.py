"""The seam of polling: `poll(requests)` yields one reply per request, as each completes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from drivers.model import Endpoint, SnmpCredentials

Oid = tuple[int, ...]
Value = int | bytes | Oid
"""INTEGER, Counter, Gauge, TimeTicks → int; OCTET STRING, Opaque, IpAddress → bytes; an OID → Oid."""


class Reason(StrEnum):
    """Why a poll brought less than was asked; the values are shown to technicians and stored."""

    TIMEOUT = "no-answer"
    REFUSED = "port-unreachable"
    AUTH = "authentication-failed"
    ERROR = "agent-error"
    UNSUPPORTED = "unsupported"
    DISBELIEVED = "answer-not-believed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why, and one English sentence a technician can act on."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What one agent has taught us, worth keeping over a restart.

    `varbinds` go into one GET, `columns` into one walk step, `repetitions` × columns into one answer; without
    `bulk` tables are walked by GETNEXT. `rows` is the longest table it had. `missing` are objects that an
    SNMPv1 agent does not have: asking for one of them fails the whole request. `engine_id` and `boots` are
    those of SNMPv3 (RFC 3414 §2.2), empty and 0 otherwise.
    """

    varbinds: int = 20
    columns: int = 20
    repetitions: int = 48
    bulk: bool = True
    rows: int = 48
    missing: tuple[Oid, ...] = ()
    engine_id: bytes = b""
    boots: int = 0


@dataclass(frozen=True, slots=True)
class PollRequest:
    """One poll of one agent: `scalars` are GET instances, `columns` are walked (subtree roots).

    There are `retries + 1` tries of `timeout_s` each, and the whole poll ends by `deadline_s`. Once its round
    trip has been measured, an agent is waited for as that tells, in all never shorter than these tries; when
    it is much faster there may be one try more.
    Without `bulk` the walk is by GETNEXT; `most_varbinds` is how many objects one PDU may ask for.
    """

    device: str
    endpoint: Endpoint
    credentials: SnmpCredentials
    scalars: tuple[Oid, ...]
    columns: tuple[Oid, ...] = ()
    timeout_s: float = 2.0
    retries: int = 1
    deadline_s: float = 10.0
    max_rows: int = 512
    repetitions: int = 20
    bulk: bool = True
    most_varbinds: int = 20


@dataclass(frozen=True, slots=True)
class PollReply:
    """What one agent said. An object it does not have is absent, never zero.

    `columns[root][suffix]` is the value at root + suffix. `failure` is None only when every request was
    answered; what arrived before a failure is kept. `ignored` counts datagrams that were bad, stale or from
    elsewhere and were not believed. `sent_octets` and `received_octets` are those on the wire: every datagram
    of the poll, tries again and bad ones too, with its UDP header and one IP header.
    `learned` is what the agent has taught us, None when nothing changed; `events` are sentences for the audit
    log: what a healthy agent seldom does, and an impostor would.
    """

    device: str
    scalars: Mapping[Oid, Value] = field(default_factory=dict)
    columns: Mapping[Oid, Mapping[Oid, Value]] = field(default_factory=dict)
    failure: Failure | None = None
    elapsed_s: float = 0.0
    tries: int = 1
    ignored: int = 0
    learned: Learned | None = None
    events: tuple[str, ...] = ()
    sent_octets: int = 0
    received_octets: int = 0


class Poller(Protocol):
    """Polls many agents at once; one that is dead costs only itself."""

    def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        """Yield one reply per request, in the order they complete. Never raises for an agent's fault."""
        ...

    async def close(self) -> None:
        """Release sockets. Polls in flight end with TIMEOUT."""
        ...
