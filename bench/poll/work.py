"""The work every client does, and the figures of it. Standard library only: peers run elsewhere."""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Final

SCALARS: Final = (
    "1.3.6.1.2.1.1.1.0",
    "1.3.6.1.2.1.1.2.0",
    "1.3.6.1.2.1.1.3.0",
    "1.3.6.1.2.1.1.4.0",
    "1.3.6.1.2.1.1.5.0",
    "1.3.6.1.2.1.1.6.0",
    "1.3.6.1.2.1.2.1.0",
    "1.3.6.1.2.1.25.1.1.0",
    "1.3.6.1.2.1.25.2.2.0",
    "1.3.6.1.4.1.2021.4.5.0",
    "1.3.6.1.4.1.2021.4.6.0",
    "1.3.6.1.4.1.2021.10.1.5.1",
)
COLUMNS: Final = ("1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10")
ROWS: Final = 12
COUNTERS: Final = ROWS * len(COLUMNS)
WALK_ROWS: Final = ROWS + 1
"""What a client that walks asks for: every row in one answer, and the one past the end that stops it."""

NETWORK: Final = "127.64.0.0/14"
AGENTS: Final = 10_000
FIRST_AGENT: Final = IPv4Address("127.64.0.1")
COMMUNITY: Final = "public"
USER: Final = "bench"
AUTH_KEY: Final = "authpass123"
PRIV_KEY: Final = "privpass123"
TIMEOUT_S: Final = 2
RETRIES: Final = 1


class Version(StrEnum):
    """How the agents are spoken to; 3 is authPriv with SHA-1 and AES-128."""

    V2C = "2c"
    V3 = "3"


@dataclass(frozen=True, slots=True)
class Job:
    """`passes` over the first `polls` agents at `port`, `in_flight` at a time, in one process.

    `style` names a way of doing it where a client has several.
    """

    version: Version
    port: int
    polls: int
    in_flight: int
    passes: int = 2
    style: str = ""

    def text(self) -> str:
        """For the command line of a client."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Job":
        """What `text` wrote."""
        job = cls(**json.loads(text))
        return replace(job, version=Version(job.version))


@dataclass(frozen=True, slots=True)
class Figures:
    """One pass. `cpu_s` is user and system time of the client and its children; `rss_mb` its peak, or 0."""

    polls: int
    complete: int
    cpu_s: float
    wall_s: float
    p99_ms: float
    rss_mb: float
    in_flight: int = 0

    @property
    def cpu_per_1k(self) -> float:
        """CPU seconds per 1,000 polls."""
        return self.cpu_s / self.polls * 1000

    @property
    def polls_per_s(self) -> float:
        """How many were done in a second."""
        return self.polls / self.wall_s

    @property
    def share(self) -> float:
        """Polls that brought all 12 scalars and 24 counters, of all."""
        return self.complete / self.polls


def address(number: int) -> str:
    """Where agent `number` lives, from 0."""
    return str(FIRST_AGENT + number)
