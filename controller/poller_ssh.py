"""One poll over SSH, for a device without snmpd: a login, one script that only reads, its samples."""

import time
from asyncio import wrap_future
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from controller.errors import ControllerError
from drivers import collect_ssh
from drivers.collect import Collected, collect
from drivers.definition import Platform
from drivers.errors import AuthFailed, DriverError, HostKeyChanged, HostKeyUnknown, Unreachable
from drivers.model import Device
from drivers.snmp.seam import Failure, PollReply, Reason

if TYPE_CHECKING:
    from drivers.ssh import Shell  # brings netmiko, which those who ask over SNMP only never need

AT_ONCE: Final = 16
"""How many devices are asked over SSH at a time: each takes a thread."""

LOGIN_TIMEOUT_S: Final = 10.0
SCRIPT_TIMEOUT_S: Final = 20.0

Enter = Callable[[Device], AbstractContextManager["Shell"]]
"""Logs in at a device. Raises DriverError, or ControllerError for a credential that cannot be read."""

_REASONS: Final[Mapping[type[DriverError], Reason]] = {
    Unreachable: Reason.TIMEOUT,
    AuthFailed: Reason.AUTH,
    HostKeyChanged: Reason.AUTH,
    HostKeyUnknown: Reason.UNSUPPORTED,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heard:
    """What one poll brought; `failure` is None when the device said everything."""

    failure: Failure | None
    collected: Collected


def ask(device: Device, platform: Platform, enter: Enter, at: int) -> Heard:
    """Log in, run the script, log out; blocks. A device's fault is a failure, with its sample `up=0`.

    Raises CatalogError when what it said cannot be stored.
    """
    started_s = time.monotonic()
    try:
        with enter(device) as shell:
            said = shell.run(collect_ssh.SCRIPT, SCRIPT_TIMEOUT_S).stdout
        text = said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        collected = collect_ssh.collect(device, text, at)
    except (DriverError, ControllerError) as error:
        failure = _failure(error)
        reply = PollReply(device.name, failure=failure, elapsed_s=time.monotonic() - started_s)
        return Heard(failure, collect(device, platform, reply, at))
    return Heard(None, _timed(collected, time.monotonic() - started_s))


def nobody(device: Device) -> NoReturn:
    """The way in of those who only look at what would be asked."""
    raise Unreachable(device.name, "nobody may log in from here")


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


def _timed(collected: Collected, elapsed_s: float) -> Collected:
    device, *parts = collected.samples
    fields = {**device.fields, "poll_ms": round(elapsed_s * 1000, 3)}
    return replace(collected, samples=(replace(device, fields=fields), *parts))
