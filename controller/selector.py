"""Picks devices by a selector: `all`, a name or glob, `site=`, `mun=`, `platform=`, `role=`; comma: and."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from controller.errors import SelectorError
from controller.model import Inventory
from drivers.model import Device

_PROPERTIES: Final[Mapping[str, Callable[[Device], str]]] = {
    "site": lambda device: device.site,
    "mun": lambda device: device.municipality,
    "platform": lambda device: device.platform,
    "role": lambda device: device.role,
}


def select(inventory: Inventory, text: str) -> tuple[Device, ...]:
    """The devices that fit every term, in file order, of any lifecycle. Values are matched as globs.

    Raises SelectorError when a term cannot be read, fits nothing, or no device fits them all.
    """
    terms = [term.strip() for term in text.split(",")]
    chosen = tuple(inventory.devices.values())
    for term in terms:
        fits = _predicate(term)
        if not any(fits(device) for device in inventory.devices.values()):
            raise SelectorError(f"selector {term!r} fits no device, {_mend(inventory, term)}")
        chosen = tuple(device for device in chosen if fits(device))
    if not chosen:
        raise SelectorError(
            f"selector {text!r} fits no device, a comma means and: every term must fit the same device"
        )
    return chosen


def _predicate(term: str) -> Callable[[Device], bool]:
    name, equals, pattern = term.partition("=")
    if not term or (equals and not pattern):
        raise SelectorError(
            f"selector term {term!r} is empty, write `all`, a device name, or site=08019-plaza"
        )
    if not equals:
        return lambda device: term == "all" or fnmatchcase(device.name, term)
    if name not in _PROPERTIES:
        raise SelectorError(
            f"selector term {term!r} is not known, write {', '.join(f'{key}=…' for key in _PROPERTIES)}"
        )
    return lambda device: fnmatchcase(_PROPERTIES[name](device), pattern)


def _mend(inventory: Inventory, term: str) -> str:
    name, equals, pattern = term.partition("=")
    known = {_PROPERTIES[name](d) if equals else d.name for d in inventory.devices.values()}
    close = get_close_matches(pattern if equals else term, sorted(known), n=1, cutoff=0.7)
    prefix = f"{name}=" if equals else ""
    return (
        f"did you mean {prefix}{close[0]}?" if close else f"there is {', '.join(sorted(known)[:8]) or 'none'}"
    )
