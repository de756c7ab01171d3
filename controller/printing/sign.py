"""A site's sign: what it says on a day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from captive_portal.local import PLAIN, Help, Theme
from captive_portal.themes import OWN
from controller.errors import ControllerError
from controller.model import Site
from controller.printing import words
from controller.printing.networks import names
from controller.printing.words import Said
from drivers.model import Device

TITLE: Final = Said("Internet gratis", "Free internet")
PROMISE: Final = Said(
    "Nunca te pedimos datos, contraseñas ni dinero.",
    "We never ask for your data, passwords or money.",
)
VOUCHER: Final = Said("Aquí necesitas un vale con un código.", "Here you need a voucher with a code.")
NEUTRAL: Final = Theme(sky="#ffffff", on_sky="#000000")


@dataclass(frozen=True, slots=True)
class Sign:
    """`networks` has at least one name; `responsible` and `help` may be empty; `theme` colours its head.

    A neutral sign has black letters on white, no slogan and no name of who is responsible.
    """

    place: str
    networks: tuple[str, ...]
    url: str
    hours: tuple[Said, ...]
    vouchers: bool = False
    responsible: str = ""
    help: Help = field(default=PLAIN.help)
    theme: Theme = OWN


def of_site(site: Site, devices: Iterable[Device], portal_url: str, day: date) -> Sign:
    """The sign of a site as it must hang there on a local day. Raises ControllerError without a network."""
    networks = names(device for device in devices if device.site == site.key)
    if not networks:
        raise ControllerError(
            f"site {site.key}: no device of it has an open network; name one below `ssids:` in the inventory"
        )
    neutral, theme = site.pages.is_neutral(day), site.pages.theme
    coloured = Theme(sky=theme.sky or OWN.sky, on_sky=theme.on_sky or OWN.on_sky, slogan=theme.slogan)
    return Sign(
        place=site.name,
        networks=tuple(networks),
        url=f"{portal_url}/s/{site.key}",
        hours=tuple(words.week(site.hours)),
        vouchers=site.portal.vouchers,
        responsible="" if neutral else site.pages.responsible.name,
        help=site.pages.help,
        theme=NEUTRAL if neutral else coloured,
    )
