"""Writes the page of incidents: what is wrong, since when, why we think so, who has it, what to do next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import render_template
from flask_babel import format_decimal, gettext
from sqlalchemy import Engine

from controller.console import incident_words as words
from controller.console import pages
from controller.console.choice import Choice
from controller.console.sentences import spoken
from controller.incidents import desk
from controller.incidents.advice import step
from controller.incidents.desk import Incident, Member
from controller.incidents.expecting import Announced
from controller.incidents.model import Evidence, Seen
from controller.incidents.reading import Every
from controller.incidents.returning import Return, answering, returned
from controller.model import Inventory

open_count: Final[Callable[[Engine], int]] = desk.open_count

LATELY_S: Final = 7 * 86_400
MOST: Final = 20
"""So many members of an incident, and so many that are closed, are named."""


@dataclass(frozen=True, slots=True)
class Card:
    """One incident as the page shows it; texts are in the reader's language."""

    incident: Incident
    title: str
    place: str
    zone: str
    cause: str
    evidence: tuple[str, ...]
    next: str
    lasted: str
    members: tuple[Member, ...]
    more: int
    back: Return


@dataclass(frozen=True, slots=True)
class Window:
    """An announced outage as the page shows it."""

    outage: Announced
    place: str
    zone: str


def page(inventory: Inventory, engine: Engine, now: datetime, language: str, every: Every) -> str:
    """The page of incidents; `every` is how often devices and sites are looked at."""
    at = int(now.timestamp())
    answer = answering(engine, inventory, now, every)
    found = [_card(inventory, one, answer, at) for one in desk.listed(engine, at - LATELY_S)]
    other = "en" if language == "es" else "es"
    return render_template(
        "incidents.html",
        at=at,
        open=sorted((one for one in found if one.incident.is_open), key=_rank),
        closed=[one for one in found if not one.incident.is_open][:MOST],
        announced=[_window(inventory, one) for one in desk.announced(engine, at)],
        home=Choice(language=language).link(),
        here=pages.incidents_link(language),
        there=pages.incidents_link(other),
        number=format_decimal,
        clock_time=pages.clock_time,
        instant=pages.instant,
        offset=pages.offset,
        member_name=words.member,
    )


def _rank(card: Card) -> tuple[bool, int]:
    """What nobody has first, then what most hangs on."""
    return card.incident.acked_at is not None, -len(card.incident.down)


def _card(inventory: Inventory, one: Incident, answer: Mapping[str, Seen], at: int) -> Card:
    shown, back = one.down if one.is_open else one.members, returned(one, answer)
    down = [each.key for each in one.down if each.key not in back.members]
    next_one = step(one.root, one.finding, down, back=back.whole)
    evidence, zone = words.evidence(), _zone(inventory, one.municipality)
    return Card(
        one,
        words.title(one.root, _names(inventory)),
        _place(inventory, one),
        zone,
        words.causes()[one.finding.cause],
        tuple(evidence[each.code] % _told(each, zone, at) for each in one.finding.evidence),
        words.advice()[next_one.code] % next_one.said,
        words.length(one.open_s if one.repair_s is None else one.repair_s),
        shown[:MOST],
        len(shown) - len(shown[:MOST]),
        back,
    )


def _told(evidence: Evidence, zone: str, now: int) -> Mapping[str, str]:
    """What belongs into the words of a piece of evidence, for its reader and on the place's clock."""
    told = dict(evidence.said)
    if "said" in told:
        told["said"] = spoken(told["said"]).text
    if "step" in told:
        told["step"] = words.step_name(told["step"])
    if "at" in told:
        at = int(datetime.fromisoformat(told["at"]).timestamp())
        told["at"] = f"{pages.clock_time(at, zone, now)} {pages.offset(at, zone)}"
    return told


def _window(inventory: Inventory, one: Announced) -> Window:
    site = inventory.sites.get(one.place)
    municipality = site.municipality if site is not None else one.place
    return Window(one, _names(inventory).get(one.place, one.place), _zone(inventory, municipality))


def _names(inventory: Inventory) -> Mapping[str, str]:
    municipalities = {key: one.name for key, one in inventory.municipalities.items()}
    return municipalities | {key: one.name for key, one in inventory.sites.items()}


def _place(inventory: Inventory, one: Incident) -> str:
    """The municipality and, where it is one, the site."""
    known = inventory.municipalities.get(one.municipality)
    sites = {member.site for member in one.members}
    names = [known.name if known is not None else gettext("varios municipios")]
    names += [site.name for key, site in inventory.sites.items() if sites == {key}]
    return " · ".join(names)


def _zone(inventory: Inventory, municipality: str) -> str:
    known = inventory.municipalities.get(municipality)
    if known is not None:
        return known.zone
    zones = [each.zone for each in inventory.municipalities.values()]
    return max(sorted(set(zones)), key=zones.count, default="UTC")
