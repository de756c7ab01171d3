"""A Catalyst 9800 (or its embedded kind): WLANs, policies and the web portal in the words of IOS-XE; pure.

After Cisco's configuration guides for 17.x; unverified on hardware. The controller's access points take our
networks through `default-policy-tag`; which channel each has, the controller decides.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from drivers.configurers.cisco_ios import common, quoting
from drivers.configurers.cisco_ios.config import Entry, type_7, values
from drivers.configurers.cisco_ios.quoting import carried
from drivers.configurers.cisco_ios.wanting import Lacking, Ownership, Want, setting, want
from drivers.configurers.seam import Wish
from drivers.model import Band, Captive, GatewayKind, Intent, Radio, Security, Ssid

CANNOT: Final = frozenset({"schedule"})
DANGEROUS: Final = ("wireless management interface*", "ip ssh pubkey-chain*", "aaa *")

_BANDS: Final = {Band.GHZ_2: "24ghz", Band.GHZ_5: "5ghz", Band.GHZ_6: "6ghz"}
_WIDTHS: Final = {Band.GHZ_2: (20,), Band.GHZ_5: (20, 40, 80, 160), Band.GHZ_6: (20, 40, 80, 160)}
_TAG: Final = "wireless tag policy default-policy-tag"
_PORTAL: Final = "parameter-map type webauth plaza"
_SECTIONS: Final = (
    "wlan plaza-.+",
    "wireless profile policy plaza-.+",
    "policy-map plaza-.+",
    _PORTAL,
    "urlfilter list plaza",
    "aaa group server radius plaza",
    "radius server plaza",
)
"""In the order in which they are removed: what is referred to after what refers to it."""
_FIRST_ID: Final = 17  # up to 16 are in every tag by themselves
_SECURITY: Final = {
    Security.OPEN: (
        *("no security wpa", "no security wpa wpa2", "no security wpa wpa2 ciphers aes"),
        "no security wpa akm dot1x",
    ),
    Security.OWE: (
        *("no security wpa wpa2", "security wpa wpa3", "no security wpa akm dot1x", "security wpa akm owe"),
        "security pmf mandatory",
    ),
    Security.WPA2: ("no security wpa akm dot1x", "security wpa akm psk"),
    Security.WPA3: (
        *("no security wpa wpa2", "security wpa wpa3", "no security wpa akm dot1x", "security wpa akm sae"),
        "security pmf mandatory",
    ),
}

OWNERSHIP: Final = Ownership(
    (
        *common.TABLE,
        setting("", "wireless management (?P<slot>interface) .+"),
        setting("", r"ap dot11 (?P<slot>\S+) rrm channel dca chan-width .+"),
        setting("", r"ap dot11 (?P<slot>\S+) rrm txpower (?P<slot2>min|max) .+"),
        setting("", "aaa authentication login plaza .+", "no aaa authentication login plaza"),
        setting("", r"(wlan plaza-\S+) .+", r"no \1"),
        *(setting("", header) for header in _SECTIONS),
        setting(_TAG, r"(wlan (?P<slot>plaza-\S+) policy .+)"),
        setting("wlan plaza-.+", "(?P<slot>security wpa psk) .+", "no security wpa psk set-key"),
        setting("radius server plaza", "(?P<slot>key) .+", "no key"),
        *(setting(f"{header}(?: / .+)?", ".+") for header in _SECTIONS),
    ),
    rest=re.compile("(?:wlan|wireless profile policy) plaza-.+"),
    last=lambda header: next((n for n, one in enumerate(_SECTIONS) if re.fullmatch(one, header)), 0),
)


def wants(wish: Wish, running: Sequence[Entry]) -> Iterator[Want]:
    """Everything but what `common` asks for. Raises ValueError, Lacking."""
    intent = wish.intent
    yield want(f"wireless country {carried(intent.country, quoting.COUNTRY)}")
    for radio in intent.radios:
        yield from _radio(radio)
    captive = intent.captive if intent.captive and intent.captive.kind is not GatewayKind.PLAZA else None
    if captive is not None:
        yield from _portal(captive, wish, running)
    ids = _ids(intent.ssids, running)
    for ssid in intent.ssids:
        yield from _rate(ssid)
        yield from _wlan(ssid, ids[ssid.name], wish, captive, running)
        yield from _policy(ssid, captive)
    for ssid in intent.ssids:
        yield want(_TAG, f"wlan {_profile(ssid)} policy {_profile(ssid)}")
    _check_apart(intent, running)
    if intent.manage.vlan is not None:
        yield from _management(intent.manage.vlan, running)


def _check_apart(intent: Intent, running: Sequence[Entry]) -> None:
    """A policy without a VLAN may put guests into that of the management; unverified on hardware."""
    plain = next((ssid for ssid in intent.ssids if ssid.vlan is None), None)
    present = values(running, (), r"wireless management interface Vlan(\d+)")
    vlan = intent.manage.vlan or (int(present[0]) if present else 1)
    if plain is not None and vlan != 1:
        what = f"the SSID {plain.name!r} has no VLAN and would be with the management in VLAN {vlan}"
        raise Lacking(f"{what}; give it a `vlan` of its own")


def ours(running: Sequence[Entry], wish: Wish | None) -> Iterator[Entry]:
    """The lines of the table; under a wish only those it speaks of."""
    for entry in running:
        if OWNERSHIP.of(entry) and (wish is None or _spoken_of(wish, entry)):
            yield entry


def _spoken_of(wish: Wish, entry: Entry) -> bool:
    if entry.path or entry.line.startswith(("wlan ", "policy-map ", "aaa ", "parameter-map ")):
        return entry.path[:1] != ("ip ssh pubkey-chain",) or bool(wish.intent.manage.ssh_keys)
    if entry.line.startswith("wireless management "):
        return wish.intent.manage.vlan is not None
    if entry.line.startswith("ap dot11 "):
        return entry.line.split(" ")[2] in {_BANDS[radio.band] for radio in wish.intent.radios}
    return common.spoken_of(wish.intent.manage, entry)


def _radio(radio: Radio) -> Iterator[Want]:
    band = _BANDS[radio.band]
    if radio.channel:
        raise ValueError(f"a controller chooses channels by itself; write `channel: 0` for {radio.band}")
    if radio.width_mhz not in _WIDTHS[radio.band]:
        raise ValueError(f"there are no channels of {radio.width_mhz} MHz in {radio.band}")
    if radio.band is not Band.GHZ_2:
        yield want(f"ap dot11 {band} rrm channel dca chan-width {radio.width_mhz}")
    if radio.power_dbm is not None:
        yield want(f"ap dot11 {band} rrm txpower min {radio.power_dbm}")
        yield want(f"ap dot11 {band} rrm txpower max {radio.power_dbm}")


def _profile(ssid: Ssid) -> str:
    return "plaza-" + hashlib.sha256(ssid.name.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _ids(ssids: Sequence[Ssid], running: Sequence[Entry]) -> dict[str, int]:
    """The number each name has already, or a free one."""
    known = (both.split(" ") for both in values(running, (), r"wlan (\S+ \d+) .+"))
    used = {name: int(number) for name, number in known}
    free = iter(number for number in range(_FIRST_ID, 4097) if number not in used.values())
    return {ssid.name: used.get(_profile(ssid)) or next(free) for ssid in ssids}


def _wlan(
    ssid: Ssid, number: int, wish: Wish, captive: Captive | None, running: Sequence[Entry]
) -> Iterator[Want]:
    profile = _profile(ssid)
    header = f"wlan {profile} {number} {carried(ssid.name, quoting.SSID_OF_CATALYST)}"
    yield want(header)
    yield from (want(header, line) for line in _SECURITY[ssid.security])
    if ssid.security in {Security.WPA2, Security.WPA3}:
        key = common.passphrase(wish, ssid, quoting.KEY)
        line = f"security wpa psk set-key ascii 0 {key}"
        yield from _key(header, profile.replace("-", "_"), key, line, running)
    yield from (want(header, f"radio policy dot11 {_BANDS[band]}") for band in ssid.bands)
    if ssid.isolation:
        yield want(header, "peer-blocking drop")
    if captive is not None and ssid.captive:
        yield want(header, "security web-auth")
        if captive.radius is not None:
            yield want(header, "security web-auth authentication-list plaza")
        yield want(header, "security web-auth parameter-map plaza")
    yield want(header, "no shutdown")


def _key(header: str, name: str, secret: str, line: str, running: Sequence[Entry]) -> Iterator[Want]:
    """A key that the device shows only encrypted by its own master key is known by our digest of it."""
    memory = common.marker("key", name, name, secret)
    hidden = values(running, (header,), f"({re.escape(line.rpartition(' ')[0][:-1])}[68] .+)")
    yield want(header, hidden[0] if hidden and memory.entry in running else line)
    yield memory


def _policy(ssid: Ssid, captive: Captive | None) -> Iterator[Want]:
    header = f"wireless profile policy {_profile(ssid)}"
    yield want(header)
    if ssid.vlan is not None:
        yield want(header, f"vlan {ssid.vlan}")
    if ssid.rate.down_kbps:
        yield want(header, f"service-policy client output {_profile(ssid)}-down")
    if ssid.rate.up_kbps:
        yield want(header, f"service-policy client input {_profile(ssid)}-up")
    if captive is not None and ssid.captive:
        yield want(header, "urlfilter list pre-auth-filter plaza")
    yield want(header, "no shutdown")


def _rate(ssid: Ssid) -> Iterator[Want]:
    for name, kbps in (("down", ssid.rate.down_kbps), ("up", ssid.rate.up_kbps)):
        if kbps:
            header = f"policy-map {_profile(ssid)}-{name}"
            yield want(header)
            yield want(header, "class class-default")
            yield want(header, "class class-default", f"police cir {kbps * 1000}")


def _portal(captive: Captive, wish: Wish, running: Sequence[Entry]) -> Iterator[Want]:
    if captive.kind is not GatewayKind.CISCO_WLC:
        raise ValueError(f"a Cisco controller is no gateway of the kind {captive.kind}; write cisco_wlc")
    if captive.radius is not None:
        yield from _radius(captive, wish, running)
    host = urlsplit(captive.portal_url).hostname or ""
    yield want("urlfilter list plaza")
    yield want("urlfilter list plaza", "action permit")
    for name in dict.fromkeys((host, *captive.allow)):
        yield want("urlfilter list plaza", f"url {carried(name, quoting.PATTERN)}")
    yield want(_PORTAL)
    yield want(_PORTAL, "type webauth")
    yield want(_PORTAL, f"redirect for-login {carried(captive.portal_url, quoting.WORD)}")
    for what, tag in (("ap-mac", "ap_mac"), ("client-mac", "client_mac"), ("wlan-ssid", "wlan")):
        yield want(_PORTAL, f"redirect append {what} tag {tag}")
    if re.fullmatch(r"[0-9.]+", host):
        yield want(_PORTAL, f"redirect portal ipv4 {host}")


def _radius(captive: Captive, wish: Wish, running: Sequence[Entry]) -> Iterator[Want]:
    if Entry((), "aaa new-model") not in running:
        raise Lacking("it has no `aaa new-model`; that changes how everybody logs in, so do it by hand")
    if captive.radius is None or captive.credentials not in wish.portal_secrets:
        raise ValueError(f"nobody knows the secret {captive.credentials!r} of the portal")
    key = carried(wish.portal_secrets[captive.credentials].reveal(), quoting.SECRET)
    host, port = carried(captive.radius.host, quoting.HOST), captive.radius.port
    yield want("radius server plaza")
    yield want("radius server plaza", f"address ipv4 {host} auth-port {port} acct-port {port + 1}")
    yield from _key("radius server plaza", "radius", key, f"key 7 {type_7(key)}", running)
    yield want("aaa group server radius plaza")
    yield want("aaa group server radius plaza", "server name plaza")
    yield want("aaa authentication login plaza group plaza")


def _management(vlan: int, running: Sequence[Entry]) -> Iterator[Want]:
    if not values(running, (f"interface Vlan{vlan}",), "(ip address .+)"):
        raise Lacking(f"it has no address in VLAN {vlan}; give it `interface Vlan{vlan}` first")
    yield want(f"wireless management interface Vlan{vlan}")
