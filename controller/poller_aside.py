"""Polls that block and so run on threads, over SSH or HTTPS: what one brought, and how a fault is told."""

import time
from asyncio import wrap_future
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Thread
from typing import Final, TypeVar

from controller.errors import ControllerError
from controller.patience import Patience
from drivers.collect import Collected, tags_of
from drivers.definition import Platform
from drivers.errors import (
    AuthFailed,
    DriverError,
    HostKeyChanged,
    HostKeyUnknown,
    UnexpectedReply,
    Unreachable,
)
from drivers.model import Device
from drivers.snmp.seam import Failure, Reason
from metrics.sample import Sample

AT_ONCE: Final = 16
"""How many devices are asked at a time in each of these ways: each takes a thread."""

_REASONS: Final[Mapping[type[DriverError], Reason]] = {
    Unreachable: Reason.TIMEOUT,
    AuthFailed: Reason.AUTH,
    HostKeyChanged: Reason.AUTH,
    HostKeyUnknown: Reason.UNSUPPORTED,
}

T = TypeVar("T")
Told = tuple[Collected, DriverError | None]
"""What was understood, and why it is not all."""

Ask = Callable[[Device, Platform, int], "Heard"]
"""Asks a device now for the slot; blocks. Raises CatalogError when what it said cannot be stored."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one poll brought; `failure` is None when the device said everything."""

    failure: Failure | None
    collected: Collected


def hear(device: Device, platform: Platform, at: int, ask: Callable[[], Told]) -> Heard:
    """Ask, and time it. A device's fault is a failure, with its sample `up=0` when it told nothing."""
    started_s = time.monotonic()
    try:
        collected, broken = ask()
    except (DriverError, ControllerError) as error:
        return Heard(_failure(error), _silence(device, platform, at, _ms(started_s)))
    return Heard(None if broken is None else _failure(broken), _timed(collected, _ms(started_s)))


def patiently(
    device: Device, platform: Platform, at: int, patience: Patience, login: Callable[[], object]
) -> Heard | None:
    """What to say of a device that is not to be asked now; None when it is."""
    try:
        error = patience.trouble(device.name, login())
    except ControllerError:
        return None  # asking will tell
    return None if error is None else Heard(_failure(error), _silence(device, platform, at, {}))


def gathered(pieces: Iterator[tuple[str, T]]) -> tuple[dict[str, T], DriverError | None]:
    """All that was said until something broke. Raises what broke before anything was said, and AuthFailed."""
    said: dict[str, T] = {}
    try:
        said.update(pieces)
    except (UnexpectedReply, Unreachable) as error:
        if not said:
            raise
        return said, error
    return said, None


async def aside(work: Callable[[], T]) -> T:
    """The result of blocking work. Unlike `asyncio.to_thread`, no stop waits for its thread."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001  it is raised where the result is awaited
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    return await wrap_future(done)


def _failure(error: DriverError | ControllerError) -> Failure:
    if isinstance(error, DriverError):
        sentence = f"{error.reason}; {error.hint}" if error.hint else error.reason
        return Failure(_REASONS.get(type(error), Reason.ERROR), sentence)
    return Failure(Reason.ERROR, str(error))


def _silence(device: Device, platform: Platform, at: int, timing: Mapping[str, float]) -> Collected:
    fields: dict[str, int | float] = {"up": 0, **timing}
    return Collected((Sample("wifi_ap", tags_of(device, platform), fields, at),))


def _timed(collected: Collected, timing: Mapping[str, float]) -> Collected:
    device, *parts = collected.samples
    fields = {**device.fields, **timing}
    return replace(collected, samples=(replace(device, fields=fields), *parts))


def _ms(started_s: float) -> Mapping[str, float]:
    return {"poll_ms": round((time.monotonic() - started_s) * 1000, 3)}
