"""What an Aruba Instant cluster should hold of an intent, in its own lines.

Ours are the profiles, roles, servers and time ranges whose names begin with `plaza-`, and the settings that
GRAMMAR lists of what there is only once. From public configurations of Instant 6.5 to 8.10: the lines of
SSID profiles, access rules with bandwidth limits, authentication servers, time ranges, clock and ARM.
Unverified on hardware: `https` of the portal, `rule alias` with a `*.`, SNMPv3 users, `allowed-channels`
with one channel.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from drivers.configurers import wlan_values as values
from drivers.configurers.seam import Wish
from drivers.configurers.sections import Grammar, Kind, Rule, Settings, Words
from drivers.model import Band, Captive, GatewayKind, Intent, Radio, Security, Ssid

OWN: Final = "plaza-"
SSID: Final = ("wlan", "ssid-profile")
ROLE: Final = ("wlan", "access-rule")
SERVER: Final = ("wlan", "auth-server")
PORTAL: Final = ("wlan", "external-captive-portal")
_ARM: Final = ("arm",)
_RF: Final = MappingProxyType(
    {Band.GHZ_2: ("rf", "dot11g-radio-profile"), Band.GHZ_5: ("rf", "dot11a-radio-profile")}
)


def _rules(*names: str) -> tuple[Rule, ...]:
    return tuple(Rule(tuple(name.split())) for name in names)


_RADIO: Final = _rules("min-tx-power", "max-tx-power", "allowed-channels")
_SSID_RULES: Final = (
    Rule(("wpa-passphrase",), secrets=(1,)),
    Rule(("time-range",), more=1),
    *_rules("enable", "type", "essid", "utf8", "opmode", "vlan", "rf-band", "captive-portal", "auth-server"),
    *_rules("set-role-pre-auth", "deny-inter-user-bridging"),
)
_ROLE_RULES: Final = (
    *_rules("bandwidth-limit peruser downstream", "bandwidth-limit peruser upstream"),
    Rule(("rule",), many=True),
)
_SERVER_RULES: Final = (*_rules("ip", "port", "acctport", "rfc3576"), Rule(("key",), secrets=(1,)))

GRAMMAR: Final = Grammar(
    kinds=(
        Kind(SSID, _SSID_RULES, named=True),
        Kind(ROLE, _ROLE_RULES, named=True),
        Kind(SERVER, _SERVER_RULES, named=True),
        Kind(PORTAL, _rules("server", "port", "url", "auth-text", "https"), named=True),
        Kind(_ARM, _rules("wide-bands", "80mhz-support")),
        *(Kind(first, _RADIO) for first in _RF.values()),
    ),
    top=(
        *_rules("virtual-controller-country", "name", "ntp-server", "clock timezone", "clock summer-time"),
        Rule(("syslog-server",)),
        Rule(("snmp-server", "user"), more=1, secrets=(4, 6)),
        Rule(("time-range",), more=1),
    ),
    ours=lambda named: bool(named) and named[-1].startswith(OWN),
    defaults=frozenset({("vlan", "1")}),
)

_OPMODES: Final = MappingProxyType(
    {
        Security.OPEN: "opensystem",
        Security.OWE: "enhanced-open",
        Security.WPA2: "wpa2-psk-aes",
        Security.WPA3: "wpa3-sae-aes",
    }
)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_US_SUMMER: Final = "recurring second sunday march 02:00 first sunday november 02:00"
_ZONES: Final = MappingProxyType(
    {
        "America/Chihuahua": ("Central-Time -06 00", ""),
        "America/Mexico_City": ("Central-Time -06 00", ""),
        "America/Ojinaga": ("Central-Time -06 00", f"CDT {_US_SUMMER}"),
        "America/Ciudad_Juarez": ("Mountain-Time -07 00", f"MDT {_US_SUMMER}"),
        "UTC": ("none 00 00", ""),
    }
)
"""It has no IANA zones: an offset, and a rule for summer time. Ours is the state of 2026."""

_EVERYTHING: Final[Words] = ("rule", "any", "any", "match", "any", "any", "any", "permit")
_DHCP_DNS: Final = ("rule any any match udp 67 68 permit", "rule any any match udp 53 53 permit")
_MOST_KBPS: Final = 65535

Section = dict[Words, tuple[Words, ...]]


def wanted(wish: Wish, running: Settings) -> Settings:
    """The settings of ours. Raises ValueRefused for what it cannot carry."""
    intent = wish.intent
    found: dict[Words, Section] = {(): _top(wish)}
    found |= _radios(intent, running)
    portal = values.captive(intent, GatewayKind.ARUBA_INSTANT)
    if portal is not None and any(ssid.captive for ssid in intent.ssids):
        found |= _portal(wish, portal)
    for number, ssid in enumerate(intent.ssids, start=1):
        found |= _network(wish, ssid, f"{OWN}{number}", guests=portal is not None and ssid.captive)
        found[()] |= {("time-range", name): (line,) for name, line in _time_ranges(ssid)}
    return found


def _top(wish: Wish) -> Section:
    intent, manage = wish.intent, wish.intent.manage
    found = _single("virtual-controller-country", values.country(intent))
    found |= _single("name", values.hostname(intent))
    if manage.zone:
        found |= _clock(intent)
    if len(manage.ntp) > 1:
        raise values.refuse(intent, "it takes one NTP server", "name one for this device")
    for server in manage.ntp:
        found |= _single("ntp-server", values.host(intent, server))
    if manage.syslog is not None:
        if (manage.syslog.port, manage.syslog.protocol) != (514, "udp"):
            raise values.refuse(intent, "it sends its log to UDP port 514 only")
        found |= _single("syslog-server", values.host(intent, manage.syslog.host))
    protocols = ({"md5": "md5", "sha1": "sha"}, {"des": "des", "aes128": "aes"})
    for user, auth, auth_key, priv, priv_key in values.users(wish, *protocols):
        line = ("snmp-server", "user", user, auth, auth_key, priv, priv_key)
        found[line[:3]] = (line,)
    return found


def _clock(intent: Intent) -> Section:
    if intent.manage.zone not in _ZONES:
        what = f"Plaza knows no clock of it for the zone {intent.manage.zone}"
        raise values.refuse(intent, what, f"it knows {', '.join(_ZONES)}")
    zone, summer = _ZONES[intent.manage.zone]
    found = _single("clock timezone", *zone.split())
    return found | (
        _single("clock summer-time", *summer.split()) if summer else {("clock", "summer-time"): ()}
    )


def _radios(intent: Intent, running: Settings) -> dict[Words, Section]:
    """The band's profile for the whole cluster; ARM chooses among the channels that are allowed.

    Channel and power of a single access point are not in the configuration, so no revert would undo them.
    """
    found: dict[Words, Section] = {}
    for radio in intent.radios:
        if radio.band not in _RF or radio.width_mhz > 80:
            what = f"Plaza cannot set {radio.width_mhz} MHz in the band {radio.band.value} on aruba_instant"
            raise values.refuse(intent, what, "take that radio out of the inventory, or narrow it")
        power = () if radio.power_dbm is None else (str(radio.power_dbm),)
        channel = (str(radio.channel),) if radio.channel else ()
        found[_RF[radio.band]] = {
            **_flagged("min-tx-power", *power),
            **_flagged("max-tx-power", *power),
            **_flagged("allowed-channels", *channel),
        }
    if found:
        found[_ARM] = _widths(intent.radios, running.get(_ARM, {}))
    return found


def _widths(radios: tuple[Radio, ...], running: Mapping[Words, tuple[Words, ...]]) -> Section:
    before = "".join(word for line in running.get(("wide-bands",), ()) for word in line[1:])
    wide = {
        Band.GHZ_2: before in {"all", "2.4ghz"},
        Band.GHZ_5: before in {"all", "5ghz"},
        **{radio.band: radio.width_mhz > 20 for radio in radios},
    }
    names = {(False, False): "none", (True, False): "2.4ghz", (False, True): "5ghz", (True, True): "all"}
    found = _single("wide-bands", names[wide[Band.GHZ_2], wide[Band.GHZ_5]])
    for radio in radios:
        if radio.band is Band.GHZ_5:
            found |= {("80mhz-support",): (("80mhz-support",),) if radio.width_mhz == 80 else ()}
    return found


def _network(wish: Wish, ssid: Ssid, name: str, *, guests: bool) -> dict[Words, Section]:
    intent = wish.intent
    passphrase = values.passphrase(wish, ssid)
    found = {
        **_single("enable"),
        **_single("type", "guest" if guests else "employee"),
        **_single("essid", values.ssid_name(intent, ssid)),
        **(_single("utf8") if not ssid.name.isascii() else {}),
        **_single("opmode", _OPMODES[ssid.security]),
        **(_single("wpa-passphrase", passphrase) if passphrase else {}),
        **(_single("vlan", str(ssid.vlan)) if ssid.vlan not in {None, 1} else {}),
        **_single("rf-band", _rf_band(intent, ssid)),
        **(_single("deny-inter-user-bridging") if ssid.isolation else {}),
    }
    if guests:
        found |= _single("captive-portal", "external", "profile", f"{OWN}portal")
        found |= _single("auth-server", f"{OWN}radius")
        found |= _single("set-role-pre-auth", f"{OWN}guest")
    else:
        found |= _single("captive-portal", "disable")
    for each, _ in _time_ranges(ssid):
        found[("time-range", each)] = (("time-range", each, "enable"),)
    return {(*ROLE, name): _role(intent, ssid), (*SSID, name): found}


def _role(intent: Intent, ssid: Ssid) -> Section:
    found: Section = {}
    for way, kbps in (("downstream", ssid.rate.down_kbps), ("upstream", ssid.rate.up_kbps)):
        if kbps > _MOST_KBPS:
            raise values.refuse(intent, f"it limits a client to at most {_MOST_KBPS} kbit/s, not {kbps}")
        found |= _single(f"bandwidth-limit peruser {way}", str(kbps)) if kbps else {}
    return found | {("rule",): (_EVERYTHING,)}


def _rf_band(intent: Intent, ssid: Ssid) -> str:
    names = {frozenset({Band.GHZ_2}): "2.4", frozenset({Band.GHZ_5}): "5.0"}
    names[frozenset({Band.GHZ_2, Band.GHZ_5})] = "all"
    bands = frozenset(ssid.bands)
    if bands not in names:
        raise values.refuse(
            intent, f"Plaza cannot put the SSID {ssid.name!r} on these bands on aruba_instant"
        )
    return names[bands]


def _time_ranges(ssid: Ssid) -> Iterator[tuple[str, Words]]:
    """Names that tell their times, so that one is never changed while a profile refers to it."""
    for span in ssid.schedule:
        start, end = _clock_time(span.start), _clock_time(span.end)
        name = f"{OWN}{_DAYS[span.day][:3]}-{start}-{end}".replace(":", "")
        yield name, ("time-range", name, "periodic", _DAYS[span.day], start, "to", end)


def _clock_time(minutes: int) -> str:
    return "23:59" if minutes >= 24 * 60 else f"{minutes // 60:02}:{minutes % 60:02}"


def _portal(wish: Wish, portal: Captive) -> dict[Words, Section]:
    intent = wish.intent
    if portal.radius is None:
        raise values.refuse(intent, "its portal needs a RADIUS server that says who may pass")
    url = values.portal(intent, portal)
    port = url.port or (443 if url.scheme == "https" else 80)
    key = values.secret(intent, wish.portal_secrets, portal.credentials, "the portal")
    return {
        (*SERVER, f"{OWN}radius"): {
            **_single("ip", values.host(intent, portal.radius.host)),
            **_single("port", str(portal.radius.port)),
            **_single("acctport", str(portal.radius.port + 1)),
            **_single("key", key),
            **_single("rfc3576"),
        },
        (*PORTAL, f"{OWN}portal"): {
            **_single("server", values.host(intent, url.hostname or "")),
            **_single("port", str(port)),
            **_single("url", url._replace(scheme="", netloc="").geturl() or "/"),
            **_single("auth-text", ""),
            **(_single("https") if url.scheme == "https" else {}),
        },
        (*ROLE, f"{OWN}guest"): {("rule",): tuple(_allowed(intent, portal, url.hostname or ""))},
    }


def _allowed(intent: Intent, portal: Captive, server: str) -> Iterator[Words]:
    for line in _DHCP_DNS:
        yield tuple(line.split())
    for name in dict.fromkeys((server, *portal.allow)):
        yield ("rule", "alias", values.host(intent, name), "match", "any", "any", "any", "permit")


def _single(key: str, *given: str) -> Section:
    first = tuple(key.split())
    return {first: ((*first, *given),)}


def _flagged(key: str, *given: str) -> Section:
    return _single(key, *given) if given else {(key,): ()}
