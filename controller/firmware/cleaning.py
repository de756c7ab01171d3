"""Removes copies of images that nobody waits for any more."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from controller import rollout as one_device
from controller.app import App, afresh
from controller.errors import FirmwareError, InventoryError, SecretError, StoreBusy
from controller.firmware.ledger import Copy
from controller.firmware.means import Means, means_of
from drivers.configurers.seam import Talk
from drivers.errors import DriverError
from drivers.firmware.parts import FOLDERS, Parts
from drivers.firmware.seam import Image
from drivers.firmware.ways import FLASHERS
from drivers.model import Device, Role

log = logging.getLogger(__name__)

KEPT_S: Final = 7 * 86_400
"""A copy that nothing came to for so long is removed, even where a rollout still waits."""

_AGAIN_S: Final = 3600


def sweep(means: Means, skip: frozenset[tuple[str, str]] = frozenset()) -> list[Copy]:
    """Remove what nobody waits for; those that could not be removed now."""
    now = int(means.works.journal.clock().timestamp())
    left = []
    for copy in means.ledger.all():
        if (copy.device, copy.sha256) in skip or not _is_over(means, copy, now):
            continue
        device = means.works.inventory.devices.get(copy.device)
        if device is not None and not _removed(means, device, copy):
            left.append(copy)
            continue
        means.ledger.forget(copy.device, copy.sha256)
    return left


def _is_over(means: Means, copy: Copy, now: int) -> bool:
    if copy.updated_at < now - KEPT_S:
        return True
    devices = means.works.inventory.devices
    waiting = means.ledger.waiting_for(copy.sha256)
    here = devices.get(copy.device)
    if here is None or here.role is not Role.GATEWAY:
        return copy.device not in waiting
    return not any(name in devices and devices[name].site == here.site for name in waiting)


def _removed(means: Means, device: Device, copy: Copy) -> bool:
    image = Image(copy.sha256, "", device.platform, ("",), "", 0)
    with suppress(FirmwareError):
        image = means.images.find(copy.sha256)
    try:
        if device.role is Role.GATEWAY and device.platform in FOLDERS:
            with means.works.access.enter(device) as session:
                talk = Talk(session, device.name, means.works.timers.command_s)
                Parts(FOLDERS[device.platform]).clear(talk, image)
        elif device.platform in FLASHERS:
            to = means.quick_target(device)
            with to.connect() as session:
                FLASHERS[device.platform].clear(to.talk(session), image)
    except (DriverError, SecretError) as error:
        log.warning("a copy of an image stays", extra={"device": device.name, "error": str(error)})
        return False
    return True


class Cleaner:
    """The worker's turn; a device that did not answer is asked again after an hour."""

    def __init__(self, app: App, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._clock = clock
        self._tried: dict[tuple[str, str], float] = {}

    def turn(self) -> None:
        """Nothing, where there is no copy, or another process of this machine is changing devices."""
        if not means_of(self._app).ledger.all():
            return
        now = self._clock().timestamp()
        self._tried = {key: at for key, at in self._tried.items() if at > now - _AGAIN_S}
        with suppress(StoreBusy, InventoryError), one_device.alone(self._app.settings.data_dir):
            left = sweep(means_of(afresh(self._app)), frozenset(self._tried))
            self._tried |= {(copy.device, copy.sha256): now for copy in left}
