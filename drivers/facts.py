"""What a device says of itself at a login: model, version, serial number, room for an image."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """Read at one login. "" and None are what a device does not tell.

    `free_octets` is the room on its permanent storage. `foreign` names, without values, what somebody else
    changed and has not yet saved or applied, "" for nothing: such work must not be saved or lost by ours.
    """

    model: str
    version: str = ""
    serial: str = ""
    free_octets: int | None = None
    foreign: str = ""
