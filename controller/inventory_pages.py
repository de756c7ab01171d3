"""Checks what a site says on its pages: colours that everybody can read, decisions that are whole."""

from collections.abc import Iterator
from typing import Final

from captive_portal import themes
from captive_portal.model import TELLS_NO_ADDRESS
from controller.errors import Problem
from controller.inventory_levels import Leaves
from controller.inventory_resolve import Resolved
from controller.inventory_site import LEGAL, pages
from controller.inventory_yaml import Place
from controller.model import Site

_DECIDING: Final = (("pages", "legal"), ("portal", "kind"))


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every mistake, once for all the sites that have it from one level."""
    found: dict[tuple[Place, str, str], None] = {}
    for site in resolved.sites.values():
        leaves = resolved.leaves("sites", site.key)
        found |= dict.fromkeys((*_unread(resolved, site.key, leaves), *_unsigned(resolved, site.key, leaves)))
    for place, what, mend in found:
        yield resolved.document.problem(place, what, mend)
    yield from _unkept(resolved)


def _unkept(resolved: Resolved) -> Iterator[Problem]:
    """Decisions to keep addresses where none is ever told: nobody may believe that something is kept."""
    deaf: dict[Place, list[Site]] = {}
    for site in resolved.sites.values():
        unsure = any(resolved.told("sites", site.key, key) for key in _DECIDING)
        if site.pages.legal and site.portal.kind in TELLS_NO_ADDRESS and not unsure:
            deaf.setdefault(_place(resolved.leaves("sites", site.key), "legal"), []).append(site)
    for place, sites in deaf.items():
        more = f" and at {len(sites) - 1} more" if len(sites) > 1 else ""
        what = f"keeps nothing at {sites[0].key}{more}, because a gateway of kind {sites[0].portal.kind}"
        mend = "write `legal: null` in `pages:` of such sites, or delete it here"
        yield resolved.document.problem(place, f"{what} tells the portal no address", mend)


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
