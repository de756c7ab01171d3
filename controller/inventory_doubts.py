"""Tells what of a sound inventory is probably not meant: nothing here keeps it from loading."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from captive_portal.local import PLAIN
from controller import inventory_yaml
from controller.errors import Problem
from controller.health import unasked
from controller.inventory_aps import BY_MAC, names_access_points
from controller.inventory_gateways import differing
from controller.inventory_yaml import Document
from controller.model import Inventory
from drivers.model import Lifecycle, Role

_ANSWERS: Final = ("name", "address", "rights")
"""Without these a privacy notice names nobody to turn to."""

_NAMED: Final = 8


def doubts(path: Path, inventory: Inventory) -> Iterator[Problem]:
    """One problem for each doubt; `inventory` is what the file loads as."""
    document = inventory_yaml.read(path)
    yield from _unanswered(document, inventory)
    yield from _unbelieved(document, inventory)
    yield from _unasked(document, inventory)
    for site, devices in differing(inventory.sites, inventory.devices).items():
        kind = inventory.devices[devices[0]].captive
        what = f"is written nowhere and so plaza, while {devices[0]} is configured as {kind and kind.kind}"
        place = ("sites", site, "portal", "kind")
        yield document.problem(place, what, f"add `portal: {{kind: {kind and kind.kind}}}` to it")


def _unanswered(document: Document, inventory: Inventory) -> Iterator[Problem]:
    """Municipalities whose pages say something, but not who answers for the data; each told once."""
    told: set[str] = set()
    for site in inventory.sites.values():
        lacks = [name for name in _ANSWERS if not getattr(site.pages.responsible, name)]
        if site.pages == PLAIN or not lacks or site.municipality in told:
            continue
        told.add(site.municipality)
        place = ("municipalities", site.municipality, "pages", "responsible")
        what = f"lacks {', '.join(lacks)}, so the privacy notice names nobody to turn to"
        yield document.problem(place, what, "add them, here or at the state's level")


def _unbelieved(document: Document, inventory: Inventory) -> Iterator[Problem]:
    """Access points whose phones would be refused, for their site has the MACs of others only."""
    for device in inventory.devices.values():
        site = inventory.sites.get(device.site)
        if site is None or device.mac or device.role is not Role.AP or device.state is Lifecycle.RETIRED:
            continue
        if site.portal.kind in BY_MAC and not names_access_points(site.portal):
            what = f"is not written, so phones at it are refused: {site.portal.kind} names it by that"
            yield document.problem(("devices", device.name, "mac"), what, "add `mac:` to it")


def _unasked(document: Document, inventory: Inventory) -> Iterator[Problem]:
    """Devices that nobody polls for want of credentials, all in one line: a site of a portal only is so."""
    names = [device.name for device in inventory.devices.values() if unasked(device)]
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        what = f"is set at no level, so nobody polls {', '.join(names[:_NAMED])}{more}"
        mend = "add `snmp: {credentials: …}` there or at a level above, or leave it so for a portal only"
        yield document.problem(("devices", names[0], "snmp", "credentials"), what, mend)
