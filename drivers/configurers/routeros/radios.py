"""The two wireless systems of RouterOS: `/interface wifi` (since 7.13) and the older `/interface wireless`.

Properties and values: help.mikrotik.com, WiFi; Wireless Interface. Nobody tried them on hardware.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.bands import Spectrum, band_of, frequency_of
from drivers.configurers.routeros.language import Item
from drivers.configurers.routeros.menus import OWN_COMMENT, is_ours
from drivers.configurers.routeros.state import State
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Band, Radio, Security

WIFI: Final = "interface wifi"
WIRELESS: Final = "interface wireless"

_COUNTRIES: Final = MappingProxyType(
    {"MX": "Mexico", "US": "United States", "GT": "Guatemala", "ES": "Spain"}
)
_PROFILES: Final = ("configuration", "channel")
_PREFIXES: Final = MappingProxyType({"2ghz": Band.GHZ_2, "5ghz": Band.GHZ_5, "6ghz": Band.GHZ_6})
_WIFI_WIDTHS: Final = MappingProxyType(
    {20: "20mhz", 40: "20/40mhz", 80: "20/40/80mhz", 160: "20/40/80/160mhz"}
)
_WIRELESS_WIDTHS: Final = MappingProxyType({20: "20mhz", 40: "20/40mhz-XX", 80: "20/40/80mhz-XXXX"})


@dataclass(frozen=True, slots=True)
class Chip:
    """A radio of the device: its own interface, by the name it was made with."""

    band: Band
    item: Item

    @property
    def factory_name(self) -> str:
        """What `find default-name=` finds."""
        return self.item.where["default-name"]

    @property
    def name(self) -> str:
        """What it is called now."""
        return self.item.get("name", self.factory_name)

    @property
    def ours(self) -> bool:
        """Whether its own network is ours to set: it was silent, or we took it before."""
        return self.item.get("disabled", "yes") == "yes" or self.item.get("comment").startswith(OWN_COMMENT)


@dataclass(frozen=True, slots=True)
class System:
    """One of the two wireless systems: its menu, how a radio is tuned, what it can protect.

    `mode` is the property of that name, `bare` what a radio without a network has.
    """

    menu: str
    tuned: Callable[[str, Radio, str], Mapping[str, str]]
    securities: frozenset[Security]
    mode: str
    bare: Mapping[str, str]


def system_of(device: str, state: State) -> System:
    """The one this device has. Raises ConfigRejected where it has none."""
    for system in (WIFI_SYSTEM, WIRELESS_SYSTEM):
        if any("default-name" in item.where for item in state.of(system.menu)):
            return system
    what = "it shows neither /interface wifi nor /interface wireless"
    raise ConfigRejected(
        device, what, "install its wireless package, or take the radios out of the inventory"
    )


def chip_of(device: str, state: State, system: System, band: Band) -> Chip:
    """The first radio of a band. Raises ConfigRejected."""
    radios = [item for item in state.of(system.menu) if "default-name" in item.where]
    chips = [Chip(band, item) for item in radios if _band_of(state, item) is band]
    if not chips:
        what = f"it shows no radio for the band {band.value}"
        band_word = "channel.band" if system.menu == WIFI else "band"
        raise ConfigRejected(device, what, f"set its {band_word} by hand, or correct the model")
    if _is_managed(state, chips[0]):
        what = f"its radio {chips[0].name} is managed by CAPsMAN"
        raise ConfigRejected(device, what, "take the radios out of the inventory, or free it by hand")
    return _checked(device, system, chips[0])


def _is_managed(state: State, chip: Chip) -> bool:
    """Whether what is set at the radio itself does not count."""
    if "capsman" in chip.item.get("configuration.manager"):
        return True
    caps = [item for item in state.of(f"{WIRELESS} cap") if item.get("enabled") == "yes"]
    return any(chip.name in item.get("interfaces").split(",") for item in caps)


def _checked(device: str, system: System, chip: Chip) -> Chip:
    mode = chip.item.get(system.mode)
    if chip.item.get("disabled", "yes") == "no" and mode.startswith("station"):
        what = f"its radio {chip.name} is a {mode}: it may carry the uplink"
        raise ConfigRejected(device, what, "take that radio out of the inventory")
    profiles = [name for name in ("configuration", "security", "datapath") if chip.item.get(name)]
    if chip.ours and profiles and system.menu == WIFI:
        what = f"its radio {chip.name} is off and takes its {', '.join(profiles)} from profiles"
        raise ConfigRejected(device, what, "clear them there by hand")
    return chip


def _band_of(state: State, item: Item) -> Band | None:
    """By what is set at the radio, else in the profiles it refers to: its own word wins."""
    for said in _said(state, item):
        if said[:4] in _PREFIXES:
            return _PREFIXES[said[:4]]
        if said[:4].isdigit():
            spectrum = band_of(int(said[:4]))
            return Band(spectrum.value) if spectrum in {*map(Spectrum, Band)} else None
    return None


def _said(state: State, item: Item) -> list[str]:
    found = [item.get(name) for name in ("channel.band", "band", "channel.frequency", "frequency")]
    for kind in _PROFILES:
        profiles = [one for one in state.of(f"{WIFI} {kind}") if one.get("name") == item.get(kind, "\0")]
        for profile in profiles:
            found += _said(state, profile)
    return [said for said in found if said]


def _country(device: str, country: str) -> str:
    if country not in _COUNTRIES:
        raise ValueRefused(
            device, f"Plaza knows no RouterOS country for {country!r}", "write MX, US, GT or ES"
        )
    return _COUNTRIES[country]


def _width(device: str, radio: Radio, widths: Mapping[int, str]) -> str:
    if radio.width_mhz not in widths or (radio.band is Band.GHZ_2 and radio.width_mhz > 40):
        what = f"it has no channels of {radio.width_mhz} MHz in the band {radio.band.value}"
        raise ValueRefused(device, what, f"write one of {', '.join(map(str, widths))}")
    return widths[radio.width_mhz]


def _frequency(device: str, radio: Radio, automatic: str) -> str:
    if radio.channel == 0:
        return automatic
    frequency = frequency_of(Spectrum(radio.band.value), radio.channel)
    if frequency is None:
        raise ValueRefused(device, f"the band {radio.band.value} has no channel {radio.channel}")
    return str(frequency)


def _tuned_wifi(device: str, radio: Radio, country: str) -> dict[str, str]:
    power = {} if radio.power_dbm is None else {"configuration.tx-power": str(radio.power_dbm)}
    return {
        "channel.frequency": _frequency(device, radio, ""),
        "channel.width": _width(device, radio, _WIFI_WIDTHS),
        "configuration.country": _country(device, country),
        **power,
    }


def _tuned_wireless(device: str, radio: Radio, country: str) -> dict[str, str]:
    power = {}
    if radio.power_dbm is not None:
        power = {"tx-power-mode": "all-rates-fixed", "tx-power": str(radio.power_dbm)}
    return {
        "frequency": _frequency(device, radio, "auto"),
        "channel-width": _width(device, radio, _WIRELESS_WIDTHS),
        "country": _country(device, country).lower(),
        "frequency-mode": "regulatory-domain",
        **power,
    }


WIFI_SYSTEM: Final = System(WIFI, _tuned_wifi, frozenset(Security), "configuration.mode", {})
WIRELESS_SYSTEM: Final = System(
    WIRELESS,
    _tuned_wireless,
    frozenset({Security.OPEN, Security.WPA2}),
    "mode",
    {"security-profile": "default"},
)


def bridge_of(device: str, state: State, chip: Chip) -> str:
    """The bridge that guests are put into. Raises ConfigRejected where nothing says which."""
    named = chip.item.get("datapath.bridge")
    ports = [item for item in state.of("interface bridge port") if item.get("interface") == chip.name]
    bridges = [item.get("name") for item in state.of("interface bridge") if not is_ours(item)]
    candidates = [named] if named else [item.get("bridge") for item in ports] or bridges
    if len(set(candidates)) != 1:
        what = f"it has {len(set(candidates))} bridges, and nothing says which one its guests belong to"
        raise ConfigRejected(device, what, f"put {chip.name} into one by hand")
    return candidates[0]
