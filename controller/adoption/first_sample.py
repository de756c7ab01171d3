"""Asks a device that was just configured for its first sample, whatever its state says."""

import asyncio
from dataclasses import replace

from controller.access import Access
from controller.app import App
from controller.errors import AdoptionError
from controller.health import State, unmeasured
from controller.poller import Polled, Targets, poll_once
from controller.poller_ssh import LOGIN_TIMEOUT_S
from controller.store import snmp
from drivers.definition import load_platforms
from drivers.model import Device, Lifecycle
from drivers.snmp.backends import open_poller
from metrics.sample import Sample


def first_sample(app: App, device: Device) -> Sample:
    """What it says of itself as an access point. Raises AdoptionError with the reason when it does not."""
    access = Access(app.secrets, app.engine, LOGIN_TIMEOUT_S, app.inventory.devices)
    asked = [replace(device, state=Lifecycle.ACTIVE)]
    targets = Targets.of(asked, load_platforms(), app.secrets, access.enter)
    answers = asyncio.run(_ask(app, targets))
    if not answers:
        raise AdoptionError(f"{device.name}: {unmeasured(asked[0]).reason}")
    (answer,) = answers
    found = next((sample for sample in answer.samples if sample.measurement == "wifi_ap"), None)
    if found is None or answer.verdict.state not in {State.UP, State.DEGRADED}:
        why = answer.verdict.reason or "it gave no sample of an access point"
        raise AdoptionError(f"{device.name}: {why}; {_step_before(device)}, then try again")
    return found


def _step_before(device: Device) -> str:
    if device.state is Lifecycle.EXPECTED:
        return "`plaza adopt status` tells what it waits for; do that first"
    return f"`plaza apply {device.name}` first"


async def _ask(app: App, targets: Targets) -> list[Polled]:
    poller = open_poller(learned=snmp.learned(app.engine), backend=app.settings.snmp_backend)
    try:
        return await poll_once(targets, poller, app.settings.poll_interval_s)
    finally:
        await poller.close()
