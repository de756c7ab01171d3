"""Chooses and orders the municipalities that a reader asked for in the address of the page."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

from controller.console.overview import SEVERITY, MunicipalityRow
from controller.health import State


class Order(StrEnum):
    """How the municipalities are sorted."""

    WORST_FIRST = "state"
    NAME = "name"
    CLIENTS = "clients"


LANGUAGES: Final = ("es", "en")
REFRESH_S: Final = range(10, 3601)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the query string asks for; nonsense falls back to the default. `auto_s` 0 = no refresh."""

    language: str = "es"
    state: State | None = None
    text: str = ""
    order: Order = Order.WORST_FIRST
    auto_s: int = 0

    def link(self, **changes: Any) -> str:
        """The address of the same page with some wishes changed; defaults are left out."""
        wish = replace(self, **changes)
        query = {
            "lang": wish.language if wish.language != LANGUAGES[0] else "",
            "state": wish.state.value if wish.state else "",
            "q": wish.text,
            "sort": wish.order.value if wish.order is not Order.WORST_FIRST else "",
            "auto": str(wish.auto_s) if wish.auto_s else "",
        }
        given = {name: value for name, value in query.items() if value}
        return f"/?{urlencode(given)}" if given else "/"


def parse(arguments: Mapping[str, str]) -> Choice:
    """The choice in a query string (lang, state, q, sort, auto)."""
    language = arguments.get("lang", "")
    state = arguments.get("state", "")
    order = arguments.get("sort", "")
    auto = arguments.get("auto", "")
    auto_s = int(auto) if auto.isascii() and auto.isdigit() and len(auto) <= 4 else 0
    return Choice(
        language=language if language in LANGUAGES else LANGUAGES[0],
        state=State(state) if state in set(State) else None,
        text=arguments.get("q", "").strip()[:100],
        order=Order(order) if order in set(Order) else Order.WORST_FIRST,
        auto_s=auto_s if auto_s in REFRESH_S else 0,
    )


def choose(rows: Sequence[MunicipalityRow], choice: Choice) -> tuple[MunicipalityRow, ...]:
    """The asked-for municipalities, sorted."""
    chosen = [row for row in rows if _has_state(row, choice.state) and _has_text(row, choice.text)]
    return tuple(sorted(chosen, key=lambda row: _rank(row, choice.order)))


def _has_state(row: MunicipalityRow, state: State | None) -> bool:
    """Up means all of it; any other state, that something in the municipality is in it."""
    if state is None or row.state is state:
        return True
    return state is not State.UP and bool(getattr(row.sites, state) or getattr(row.devices, state))


def _has_text(row: MunicipalityRow, text: str) -> bool:
    names = [row.key, row.name]
    for site in row.site_rows:
        names += [site.key, site.name, *(device.name for device in site.devices)]
    return any(_fold(text) in _fold(name) for name in names)


def _rank(row: MunicipalityRow, order: Order) -> tuple[int, str]:
    if order is Order.WORST_FIRST:
        return (-SEVERITY[row.state], _fold(row.name))
    if order is Order.CLIENTS:
        return (-1 if row.clients.value is None else -row.clients.value - 2, _fold(row.name))
    return (0, _fold(row.name))


def _fold(text: str) -> str:
    """Without case and accents, so that "juarez" finds Juárez."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))
