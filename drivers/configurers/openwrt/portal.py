"""The gateways on OpenWrt that bring guests to the portal, each in its own UCI package.

Every option is as its package's own example configuration has it; none was tried on hardware.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from drivers.configurers.openwrt.keeping import check_host
from drivers.configurers.openwrt.names import interface_of
from drivers.configurers.openwrt.uci import Config, Section
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Captive, Endpoint, GatewayKind, Intent, Secret

OWN_OPTIONS: Final = MappingProxyType(
    {
        ("opennds", "opennds"): frozenset(
            {
                *("enabled", "gatewayinterface", "login_option_enabled", "fasport", "fasremoteip"),
                *("fasremotefqdn", "faspath", "faskey", "fas_secure_enabled", "walledgarden_fqdn_list"),
            }
        ),
        ("uspot", "uspot"): frozenset(
            {
                *(
                    "auth_mode",
                    "uam_server",
                    "uam_secret",
                    "nasid",
                    "auth_server",
                    "auth_port",
                    "auth_secret",
                ),
                *("acct_server", "acct_port", "acct_secret"),
            }
        ),
        ("chilli", "chilli"): frozenset(
            {
                *("disabled", "network", "dhcpif", "uamserver", "uamsecret", "uamallowed", "uamdomain"),
                *("radiusserver1", "radiusserver2", "radiusauthport", "radiusacctport", "radiussecret"),
                "radiusnasid",
            }
        ),
    }
)
"""The options that we own in the gateways' own sections, by package and kind."""

_SECRET: Final = re.compile(r"[A-Za-z0-9._~+/=@:-]{8,32}")  # each of them goes on into a file or a shell
_NAME: Final = re.compile(r"(?:\*\.)?[A-Za-z0-9][A-Za-z0-9.-]{0,251}")
_URL: Final = re.compile(r"https?://[A-Za-z0-9._~%:/?&=\[\]-]+")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~%/-]*")
_ACCOUNTING: Final = 1  # the port after that for authentication (RFC 2866, section 3)


@dataclass(frozen=True, slots=True)
class Gateway:
    """One section as the template writes it."""

    package: str
    kind: str
    section: str
    options: tuple[tuple[str, str | Secret], ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class _Wiring:
    """What is known of the gateway that is wanted."""

    intent: Intent
    captive: Captive
    interface: str
    secret: Secret


def gateway(wish: Wish, running: Config) -> Gateway | None:
    """The gateway's section, None where the AP only bridges guests to it.

    Raises ConfigRejected for a package or a section that is not there, ValueRefused for a kind of gateway
    that is none of OpenWrt's and for what it cannot carry.
    """
    captive = wish.intent.captive
    guests = [ssid for ssid in wish.intent.ssids if ssid.captive]
    if captive is None or not guests or captive.kind is GatewayKind.PLAZA:
        return None
    make = _MAKERS.get(captive.kind)
    if make is None:
        hint = "name opennds, uspot, coovachilli or plaza as the kind of its `captive`"
        raise ValueRefused(wish.intent.device, f"OpenWrt has no gateway {captive.kind.value}", hint)
    interfaces = sorted({interface_of(ssid) for ssid in guests})
    if len(interfaces) > 1:
        what = f"its guests come from {' and '.join(interfaces)}, and its gateway serves one interface"
        raise ValueRefused(wish.intent.device, what, "put all SSIDs of the portal into one VLAN")
    return make(_wiring(wish, captive, interfaces[0]), running)


def _opennds(wiring: _Wiring, running: Config) -> Gateway:
    """FAS level 2; openNDS sends phones to it over http and nothing else at that level."""
    section = _section(wiring, running, "opennds", "opennds php8-cli php8-mod-openssl")
    url = urlsplit(wiring.captive.portal_url)
    if url.scheme != "http" or not url.hostname or url.query or not _PATH.fullmatch(url.path or "/"):
        hint = "write http://HOST/PATH; the page itself may lead on to https"
        raise ValueRefused(wiring.intent.device, "openNDS can send guests to plain http only", hint)
    check_host(wiring.intent, "portal", url.hostname)
    is_address = _is_address(url.hostname)
    named = () if is_address else (url.hostname,)
    options = (
        ("enabled", "1"),
        ("gatewayinterface", wiring.interface),
        ("login_option_enabled", "0"),
        ("fasport", str(url.port or 80)),
        ("fasremoteip" if is_address else "fasremotefqdn", url.hostname),
        ("faspath", url.path or "/"),
        ("faskey", wiring.secret),
        ("fas_secure_enabled", "2"),
    )
    # Its walled garden takes in every name below one (dnsmasq's own rule for a domain).
    names = tuple(dict.fromkeys((*named, *(name.removeprefix("*.") for name in wiring.captive.allow))))
    lists = (("walledgarden_fqdn_list", names),) if names else ()
    return Gateway("opennds", "opennds", section.name, options, lists)


def _uspot(wiring: _Wiring, running: Config) -> Gateway:
    """Its firewall, DHCP and web server are a site's own; we fill in the portal."""
    sections = [
        s for s in running.of_kind("uspot", "uspot") if s.options.get("interface") == wiring.interface
    ]
    if not sections:
        what = f"uspot is not set up for the interface {wiring.interface}"
        hint = "run `opkg update && opkg install uspot` there and set it up as its README says"
        raise ConfigRejected(wiring.intent.device, what, hint)
    if wiring.captive.allow:
        hint = "add those names to its own ipset, and take `allow` from its `captive`"
        raise ValueRefused(wiring.intent.device, "uspot keeps no list of allowed names", hint)
    radius = _radius(wiring)
    options = (
        ("auth_mode", "uam"),
        ("uam_server", wiring.captive.portal_url.rstrip("/") + "/"),
        ("uam_secret", wiring.secret),
        ("nasid", wiring.intent.hostname),
        ("auth_server", radius.host),
        ("auth_port", str(radius.port)),
        ("auth_secret", wiring.secret),
        ("acct_server", radius.host),
        ("acct_port", str(radius.port + _ACCOUNTING)),
        ("acct_secret", wiring.secret),
    )
    return Gateway("uspot", "uspot", sections[0].name, options)


def _chilli(wiring: _Wiring, running: Config) -> Gateway:
    """Any `disabled` keeps it from starting, whatever its value: we own it and write none."""
    section = _section(wiring, running, "chilli", "coova-chilli")
    radius = _radius(wiring)
    options: tuple[tuple[str, str | Secret], ...] = (
        ("network", wiring.interface),
        ("uamserver", wiring.captive.portal_url),
        ("uamsecret", wiring.secret),
        ("radiusserver1", radius.host),
        ("radiusserver2", radius.host),
        ("radiusauthport", str(radius.port)),
        ("radiusacctport", str(radius.port + _ACCOUNTING)),
        ("radiussecret", wiring.secret),
        ("radiusnasid", wiring.intent.hostname),
    )
    allow = wiring.captive.allow
    hosts = ",".join(name for name in allow if not name.startswith("*."))
    domains = ",".join(name.removeprefix("*") for name in allow if name.startswith("*."))
    options += (("uamallowed", hosts),) if hosts else ()
    options += (("uamdomain", domains),) if domains else ()
    return Gateway("chilli", "chilli", section.name, options)


_MAKERS: Final[Mapping[GatewayKind, Callable[[_Wiring, Config], Gateway]]] = MappingProxyType(
    {GatewayKind.OPENNDS: _opennds, GatewayKind.USPOT: _uspot, GatewayKind.COOVACHILLI: _chilli}
)


def _section(wiring: _Wiring, running: Config, package: str, install: str) -> Section:
    sections = running.of_kind(package, package)
    if not sections:
        hint = f"run `opkg update && opkg install {install}` there, or choose another kind of gateway"
        raise ConfigRejected(wiring.intent.device, f"it has no {wiring.captive.kind.value}", hint)
    return sections[0]


def _radius(wiring: _Wiring) -> Endpoint:
    radius = wiring.captive.radius
    if radius is None:
        what = f"{wiring.captive.kind.value} asks a RADIUS server, and none is named"
        raise ValueRefused(wiring.intent.device, what, "add `radius:` to its `captive`")
    check_host(wiring.intent, "RADIUS server", radius.host)
    return radius


def _wiring(wish: Wish, captive: Captive, interface: str) -> _Wiring:
    """Raises ValueRefused for a secret, an address or a name that would not stay one word on its way."""
    device = wish.intent.device
    secret = wish.portal_secrets.get(captive.credentials)
    if secret is None or not _SECRET.fullmatch(secret.reveal()):
        what = f"the secret {captive.credentials!r} of its gateway cannot be one"
        raise ValueRefused(device, what, "use 8 to 32 letters, digits and . _ ~ + / = @ : -")
    if not _URL.fullmatch(captive.portal_url):
        raise ValueRefused(device, "the portal's address is none", "write it like http://wifi.example.mx/")
    for name in captive.allow:
        if not _NAME.fullmatch(name):
            raise ValueRefused(device, f"{name!r} is no host name", "write it like www.example.mx")
    return _Wiring(wish.intent, captive, interface, secret)


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
