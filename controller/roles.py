"""The roles of a running Plaza, each a process of its own, and the supervisor that keeps them alive."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import Final

from controller import audit, logs
from controller.access import Access
from controller.app import App, build, portal_sites, utc_now
from controller.errors import ControllerError, StoreBusy, StoreError
from controller.health import polled, unmeasured
from controller.notices import attend
from controller.poller import Polled, Targets, turn
from controller.poller_ssh import LOGIN_TIMEOUT_S, Enter
from controller.processes import Child, only_one, python, require_free, supervise
from controller.radius import radius_sites
from controller.rotation.renewed import Renewed
from controller.serving import serve
from controller.settings import Settings, endpoint, listeners
from controller.store import health as health_store
from controller.store import leases
from controller.store import snmp as snmp_store
from controller.store.engine import require_sound
from controller.worker import work
from drivers.definition import load_platforms
from drivers.snmp.backends import open_poller
from drivers.ssh_kept import Kept

log = logging.getLogger(__name__)

SHARD = 0
RENEW_S = 10.0


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


async def _poll(app: App, targets: Targets, keep: Callable[[Sequence[Polled]], None]) -> None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  we are inside one
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    settings, learned = app.settings, snmp_store.learned(app.engine)
    poller = open_poller(learned=learned, backend=settings.snmp_backend)
    try:
        async with attend(settings, targets, poller, learned) as (hearing, hurried):
            await turn(targets, hearing, keep, settings.poll_interval_s, settings.polls_in_flight, hurried)
    finally:
        await poller.close()


def _keeper(app: App, holder: str, epoch: int) -> Callable[[Sequence[Polled]], None]:
    renewed_s = time.monotonic()

    def keep(batch: Sequence[Polled]) -> None:
        nonlocal renewed_s
        if time.monotonic() - renewed_s > RENEW_S:
            if not leases.renew(app.engine, SHARD, holder, epoch, int(time.time())):
                raise ControllerError(f"shard {SHARD}: another poller took the lease; this one stops")
            renewed_s = time.monotonic()
        samples = [sample for one in batch for sample in one.samples]
        if samples:
            app.samples.write("poller", samples, shard=SHARD, epoch=epoch)
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
    now = int(time.time())
    others = [device for device in app.inventory.devices.values() if not polled(device)]
    health_store.keep(app.engine, [(device.name, unmeasured(device), now) for device in others])


def run_worker(settings: Settings) -> None:
    """Do the worker's jobs until SIGTERM."""
    stop = stop_on_signals()
    work(build(settings), stop)
    log.info("stopped")


def run_portal(settings: Settings) -> None:
    """Serve the citizens' pages until SIGTERM; SIGHUP has them made of the inventory as it is then."""
    place, name = settings.portal_listen, "PLAZA_PORTAL_LISTEN"
    _serve("controller.wsgi:portal", place, name, settings.portal_workers)


def run_edge(settings: Settings) -> None:
    """Serve the site gateways until SIGTERM."""
    _serve("controller.wsgi:edge", settings.edge_listen, "PLAZA_EDGE_LISTEN")


def run_radius(settings: Settings) -> None:
    """Serve FreeRADIUS until SIGTERM; on the loopback only, it shows passwords."""
    if not settings.radius_listen:
        raise ControllerError("radius_listen is off; set it in plaza.toml, such as 127.0.0.1:8083")
    _on_loopback(settings)
    _serve("controller.wsgi:radius", settings.radius_listen, "PLAZA_RADIUS_LISTEN")


def run_console(settings: Settings) -> None:
    """Serve the staff console until SIGTERM; on the loopback only, it has no logins."""
    _on_loopback(settings)
    _serve("controller.wsgi:console", settings.console_listen, "PLAZA_CONSOLE_LISTEN")


ROLES: Final = MappingProxyType(
    {
        "poller": run_poller,
        "worker": run_worker,
        "portal": run_portal,
        "edge": run_edge,
        "console": run_console,
        "radius": run_radius,
    }
)

RELOADING: Final = frozenset({"portal", "edge", "console", "radius"})


def wanted(settings: Settings) -> list[str]:
    """The roles that the supervisor starts: all but one that its setting turns off."""
    return [role for role in ROLES if role != "radius" or settings.radius_listen]


def run_role(name: str, settings: Settings) -> None:
    """Be one role until told to stop."""
    logs.set_up(settings.log_level)
    ROLES[name](settings)


def run_all(settings: Settings, extra: Sequence[Child] = (), log_dir: Path | None = None) -> None:
    """Be the supervisor of one child per role, and of `extra` programs, until SIGTERM or Ctrl-C.

    Whatever would make a role fail at once (a wrong inventory, store, secret or port) is raised here, first.
    SIGHUP goes on to the roles of RELOADING, which serve over HTTP; see controller.serving.
    """
    with only_one(settings.data_dir / "plaza.lock"):
        check(settings)
        children = [_child(role) for role in wanted(settings)]
        supervise([*extra, *children], stop_on_signals(), log_dir, reload_on_signal())


def check(settings: Settings) -> None:
    """Raise the ControllerError that a role would fail with at its start."""
    app = build(settings)
    require_sound(app.engine)
    Targets.of(app.inventory.devices.values(), load_platforms(), app.secrets)
    portal_sites(app)
    radius_sites(app)
    _on_loopback(settings)
    for one in listeners(settings):
        require_free(one.endpoint, one.variable, one.kind)
    app.samples.close()
    app.engine.dispose()


def stop_on_signals() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def reload_on_signal() -> Event:
    """An event that SIGHUP sets, except at a terminal, where it says that the terminal is gone."""
    reload = Event()
    if not os.isatty(0):
        signal.signal(signal.SIGHUP, lambda _number, _frame: reload.set())
    return reload


def _child(role: str) -> Child:
    return Child(role, python("-m", "controller.cli.main", "run", role), reloads=role in RELOADING)


def _on_loopback(settings: Settings) -> None:
    loopback = {"127.0.0.1", "::1", "localhost"}
    if settings.radius_listen and endpoint(settings.radius_listen).host not in loopback:
        raise ControllerError(
            f"radius_listen {settings.radius_listen}: passwords cross it in clear; set 127.0.0.1:PORT"
        )
    if endpoint(settings.console_listen).host not in loopback:
        raise ControllerError(
            f"console_listen {settings.console_listen}: the console has no logins yet; set 127.0.0.1:PORT"
        )


def _serve(target: str, listen: str, setting: str, workers: int = 1) -> None:
    place = endpoint(listen)
    require_free(place, setting)
    serve(target, place, workers)
