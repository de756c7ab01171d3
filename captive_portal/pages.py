"""Pages as whole responses: one HTML document each, no script, no cookie, nothing fetched from anywhere."""

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from gettext import NullTranslations
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, g, request
from jinja2 import StrictUndefined
from markupsafe import Markup

from captive_portal import modes
from captive_portal.languages import ENDONYMS, choose, others
from captive_portal.model import PortalSite
from captive_portal.modes import Mode

TEMPLATES: Final = Path(__file__).parent / "templates"
STYLE: Final = re.sub(r"\s*([{};,])\s*", r"\1", (TEMPLATES / "style.css").read_text())
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def set_up(app: Flask, spoken: Mapping[str, NullTranslations]) -> None:
    """Give an application our templates' rules, its catalogues and the headers of every answer."""

    def translate(text: str) -> str:
        return spoken[_language()].gettext(text)

    def translate_number(one: str, many: str, number: int) -> str:
        return spoken[_language()].ngettext(one, many, number)

    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(translate, translate_number, newstyle=True)  # type: ignore[attr-defined]
    app.after_request(_with_headers)


def speak(language: str) -> None:
    """The language of this request's answer."""
    g.language = language


def stand_at(site: PortalSite) -> None:
    """The site of this request's answer: its name is shown, its gateway is where a form may lead."""
    g.site = site


def site_path(site: PortalSite, **query: str) -> str:
    """The address of a site's page, without a host: nothing a phone sends decides where it points."""
    return f"/p/{site.key}" + (f"?{urlencode(query)}" if query else "")


def in_mode(path: str) -> str:
    """The address of one of our pages, to be seen as this one is."""
    kept = modes.query(_modes())
    return path + (f"?{urlencode(kept)}" if kept else "")


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

    def switched(self, mode: str) -> str:
        """The same page with this mode on, or off again."""
        return replace(self, modes=modes.switched(self.modes, Mode(mode))).in_language(self.language)


def page(app: Flask, name: str, status: int = 200, path: str = "", **values: Any) -> Response:
    """The page `name`; its links to itself lead to `path` with the query in `values["query"]`."""
    site: PortalSite | None = g.get("site")
    html = app.jinja_env.get_template(f"{name}.html").render(
        site=site,
        language=_language(),
        others=others(site.languages if site else tuple(ENDONYMS), _language()),
        endonyms=ENDONYMS,
        modes=_modes(),
        here=Here(path or _own_path(site), values.pop("query", {}), _language(), _modes()),
        style=Markup(STYLE),  # noqa: S704  our own file
        **values,
    )
    return _compressed(Response(html, status, mimetype="text/html"))


def _compressed(response: Response) -> Response:
    """Half the octets, for a village behind a satellite; no secret is here that compression could tell."""
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip"):
        response.set_data(gzip.compress(response.get_data(), mtime=0))
        response.content_encoding = "gzip"
    return response


def _own_path(site: PortalSite | None) -> str:
    return site_path(site) if site else "/"


def _language() -> str:
    return str(g.get("language") or choose(tuple(ENDONYMS), request.args.get("lang", "")))


def _modes() -> tuple[Mode, ...]:
    return modes.chosen(request.args.get("m", ""))


def _with_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = content_security_policy(g.get("site"))
    return response


def content_security_policy(site: PortalSite | None) -> str:
    """Only our style; forms lead here or to the site's gateway (a form's redirects are checked too)."""
    targets = "'none'"
    if site is not None:
        gateway = urlsplit(site.gateway_url)
        targets = f"'self' {gateway.scheme}://{gateway.netloc}"
    return (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action {targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
