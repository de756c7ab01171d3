"""The staff's web console: two pages on this machine only, until it has logins."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, render_template, request
from flask_babel import Babel
from jinja2 import StrictUndefined
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from controller.console import choice, incidents, loopback, pages
from controller.console.incident_words import step_name
from controller.console.overview import overview, patience
from controller.console.reading import Samples, read
from controller.console.sentences import spoken
from controller.incidents.reading import Every, expected_now
from controller.incidents.world import world_of
from controller.model import Inventory
from metrics.errors import MetricsError
from metrics.exposition import CONTENT_TYPE

log = logging.getLogger(__name__)

STALE_POLLS: Final = 4
"""So many polls without a sample make a device unknown."""
_USUAL: Final = Every(poll_s=30, probe_s=900)
TRANSLATIONS: Final = Path(__file__).parents[1] / "translations"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_app(
    inventory: Inventory,
    engine: Engine,
    samples: Samples,
    clock: Callable[[], datetime],
    every: Every = _USUAL,
    exposition: Callable[[], bytes] | None = None,
) -> Flask:
    """The console as a WSGI application.

    `clock` gives aware moments; `every` is how often devices are polled by default, and sites probed. A
    device without a sample for four polls, or three of its own where its profile has it asked less often, is
    unknown.
    `exposition` gives what a Prometheus on this machine reads at /metrics. Raises nothing; what cannot be
    read becomes a page that says so, 503.
    """
    stale_after_s = STALE_POLLS * every.poll_s
    longest_s = max(
        (patience(one, stale_after_s) for one in inventory.devices.values()), default=stale_after_s
    )
    world = world_of(inventory)
    app = Flask(__name__)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Babel(
        app,
        default_domain="console",
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=lambda: pages.LOCALES[choice.parse(request.args).language],
    )
    app.jinja_env.globals |= {"spoken": spoken, "step_name": step_name}
    app.context_processor(lambda: {"language": choice.parse(request.args).language})
    app.before_request(_refuse_strangers)
    app.after_request(_harden)
    app.register_error_handler(SQLAlchemyError, _unreadable)
    app.register_error_handler(MetricsError, _unreadable)

    @app.get("/")
    def home() -> Response:
        wish = choice.parse(request.args)
        reading = read(
            engine, samples, clock(), longest_s, lambda c, now: expected_now(c, inventory, world, now)
        )
        found = overview(inventory, reading, stale_after_s)
        page = pages.overview_page(found, wish, stale_after_s, incidents.open_count(engine))
        response = Response(page, mimetype="text/html")
        if wish.auto_s:
            response.headers["Refresh"] = str(wish.auto_s)
        return response

    @app.get("/incidents")
    def outages() -> Response:
        page = incidents.page(inventory, engine, clock(), choice.parse(request.args).language, every)
        return Response(page, mimetype="text/html")

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok", mimetype="text/plain")

    if exposition is not None:
        app.add_url_rule("/metrics", "metrics", lambda: Response(exposition(), content_type=CONTENT_TYPE))

    return app


def _refuse_strangers() -> None:
    if not loopback.allows(request.remote_addr or "", request.environ.get("HTTP_HOST", "")):
        abort(403)


def _harden(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


def _unreadable(error: Exception) -> tuple[str, int]:
    """An honest page instead of figures that nobody could read."""
    log.error("stores unreadable", extra={"error": type(error).__name__}, exc_info=error)
    return render_template("unreadable.html", again=choice.parse(request.args).link()), 503
