"""Leaflets of a site as HTML, and what a person reads of them."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

from captive_portal.languages import catalogues
from captive_portal.leaflets import leaflets
from captive_portal.local import Help, LegalRetention, Local, Responsible, Service
from captive_portal.model import PortalSite
from captive_portal.pages import Pages
from captive_portal.retention import Retention
from captive_portal.visit import Shown, Visit

KEEP = Retention()
LEGAL = LegalRetention("Ana Ruiz", date(2026, 11, 3), "oficio 12 de la unidad jurídica", 730)
HELP = Help("614 429 3300 ext. 12", "lunes a viernes de 9 a 15 h", "Presidencia, planta baja")
RESPONSIBLE = Responsible(
    name="Municipio de Guachochi",
    address="Calle Belisario Domínguez 1",
    phone="649 543 0000",
    email="transparencia@guachochi.example",
    unit="Unidad de Transparencia",
    rights="en la Presidencia",
    basis="convenio 7",
    updated=date(2027, 3, 12),
)
SERVICES = (
    Service("Agua", "https://agua.example/pagos"),
    Service("Predial", "https://predial.example/?a=1&b=2"),
)
FULL = Local(responsible=RESPONSIBLE, help=HELP, services=SERVICES)


def html_of(
    name: str, site: PortalSite, retention: Retention = KEEP, args: Mapping[str, str] | None = None
) -> str:
    """The page as a phone gets it."""
    visit = Visit(site, args=args or {})
    values: Mapping[str, Any] = leaflets(retention)[name](site)
    shown = Shown(name, visit.language, path=f"/p/{site.key}/{name}", values=values, keeps=True)
    return Pages(catalogues(), lambda: datetime.now(UTC)).written(visit, shown).body.decode()


class Read(HTMLParser):
    """The texts of a page's main part, one for each element, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(html.partition("<main>")[2].partition("</main>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    @property
    def sentences(self) -> list[str]:
        """Every sentence, without its mark; a colon ends one too."""
        parts = (part for text in self.texts for part in re.split(r"[.?!:](?:\s|$)", text))
        return [part.strip() for part in parts if part.strip()]
