"""The polling of a process: the wheel and the ears for notices, until it is told to stop."""

import asyncio
import signal
from collections.abc import Mapping
from typing import Any

from controller.notices import attend
from controller.poller import Keep, Targets, turn
from controller.settings import Settings
from drivers.snmp.backends import open_poller
from drivers.snmp.seam import Learned


async def poll(settings: Settings, targets: Targets, keep: Keep, learned: Mapping[str, Learned]) -> None:
    """Poll for ever; cancel to stop. `learned` is what agents have taught us before."""
    poller = open_poller(learned=learned, backend=settings.snmp_backend)
    try:
        async with attend(settings, targets, poller, learned) as (hearing, hurried):
            await turn(targets, hearing, keep, settings.poll_interval_s, settings.polls_in_flight, hurried)
    finally:
        await poller.close()


def end_on_signals() -> None:
    """SIGTERM and SIGINT cancel the task that runs."""
    task: asyncio.Task[Any] | None = asyncio.current_task()
    assert task is not None  # noqa: S101  we are inside one
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
