"""Plain Flask: a session in a signed cookie, and our first page rendered by Jinja2 for each phone.

It does what a tutorial's portal does and no more: it believes whoever arrives, counts nothing, seals nothing,
asks no store. It compresses nothing either, unless told to, with zlib's usual level. `templated` renders
the templates that ours are, in the phone's language; `flat` a single one without logic, which somebody put
together beforehand out of our finished page.
"""

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flask import Flask, Response, render_template, request, session
from jinja2 import Environment
from markupsafe import Markup

from captive_portal import pages
from captive_portal.languages import ENDONYMS, catalogues, others
from captive_portal.model import PortalSite

TEMPLATED: Final = "bench.portal.peers.plain_flask:templated"
FLAT: Final = "bench.portal.peers.plain_flask:flat"
PAGE: Final = "welcome.html"
SITE: Final = "site.pickle"
FOLDER: Final = "BENCH_FOLDER"
KEY: Final = "BENCH_SESSION_KEY"
COMPRESSES: Final = "BENCH_COMPRESSES"
"""The environment variables with the folder of its files, the key of its sessions, and 1 or 0."""


class _OurTemplates(Flask):
    def create_jinja_environment(self) -> Environment:  # type: ignore[override]  # Flask's own adds url_for
        return pages.environment(catalogues())


def templated() -> Flask:
    """The application with our templates; the site is looked up as a constant."""
    site: PortalSite = pickle.loads(_file(SITE).read_bytes())  # noqa: S301  written by this run
    style = Markup(pages.STYLE)  # noqa: S704  our own file

    def page(key: str, language: str) -> str:
        return render_template(
            PAGE,
            site=site,
            language=language,
            others=others(site.languages, language),
            endonyms=ENDONYMS,
            modes=(),
            here=pages.Here(f"/p/{key}", {"v": ""}, language, ()),
            style=style,
            theme=site.local.theme,
            neutral=False,
            colours="",
            recording=f"/audio/{language}/welcome.mp3",
            enter=f"/p/{key}/enter",
            hidden=_fields(v="", lang=language),
        )

    return _serving(_OurTemplates(__name__, static_folder=None), page)


def flat() -> Flask:
    """The application with one template that has no logic."""

    def page(key: str, language: str) -> str:
        return render_template(PAGE, key=key, language=language, place="Plaza de Armas", duration="1 hora")

    return _serving(Flask(__name__, static_folder=None, template_folder=os.environ[FOLDER]), page)


def _serving(app: Flask, page: Callable[[str, str], str]) -> Flask:
    app.secret_key = os.environ[KEY]

    @app.get("/p/<key>")
    def welcome(key: str) -> str:
        session["arrival"] = request.args["a"]
        session["pages"] = session.get("pages", 0) + 1
        return page(key, request.args.get("lang", "es"))

    if os.environ[COMPRESSES] == "1":
        app.after_request(_compressed)
    return app


def _fields(**fields: str) -> Markup:
    one = Markup('<input type="hidden" name="{}" value="{}">')
    return Markup("\n").join(one.format(name, value) for name, value in fields.items())


def _file(name: str) -> Path:
    return Path(os.environ[FOLDER], name)


def _compressed(answer: Response) -> Response:
    answer.set_data(gzip.compress(answer.get_data(), 6))
    answer.headers["Content-Encoding"] = "gzip"
    return answer


def write(folder: Path, site: PortalSite) -> None:
    """What `templated` knows of its site."""
    (folder / SITE).write_bytes(pickle.dumps(site))


def write_flat(folder: Path, page: str, key: str, place: str, token: str) -> None:
    """The template of `flat`: our page, where what is one phone's or one site's comes from values.

    `token` is left out, for its session holds what ours carries in the page.
    """
    said = {token: "", key: "{{ key }}", place: "{{ place }}", 'lang="es"': 'lang="{{ language }}"'}
    for ours, theirs in (said | {"1 hora": "{{ duration }}", "lang=es": "lang={{ language }}"}).items():
        page = page.replace(ours, theirs)
    (folder / PAGE).write_text(page)
