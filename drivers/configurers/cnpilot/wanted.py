"""What a Cambium cnPilot (E series, 4.x) should hold of an intent, in its own lines.

Its WLANs have numbers, not names: we take them from FIRST to LAST, and NOTEBOOK, which is never on the air,
holds the marker, whose note tells which we took; all others are somebody's. GRAMMAR lists what there is only
once and is ours too.
Confirmed by a public program for 4.x: SSH starts in configuration mode, nothing works before `apply`, nothing
stays without `save`, `management …` and its `no`. All other words here are unverified on hardware.
"""

import hashlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from drivers.configurers import wlan_values as values
from drivers.configurers.seam import Wish
from drivers.configurers.sections import Grammar, Kind, Rule, Settings, Words
from drivers.errors import ConfigRejected
from drivers.model import Band, Captive, GatewayKind, Intent, Radio, Security, Ssid

WLAN: Final = ("wireless", "wlan")
FIRST: Final = 9
LAST: Final = 15
NOTEBOOK: Final = 16
NOTE: Final = (*WLAN, str(NOTEBOOK))
_OURS: Final = frozenset(str(number) for number in range(FIRST, LAST + 1))
_RADIO: Final = ("wireless", "radio")
_RADIOS: Final = MappingProxyType({Band.GHZ_2: "1", Band.GHZ_5: "2"})


def _rules(*names: str) -> tuple[Rule, ...]:
    return tuple(Rule(tuple(name.split())) for name in names)


GRAMMAR: Final = Grammar(
    kinds=(
        Kind(
            WLAN,
            (
                Rule(("passphrase",), secrets=(1,)),
                Rule(("guest-access", "whitelist"), many=True),
                Rule(("guest-access", "radius-server"), secrets=(5,)),
                *_rules("guest-access portal-mode", "guest-access external-page-url", "guest-access enable"),
                *_rules("ssid", "security", "vlan", "band", "client-isolation", "shutdown"),
                *_rules("rate-limit downlink", "rate-limit uplink"),
            ),
            named=True,
        ),
        Kind(_RADIO, _rules("channel", "channel-width", "power")),
    ),
    top=(
        *_rules("hostname", "country-code", "timezone", "logging syslog"),
        Rule(("ntp", "server"), many=True),
        Rule(("snmp-server", "user"), more=1, secrets=(4, 6)),
    ),
    ours=lambda named: named[: len(WLAN)] == WLAN and named[-1] in _OURS,
    defaults=frozenset({("shutdown",), ("vlan", "1")}),
)

_SECURITY: Final = MappingProxyType(
    {
        Security.OPEN: "open",
        Security.OWE: "enhanced-open",
        Security.WPA2: "wpa2-psk",
        Security.WPA3: "wpa3-sae",
    }
)
_ROUNDS: Final = 20_000

Section = dict[Words, tuple[Words, ...]]
Hidden = tuple[Words, Words, int, str]
"""A secret: the head of its section, its key, its place in the line, its value."""


def wanted(wish: Wish) -> Settings:
    """The settings of ours. Raises ValueRefused for what it cannot carry."""
    intent = wish.intent
    if len(intent.ssids) > len(_OURS):
        raise values.refuse(intent, f"Plaza has {len(_OURS)} networks on it, not {len(intent.ssids)}")
    portal = values.captive(intent, GatewayKind.CAMBIUM)
    found: dict[Words, Section] = {(): _top(wish)}
    for radio in intent.radios:
        found[(*_RADIO, _radio_number(intent, radio))] = _radio(radio)
    for number, ssid in enumerate(intent.ssids, start=FIRST):
        found[(*WLAN, str(number))] = _network(wish, ssid, portal if ssid.captive else None)
    return found


def grammar(numbers: frozenset[int]) -> Grammar:
    """GRAMMAR where of the WLANs only those with these numbers are ours."""
    heads = {(*WLAN, str(number)) for number in numbers}
    return replace(GRAMMAR, ours=heads.__contains__)


def check_free(
    device: str, needed: Iterable[Words], running: Mapping[Words, Sequence[Words]], ours: Container[Words]
) -> None:
    """Raises ConfigRejected when a WLAN that is needed, by its head, holds something and is not ours."""
    others = (head for head in needed if head[: len(WLAN)] == WLAN and head not in ours)
    taken = [head[-1] for head in others if set(running.get(head, ())) - {("shutdown",)}]
    if taken:
        what = f"somebody uses its WLAN {', '.join(taken)}; Plaza needs {FIRST} to {NOTEBOOK}"
        raise ConfigRejected(device, what, "move them to lower numbers")


def mask(numbers: Iterable[int]) -> str:
    """The numbers that are ours, as the first two hexadecimal digits of the marker's note."""
    return f"{sum(1 << number - FIRST for number in set(numbers)):02x}"


def numbers(note: str) -> frozenset[int]:
    """The numbers that are ours by a marker's note; see mask."""
    taken = int(note[:2], 16)
    return frozenset(number for number in range(FIRST, LAST + 1) if taken >> number - FIRST & 1)


def digest(device: str, secrets: Sequence[str]) -> str:
    """What the marker remembers of all secrets together, because the device may show them encrypted.

    Six hexadecimal digits of PBKDF2: enough to notice a change, and the same in whatever order they come.
    It has no key: whoever has the device's configuration can try words against it, all secrets at once, and
    one wrong guess in 16 million passes. So where there is one secret and a dictionary has it, it is found.
    Where the device shows secrets as they are, that tells nothing new. We show it to nobody.
    """
    joined = "\0".join(sorted(secrets)).encode("utf-8", "replace")
    return hashlib.pbkdf2_hmac("sha256", joined, device.encode(), _ROUNDS).hex()[:6]


def secrets(found: Settings) -> Iterator[Hidden]:
    """All secrets of these settings."""
    for head, section in found.items():
        for key, lines in section.items():
            rule = GRAMMAR.rule(head, key)
            places = rule.secrets if rule else ()
            yield from (
                (head, key, place, line[place]) for line in lines for place in places if place < len(line)
            )


def _top(wish: Wish) -> Section:
    intent, manage = wish.intent, wish.intent.manage
    found = _single("hostname", values.hostname(intent))
    found |= _single("country-code", values.country(intent))
    if manage.zone:
        if not re.fullmatch(r"[A-Za-z0-9_+/-]{1,40}", manage.zone):
            raise values.refuse(intent, f"{manage.zone!r} is no time zone")
        found |= _single("timezone", manage.zone)
    if manage.ntp:
        servers = tuple(("ntp", "server", values.host(intent, server)) for server in manage.ntp)
        found[("ntp", "server")] = servers
    if manage.syslog is not None:
        if manage.syslog.protocol != "udp":
            raise values.refuse(intent, "it sends its log over UDP only")
        where = values.host(intent, manage.syslog.host)
        found |= _single("logging syslog", where, str(manage.syslog.port))
    protocols = ({"md5": "md5", "sha1": "sha"}, {"des": "des", "aes128": "aes"})
    for user, auth, auth_key, priv, priv_key in values.users(wish, *protocols):
        line = ("snmp-server", "user", user, auth, auth_key, priv, priv_key)
        found[line[:3]] = (line,)
    return found


def _radio_number(intent: Intent, radio: Radio) -> str:
    if radio.band not in _RADIOS or radio.width_mhz > 80:
        what = f"Plaza cannot set {radio.width_mhz} MHz in the band {radio.band.value} on cambium_cnpilot"
        raise values.refuse(intent, what, "take that radio out of the inventory, or narrow it")
    return _RADIOS[radio.band]


def _radio(radio: Radio) -> Section:
    power = "auto" if radio.power_dbm is None else str(radio.power_dbm)
    return {
        **_single("channel", str(radio.channel or "auto")),
        **_single("channel-width", str(radio.width_mhz)),
        **_single("power", power),
    }


def _network(wish: Wish, ssid: Ssid, portal: Captive | None) -> Section:
    intent = wish.intent
    passphrase = values.passphrase(wish, ssid)
    found = {
        **_single("ssid", values.ssid_name(intent, ssid)),
        **_single("security", _SECURITY[ssid.security]),
        **(_single("passphrase", passphrase) if passphrase else {}),
        **(_single("vlan", str(ssid.vlan)) if ssid.vlan not in {None, 1} else {}),
        **_single("band", _band(intent, ssid)),
        **(_single("client-isolation") if ssid.isolation else {}),
    }
    for way, kbps in (("downlink", ssid.rate.down_kbps), ("uplink", ssid.rate.up_kbps)):
        found |= _single(f"rate-limit {way}", str(kbps)) if kbps else {}
    if portal is not None:
        found |= _portal(wish, portal)
    return found | {("shutdown",): (("no", "shutdown"),)}


def _band(intent: Intent, ssid: Ssid) -> str:
    names = {frozenset({Band.GHZ_2}): "2.4GHz", frozenset({Band.GHZ_5}): "5GHz"}
    names[frozenset({Band.GHZ_2, Band.GHZ_5})] = "both"
    bands = frozenset(ssid.bands)
    if bands not in names:
        raise values.refuse(
            intent, f"Plaza cannot put the SSID {ssid.name!r} on these bands on cambium_cnpilot"
        )
    return names[bands]


def _portal(wish: Wish, portal: Captive) -> Section:
    intent = wish.intent
    if portal.radius is None:
        raise values.refuse(intent, "its portal needs a RADIUS server that says who may pass")
    url = values.portal(intent, portal)
    key = values.secret(intent, wish.portal_secrets, portal.credentials, "the portal")
    server = (values.host(intent, portal.radius.host), str(portal.radius.port), "secret", key)
    allowed = dict.fromkeys((url.hostname or "", *portal.allow))
    return {
        **_single("guest-access enable"),
        **_single("guest-access portal-mode", "external-portal"),
        **_single("guest-access external-page-url", portal.portal_url),
        **_single("guest-access radius-server", *server),
        ("guest-access", "whitelist"): tuple(
            ("guest-access", "whitelist", values.host(intent, name)) for name in allowed
        ),
    }


def _single(key: str, *given: str) -> Section:
    first = tuple(key.split())
    return {first: ((*first, *given),)}
