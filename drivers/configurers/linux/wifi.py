"""What hostapd needs for the radios and network names of an intent, from what the device has."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.configurers.linux.state import State
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Band, Intent, Radio, Secret, Security, Ssid

_HW_MODE: Final = MappingProxyType({Band.GHZ_2: "g", Band.GHZ_5: "a", Band.GHZ_6: "a"})
_WIDTHS: Final = MappingProxyType(
    {Band.GHZ_2: (20, 40), Band.GHZ_5: (20, 40, 80, 160), Band.GHZ_6: (20, 40, 80, 160)}
)
_OPER_CHWIDTH: Final = MappingProxyType({20: 0, 40: 0, 80: 1, 160: 2})
_OP_CLASS: Final = MappingProxyType({20: 131, 40: 132, 80: 133, 160: 134})  # 6 GHz, IEEE 802.11 table E-4
_FIRST: Final = MappingProxyType({Band.GHZ_5: 36, Band.GHZ_6: 1})
_SECURED: Final = frozenset({Security.WPA2, Security.WPA3})
_PASSPHRASE: Final = re.compile(r"[ -~]{8,63}")
_PSK: Final = re.compile(r"[0-9a-fA-F]{64}")
_DEFAULT_BRIDGES: Final = ("br-lan", "br0")


@dataclass(frozen=True, slots=True)
class Bss:
    """One network name on one radio, as the template writes it."""

    interface: str
    bridge: str
    ssid: str
    isolate: int
    security: str
    passphrase: Secret | None
    psk: Secret | None


@dataclass(frozen=True, slots=True)
class Ap:
    """One radio with its network names, as the template writes it.

    `centre` is the channel number in the middle of the block, 0 where hostapd works it out.
    """

    band: Band
    interface: str
    country: str
    hw_mode: str
    channel: int
    ht40: str
    oper_chwidth: int
    centre: int
    op_class: int
    power_mbm: int | None
    networks: tuple[Bss, ...]


def aps(intent: Intent, state: State, passphrases: Mapping[str, Secret]) -> tuple[Ap, ...]:
    """One for each wished radio that carries a name.

    Raises ConfigRejected for a radio, a bridge or hostapd that is not there, ValueRefused for what no radio
    can carry.
    """
    if not re.fullmatch(r"[A-Z]{2}", intent.country):
        what = f"{intent.country!r} is no country"
        raise ValueRefused(intent.device, what, "write two capital letters, such as MX")
    for ssid in intent.ssids:
        _check(intent, ssid, passphrases)
    if intent.radios and not {"/etc/hostapd", "/run/systemd/system"} <= state.has:
        what = "its radios need hostapd, started by systemd, and it has not both"
        raise ConfigRejected(intent.device, what, "install hostapd, or take the radios from the inventory")
    given = _Given(intent, state, passphrases)
    made = tuple(_ap(given, radio, name) for radio, name in _interfaces(intent, state))
    return tuple(ap for ap in made if ap.networks)


@dataclass(frozen=True, slots=True)
class _Given:
    """What is wished, for which device."""

    intent: Intent
    state: State
    passphrases: Mapping[str, Secret]


def _interfaces(intent: Intent, state: State) -> Iterator[tuple[Radio, str]]:
    """A wireless interface for each radio; one that can do fewer bands is taken first."""
    free = sorted(state.radios, key=lambda name: (len(state.radios[name]), name))
    for radio in intent.radios:
        fit = next((name for name in free if radio.band in state.radios[name]), None)
        if fit is None:
            what = f"it has no radio for the band {radio.band.value}"
            hint = "take that radio out of the inventory; if it is there, install `iw`, which tells its bands"
            raise ConfigRejected(intent.device, what, hint)
        free.remove(fit)
        yield radio, fit


def _ap(given: _Given, radio: Radio, interface: str) -> Ap:
    _check_radio(given.intent, radio)
    carried = [ssid for ssid in given.intent.ssids if radio.band in ssid.bands]
    names = (interface, *(f"{interface[:12]}_{nth}" for nth in range(1, len(carried))))  # IFNAMSIZ leaves 15
    return Ap(
        band=radio.band,
        interface=interface,
        country=given.intent.country,
        hw_mode=_HW_MODE[radio.band],
        channel=radio.channel,
        ht40=_ht40(radio),
        oper_chwidth=_OPER_CHWIDTH[radio.width_mhz],
        centre=_centre(radio),
        op_class=_OP_CLASS[radio.width_mhz] if radio.band is Band.GHZ_6 else 0,
        power_mbm=None if radio.power_dbm is None else radio.power_dbm * 100,
        networks=tuple(
            _bss(given, ssid, radio.band, name) for ssid, name in zip(carried, names, strict=False)
        ),
    )


def _bss(given: _Given, ssid: Ssid, band: Band, name: str) -> Bss:
    if band is Band.GHZ_6 and ssid.security not in {Security.OWE, Security.WPA3}:
        what = f"the SSID {ssid.name!r} is {ssid.security.value}, which 6 GHz does not allow"
        raise ValueRefused(given.intent.device, what, "use owe or wpa3 there, or other bands")
    secret = given.passphrases[ssid.passphrase] if ssid.security in _SECURED else None
    ready = secret is not None and _PSK.fullmatch(secret.reveal()) is not None
    return Bss(
        interface=name,
        bridge=_bridge(given.intent, ssid, given.state),
        ssid=ssid.name,
        isolate=int(ssid.isolation),
        security=ssid.security.value,
        passphrase=None if ready else secret,
        psk=secret if ready else None,
    )


def _bridge(intent: Intent, ssid: Ssid, state: State) -> str:
    wanted = _DEFAULT_BRIDGES if ssid.vlan is None else (f"br-vlan{ssid.vlan}",)
    found = next((name for name in wanted if name in state.bridges), None)
    if found is None:
        what = f"the SSID {ssid.name!r} goes to the bridge {wanted[0]}, and it has none of that name"
        raise ConfigRejected(intent.device, what, f"make a bridge {wanted[0]} there")
    return found


def _check_radio(intent: Intent, radio: Radio) -> None:
    if radio.width_mhz not in _WIDTHS[radio.band]:
        what = f"a radio of {radio.band.value} cannot be {radio.width_mhz} MHz wide"
        raise ValueRefused(intent.device, what, "correct `width_mhz`")
    if radio.band is Band.GHZ_5 and radio.channel == 165 and radio.width_mhz > 20:
        raise ValueRefused(intent.device, "channel 165 is 20 MHz wide", "correct `width_mhz`")


def _check(intent: Intent, ssid: Ssid, passphrases: Mapping[str, Secret]) -> None:
    size = len(ssid.name.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= 32:
        what = f"the SSID {ssid.name!r} has {size} octets"
        raise ValueRefused(intent.device, what, "an SSID has 1 to 32")
    if ssid.security not in _SECURED:
        return
    if ssid.passphrase not in passphrases:
        what = f"the SSID {ssid.name!r} has no passphrase"
        raise ValueRefused(intent.device, what, "name a credential in `passphrase`")
    value = passphrases[ssid.passphrase].reveal()
    ready = ssid.security is Security.WPA2 and _PSK.fullmatch(value)
    if not ready and not _PASSPHRASE.fullmatch(value):
        what = f"the passphrase {ssid.passphrase!r} of the SSID {ssid.name!r} cannot be one"
        raise ValueRefused(intent.device, what, "use 8 to 63 printable ASCII characters")


def _ht40(radio: Radio) -> str:
    """Where the second half of 40 MHz lies; hostapd wants it said for wider blocks too."""
    if radio.width_mhz == 20 or radio.band is Band.GHZ_6:
        return ""
    if radio.band is Band.GHZ_2:
        return "HT40+" if radio.channel <= 7 else "HT40-"
    first = 149 if radio.channel >= 149 else 36
    return "HT40+" if (max(radio.channel, first) - first) // 4 % 2 == 0 else "HT40-"


def _centre(radio: Radio) -> int:
    """Of the block that the channel lies in (IEEE 802.11, Annex E)."""
    if radio.channel == 0 or radio.width_mhz == 20 or radio.band is Band.GHZ_2:
        return 0
    first = 149 if radio.band is Band.GHZ_5 and radio.channel >= 149 else _FIRST[radio.band]
    channels = radio.width_mhz // 5
    block = (radio.channel - first) // channels
    return first + block * channels + channels // 2 - 2
