"""Plain Flask: a session in a signed cookie, and a Jinja2 template with the content of our first page.

It does what a tutorial's portal does and no more: it believes whoever arrives, counts nothing, seals nothing,
asks no store. It compresses nothing either, unless it is told to, with zlib's usual level.
"""

import gzip
import os
from pathlib import Path
from typing import Final

from flask import Flask, Response, render_template, request, session

FACTORY: Final = "bench.portal.peers.plain_flask:create_app"
PAGE: Final = "welcome.html"
FOLDER: Final = "BENCH_TEMPLATES"
KEY: Final = "BENCH_SESSION_KEY"
COMPRESSES: Final = "BENCH_COMPRESSES"
"""The environment variables with the folder of its template, the key of its sessions, and 1 or 0."""


def create_app() -> Flask:
    """The application."""
    app = Flask(__name__, static_folder=None, template_folder=os.environ[FOLDER])
    app.secret_key = os.environ[KEY]

    @app.get("/p/<key>")
    def welcome(key: str) -> str:
        session["arrival"] = request.args["a"]
        session["pages"] = session.get("pages", 0) + 1
        language = request.args.get("lang", "es")
        return render_template(PAGE, key=key, language=language, place="Plaza de Armas", duration="1 hora")

    if os.environ[COMPRESSES] == "1":
        app.after_request(_compressed)
    return app


def _compressed(answer: Response) -> Response:
    answer.set_data(gzip.compress(answer.get_data(), 6))
    answer.headers["Content-Encoding"] = "gzip"
    return answer


def write(folder: Path, page: str, key: str, place: str, token: str) -> None:
    """Its template: a page of ours of this site, where what is one phone's or one site's comes from values.

    `token` is left out, for its session holds what ours carries in the page.
    """
    said = {token: "", key: "{{ key }}", place: "{{ place }}", 'lang="es"': 'lang="{{ language }}"'}
    for ours, theirs in (said | {"1 hora": "{{ duration }}", "lang=es": "lang={{ language }}"}).items():
        page = page.replace(ours, theirs)
    (folder / PAGE).write_text(page)
