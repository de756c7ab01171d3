"""Who carries rollouts on: what each kind is done with, and the worker's turn."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from controller import rollout as one_device
from controller.adoption.current import Current
from controller.app import App
from controller.errors import InventoryError, StoreBusy
from controller.firmware.means import means_of
from controller.firmware.work import Firmware
from controller.journal import Row
from controller.rollouts.configure import Configure
from controller.rollouts.evidence import look_of
from controller.rollouts.runner import Fleet, Standing, advance
from controller.rollouts.seam import Kind, Tell, Work
from controller.rollouts.store import Rollout, Store
from controller.rotation import standing
from controller.rotation.turned import Turned
from controller.secrets import FileSecrets

log = logging.getLogger(__name__)

WORKS: Final[Mapping[Kind, Callable[[App], Work]]] = MappingProxyType(
    {
        Kind.CONFIGURE: lambda app: Configure(one_device.works_of(app)),
        Kind.FIRMWARE: lambda app: Firmware(means_of(app)),
    }
)
"""What the rollouts of each kind are done with."""


def work_of(app: App, begun: Rollout) -> Work:
    """What the devices of a rollout are looked at with again: for firmware by the image it was begun with."""
    if begun.kind is Kind.FIRMWARE:
        return Firmware(means_of(app, begun.policy.image))
    return WORKS[begun.kind](app)


def fleet_of(app: App, kind: Kind, clock: Callable[[], datetime], tell: Tell) -> Fleet:
    """What this process carries a rollout on with."""
    store = Store(one_device.works_of(app).journal)
    return Fleet(app.inventory, store, WORKS[kind](app), look_of(app, clock), tell)


class Carrier:
    """The worker's turn: every rollout that has something to do goes on, by the inventory as it is now."""

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock
        self._current = Current(app.settings.inventory)
        self._waits: dict[str, tuple[Rollout, Standing]] = {}

    def turn(self) -> None:
        """Nothing, where another process of this machine is changing devices."""
        store = Store(one_device.works_of(self._app).journal)
        due = [found for name in store.to_carry_on() if self._is_due(found := store.get(name), store.now())]
        if not due:
            return
        try:
            app = self._now()
        except InventoryError as error:
            log.warning("no rollout goes on: the inventory has mistakes", extra={"error": str(error)})
            return
        who = f"the worker with rollout {', '.join(found.name for found in due)}"
        with suppress(StoreBusy), one_device.alone(app.settings.data_dir, who):
            for found in due:
                self._carry_on(app, found)

    def _is_due(self, found: Rollout, now: int) -> bool:
        seen, waits = self._waits.get(found.name, (None, None))
        return seen != found or waits is None or now >= waits.until

    def _carry_on(self, app: App, found: Rollout) -> None:
        fleet = fleet_of(app, found.kind, self._clock, _log_row)
        stands = advance(fleet, found.name)
        self._waits[found.name] = (fleet.store.get(found.name), stands)
        fields = {"rollout": found.name, "phase": stands.phase.value, "said": stands.said}
        log.info("rollout carried on", extra=fields)

    def _now(self) -> App:
        inventory = self._current.inventory()
        settings, engine = self._app.settings, self._app.engine
        secrets = FileSecrets(inventory.credentials, settings.secrets_dir, turned=Turned(engine))
        return replace(self._app, inventory=standing.applied(inventory, engine, secrets), secrets=secrets)


def _log_row(row: Row) -> None:
    fields = {"rollout": row.rollout, "device": row.device, "state": row.state.value, "detail": row.detail}
    log.info("device of a rollout", extra=fields)
