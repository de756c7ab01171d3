"""What a rollout of firmware asks of every platform: one Protocol, and the values that cross it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from drivers.configurers.seam import Talk


@dataclass(frozen=True, slots=True)
class Image:
    """A file that a device can be flashed with; `sha256` (hex) is its name everywhere.

    `models` are the boards (OpenWrt) or architectures (RouterOS) that it is for.
    """

    sha256: str
    name: str
    platform: str
    models: tuple[str, ...]
    version: str
    octets: int


@dataclass(frozen=True, slots=True)
class Present:
    """What a device runs now. `boards` are the names by which an image may know it.

    `room_octets` is the room where the image would lie until it is taken, with what already lies there of it;
    None where the device does not tell.
    """

    version: str
    boards: tuple[str, ...]
    room_octets: int | None


class Stage(StrEnum):
    """How a device says it stands with an image of ours; only FLASHING is beyond return."""

    NONE = "none"  # it knows of none: it was removed, or the device has restarted
    READY = "ready"  # checked and waiting, nothing was begun
    FLASHING = "flashing"
    REFUSED = "refused"  # it was begun, and the device says that it did not take it


@dataclass(frozen=True, slots=True)
class Flashing:
    """A stage, and the device's own last words of it."""

    stage: Stage
    said: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """Octets of an image from `offset` on, in pieces."""

    offset: int
    pieces: Iterable[bytes]


class Flasher(Protocol):
    """One platform. Every method raises DriverError and nothing else, but what the pieces of an upload raise.

    The order: present; then received and receive, or fetch; then check; then flash; then, in new logins,
    status until the device is back with another version. `clear` at any time before flash.
    """

    @property
    def platform(self) -> str:
        """Its name in the inventory."""
        ...

    @property
    def verified(self) -> bool:
        """True only where it was tried with the vendor's own software."""
        ...

    @property
    def takes_older(self) -> bool:
        """Whether it can be flashed with a version that is older than what it runs."""
        ...

    @property
    def back_s(self) -> float:
        """How long it takes at most from the beginning of the flash until it answers again."""
        ...

    def present(self, talk: Talk, image: Image) -> Present:
        """What it runs, and its room for this image. Changes nothing."""
        ...

    def received(self, talk: Talk, image: Image) -> int:
        """How many octets of the image it has; whoever still sends for a broken line is stopped."""
        ...

    def receive(self, talk: Talk, image: Image, upload: Upload) -> None:
        """Take more of the image, from just what `received` said on. ConfigRejected: no room."""
        ...

    def fetch(self, talk: Talk, image: Image, url: str) -> None:
        """Get the whole image from another device of the site. ConfigRejected: no room, or it is gone."""
        ...

    def check(self, talk: Talk, image: Image, token: str) -> None:
        """Make sure that it has the whole image and would take it. Changes nothing but a mark for `token`.

        Raises ConfigRejected with the device's own reason.
        """
        ...

    def flash(self, talk: Talk, image: Image, token: str) -> None:
        """Begin; the device goes on alone, restarts, and keeps its settings. There is no way back."""
        ...

    def status(self, talk: Talk, image: Image, token: str) -> Flashing:
        """How it stands with the image that was checked for `token`."""
        ...

    def clear(self, talk: Talk, image: Image) -> None:
        """Remove all of the image that is there."""
        ...
