"""Finished polls ↔ frames: the samples, and beside them what only the centre's store can remember."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from controller.health import State, Verdict
from controller.poller import Polled
from drivers.snmp.seam import Failure, Reason
from metrics.errors import CatalogError, FrameUnreadable
from metrics.segments_batch import Batch, decode, encode

LARGEST_FRAME: Final = 48_000
"""Octets of a frame's payload, so that a question always has room for one."""

MOST_CHARACTERS: Final = 500
MOST_EVENTS: Final = 10


@dataclass(frozen=True, slots=True)
class Told:
    """One finished poll, besides its samples; `at` is when, by the clock of the poller (epoch seconds)."""

    device: str
    at: int
    verdict: Verdict
    failure: Failure | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a frame says: taken under the lease of `epoch`, 0 for before there was any."""

    epoch: int
    batch: Batch
    told: tuple[Told, ...]


def payloads(polled: Sequence[Polled], epoch: int, at: int) -> Iterator[bytes]:
    """As few frames as hold these polls. Raises CatalogError for a sample that nobody could store or send."""
    if not polled:
        return
    try:
        payload = encode(
            [sample for one in polled for sample in one.samples],
            {"epoch": epoch, "at": at, "told": [_said(one) for one in polled]},
        )
    except FrameUnreadable:
        payload = b""
    if 0 < len(payload) <= LARGEST_FRAME:
        yield payload
        return
    if len(polled) == 1 and len(polled[0].samples) < 2:
        raise CatalogError(f"{polled[0].device.name}: a sample of more than {LARGEST_FRAME} octets")
    for half in _halves(polled):
        yield from payloads(half, epoch, at)


def report(payload: bytes) -> Report:
    """Raises FrameUnknown, FrameUnreadable."""
    batch = decode(payload)
    try:
        epoch, at = batch.more["epoch"], batch.more["at"]
        if not (_is_count(epoch) and _is_count(at)):
            raise TypeError
        told = tuple(_told(at, *one) for one in batch.more["told"])
    except (KeyError, TypeError, ValueError) as error:
        raise FrameUnreadable(f"not what a poller tells ({type(error).__name__})") from None
    return Report(epoch, batch, told)


def _halves(polled: Sequence[Polled]) -> Iterator[Sequence[Polled]]:
    """Two halves of the polls; of a single one, two halves of its samples, told of with the second."""
    if len(polled) > 1:
        middle = len(polled) // 2
        yield from (polled[:middle], polled[middle:])
        return
    (one,) = polled
    middle = len(one.samples) // 2
    for samples in (one.samples[:middle], one.samples[middle:]):
        yield [Polled(one.device, samples, one.verdict, (), one.at, one.failure, None, one.events)]


def _said(one: Polled) -> list[Any]:
    verdict, failure = one.verdict, one.failure
    return [
        one.device.name,
        [verdict.state, verdict.agent_answers, verdict.service_works, verdict.reason[:MOST_CHARACTERS]],
        None if failure is None else [failure.reason, failure.detail[:MOST_CHARACTERS]],
        [event[:MOST_CHARACTERS] for event in one.events[:MOST_EVENTS]],
    ]


def _told(at: int, device: Any, verdict: Any, failure: Any, events: Any) -> Told:
    state, answers, works, reason = verdict
    texts = [device, reason, *events]
    if not all(isinstance(text, str) and len(text) <= MOST_CHARACTERS for text in texts):
        raise TypeError
    if not {answers, works} <= {True, False, None}:
        raise TypeError
    return Told(device, at, Verdict(State(state), answers, works, reason), _failure(failure), tuple(events))


def _failure(said: Any) -> Failure | None:
    if said is None:
        return None
    reason, detail = said
    if not isinstance(detail, str) or len(detail) > MOST_CHARACTERS:
        raise TypeError
    return Failure(Reason(reason), detail)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**40
