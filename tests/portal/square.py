"""A portal and a gateway of one site on real HTTP servers, and the addresses of every page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any, Final

from flask import Flask, Response, redirect, request
from werkzeug.serving import make_server

from captive_portal.guest import create_app
from captive_portal.languages import catalogues
from captive_portal.model import PortalSite, Standing
from captive_portal.pages import Pages
from captive_portal.portal import Portal
from captive_portal.visit import Shown, Visit
from tests.portal.conftest import GUACHOCHI, World, make_world, portal_site

MODES = ("", "big", "bold", "big.bold")


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The origin of a real HTTP server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Square:
    """A portal and the gateway of its site, on two origins."""

    portal: str
    world: World
    gateway_heard: list[str]

    def page(self, site: str = GUACHOCHI, lang: str = "es") -> str:
        return f"{self.portal}/p/{site}?a={self.world.token(site)}&lang={lang}"


@contextmanager
def open_square(directory: Path) -> Iterator[Square]:
    """A square with its store in this folder."""
    world = make_world(directory)
    heard: list[str] = []
    gateway = Flask("gateway")
    with serving(gateway) as gateway_origin:
        world.sites[GUACHOCHI] = portal_site(GUACHOCHI, gateway_origin)
        with serving(create_app(Portal.over(world.engine, world.sites, world.clock))) as portal_origin:
            found = Square(portal_origin, world, heard)
            answer_like_a_gateway(gateway, found)
            yield found
    world.engine.dispose()


def answer_like_a_gateway(gateway: Flask, square: Square) -> None:
    """The gateway's side of the contract: a ticket is answered with the page after."""

    @gateway.get("/grant")
    def grant() -> Any:
        square.gateway_heard.append(request.args["g"])
        return redirect(f"{square.portal}/p/{GUACHOCHI}/online?lang=es", 303)

    @gateway.post("/leave")
    def leave() -> Response:
        square.gateway_heard.append("leave")
        return Response("left", mimetype="text/plain")


def addresses(square: Square, lang: str, mode: str = "") -> dict[str, str]:
    site = f"{square.portal}/p/{GUACHOCHI}"
    how = f"lang={lang}&m={mode}"
    return {
        "welcome": f"{square.page(lang=lang)}&m={mode}",
        "online": f"{site}/online?{how}",
        "connect": f"{site}?{how}",
        "not-recognised": f"{site}?a=forged&{how}",
        "help": f"{site}/help?{how}",
        "notice": f"{site}/notice?{how}",
        "notice-full": f"{site}/notice-full?{how}",
        "services": f"{site}/services?{how}",
        "home": f"{square.portal}/?{how}",
        "lost": f"{square.portal}/p/none?{how}",
    }


STATUS: Final = {
    "standing": Standing(True, 1800, 5_000_000),
    "leave": "/",
    "taken": "",
    "token": "s",
    "ask": "/",
    "again": "/",
    "is_last": False,
    "closes": False,
}
WISHES: Final = ("possible", "waits")
"""How it may stand with more time where the gateway is asked for it."""


def unreachable(site: PortalSite, lang: str, mode: str) -> Iterator[tuple[str, str]]:
    """The pages that no address shows by itself, as HTML."""
    shelf = Pages(catalogues(), lambda: datetime.now(UTC))
    visit = Visit(site, args={"lang": lang, "m": mode})
    pages: tuple[tuple[str, dict[str, Any]], ...] = (
        ("site-closed", {}),
        ("site-full", {}),
        ("closing", {"enter": "/", "hidden": "", "closes": "20:00"}),
        ("day-used-up", {}),
        ("no-internet", {}),
        ("gateway-failed", {}),
        ("left", {}),
        ("over", {"what": "octets", "enter": "/", "hidden": ""}),
        ("wait", {"after": "/"}),
        ("carry", {"hidden": "", "action": "/"}),
        ("voucher", {"hidden": "", "enter": "/", "reason": "voucher-unknown"}),
        ("status", {**STATUS, "more": "/"}),
        *((f"status {wish}", {**STATUS, "more": "", "wish": wish}) for wish in WISHES),
        ("trouble", {"incident": "1234-5678"}),
    )
    for name, values in pages:
        shown = Shown(name.partition(" ")[0], visit.language, values=values)
        yield name, shelf.written(visit, shown).body.decode()
