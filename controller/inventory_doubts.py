"""Tells what of a sound inventory is probably not meant: nothing here keeps it from loading."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from captive_portal.local import PLAIN
from controller import inventory_yaml
from controller.errors import Problem
from controller.inventory_gateways import differing
from controller.inventory_yaml import Document
from controller.model import Inventory

_ANSWERS: Final = ("name", "address", "rights")
"""Without these a privacy notice names nobody to turn to."""


def doubts(path: Path, inventory: Inventory) -> Iterator[Problem]:
    """One problem for each doubt; `inventory` is what the file loads as."""
    document = inventory_yaml.read(path)
    yield from _unanswered(document, inventory)
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
