"""The battery of checks: whether a device can take an image, looked at in one login that changes nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from controller import intent as wanting
from controller.errors import FirmwareError, SecretError
from controller.firmware import power
from controller.firmware.means import Means
from controller.rollouts import known
from controller.rollouts.seam import Preflight
from drivers.apply import Target
from drivers.configurers.seam import Phase, Wish
from drivers.errors import DriverError, Unreachable
from drivers.facts import Facts
from drivers.firmware.seam import Image, Present
from drivers.firmware.ways import FLASHERS
from drivers.model import Device

LEAST_ROOM: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Looked:
    """What a device says of itself; `trouble` "" where nothing on it speaks against a flash."""

    facts: Facts
    present: Present
    trouble: str


def preflight(means: Means, device: Device) -> Preflight:
    """As Work asks for it."""
    try:
        image = means.images.find(means.sha256)
    except FirmwareError as error:
        return Preflight(device.name, None, trouble=str(error))
    if left_alone := not_for(device, image):
        return Preflight(device.name, None, left_alone=left_alone)
    found = Preflight(device.name, None, wanted=image.sha256)
    try:
        looked = look(means.target(device), device, image, means.wished(device))
    except Unreachable:
        return found
    except (DriverError, SecretError) as error:
        return replace(found, trouble=error.reason if isinstance(error, DriverError) else str(error))
    known.keep(means.works.journal.engine, device.name, looked.facts, means.works.journal.clock())
    return _judged(means, device, replace(found, facts=looked.facts), looked, image)


def not_for(device: Device, image: Image) -> str:
    """Why this image does not concern a device, as the inventory knows it."""
    if device.platform not in FLASHERS:
        return f"Plaza does not flash platform {device.platform}"
    if device.platform != image.platform:
        return f"the image is for {image.platform}"
    return wanting.why_not(device)


def other_board(present: Present, image: Image) -> str:
    """Why this image does not concern a device, by what it says of itself."""
    if set(present.boards) & set(image.models):
        return ""
    board = ", ".join(present.boards) or "a device that does not tell its board"
    more = f" and {len(image.models) - 3} more" if len(image.models) > 3 else ""
    return f"the image is for {', '.join(image.models[:3])}{more}, not for {board}"


def look(to: Target, device: Device, image: Image, wished: Wish | None) -> Looked:
    """Raises DriverError."""
    with to.connect() as session:
        talk = to.talk(session)
        facts = to.configurer.facts(talk)
        present = FLASHERS[device.platform].present(talk)
        is_open = to.configurer.status(talk, "").phase is not Phase.NONE
        off_air = to.configurer.trouble(talk, wished) if wished is not None else ""
    troubles = _troubles(facts, present, image)
    trouble = "a trial is open on it; wait until it has ended, then retry" if is_open else next(troubles, "")
    if not trouble and off_air:
        trouble = f"before any flash {off_air}; mend that first (plaza diff {device.name}), then retry"
    return Looked(facts, present, trouble)


def _troubles(facts: Facts, present: Present, image: Image) -> Iterator[str]:
    if facts.foreign:
        yield f"somebody else is changing it: {facts.foreign}; let them finish, then retry"
    room, needed = present.room_octets, image.octets + LEAST_ROOM
    if room is not None and room < needed:
        yield f"{room} octets are free where the image would lie, {needed} are needed; make room, then retry"


def _is_older(version: str, present: str) -> bool:
    """By their numbers, where both have nothing else."""
    both = (version, present)
    if not all(re.fullmatch(r"\d+(\.\d+)*", each) for each in both):
        return False
    new, old = ([int(part) for part in each.split(".")] for each in both)
    return new < old


def _judged(means: Means, device: Device, found: Preflight, looked: Looked, image: Image) -> Preflight:
    if other := other_board(looked.present, image):
        return replace(found, left_alone=other)
    if looked.present.version == image.version:
        return found
    devices, now = means.works.inventory.devices, means.works.journal.clock()
    flasher, trouble, cautions = FLASHERS[device.platform], looked.trouble, []
    if _is_older(image.version, looked.present.version):
        cautions.append(f"{image.version} is older than {looked.present.version}, which it runs")
        trouble = trouble if flasher.takes_older else f"{cautions[0]}: it takes no older one at a restart"
    if not power.is_known(devices, device):
        cautions.append("no UPS is known to power it (powered_by), so nobody asks whether it is on battery")
    elif on_battery := power.why_not(devices, means.samples, device, now):
        cautions.append(f"it will wait: {on_battery}")
    if means.delivery().gateway_of(device) is None:
        cautions.append("no gateway of its site can keep the image, which crosses the uplink for it alone")
    diff = f"-firmware {looked.present.version}\n+firmware {image.version} ({image.name})\n"
    return replace(found, trouble=trouble, diff=diff, cautions=tuple(cautions))
