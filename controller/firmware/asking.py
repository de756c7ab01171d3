"""What a row of a flash comes to, by what its device says."""

import re
from dataclasses import replace
from typing import Final

from controller import rollout as one_device
from controller.errors import FirmwareError, NoSuchVersion, SecretError, StoreError
from controller.firmware import versions
from controller.firmware.flashed import Flashed, Found
from controller.firmware.means import Means
from controller.history import Seen
from controller.journal import Row, State
from drivers.configurers.seam import Running
from drivers.errors import DriverError, Unreachable
from drivers.firmware.seam import Stage
from drivers.firmware.ways import FLASHERS
from drivers.model import Device

_TOKEN: Final = re.compile(r"[0-9a-f]+-(\d+)")
_NO_WAY_BACK: Final = "nothing on the device goes back to its old image"


def ask_after(means: Means, row: Row) -> Row:
    """What became of a flash that is open in the journal, after asking its device once; not yet written."""
    device = means.works.inventory.devices.get(row.device)
    if device is None or device.platform not in FLASHERS:
        return _failed(row, f"it is not in the inventory any more, and {_NO_WAY_BACK}")
    try:
        image = means.images.find(row.intent_hash)
        flashed = Flashed(means.quick_target(device), FLASHERS[device.platform], image)
        return judged(means, row, device, flashed, flashed.look_once(row.token))
    except (DriverError, FirmwareError, SecretError) as error:
        said = error.reason if isinstance(error, DriverError) else str(error)
        return replace(row, detail=one_device.not_yet(said)) if one_device.was_interrupted(row) else row


def judged(means: Means, row: Row, device: Device, flashed: Flashed, found: Found) -> Row:
    """A row by what its device says. Raises Unreachable where nothing can be known now."""
    old, flashing = found.present.version, found.flashing
    if old == flashed.image.version:
        return _proved(means, row, device, flashed)
    if flashing.stage is Stage.REFUSED:
        return _failed(row, f"its own upgrade ended: {flashing.said or 'without a word'}; it runs {old}")
    if flashing.stage is Stage.FLASHING:
        if means.works.journal.clock().timestamp() > row.deadline_at:
            return _failed(row, f"its upgrade began and it never restarted; it still runs {old}")
        raise Unreachable(device.name, "its upgrade is still under way", "ask again later")
    if flashing.stage is Stage.READY or one_device.was_interrupted(row):
        return one_device.again(row)
    return _failed(row, f"it has restarted and still runs {old}")


def _proved(means: Means, row: Row, device: Device, flashed: Flashed) -> Row:
    """It runs the new version; its settings and its services must be as before."""
    runs = f"it runs {flashed.image.version}"
    try:
        running, note = flashed.prove(_before(means, row, device), means.wished(device))
    except Unreachable:
        raise
    except DriverError as error:
        return _failed(row, f"{runs}, but {error.reason}; plaza diff {device.name} shows it; {_NO_WAY_BACK}")
    text = flashed.to.configurer.redacted(running)
    means.works.history.keep(device, Seen(running, text, "after", row.rollout))
    means.ledger.forget(device.name, row.intent_hash)
    journal = means.works.journal
    versions.note(journal.engine, device.name, flashed.image.version, journal.clock())
    return replace(row, state=State.CONFIRMED, detail=f"{runs}{note}")


def _before(means: Means, row: Row, device: Device) -> Running | None:
    """What it ran before its flash; None where the history cannot give that back any more."""
    kept = _TOKEN.fullmatch(row.token)
    if kept is None:
        return None
    try:
        return means.works.history.running(device, int(kept[1]))
    except (NoSuchVersion, StoreError):
        return None


def _failed(row: Row, said: str) -> Row:
    return replace(row, state=State.FAILED, detail=said)
