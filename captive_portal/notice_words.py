"""A site's privacy notice, short and full, as plain Spanish text: what a session's version stands for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from gettext import NullTranslations
from html.parser import HTMLParser
from typing import Final

from captive_portal.languages import SOURCE
from captive_portal.leaflets import leaflets
from captive_portal.model import PortalSite
from captive_portal.pages import Pages
from captive_portal.retention import Retention
from captive_portal.visit import Shown, Visit

PAGES: Final = ("notice", "notice-full")
_BLOCKS: Final = frozenset({"h1", "h2", "p", "li"})


def words(site: PortalSite, retention: Retention) -> str:
    """Both notices in the source language: a line for each heading, paragraph and point."""
    return "\n\n".join("\n".join(_lines(_html(name, site, retention))) for name in PAGES) + "\n"


@cache
def _pages() -> Pages:
    """Notices look the same at every moment, so this clock is not asked for anything that shows."""
    return Pages({SOURCE: NullTranslations()}, lambda: datetime.now(UTC))


def _html(name: str, site: PortalSite, retention: Retention) -> str:
    shown = Shown(name, SOURCE, values=leaflets(retention)[name](site))
    return _pages().written(Visit(site), shown).body.decode()


def _lines(html: str) -> Iterator[str]:
    reader = _Reader()
    reader.feed(html.partition("<main>")[2].partition("</main>")[0])
    return (" ".join(line.split()) for line in reader.lines if line.strip())


class _Reader(HTMLParser):
    """Collects what stands in headings, paragraphs and points of a list, not what leads to other pages."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._leads_on = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.lines.append("- " if tag == "li" else "")
        if tag == "a":
            self._leads_on = (dict(attrs).get("href") or "").startswith("/")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._leads_on = False

    def handle_data(self, data: str) -> None:
        if self.lines and not self._leads_on:
            self.lines[-1] += data
