"""`plaza run poller --forward-to URL`: polls what is behind an agent and brings it to the centre."""

import asyncio
import gc
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread

from controller import inventory as inventory_file
from controller import logs
from controller import remote_poller_wire as wire
from controller.errors import ControllerError, SettingsError
from controller.poller import Targets
from controller.polling import end_on_signals, poll
from controller.processes import only_one
from controller.remote_poller_centre import Address, Centre, Identity
from controller.remote_poller_courier import Courier
from controller.remote_poller_keeper import Keeper
from controller.remote_poller_lease import Tenant
from controller.secrets import FileSecrets
from controller.settings import PollerSettings, Settings
from drivers.definition import load_platforms
from drivers.model import Device, PollBy, Reach, ReachKind
from metrics.segments import Spool

log = logging.getLogger(__name__)

LOOK_S = 0.2
LAST_WORDS_S = 3.0


@dataclass(frozen=True, slots=True)
class Remote:
    """What a poller without a store is made of."""

    settings: Settings
    targets: Targets
    spool: Spool
    tenant: Tenant
    courier: Courier


def run_remote_poller(settings: Settings, forward_to: str, name: str) -> None:
    """Poll every device behind the agent `name` until SIGTERM; "" for the only one in [[pollers]].

    Raises a ControllerError or a MetricsError that says what is missing.
    """
    gc.set_threshold(100_000)
    logs.set_up(settings.log_level)
    with only_one(settings.data_dir / "poller.lock"):
        remote = build(settings, forward_to, name)
        stop = Event()
        threads = [
            Thread(target=remote.courier.run, args=(stop,), daemon=True),
            Thread(target=remote.tenant.run, args=(stop,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            asyncio.run(_serve(remote, threads))
        except asyncio.CancelledError:
            log.info("stopped", extra={"waiting_frames": remote.spool.waiting})
        finally:
            stop.set()
            threads[0].join(
                LAST_WORDS_S
            )  # what it is saying; said again at the next start if it takes longer


def build(settings: Settings, forward_to: str, name: str) -> Remote:
    """Open all it needs. Raises ControllerError, StoreUnusable."""
    mine = _mine(settings, name)
    inventory = inventory_file.load(settings.inventory)
    secrets = FileSecrets(inventory.credentials, settings.secrets_dir)
    devices = _behind(inventory.devices.values(), mine.name, settings.inventory)
    targets = Targets.of(devices, load_platforms(), secrets)
    address = Address.of(forward_to, Path(mine.ca_file) if mine.ca_file else None)
    if address.tls is None:
        log.warning(
            "samples travel in clear, write https:// where others can listen", extra={"to": forward_to}
        )
    directory = settings.data_dir / "spool"
    spool = Spool(directory, mine.spool_mb * 2**20)

    def key() -> bytes:
        return wire.key_of(mine.name, secrets.token(f"poller {mine.name}", mine.token))

    key()
    identity = Identity(mine.name, spool.id, key)
    tenant = Tenant(directory / "lease.json", Centre(address, identity))
    return Remote(settings, targets, spool, tenant, Courier(spool, Centre(address, identity)))


def _mine(settings: Settings, name: str) -> PollerSettings:
    found = [one for one in settings.pollers if one.name == name or not name]
    if len(found) == 1:
        return found[0]
    wanted = f'name = "{name}"' if name else "one entry, or say which with --name"
    raise SettingsError(f"plaza.toml: [[pollers]]: needs {wanted}, with its token")


def _behind(devices: Iterable[Device], name: str, file: Path) -> list[Device]:
    """The devices that the inventory says are behind this agent, as seen from there."""
    way = Reach(ReachKind.AGENT, name)
    mine = [replace(device, reach=Reach()) for device in devices if device.reach == way]
    if not mine:
        mend = f"write `reach: {{kind: agent, through: {name}}}` at those that this poller is to ask"
        raise ControllerError(f"{file}: no device is behind the agent {name!r}; {mend}")
    for device in mine:
        if device.poll is PollBy.SSH:
            log.warning(
                "not polled: a poller without a store has no host keys", extra={"device": device.name}
            )
    return [device for device in mine if device.poll is not PollBy.SSH]


async def _serve(remote: Remote, threads: Sequence[Thread]) -> None:
    """Poll while we may, as long as the threads live. Raises ControllerError, and what polling raises."""
    end_on_signals()
    keeper = Keeper(remote.spool, lambda: remote.tenant.right.epoch)
    while True:
        while not remote.tenant.right.may:
            await _look(threads)
        polling = asyncio.create_task(poll(remote.settings, remote.targets, keeper, {}))
        try:
            while remote.tenant.right.may and not polling.done():
                await _look(threads)
        finally:
            polling.cancel()
            (ended,) = await asyncio.gather(polling, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended


async def _look(threads: Sequence[Thread]) -> None:
    """Whoever started us starts us again, rather than that the spool fills for ever."""
    if not all(thread.is_alive() for thread in threads):
        raise ControllerError(
            "the way to the centre broke down by a bug, its traceback is above; start again"
        )
    await asyncio.sleep(LOOK_S)
