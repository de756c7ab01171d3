"""What is on the air of one AP: radios and network names, from its UCI configuration or from the spec."""

import re
from dataclasses import dataclass
from typing import Final

from simulator.chance import draw
from simulator.model import ApSpec, Band
from simulator.uci import Section, parse

UCI_BANDS: Final = {"2g": Band.GHZ_2, "5g": Band.GHZ_5, "6g": Band.GHZ_6}
BAND_NAMES: Final = {band: name for name, band in UCI_BANDS.items()}
_CHANNELS: Final = {
    Band.GHZ_2: (1, 6, 11),
    Band.GHZ_5: (36, 44, 149, 157),
    Band.GHZ_6: (5, 37, 69, 101),
}
_DEFAULT_WIDTH_MHZ: Final = {Band.GHZ_2: 20, Band.GHZ_5: 80, Band.GHZ_6: 80}
_DEFAULT_POWER_DBM: Final = {Band.GHZ_2: 20, Band.GHZ_5: 23, Band.GHZ_6: 23}


@dataclass(frozen=True, slots=True)
class Bss:
    """One network name on one radio; `ifname` is its interface, `section` its UCI section (may be empty)."""

    ifname: str
    ssid: str
    section: str
    encryption: str


@dataclass(frozen=True, slots=True)
class RadioAir:
    """One radio that is switched on, with the names it sends."""

    name: str
    phy: int
    band: Band
    channel: int
    width_mhz: int
    power_dbm: int
    bsses: tuple[Bss, ...]


Air = tuple[RadioAir, ...]


def silent(air: Air) -> Air:
    """The same radios without any network name."""
    return tuple(RadioAir(r.name, r.phy, r.band, r.channel, r.width_mhz, r.power_dbm, ()) for r in air)


def factory_channel(seed: int, name: str, band: Band) -> int:
    """The channel this AP picks when it may choose."""
    choices = _CHANNELS[band]
    return choices[int(draw(seed, name, band, "channel") * len(choices))]


def of_spec(seed: int, spec: ApSpec) -> Air:
    """The air of an AP that keeps no configuration."""
    radios = []
    for phy, band in enumerate(spec.bands):
        bsses = tuple(Bss(ifname(phy, n), ssid, "", "none") for n, ssid in enumerate(spec.ssids))
        channel = factory_channel(seed, spec.name, band)
        power, width = _DEFAULT_POWER_DBM[band], _DEFAULT_WIDTH_MHZ[band]
        radios.append(RadioAir(f"radio{phy}", phy, band, channel, width, power, bsses))
    return tuple(radios)


def of_config(seed: int, spec: ApSpec, wireless: str) -> Air:
    """The air an OpenWrt AP makes of its wireless configuration: what it cannot use is not on the air."""
    sections = parse(wireless)
    devices = [s for s in sections if s.kind == "wifi-device"]
    radios = []
    for phy, device in enumerate(devices):
        band = UCI_BANDS.get(device.options.get("band", ""))
        if device.on() and band in spec.bands:
            radios.append(_radio(seed, spec.name, (phy, band, device), _bsses(sections, phy, device.name)))
    return tuple(radios)


def ifname(phy: int, number: int) -> str:
    """As OpenWrt names the interfaces of an access point."""
    return f"phy{phy}-ap{number}"


def _bsses(sections: tuple[Section, ...], phy: int, device: str) -> tuple[Bss, ...]:
    wanted = [
        s
        for s in sections
        if s.kind == "wifi-iface" and s.on() and s.options.get("device") == device and _sends(s)
    ]
    return tuple(
        Bss(ifname(phy, n), s.options["ssid"], s.name, s.options.get("encryption", "none"))
        for n, s in enumerate(wanted)
    )


def _sends(iface: Section) -> bool:
    ssid = iface.options.get("ssid", "")
    return iface.options.get("mode", "ap") == "ap" and 0 < len(ssid.encode()) <= 32


def _radio(seed: int, name: str, radio: tuple[int, Band, Section], bsses: tuple[Bss, ...]) -> RadioAir:
    phy, band, device = radio
    options = device.options
    channel = _number(options.get("channel", ""), factory_channel(seed, name, band))
    width = _number(options.get("htmode", ""), _DEFAULT_WIDTH_MHZ[band])
    power = _number(options.get("txpower", ""), _DEFAULT_POWER_DBM[band])
    return RadioAir(device.name, phy, band, channel, width, power, bsses)


def _number(text: str, otherwise: int) -> int:
    """The digits of `36`, `VHT80` or `23`; anything else (`auto`, nothing) is the radio's own choice."""
    found = re.search(r"(\d+)$", text)
    return int(found.group(1)) if found and int(found.group(1)) else otherwise


def frequency_mhz(band: Band, channel: int) -> int:
    """Centre of the primary channel (IEEE 802.11 channel numbering)."""
    if band is Band.GHZ_2:
        return 2484 if channel == 14 else 2407 + 5 * channel
    return (5000 if band is Band.GHZ_5 else 5950) + 5 * channel
