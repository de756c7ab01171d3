"""Brings an image to a device: over the uplink once to its site's gateway, and from there over the LAN."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import Final, Protocol

from controller.access import Access, pinned
from controller.errors import FirmwareError, NotBegun
from controller.firmware.images import Images
from controller.firmware.ledger import Ledger
from controller.model import Inventory, UplinkKind
from controller.rollouts.seam import Fits
from drivers.apply import Target
from drivers.configurers.seam import Talk
from drivers.errors import DriverError
from drivers.firmware.parts import FOLDERS, SLOWEST_BPS, Parts
from drivers.firmware.seam import Flasher, Image, Upload
from drivers.model import Device, Lifecycle, Role

ENDING_S: Final = 60
"""A transfer stops so long before its maintenance window does."""

_PIECE: Final = 32_768
_LEAST_PIECE: Final = 1024
_NOTED_S: Final = 5.0
_LOOK_S: Final = 1.0
_PART_OF_UPLINK: Final = 4
_PART_OF_METERED: Final = 10
_METERED: Final = frozenset({UplinkKind.CELLULAR, UplinkKind.SATELLITE})


class WindowEnds(Exception):
    """The maintenance window is about to end; what was sent stays where it is."""


class Taker(Protocol):
    """Where an image can be sent to: a device that is flashed, or the folder of a gateway."""

    def received(self, talk: Talk, image: Image) -> int:
        """How much of it is there."""
        ...

    def receive(self, talk: Talk, image: Image, upload: Upload) -> None:
        """Take more of it."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """Asked every second of a transfer: whether the rollout still runs, and its window is still open."""

    runs: Callable[[], bool]
    fits: Fits
    told: Callable[[str], None]

    def check(self) -> None:
        """Raises NotBegun or WindowEnds."""
        if not self.runs():
            raise NotBegun("the rollout goes on no more; the device was not flashed")
        if not self.fits(ENDING_S):
            raise WindowEnds


@dataclass(frozen=True, slots=True)
class Delivery:
    """What images are brought with. `kbps` 0 is by the uplink of each site."""

    access: Access
    images: Images
    ledger: Ledger
    inventory: Inventory
    kbps: int
    command_s: float

    def bring(self, to: Target, device: Device, flasher: Flasher, image: Image, gate: Gate) -> None:
        """The image is at the device afterwards. Raises DriverError of the device or its gateway (see its
        `device`), FirmwareError, NotBegun, WindowEnds.
        """
        gateway = self.gateway_of(device)
        self.ledger.begin(device.name, image.sha256)
        with to.connect() as session:
            if flasher.received(to.talk(session), image) == image.octets:
                return
            if gateway is None:
                self._send(to.talk(session), flasher, device, image, gate)
                return
        parts = Parts(FOLDERS[gateway.platform])
        self.ledger.begin(gateway.name, image.sha256)
        with self.access.enter(gateway) as shell:
            talk = Talk(shell, gateway.name, self.command_s)
            self._send(talk, parts, gateway, image, gate)
            parts.finish(talk, image)
            gate.check()
            gate.told(f"the image is at {gateway.name}; it fetches it from there")
            self._fetch(to, flasher, image, lambda: self._serve(parts, talk, gateway, image))
            with suppress(DriverError):  # it ends by itself
                parts.unserve(talk, image)

    def gateway_of(self, device: Device) -> Device | None:
        """Who keeps images for its site: a gateway with a shell that we can log in to."""
        found = [
            each
            for each in self.inventory.devices.values()
            if each.role is Role.GATEWAY
            and each.site == device.site
            and each.name != device.name
            and each.platform in FOLDERS
            and each.state is Lifecycle.ACTIVE
            and each.ssh_credentials
            and pinned(self.access.engine, each.name) is not None
        ]
        return min(found, key=lambda each: each.name, default=None)

    def kbps_of(self, site: str) -> int:
        """What the way to a site may be used for; a quarter of its uplink, a tenth where that is paid for."""
        if self.kbps:
            return self.kbps
        uplink = self.inventory.sites[site].uplink
        metered = uplink.cap_gb is not None or uplink.kind in _METERED
        return max(1, uplink.down_mbps * 1000 // (_PART_OF_METERED if metered else _PART_OF_UPLINK))

    def _serve(self, parts: Parts, talk: Talk, gateway: Device, image: Image) -> str:
        seconds = math.ceil(2 * self.command_s + image.octets * 8 / SLOWEST_BPS)
        return parts.serve(talk, image, gateway.address, token_hex(16), seconds)

    def _fetch(self, to: Target, flasher: Flasher, image: Image, serve: Callable[[], str]) -> None:
        with to.connect() as session:
            talk = to.talk(session)
            flasher.fetch(talk, image, serve())
        self.ledger.note(to.device, image.sha256, image.octets, 0)

    def _send(self, talk: Talk, taker: Taker, device: Device, image: Image, gate: Gate) -> None:
        """Whatever of the image is not there yet, at the pace of the uplink."""
        there = taker.received(talk, image)
        self.ledger.note(device.name, image.sha256, there, 0)
        if there >= image.octets:
            return
        self._is_sound(image)
        sending = _Sending(self.ledger, device.name, image, gate, there)
        try:
            taker.receive(talk, image, Upload(there, self._pieces(sending, self.kbps_of(device.site))))
        finally:
            sending.note()

    def _is_sound(self, image: Image) -> None:
        """What was damaged here since it was added is not sent anywhere."""
        try:
            with self.images.path(image.sha256).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FirmwareError(f"image {image.name}: {error.strerror}; add it again") from error
        if found != image.sha256:
            raise FirmwareError(f"image {image.name} was damaged on this machine; add it again")

    def _pieces(self, sending: "_Sending", kbps: int) -> Iterator[bytes]:
        octets_s = kbps * 125
        size = min(_PIECE, max(_LEAST_PIECE, octets_s // 4))
        with self.images.path(sending.image.sha256).open("rb") as file:
            file.seek(sending.there)
            due = look_at = time.monotonic()
            while piece := file.read(size):
                if time.monotonic() >= look_at:
                    sending.gate.check()
                    look_at = time.monotonic() + _LOOK_S
                yield piece
                sending.took(len(piece))
                due += len(piece) / octets_s
                time.sleep(max(0.0, due - time.monotonic()))


@dataclass(slots=True)
class _Sending:
    """How far a transfer is; what is noted is never more than what was taken."""

    ledger: Ledger
    device: str
    image: Image
    gate: Gate
    there: int
    unnoted: int = 0
    noted_at: float = -math.inf

    def took(self, octets: int) -> None:
        self.there += octets
        self.unnoted += octets
        if time.monotonic() >= self.noted_at + _NOTED_S:
            self.note()
            self.gate.told(f"{self.there * 100 // self.image.octets} % of the image is at {self.device}")

    def note(self) -> None:
        self.ledger.note(self.device, self.image.sha256, self.there, self.unnoted)
        self.unnoted = 0
        self.noted_at = time.monotonic()
