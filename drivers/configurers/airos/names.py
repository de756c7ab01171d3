"""How airOS names what an intent asks for. One radio with one network name; unverified on hardware.

The keys are those that backups of airOS 5 to 8 and public tools show; what none shows, Plaza does not write.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from drivers.configurers.airos import slots
from drivers.configurers.airos.cfg import Values, value
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Band, Intent, Radio, Secret, Security, Ssid

OWNED: Final = frozenset(
    {
        *("resolv.host.1.name", "resolv.host.1.status", "radio.countrycode", "radio.1.countrycode"),
        *("radio.1.freq", "radio.1.chanbw", "radio.1.cwm.mode", "radio.1.ieee_mode", "radio.1.txpower"),
        *("wireless.1.ssid", "wireless.1.l2_isolation", "wireless.1.security.type"),
        *("aaa.status", "aaa.1.status", "aaa.1.ssid", "aaa.1.devname", "aaa.1.driver", "aaa.1.wpa.mode"),
        *("aaa.1.wpa.key.1.mgmt", "aaa.1.wpa.1.pairwise", "aaa.1.wpa.psk", "ntpclient.status"),
        *(f"ntpclient.{number}.{name}" for number in range(1, 5) for name in ("server", "status")),
        *("syslog.status", "syslog.remote.status", "syslog.remote.ip", "syslog.remote.port"),
        "syslog.remote.tcp.status",
    }
)
"""The keys that we write, beside those of slots.py."""

_COUNTRIES: Final = MappingProxyType(
    {"BR": "76", "CA": "124", "CO": "170", "ES": "724", "GT": "320", "IT": "380", "MX": "484", "US": "840"}
)
"""ISO 3166-1 numeric, as `countrycode` of 380, 724, 840 and others shows."""

_FAMILIES: Final = MappingProxyType({"11ng": Band.GHZ_2, "11na": Band.GHZ_5, "11ac": Band.GHZ_5})
_MODES: Final = MappingProxyType({"11ng": "11nght", "11na": "11naht", "11ac": "11acvht"})
_WIDTHS: Final = MappingProxyType({"11ng": (20, 40), "11na": (20, 40), "11ac": (20, 40, 80)})
_CWM: Final = MappingProxyType({20: "0", 40: "1"})
_NTP_SLOTS: Final = 4
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_PASSPHRASE: Final = re.compile(r"[ -~]{8,63}")
_ON, _OFF = "enabled", "disabled"


def wanted(wish: Wish, running: Values, login: str) -> dict[str, str | None]:
    """Values by key; what the intent leaves empty is not in it. `login` is the key we are logged in with.

    Raises ValueRefused for what airOS cannot carry, ConfigRejected for what this device has not.
    """
    return dict(_wanted(wish, running, login))


def as_before(running: Values, earlier: Values, login: str, gone: frozenset[bytes]) -> dict[str, str | None]:
    """What makes the keys that are ours as they were; the key we are logged in with stays.

    No slot has one of the public keys that are `gone`.
    """
    now, then = (slots.without(values, gone) for values in (running, earlier))
    ours = OWNED | slots.own(now) | slots.own(then)
    kept = slots.own(now, of=login) if login else frozenset()
    emptied: dict[str, str | None] = dict.fromkeys(sorted(running.keys() - now.keys()))
    return emptied | {key: then.get(key) for key in sorted(ours - kept) if then.get(key) != now.get(key)}


def off_air(wish: Wish, said: str) -> str:
    """What `iwconfig` says that is not as wished, "" where it says nothing of it."""
    for radio in wish.intent.radios:
        name = re.search(r'ESSID:"(.*)"', said)
        names = [ssid.name for ssid in wish.intent.ssids if radio.band in ssid.bands]
        if name is not None and names and name[1] != names[0]:
            return f"{names[0]!r} is not on the air"
        at = re.search(r"Frequency[:=]([0-9.]+) GHz", said)
        # Of a wider channel one driver tells the middle and another the beginning.
        if at is not None and radio.channel and radio.width_mhz == 20:
            mhz = round(float(at[1]) * 1000)
            if mhz != _mhz(radio):
                return f"its radio is at {mhz} MHz"
    return ""


def _wanted(wish: Wish, running: Values, login: str) -> Iterator[tuple[str, str | None]]:
    intent = wish.intent
    if not _HOSTNAME.fullmatch(intent.hostname):
        what = f"{intent.hostname!r} is no host name"
        raise ValueRefused(intent.device, what, "use letters, digits and hyphens, at most 63")
    yield "resolv.host.1.name", intent.hostname
    yield "resolv.host.1.status", _ON
    if len(intent.radios) > 1:
        raise ConfigRejected(intent.device, "it has one radio", "take the others out of the inventory")
    for radio in intent.radios:
        yield from _radio(intent, radio, running)
        yield from _network(wish, radio, running)
    yield from _ntp(intent, running)
    yield from _syslog(intent)
    yield from slots.wanted(intent, running, login)


def _radio(intent: Intent, radio: Radio, running: Values) -> Iterator[tuple[str, str]]:
    mode = running.get("radio.1.ieee_mode", "")
    family = mode[:4]
    if running.get("radio.1.mode") == "managed":
        raise ConfigRejected(intent.device, "its radio is a station", "take its radio out of the inventory")
    if _FAMILIES.get(family) is not radio.band:
        what = f"it has no radio for the band {radio.band.value} (its mode is {mode[:20]!r})"
        raise ConfigRejected(intent.device, what, "correct the band, or take the radio out of the inventory")
    if radio.width_mhz not in _WIDTHS[family]:
        raise ValueRefused(intent.device, f"it cannot be {radio.width_mhz} MHz wide", "correct `width_mhz`")
    code = _COUNTRIES.get(intent.country)
    if code is None:
        what = f"Plaza does not know airOS's number of the country {intent.country!r}"
        raise ValueRefused(intent.device, what, f"use one of {', '.join(_COUNTRIES)}")
    yield "radio.countrycode", code
    yield "radio.1.countrycode", code
    yield "radio.1.freq", str(_mhz(radio))
    yield "radio.1.chanbw", str(radio.width_mhz)
    yield "radio.1.ieee_mode", f"{_MODES[family]}{radio.width_mhz}"
    if radio.width_mhz in _CWM:
        yield "radio.1.cwm.mode", _CWM[radio.width_mhz]
    if radio.power_dbm is not None:
        yield "radio.1.txpower", str(radio.power_dbm)


def _mhz(radio: Radio) -> int:
    """0 is automatic."""
    if radio.channel == 0:
        return 0
    return (5000 if radio.band is Band.GHZ_5 else 2407) + 5 * radio.channel


def _network(wish: Wish, radio: Radio, running: Values) -> Iterator[tuple[str, str]]:
    intent = wish.intent
    carried = [ssid for ssid in intent.ssids if radio.band in ssid.bands]
    if len(carried) > 1:
        names = ", ".join(repr(ssid.name) for ssid in carried)
        what = f"it carries one network name, and {names} are wished"
        raise ConfigRejected(intent.device, what, "leave one of them for this device")
    for ssid in carried:
        name = _ssid_name(intent, ssid)
        yield "wireless.1.ssid", name
        yield "wireless.1.l2_isolation", _ON if ssid.isolation else _OFF
        yield "wireless.1.security.type", "none"  # of WEP; what protects the air stands in aaa
        yield "aaa.1.ssid", name
        if ssid.security is Security.WPA2:
            yield from _wpa2(intent, ssid, wish.passphrases, running)
        else:
            yield "aaa.status", _OFF
            yield "aaa.1.status", _OFF


def _wpa2(
    intent: Intent, ssid: Ssid, passphrases: Mapping[str, Secret], running: Values
) -> Iterator[tuple[str, str]]:
    if ssid.passphrase not in passphrases:
        what = f"the SSID {ssid.name!r} has no passphrase"
        raise ValueRefused(intent.device, what, "name a credential in `passphrase`")
    secret = passphrases[ssid.passphrase].reveal()
    if not _PASSPHRASE.fullmatch(secret):
        what = f"the passphrase {ssid.passphrase!r} cannot be one"
        raise ValueRefused(intent.device, what, "use 8 to 63 printable ASCII characters")
    yield "aaa.status", _ON
    yield "aaa.1.status", _ON
    yield "aaa.1.devname", running.get("wireless.1.devname", "ath0")
    yield "aaa.1.driver", running.get("aaa.1.driver", "madwifi")
    yield "aaa.1.wpa.mode", "2"
    yield "aaa.1.wpa.key.1.mgmt", "WPA-PSK"
    yield "aaa.1.wpa.1.pairwise", "CCMP"
    yield "aaa.1.wpa.psk", _carried(intent, f"the passphrase {ssid.passphrase!r}", secret)


def _ssid_name(intent: Intent, ssid: Ssid) -> str:
    size = len(ssid.name.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= 32:
        what = f"the SSID {ssid.name!r} has {size} octets"
        raise ValueRefused(intent.device, what, "an SSID has 1 to 32")
    return _carried(intent, f"the SSID {ssid.name!r}", ssid.name)


def _ntp(intent: Intent, running: Values) -> Iterator[tuple[str, str | None]]:
    """Slots beyond the first show in backups of UniFi, whose firmware reads the same file."""
    servers = intent.manage.ntp
    if not servers:
        return
    if len(servers) > _NTP_SLOTS:
        raise ValueRefused(intent.device, f"it asks {_NTP_SLOTS} NTP servers at most", "name fewer")
    yield "ntpclient.status", _ON
    for number in range(1, _NTP_SLOTS + 1):
        server = servers[number - 1] if number <= len(servers) else None
        if server is not None and not _HOST.fullmatch(server):
            raise ValueRefused(intent.device, f"{server!r} is no host", "write a name or an IPv4 address")
        for name, wish in (("server", server), ("status", None if server is None else _ON)):
            if wish is not None or f"ntpclient.{number}.{name}" in running:
                yield f"ntpclient.{number}.{name}", wish


def _syslog(intent: Intent) -> Iterator[tuple[str, str]]:
    syslog = intent.manage.syslog
    if syslog is None:
        return
    try:
        address = str(ipaddress.IPv4Address(syslog.host))
    except ValueError:
        what = f"{syslog.host!r} is no IPv4 address, and airOS logs to one"
        raise ValueRefused(intent.device, what, "write the address") from None
    yield "syslog.status", _ON
    yield "syslog.remote.status", _ON
    yield "syslog.remote.ip", address
    yield "syslog.remote.port", str(syslog.port)
    yield "syslog.remote.tcp.status", _ON if syslog.protocol == "tcp" else _OFF


def _carried(intent: Intent, what: str, text: str) -> str:
    try:
        return value(text)
    except ValueError as error:
        raise ValueRefused(intent.device, f"{what} {error}", "mend the value in the inventory") from None
