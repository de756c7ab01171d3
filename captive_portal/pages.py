"""Pages as whole responses: one HTML document each, no script, no cookie, nothing fetched from anywhere."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from gettext import NullTranslations
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from captive_portal import audio, modes, themes
from captive_portal.languages import ENDONYMS, others
from captive_portal.leaflets import LEAFLETS
from captive_portal.local import Theme
from captive_portal.model import GatewayKind, PortalSite
from captive_portal.modes import Mode
from captive_portal.press import Pressed, place
from captive_portal.visit import Onward, Plain, Shown, Visit

TEMPLATES: Final = Path(__file__).parent / "templates"
STYLE: Final = re.sub(r"\s*([{};,])\s*", r"\1", (TEMPLATES / "style.css").read_text())


def _hashed(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


STYLE_HASH: Final = _hashed(STYLE)
UNTHEMED: Final = Theme()
LOCAL: Final = "es"
"""The language of what the inventory says of a municipality."""

KEPT: Final = 1024
"""Pages that are kept written: some 50 KiB each."""

Headers = tuple[tuple[str, str], ...]

HEADERS: Final[Headers] = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)

LATER: Final[Headers] = (("Retry-After", "60"),)
"""With 503: what failed is ours, and may be well in a minute, as the pages say."""


@dataclass(frozen=True, slots=True)
class Written:
    """A whole answer: status, headers and body."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Here:
    """The address of the page that is shown, for its links to itself."""

    path: str
    query: Mapping[str, str]
    language: str
    modes: tuple[Mode, ...]

    def in_language(self, code: str) -> str:
        """The same page in another language."""
        return f"{self.path}?{urlencode({**self.query, 'lang': code, **modes.query(self.modes)})}"

    @property
    def back(self) -> str:
        """From a page that only informs, where the phone came from: the button, or how its session stands."""
        site, _, word = self.path.rpartition("/")
        if word not in LEAFLETS:
            return ""
        if "s" in self.query:
            return replace(self, path=f"{site}/online").in_language(self.language)
        return replace(self, path=site).in_language(self.language) if "v" in self.query else ""

    def beside(self, page: str) -> str:
        """Another page of the site, seen as this one is; `v` or `s` comes along, for the way back."""
        kept = {name: text for name, text in self.query.items() if name in {"v", "s"}}
        return f"{page}?{urlencode({**kept, 'lang': self.language, **modes.query(self.modes)})}"

    def switched(self, mode: str) -> str:
        """The same page with this mode on, or off again."""
        return replace(self, modes=modes.switched(self.modes, Mode(mode))).in_language(self.language)


@dataclass(frozen=True, slots=True)
class Look:
    """What a page is written by, apart from its site and its values."""

    page: str
    language: str
    modes: tuple[Mode, ...]
    path: str
    query: tuple[tuple[str, str], ...]
    theme: Theme
    neutral: bool = False


class Pages:
    """Every page of the portal, in every language that is served."""

    def __init__(self, spoken: Mapping[str, NullTranslations], clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._env = environment(spoken)
        self._press = lru_cache(maxsize=KEPT)(self._pressed)

    def written(self, visit: Visit, answer: Shown | Onward | Plain) -> Written:
        """The answer as it goes to the phone."""
        if isinstance(answer, Onward):
            onward: Headers = (("Location", answer.url), ("Content-Security-Policy", policy(None)), *HEADERS)
            return Written(answer.status, onward, b"")
        if isinstance(answer, Plain):
            return Written(answer.status, (("Content-Type", answer.kind), *HEADERS), answer.body)
        page = self._page(visit, answer)
        headers: Headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", policy(visit.site, answer.targets, self._theme(visit.site))),
            *HEADERS,
            ("Vary", "Accept-Encoding"),
            *(LATER if answer.status == HTTPStatus.SERVICE_UNAVAILABLE else ()),
        )
        if not visit.takes_gzip:
            return Written(answer.status, headers, page.text(answer.private))
        return Written(answer.status, (*headers, ("Content-Encoding", "gzip")), page.gzip(answer.private))

    def _theme(self, site: PortalSite | None) -> Theme:
        """A municipality's own colours and words, but none on its neutral days."""
        if site is None or site.local.theme == UNTHEMED or self._is_neutral(site):
            return UNTHEMED
        return site.local.theme

    def _is_neutral(self, site: PortalSite | None) -> bool:
        """Whether a site's pages show no colours, names or slogans of a government today."""
        if site is None or not site.local.neutral:
            return False
        return site.local.is_neutral(self._clock().astimezone(ZoneInfo(site.zone)).date())

    def _page(self, visit: Visit, shown: Shown) -> Pressed:
        look = Look(
            page=shown.page,
            language=shown.language,
            modes=visit.modes,
            path=shown.path,
            query=tuple(shown.query.items()),
            theme=self._theme(visit.site),
            neutral=self._is_neutral(visit.site),
        )
        if shown.values and not shown.keeps:
            return self._pressed(visit.site, look, tuple(shown.private), tuple(shown.values.items()))
        return self._press(visit.site, look, tuple(shown.private), tuple(shown.values.items()))

    def _pressed(
        self,
        site: PortalSite | None,
        look: Look,
        private: tuple[str, ...],
        values: tuple[tuple[str, Any], ...],
    ) -> Pressed:
        # a private text is URL-safe, or HTML that was quoted where it was made
        places = {one: Markup(place(one)) for one in private}  # noqa: S704
        html = self._env.get_template(f"{look.page}.html").render(
            site=site,
            language=look.language,
            others=others(site.languages if site else tuple(ENDONYMS), look.language),
            endonyms=ENDONYMS,
            modes=look.modes,
            here=Here(
                look.path or (f"/p/{site.key}" if site else "/"), dict(look.query), look.language, look.modes
            ),
            style=Markup(STYLE),  # noqa: S704  our own file
            theme=look.theme,
            neutral=look.neutral,
            colours=Markup(themes.css(look.theme)),  # noqa: S704  hexadecimal digits, or it raises
            recording=_recording(site, look),
            **places,
            **dict(values),
        )
        return Pressed(html)


def _recording(site: PortalSite | None, look: Look) -> str:
    """Where this page can be heard; "" where its words would not be true, or nobody has spoken them."""
    limited = site is None or site.vouchers or site.plan.daily
    spoken = audio.has(look.language, look.page) and not limited
    return f"/audio/{look.language}/{look.page}.mp3" if spoken else ""


def in_mode(visit: Visit, path: str, **query: str) -> str:
    """The address of one of our pages, seen as this one is; no host, so nothing a phone sends moves it."""
    kept = {**query, **modes.query(visit.modes)}
    return path + (f"?{urlencode(kept)}" if kept else "")


def policy(site: PortalSite | None, targets: tuple[str, ...] = (), theme: Theme = UNTHEMED) -> str:
    """Only our styles; forms lead here or to the site's gateway (a form's redirects are checked too)."""
    where = "'none'"
    if site is not None:
        own = (site.wiring.api_url,) if site.wiring.kind is GatewayKind.PLAZA else ()
        where = " ".join(("'self'", *dict.fromkeys(origin(one) for one in (*own, *targets))))
    return (
        f"default-src 'none'; style-src {_styles(theme)}; form-action {where}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


@lru_cache(maxsize=KEPT)
def _styles(theme: Theme) -> str:
    colours = themes.css(theme)
    more = f" 'sha256-{_hashed(colours)}'" if colours else ""
    return f"'sha256-{STYLE_HASH}'{more}"


def origin(url: str) -> str:
    """Scheme and host of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@pass_context
def _local(context: Context, text: str) -> str | Markup:
    """What a municipality wrote: in Spanish, whatever language the page around it is in (WCAG 2.2, 3.1.2)."""
    if context["language"] == LOCAL:
        return text
    return Markup('<span lang="{}">{}</span>').format(LOCAL, text)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def environment(spoken: Mapping[str, NullTranslations]) -> Environment:
    """The templates, each of which asks for its `language`."""

    @pass_context
    def translate(context: Context, text: str) -> str:
        return spoken[context["language"]].gettext(text)

    @pass_context
    def translate_number(context: Context, one: str, many: str, number: int) -> str:
        return spoken[context["language"]].ngettext(one, many, number)

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.filters |= {"local": _local, "host": _host}
    made.install_gettext_callables(translate, translate_number, newstyle=True)  # type: ignore[attr-defined]
    return made
