"""Checks what a site says on its pages: colours that everybody can read, and decisions that are whole."""

from collections.abc import Iterator

from captive_portal import themes
from controller.errors import Problem
from controller.inventory_levels import Leaves
from controller.inventory_resolve import Resolved
from controller.inventory_site import LEGAL, pages
from controller.inventory_yaml import Place


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every mistake, once for all the sites that have it from one level."""
    found: dict[tuple[Place, str, str], None] = {}
    for site in resolved.sites.values():
        leaves = resolved.leaves("sites", site.key)
        found |= dict.fromkeys((*_unread(resolved, site.key, leaves), *_unsigned(resolved, site.key, leaves)))
    for place, what, mend in found:
        yield resolved.document.problem(place, what, mend)


def _unread(resolved: Resolved, site: str, leaves: Leaves) -> Iterator[tuple[Place, str, str]]:
    place = _place(leaves, "theme")
    if place and not resolved.told("sites", site, ("pages", "theme")):
        for what in themes.problems(pages(leaves).theme):
            yield place, what, "choose colours that are further apart"


def _unsigned(resolved: Resolved, site: str, leaves: Leaves) -> Iterator[tuple[Place, str, str]]:
    place = _place(leaves, "legal")
    lacks = [
        key
        for key in LEGAL
        if ("pages", "legal", key) not in leaves or leaves["pages", "legal", key].value is None
    ]
    if place and lacks and not resolved.told("sites", site, ("pages", "legal")):
        mend = "write who decided it, when, on what basis and for how long, or delete `legal:`"
        yield place, f"lacks {', '.join(lacks)}", mend


def _place(leaves: Leaves, block: str) -> Place:
    """The map of `pages:` that the nearest level wrote; () where none wrote anything in it."""
    found = [leaf.source for key, leaf in leaves.items() if key[:2] == ("pages", block) and len(key) > 2]
    ranks = {"defaults": 0, "profiles": 1, "municipalities": 2, "sites": 3}
    return max(found, key=lambda place: ranks[str(place[0])])[:-1] if found else ()
