"""The battery of checks: whether a device can take an image, looked at in one login that changes nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from controller import intent as wanting
from controller.errors import FirmwareError, SecretError
from controller.firmware import power
from controller.firmware.means import Means
from controller.journal import TURNS
from controller.rollouts import known
from controller.rollouts.seam import Preflight
from drivers.apply import Target
from drivers.configurers.seam import Phase, Talk
from drivers.errors import DriverError, Unreachable
from drivers.facts import Facts
from drivers.firmware.seam import Image, Present
from drivers.firmware.ways import FLASHERS
from drivers.model import Device

LEAST_ROOM: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Looked:
    """What a device says of itself; each word is "" where nothing is to be said.

    `other`: the image is for another board. `trouble`: what speaks against a flash. `older`: the image is
    older than what it runs, which a person has to agree to.
    """

    facts: Facts
    present: Present
    other: str
    trouble: str
    older: str


def preflight(means: Means, device: Device) -> Preflight:
    """As Work asks for it."""
    try:
        image = means.images.find(means.sha256)
    except FirmwareError as error:
        return Preflight(device.name, None, trouble=str(error))
    if lacks := means.images.lacks(image):
        return Preflight(device.name, None, trouble=f"image {image.name}: {lacks}")
    if left_alone := not_for(device, image):
        return Preflight(device.name, None, left_alone=left_alone)
    found = Preflight(device.name, None, wanted=image.sha256, cautions=tuple(_cautions(means, device)))
    to = means.target(device)
    try:
        with to.connect() as session:
            looked = look(means, to, to.talk(session), device, image)
    except Unreachable:
        return found
    except (DriverError, SecretError) as error:
        return replace(found, trouble=error.reason if isinstance(error, DriverError) else str(error))
    return _judged(replace(found, facts=looked.facts), looked, image)


def not_for(device: Device, image: Image) -> str:
    """Why this image does not concern a device, as the inventory knows it."""
    if device.platform not in FLASHERS:
        return f"Plaza does not flash platform {device.platform}"
    if device.platform != image.platform:
        return f"the image is for {image.platform}"
    return wanting.why_not(device)


def look(means: Means, to: Target, talk: Talk, device: Device, image: Image) -> Looked:
    """Ask a device within one login, and keep what it says of itself. Raises DriverError."""
    facts = to.configurer.facts(talk)
    flasher, wished = FLASHERS[device.platform], means.wished(device)
    present = flasher.present(talk, image)
    is_open = to.configurer.status(talk, "").phase is not Phase.NONE
    off_air = to.configurer.trouble(talk, wished) if wished is not None else ""
    older = _is_older(image, present)
    troubles = _troubles(facts, present, image)
    trouble = "a trial is open on it; wait until it has ended, then retry" if is_open else next(troubles, "")
    if not trouble and off_air:
        trouble = f"before any flash {off_air}; mend that first (plaza diff {device.name}), then retry"
    if older and not flasher.takes_older:
        trouble = f"{older}: it takes no older one at a restart"
    with TURNS:
        known.keep(means.works.journal.engine, device.name, facts, means.works.journal.clock())
    return Looked(facts, present, _other_board(present, image), trouble, older)


def agreed_from(version: str) -> str:
    """The line of a difference by which a person agreed that a device leaves this version."""
    return f"-firmware {version}\n"


def _troubles(facts: Facts, present: Present, image: Image) -> Iterator[str]:
    if facts.foreign:
        yield f"somebody else is changing it: {facts.foreign}; let them finish, then retry"
    room, needed = present.room_octets, image.octets + LEAST_ROOM
    if room is not None and room < needed:
        yield f"{room} octets are free where the image would lie, {needed} are needed; make room, then retry"


def _other_board(present: Present, image: Image) -> str:
    """Why this image does not concern a device, by what it says of itself."""
    if set(present.boards) & set(image.models):
        return ""
    board = ", ".join(present.boards) or "a device that does not tell its board"
    more = f" and {len(image.models) - 3} more" if len(image.models) > 3 else ""
    return f"the image is for {', '.join(image.models[:3])}{more}, not for {board}"


def _is_older(image: Image, present: Present) -> str:
    """By their numbers, where both have nothing else."""
    both = (image.version, present.version)
    if not all(re.fullmatch(r"\d+(\.\d+)*", each) for each in both):
        return ""
    new, old = ([int(part) for part in each.split(".")] for each in both)
    return f"{image.version} is older than {present.version}, which it runs" if new < old else ""


def _cautions(means: Means, device: Device) -> Iterator[str]:
    """What a person must know of its power and of the way to it, whether it was reached or not."""
    devices, now = means.works.inventory.devices, means.works.journal.clock()
    if not power.is_known(devices, device):
        yield "no UPS is known to power it (powered_by), so nobody asks whether it is on battery"
    elif on_battery := power.why_not(devices, means.samples, device, now):
        yield f"it will wait: {on_battery}"
    if means.delivery().gateway_of(device) is None:
        yield "no gateway of its site can keep the image, which crosses the uplink for it alone"


def _judged(found: Preflight, looked: Looked, image: Image) -> Preflight:
    if looked.other:
        return replace(found, left_alone=looked.other)
    if looked.present.version == image.version:
        return found
    diff = f"{agreed_from(looked.present.version)}+firmware {image.version} ({image.name})\n"
    cautions = (looked.older, *found.cautions) if looked.older else found.cautions
    return replace(found, trouble=looked.trouble, diff=diff, cautions=cautions)
