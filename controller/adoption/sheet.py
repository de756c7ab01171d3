"""The sheet that a technician takes along: each new device of a site on a page, to print. No secret on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import segno
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from controller.adoption.claims import Ticket
from controller.adoption.scripts import PLATFORMS
from controller.model import Inventory, Site
from drivers.model import Device


@dataclass(frozen=True, slots=True)
class Card:
    """One device as its page shows it."""

    device: Device
    model: str
    where: str
    vlans: str
    by_itself: bool
    code: Markup
    ticket: Ticket | None
    expires: str


def page(
    inventory: Inventory,
    site: Site,
    devices: Sequence[Device],
    tickets: Mapping[str, Ticket],
    printed: Mapping[str, str],
) -> str:
    """The HTML page. `tickets` by device are the only secrets on it; `printed` has paper, call and date."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = (files("controller.adoption") / "templates" / "sheet.html").read_text(encoding="utf-8")
    zone = ZoneInfo(site.hours.zone)
    cards = [_card(device, tickets.get(device.name), zone) for device in devices]
    municipality = inventory.municipalities[site.municipality]
    return environment.from_string(text).render(site=site, municipality=municipality, cards=cards, **printed)


def code_text(device: Device, ticket: Ticket | None) -> str:
    """What the QR code says: name and MAC, for the camera of a console."""
    said = f"plaza:{device.name}?mac={device.mac.replace(':', '')}"
    if ticket is None:
        return said
    return f"{said}&claim={ticket.identity.claim}&token={ticket.token.reveal()}"


def shown_date(moment: datetime) -> str:
    """As people write it in Mexico."""
    return f"{moment:%d/%m/%Y}"


def _card(device: Device, ticket: Ticket | None, zone: ZoneInfo) -> Card:
    vlans = [f"{ssid.name}: {ssid.vlan}" for ssid in device.ssids if ssid.vlan is not None]
    if device.manage.vlan is not None:
        vlans.insert(0, f"administración / management: {device.manage.vlan}")
    drawn = segno.make(code_text(device, ticket), error="m", micro=False)
    return Card(
        device=device,
        model=device.labels.get("model", ""),
        where=device.labels.get("where", ""),
        vlans="; ".join(vlans),
        by_itself=device.platform in PLATFORMS,
        code=Markup(drawn.svg_inline(scale=4, border=4, title=device.name)),  # noqa: S704  made by segno alone
        ticket=ticket,
        expires=f"{ticket.expires_at.astimezone(zone):%d/%m/%Y %H:%M}" if ticket else "",
    )
