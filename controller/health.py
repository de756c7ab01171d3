"""What is known of a device: whether its agent answers, whether its service works, and why we say so."""

from dataclasses import dataclass
from enum import StrEnum

from drivers.collect import Collected
from drivers.model import Device, Lifecycle, PollBy, ReachKind
from drivers.snmp.seam import Failure, Reason

POLLED_FROM_HERE = frozenset({ReachKind.DIRECT, ReachKind.VIA})


class State(StrEnum):
    """The verdict a person reads first."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Two separate facts, each True, False or None (nobody measured), and the state they add up to."""

    state: State
    agent_answers: bool | None
    service_works: bool | None
    reason: str


def answered(state: State) -> bool | None:
    """Whether a device in this state answered what it was asked; None where nobody asked it."""
    return None if state is State.UNKNOWN else state is not State.DOWN


def polled(device: Device) -> bool:
    """Whether this poller can and should ask the device."""
    return _is_ours_to_poll(device) and _may_ask(device)


def unasked(device: Device) -> bool:
    """Whether it would be asked over SNMP, were there credentials: a site's portal needs none."""
    return _is_ours_to_poll(device) and not _may_ask(device)


def _is_ours_to_poll(device: Device) -> bool:
    return (
        device.state is Lifecycle.ACTIVE and device.reach.kind in POLLED_FROM_HERE and bool(device.platform)
    )


def _may_ask(device: Device) -> bool:
    return device.poll is not PollBy.SNMP or bool(device.snmp_credentials)


def unmeasured(device: Device) -> Verdict:
    """The verdict on a device nobody has asked yet."""
    if device.state is not Lifecycle.ACTIVE:
        return Verdict(State.UNKNOWN, None, None, f"not polled: the device is {device.state}")
    if device.reach.kind not in POLLED_FROM_HERE:
        return Verdict(State.UNKNOWN, None, None, f"not polled from here: reached by {device.reach.kind}")
    if unasked(device):
        return Verdict(State.UNKNOWN, None, None, "not polled: it has no `snmp: {credentials: …}`")
    return Verdict(State.UNKNOWN, None, None, "not polled yet")


def assess(failure: Failure | None, collected: Collected) -> Verdict:
    """The verdict after one poll. A service nobody measured never makes a device degraded."""
    answered = any(s.measurement == "wifi_ap" and s.fields.get("up") == 1 for s in collected.samples)
    if failure is not None and failure.reason is Reason.UNSUPPORTED and not answered:
        return Verdict(State.UNKNOWN, None, None, failure.detail)  # nobody asked it
    if failure is not None and not answered:
        return Verdict(State.DOWN, _refuted(failure), None, failure.detail)
    if collected.service_works is False:
        return Verdict(State.DEGRADED, True, False, collected.service_reason)
    if failure is not None:
        reason = f"answers in part: {failure.detail}"
        return Verdict(State.DEGRADED, True, collected.service_works, reason)
    return Verdict(State.UP, True, collected.service_works, collected.service_reason)


def _refuted(failure: Failure) -> bool:
    return failure.reason is Reason.AUTH  # it did answer, only not to us
