"""What a new device runs at its first boot to be taken in, with its one-time token."""

import shlex
from collections.abc import Callable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from controller.adoption.claims import Ticket
from controller.adoption.dhcp import VENDORS
from controller.adoption.tokens import pads
from controller.errors import AdoptionError
from drivers.configurers.routeros.language import quote
from drivers.configurers.ways import CONFIGURERS, CONTROLLERS
from drivers.model import Device, PollBy

PATH: Final = "/adopt/claim"
_UNTIL: Final = "%Y-%m-%d %H:%M UTC"


def openwrt(ticket: Ticket, edge_url: str, user: str) -> str:
    """An /etc/uci-defaults script, which may as well be pasted in a shell. Raises AdoptionError."""
    if user != "root":
        raise AdoptionError(f"{ticket.identity.device}: OpenWrt knows only the user root, not {user!r}")
    keys = pads(ticket.token)
    values = {
        "NAME": ticket.identity.device,
        "MAC": ticket.identity.mac,
        "CLAIM": ticket.identity.claim,
        "URL": edge_url + PATH,
        "EXPIRES": str(int(ticket.expires_at.timestamp())),
        "INNER": keys.inner,
        "OUTER": keys.outer,
    }
    settings = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return f"""\
#!/bin/sh
# Plaza: {ticket.identity.device} asks to be taken in, once, until {ticket.expires_at:{_UNTIL}}.
# In an image: files/etc/uci-defaults/99-plaza. By hand: paste all of it in a shell of root. Keep it secret.
mkdir -p "$PLAZA_ROOT/etc/plaza" "$PLAZA_ROOT/etc/rc.d"
(umask 077; cat >"$PLAZA_ROOT/etc/plaza/claim") <<'PLAZA_CLAIM'
#!/bin/sh
{settings}{_text("openwrt.sh")}PLAZA_CLAIM
chmod 700 "$PLAZA_ROOT/etc/plaza/claim"
ln -sf ../plaza/claim "$PLAZA_ROOT/etc/rc.d/S99plaza-claim"
"$PLAZA_ROOT/etc/plaza/claim" boot
"""


def routeros(ticket: Ticket, edge_url: str, user: str) -> str:
    """A .rsc to import: it puts a script and a scheduler there that end themselves."""
    keys = pads(ticket.token, digits=128)
    values = {
        "NAME": ticket.identity.device,
        "MAC": ticket.identity.mac.upper(),
        "CLAIM": ticket.identity.claim,
        "URL": edge_url + PATH,
        "USER": user,
        "INNER": keys.inner,
        "OUTER": keys.outer,
    }
    source = _text("routeros.rsc")
    for name, value in values.items():
        source = source.replace(f"@{name}@", quote(value))
    return f"""\
# Plaza: {ticket.identity.device} asks to be taken in, once, until {ticket.expires_at:{_UNTIL}}.
# On the device: /import plaza.rsc, then remove the file. Keep it secret.
/system script remove [find name="plaza-claim"]
/system scheduler remove [find name="plaza-claim"]
/system script add name="plaza-claim" source={_source(source)}
/system scheduler add name="plaza-claim" interval=1m on-event="plaza-claim" start-time=startup
/system script run "plaza-claim"
"""


KINDS: Final[Mapping[str, Callable[[Ticket, str, str], str]]] = MappingProxyType(
    {"openwrt": openwrt, "routeros": routeros}
)
PLATFORMS: Final[Mapping[str, str]] = MappingProxyType(
    {"openwrt": "openwrt", "mikrotik_routeros": "routeros"}
)


def kind_of(device: Device) -> str:
    """The script that a device understands. Raises AdoptionError when there is none for its platform."""
    if device.platform not in PLATFORMS:
        next_one = first_step(device)
        raise AdoptionError(f"{device.name}: there is no script for {device.platform}; instead: {next_one}")
    return PLATFORMS[device.platform]


def first_step(device: Device) -> str:
    """What a person does first with a new device, by how its platform comes in."""
    name = device.name
    if device.platform in PLATFORMS:
        script = f"plaza adopt script {name}"
        return script if device.mac else f"write its `mac:` into the inventory, then {script}"
    if device.platform in CONFIGURERS:
        return f"put our key on it by hand, then plaza adopt {name}"
    pin = f"plaza adopt {name}, " if device.poll is PollBy.SSH else ""
    if device.platform in VENDORS:
        controller = CONTROLLERS.get(device.platform, "its vendor's controller")
        dhcp = f"plaza adopt dhcp {device.site} --controller IP"
        return f"take it in at {controller} ({dhcp} leads it there), then {pin}plaza adopt done {name}"
    return f"set it up as its vendor says, then {pin}plaza adopt done {name}"


def _text(name: str) -> str:
    return (files("controller.adoption") / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """A script as one string, its line ends as \\n."""
    return '"' + "\\r\\n".join(quote(line)[1:-1] for line in text.splitlines()) + '"'
