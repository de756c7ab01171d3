"""The captive portal of a MikroTik hotspot: its login page sends guests to ours."""

import html
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from drivers.configurers.routeros.diff import Thing, made, single
from drivers.configurers.routeros.menus import OWN_COMMENT
from drivers.configurers.routeros.state import PAGE, State
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Captive, GatewayKind

_NAME: Final = "plaza-portal"
_FOLDER: Final = PAGE.partition("/")[0]
_FILES_SINCE: Final = 7
_TEMPLATE: Final = Path(__file__).parents[2] / "platforms" / "mikrotik_routeros" / "login.html"


def things(wish: Wish, state: State) -> Iterator[Thing]:
    """What the gateway at this device needs; nothing where another gateway stands at the site.

    Raises ValueRefused for a gateway of another vendor, ConfigRejected where guests have no interface.
    """
    captive = wish.intent.captive
    if captive is None or captive.kind is GatewayKind.PLAZA:
        return
    if captive.kind is not GatewayKind.MIKROTIK:
        what = f"it cannot be a gateway of kind {captive.kind.value}"
        raise ValueRefused(wish.intent.device, what, "write mikrotik, or plaza for a gateway of ours")
    if state.version < _FILES_SINCE:
        what = "its RouterOS 6 cannot be given a login page over SSH"
        raise ConfigRejected(wish.intent.device, what, "upgrade it to 7.9 or later")
    yield from _hotspot(wish, state, captive)
    yield from _walled_garden(captive)
    yield from _radius(wish, captive)


def login_page(portal_url: str) -> str:
    """What the hotspot shows to a guest: a way to the portal that needs no script."""
    joint = "&" if "?" in portal_url else "?"
    return _template().replace("PORTAL?", html.escape(portal_url + joint))


@cache
def _template() -> str:
    return _TEMPLATE.read_text(encoding="utf-8").rstrip("\n")


def _hotspot(wish: Wish, state: State, captive: Captive) -> Iterator[Thing]:
    radius = "yes" if captive.radius is not None else "no"
    yield made("file", state.login.folder + PAGE, {"contents": login_page(captive.portal_url)})
    yield made(
        "ip hotspot profile",
        _NAME,
        {"login-by": "http-chap", "use-radius": radius, "html-directory": state.login.folder + _FOLDER},
    )
    for vlan in dict.fromkeys(ssid.vlan for ssid in wish.intent.ssids if ssid.captive):
        interface = _interface(wish, state, vlan)
        name = f"{_NAME}-{vlan}"
        yield made("ip hotspot", name, {"interface": interface, "profile": _NAME, "disabled": "no"})


def _interface(wish: Wish, state: State, vlan: int | None) -> str:
    """Guests need a VLAN of their own: on the bridge a hotspot would shut the technicians out too."""
    if vlan is None:
        what = "a hotspot needs its guests in a VLAN of their own"
        raise ConfigRejected(wish.intent.device, what, "give each SSID with a portal a `vlan`")
    addressed = {item.get("interface") for item in state.of("ip address")}
    for item in state.of("interface vlan"):
        if item.get("vlan-id") == str(vlan) and item.get("name") in addressed:
            return item.get("name")
    what = f"it has no interface with an address in the VLAN {vlan} of its guests"
    raise ConfigRejected(wish.intent.device, what, "make one with /interface vlan and /ip address")


def _walled_garden(captive: Captive) -> Iterator[Thing]:
    """Over HTTPS only what is allowed by address counts, and that takes no `*`."""
    portal = urlsplit(captive.portal_url).hostname or ""
    for host in dict.fromkeys((portal, *captive.allow)):
        comment = f"{OWN_COMMENT} {host}"
        yield made("ip hotspot walled-garden", comment, {"dst-host": host})
        if not host.startswith("*"):
            yield made("ip hotspot walled-garden ip", comment, {"dst-host": host})


def _radius(wish: Wish, captive: Captive) -> Iterator[Thing]:
    if captive.radius is None:
        return
    if captive.credentials not in wish.portal_secrets:
        what = "its RADIUS server needs a secret"
        raise ValueRefused(wish.intent.device, what, "name a credential in `captive`")
    values = {
        "address": captive.radius.host,
        "service": "hotspot",
        "secret": wish.portal_secrets[captive.credentials].reveal(),
        "authentication-port": str(captive.radius.port),
        "accounting-port": str(captive.radius.port + 1),
    }
    yield made("radius", f"{OWN_COMMENT} hotspot", values)
    yield single("radius incoming", {"accept": "yes", "port": "3799"})
