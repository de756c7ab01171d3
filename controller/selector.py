"""Picks devices by a selector: `all`, a name or glob, `site=`, `mun=`, `platform=`, `role=`; comma: and."""

from collections.abc import Callable, Iterable, Mapping
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
_SHOWN: Final = 8


def select(inventory: Inventory, text: str) -> tuple[Device, ...]:
    """The devices that fit every term, in file order, of any lifecycle. Values are matched as globs.

    Raises SelectorError when a term cannot be read, fits nothing, or no device fits them all.
    """
    terms = [term.strip() for term in text.split(",")]
    if any(len(term.split()) > 1 for term in terms):
        joined = ",".join(text.replace(",", " ").split())
        raise SelectorError(
            f"selector {text!r} has a space; a comma joins terms, and a device must fit all of them: {joined}"
        )
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
    wanted, prefix = (pattern, f"{name}=") if equals else (term, "")
    called = {key.casefold(): key for key in known} | _called(inventory, name if equals else "")
    close = get_close_matches(wanted.casefold(), called, n=1, cutoff=0.6)
    return f"did you mean {prefix}{called[close[0]]}?" if close else f"there is {_some(known)}"


def _called(inventory: Inventory, name: str) -> dict[str, str]:
    """Keys of sites or municipalities by what people call them, in small letters."""
    if name == "mun":
        return {one.name.casefold(): key for key, one in inventory.municipalities.items()}
    if name == "site":
        return {one.name.casefold(): key for key, one in inventory.sites.items()}
    return {}


def _some(known: Iterable[str]) -> str:
    first, *_ = several = sorted(known) or ["none"]
    if len(several) <= _SHOWN:
        return ", ".join(several)
    return f"{', '.join(several[:_SHOWN])}, … ({len(several)} in all, from {first} to {several[-1]})"
