"""The poller's process: every device at its phase, what it answers into the stores."""

import asyncio
import logging
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from controller import audit
from controller.access import Access
from controller.app import App, build, utc_now
from controller.disk import Forgiving, patient
from controller.errors import ControllerError, StoreBusy, StoreError
from controller.health import polled, unmeasured
from controller.poller import Keep, Polled, Targets
from controller.poller_ssh import LOGIN_TIMEOUT_S, Enter
from controller.polling import end_on_signals, poll
from controller.processes import only_one
from controller.rotation.renewed import Renewed
from controller.settings import Settings
from controller.store import health as health_store
from controller.store import leases
from controller.store import snmp as snmp_store
from drivers.definition import load_platforms
from drivers.model import ReachKind
from drivers.ssh_kept import Kept

log = logging.getLogger(__name__)

SHARD: Final = 0
RENEW_S: Final = 10.0


def run_poller(settings: Settings) -> None:
    """Poll every device at its phase until SIGTERM."""
    with only_one(settings.data_dir / "poller.lock"):
        _run_poller(settings)


def _run_poller(settings: Settings) -> None:
    app = build(settings)
    access = Access(app.secrets, app.engine, LOGIN_TIMEOUT_S, app.inventory.devices)
    targets = Targets.of(app.inventory.devices.values(), load_platforms(), app.secrets, keeping(access))
    renewed = Renewed(app.engine, app.secrets, app.inventory.devices, int(time.time()))
    targets = replace(targets, renewed=renewed)
    holder = socket.gethostname()
    epoch = _lease(app, holder)
    _tell_unmeasured(app)
    try:
        asyncio.run(_poll(app, targets, _keeper(app, holder, epoch)))
    except asyncio.CancelledError:
        log.info("stopped")


def keeping(access: Access) -> Enter:
    """Logins that stay open from one poll to the next."""
    kept = Kept()
    return lambda device: kept.session(device, lambda: access.enter(device))


async def _poll(app: App, targets: Targets, keep: Keep) -> None:
    end_on_signals()
    await poll(app.settings, targets, keep, snmp_store.learned(app.engine))


def _keeper(app: App, holder: str, epoch: int) -> Keep:
    renewed_s = time.monotonic()
    forgiving = Forgiving()
    writer = patient(app, "poller", partial(app.samples.write, "poller", shard=SHARD, epoch=epoch))

    def keep(batch: Sequence[Polled]) -> None:
        nonlocal renewed_s
        if time.monotonic() - renewed_s > RENEW_S:
            with forgiving("the poller's lease"):
                if not leases.renew(app.engine, SHARD, holder, epoch, int(time.time())):
                    raise ControllerError(f"shard {SHARD}: another poller took the lease; this one stops")
                renewed_s = time.monotonic()
        writer.write([sample for one in batch for sample in one.samples])
        with forgiving("what agents answered"):
            _remember(app, batch, int(time.time()))
        for one in batch:
            for problem in one.problems:
                log.warning("reply not understood", extra={"device": one.device.name, "problem": problem})
            for event in one.events:
                _record(app, one.device.name, event)

    return keep


def _remember(app: App, batch: Sequence[Polled], now: int) -> None:
    """The verdicts, why polls failed and what agents taught us, in one transaction."""
    with app.engine.begin() as connection:
        health_store.keep(connection, [(one.device.name, one.verdict, now) for one in batch])
        snmp_store.keep_errors(connection, [(one.device.name, one.failure, now) for one in batch])
        learned = {one.device.name: one.learned for one in batch if one.learned is not None}
        snmp_store.keep_learned(connection, learned, now)


def _record(app: App, device: str, event: str) -> None:
    """What a healthy agent seldom does goes into the audit log; without one polling goes on."""
    log.warning("snmp event", extra={"device": device, "event": event})
    entry = audit.Entry("plaza poller", "snmp-event", device, {"event": event}, utc_now())
    try:
        audit.record(app.engine, audit.load_key(app.settings.data_dir), entry)
    except (StoreBusy, StoreError) as error:
        log.error("snmp event not audited", extra={"device": device, "event": event, "error": str(error)})


def _lease(app: App, holder: str) -> int:
    while True:
        epoch = leases.acquire(app.engine, SHARD, holder, int(time.time()))
        if epoch is not None:
            return epoch
        log.info("another poller holds the lease; waiting", extra={"shard": SHARD})
        time.sleep(leases.LEASE_S / 3)


def _tell_unmeasured(app: App) -> None:
    """Of what is behind an agent that has told us already, its word stays."""
    now, told = int(time.time()), health_store.latest(app.engine)
    others = [
        device
        for device in app.inventory.devices.values()
        if not polled(device) and not (device.reach.kind is ReachKind.AGENT and device.name in told)
    ]
    health_store.keep(app.engine, [(device.name, unmeasured(device), now) for device in others])
