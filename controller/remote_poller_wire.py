"""What a poller without a store and the centre say to each other, and how each knows that it is the other.

Two questions, both signed with the poller's token, which never travels: `batch` brings frames of its spool,
`lease` asks to poll its shard. An answer is signed too and holds the nonce of its question: whatever sits
between them and answers 200 acknowledges nothing.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from captive_portal.gateway import signed
from controller.errors import SecretError
from drivers.model import Secret
from metrics.segments_file import Frame

PATH: Final = "/poller"
LARGEST_OCTETS: Final = 60_000
"""Of a question; the edge takes no more than 65,536."""

LARGEST_ANSWER_OCTETS: Final = 16_384
MIN_TOKEN: Final = 32
_FRAME: Final = struct.Struct(">QI")

Number = Annotated[int, Field(ge=0, lt=2**62)]
SpoolId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class WireError(Exception):
    """Not what is said here, or not by who should say it."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    nonce: Nonce


class Lease(_Said):
    """May this spool's poller poll? `epoch` is that of the lease it has, 0 for none."""

    version: Literal[1] = 1
    spool: SpoolId
    epoch: Number


class Leased(_Said):
    """`epoch` is 0 while another poller has it; `now` is the centre's time, epoch seconds."""

    epoch: Number
    now: Number


class Head(_Said):
    """What stands before the frames of a batch; the losses are those of the spool since it was made."""

    version: Literal[1] = 1
    spool: SpoolId
    dropped: Number = 0
    damaged: Number = 0


class Landed(_Said):
    """All frames up to `have` are safe here; `refused` samples were not taken, `problem` says what stops."""

    have: Number
    refused: Number = 0
    problem: Annotated[str, Field(max_length=2000)] = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """A question with frames, in their order."""

    head: Head
    frames: tuple[Frame, ...]


def shard_of(name: str) -> int:
    """The shard that the poller of this name polls, far above those of pollers with a store."""
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    return 2**30 + int.from_bytes(digest, "big") % 2**30


def holder_of(name: str, spool: str) -> str:
    """Who holds a lease, and who writes: numbers of frames count within one spool."""
    return f"remote-{name}-{spool}"


def key_of(name: str, token: Secret) -> bytes:
    """What signs. Raises SecretError for a token that could be guessed."""
    text = token.reveal()
    if len(text) < MIN_TOKEN:
        mend = "make one with: openssl rand -hex 32"
        raise SecretError(f"poller {name}: its token is shorter than {MIN_TOKEN} characters, {mend}")
    return text.encode()


def sign(key: bytes, name: str, what: str, body: bytes) -> str:
    """The signature of a question, or of an answer, of the poller of this name."""
    return signed.sign(key, f"poller {what} {name}", body)


def genuine(key: bytes, name: str, what: str, body: bytes, signature: str) -> bool:
    """Compared in constant time."""
    return signed.genuine(key, f"poller {what} {name}", body, signature)


def packed(head: Head, frames: Iterable[Frame]) -> bytes:
    """A batch as it travels: the head as a line of JSON, then each frame with its number and length."""
    parts = [head.model_dump_json().encode() + b"\n"]
    for frame in frames:
        parts += [_FRAME.pack(frame.number, len(frame.payload)), frame.payload]
    return b"".join(parts)


def unpacked(body: bytes) -> Batch:
    """Raises WireError."""
    line, _, rest = body.partition(b"\n")
    head = read(Head, line)
    frames: list[Frame] = []
    while rest:
        if len(rest) < _FRAME.size:
            raise WireError("a frame is cut off")
        number, length = _FRAME.unpack_from(rest)
        payload, rest = rest[_FRAME.size : _FRAME.size + length], rest[_FRAME.size + length :]
        if len(payload) < length:
            raise WireError("a frame is cut off")
        frames.append(Frame(number, payload))
    if not _rise([frame.number for frame in frames]):
        raise WireError("its frames are not in their order")
    return Batch(head, tuple(frames))


def _rise(numbers: Sequence[int]) -> bool:
    return bool(numbers) and 0 < numbers[0] <= numbers[-1] < 2**62 and list(numbers) == sorted(set(numbers))


T = TypeVar("T", bound=_Said)


def read(kind: type[T], body: bytes) -> T:
    """What a body says. Raises WireError."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise WireError(f"{where}: {first['msg']}" if where else str(first["msg"])) from None


def told(said: _Said) -> bytes:
    """A body."""
    return json.dumps(said.model_dump(), ensure_ascii=False).encode()
