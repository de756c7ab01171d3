"""How OpenWrt names what an intent asks for: radios by band, channel widths, encryption."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from drivers.change import Change
from drivers.configurers.openwrt.uci import Config, Option, Section
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, UnexpectedReply, ValueRefused
from drivers.model import Band, Intent, OnAir, Radio, Secret, Security, Ssid

OWN_PREFIX: Final = "plaza_"
"""Sections whose name begins so are ours entirely."""

UPLINK: Final = "uplink"
"""What stands before the path of a line that changes a radio which carries the device's own way out."""

_BANDS: Final = MappingProxyType({Band.GHZ_2: "2g", Band.GHZ_5: "5g", Band.GHZ_6: "6g"})
_HWMODES: Final = MappingProxyType({"11b": "2g", "11g": "2g", "11a": "5g"})  # before OpenWrt 21.02
_MODES: Final = MappingProxyType({Band.GHZ_2: "HT", Band.GHZ_5: "VHT", Band.GHZ_6: "HE"})
_ENCRYPTION: Final = MappingProxyType(
    {
        Security.OPEN: ("none", None),
        Security.OWE: ("owe", "2"),
        Security.WPA2: ("psk2", None),
        Security.WPA3: ("sae", "2"),
    }
)
"""`encryption` and `ieee80211w` of OpenWrt; OWE and SAE require protected management frames."""

_TRUE: Final = frozenset({"1", "on", "true", "yes", "enabled"})
"""What UCI takes for a yes; anything else is a no."""

_CLIENTS: Final = frozenset({"sta", "mesh", "adhoc"})
"""The modes of a wifi-iface through which a device may itself be reached."""

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PASSPHRASE: Final = re.compile(r"[ -~]{8,63}|[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class WifiDevice:
    """A radio as the template writes it."""

    section: str
    country: str
    channel: str
    htmode: str
    power_dbm: int | None


@dataclass(frozen=True, slots=True)
class WifiNetwork:
    """One SSID on one radio as the template writes it."""

    section: str
    radio: str
    ssid: str
    interface: str
    isolate: int
    encryption: str
    protected_frames: str | None
    key: Secret | None
    disabled: str
    schedule: tuple[OnAir, ...]


def view(wish: Wish, running: Config) -> dict[str, object]:
    """What the template needs.

    Raises ValueRefused for what no AP can carry, ConfigRejected for a radio or a network that is not there.
    """
    intent, passphrases = wish.intent, wish.passphrases
    _check(intent, passphrases)
    _check_networks(intent, running)
    sections = _sections(intent, running)
    return {
        "system": _system(intent, running),
        "hostname": intent.hostname,
        "radios": tuple(_device(intent, radio, sections[radio.band]) for radio in intent.radios),
        "silenced": tuple(section.name for section in _woken(running, sections.values())),
    }


def networks(wish: Wish, running: Config) -> tuple[WifiNetwork, ...]:
    """Each SSID on each of its radios. Raises ConfigRejected for a radio that is not there."""
    return tuple(
        _network(ssid, f"{OWN_PREFIX}{band.value}_{number}", section.name, wish, running)
        for number, ssid in enumerate(wish.intent.ssids, start=1)
        for band, section in _sections(wish.intent, running).items()
        if band in ssid.bands
    )


def off_air(wanted: Config, status: str) -> tuple[str, ...]:
    """Those SSIDs of ours that `ubus call network.wireless status` does not report as up.

    One that its schedule keeps off the air now is not missed. Raises ValueError when that is no JSON.
    """
    up = set(_sections_up(json.loads(status)))
    ours = (s for s in wanted.of_kind("wireless", "wifi-iface") if s.name.startswith(OWN_PREFIX))
    down = (str(s.options["ssid"]) for s in ours if s.name not in up and not _off(s))
    return tuple(dict.fromkeys(down))


def _sections_up(status: object) -> Iterator[str]:
    for radio in status.values() if isinstance(status, dict) else ():
        match radio:
            case {"up": True, "pending": False, "interfaces": [*interfaces]}:
                yield from (name for interface in interfaces for name in _section_up(interface))


def _section_up(interface: object) -> Iterator[str]:
    match interface:
        case {"section": str(name), "ifname": str(ifname)} if ifname:
            yield name


def _woken(running: Config, radios: Iterable[Section]) -> Iterator[Section]:
    """What was silent stays silent: the networks of others that our radios would take along onto the air."""
    asleep = {radio.name for radio in radios if _off(radio)}
    for section in _of_others(running):
        if not _off(section) and not asleep.isdisjoint(section.words("device")):
            yield section


def as_slept(wanted: Config, running: Config, earlier: Config) -> Config:
    """What is wanted back, and of networks of others only those that we silenced with their radio awake.

    They are known by all else that they hold, because @wifi-iface[n] may be another one by now.
    """
    sections = {path: one for path, one in wanted.sections.items() if not _is_of_others(one)}
    asleep = {radio.name for radio in earlier.of_kind("wireless", "wifi-device") if _off(radio)}
    slept = [one for one in _of_others(earlier) if not asleep.isdisjoint(one.words("device"))]
    for section in _of_others(running):
        before = next((one for one in slept if _rest(one) == _rest(section)), None)
        if before is not None:
            kept = {name: value for name, value in before.options.items() if name == "disabled"}
            sections[section.path] = section.holding(kept)
    return Config(sections.values())


def _of_others(config: Config) -> Iterator[Section]:
    yield from filter(_is_of_others, config.of_kind("wireless", "wifi-iface"))


def _is_of_others(section: Section) -> bool:
    network = (section.package, section.kind) == ("wireless", "wifi-iface")
    return network and not section.name.startswith(OWN_PREFIX)


def _rest(section: Section) -> dict[str, Option]:
    return {name: value for name, value in section.options.items() if name != "disabled"}


def _off(section: Section) -> bool:
    return section.options.get("disabled") in _TRUE


def radio_sections(running: Config) -> dict[str, Section]:
    """The device's own radios by band ("2g", "5g", "6g"); of two on one band the first."""
    found: dict[str, Section] = {}
    for section in running.of_kind("wireless", "wifi-device"):
        band = section.options.get("band") or _HWMODES.get(str(section.options.get("hwmode", "")), "")
        found.setdefault(str(band), section)
    return found


def htmode(band: Band, width_mhz: int, running: str) -> str:
    """The wanted width in the radio's present generation: HE80 narrowed to 40 MHz stays HE40."""
    family = re.sub(r"[0-9+-]+$", "", running)
    if family not in {"HT", "VHT", "HE", "EHT"} or (family == "HT" and width_mhz > 40):
        family = _MODES[band] if width_mhz <= 40 or band is not Band.GHZ_2 else "HE"
    return f"{family}{width_mhz}"


def _check(intent: Intent, passphrases: Mapping[str, Secret]) -> None:
    if not _HOSTNAME.fullmatch(intent.hostname):
        _refuse(intent, f"{intent.hostname!r} is no host name", "use letters, digits and hyphens, at most 63")
    if not re.fullmatch(r"[A-Z]{2}", intent.country):
        _refuse(intent, f"{intent.country!r} is no country", "write two capital letters, such as MX")
    for ssid in intent.ssids:
        size = len(ssid.name.encode("utf-8", "surrogatepass"))
        if not 1 <= size <= 32:
            _refuse(intent, f"the SSID {ssid.name!r} has {size} octets", "an SSID has 1 to 32")
        if ssid.security in {Security.WPA2, Security.WPA3}:
            _check_passphrase(intent, ssid, passphrases)


def _check_passphrase(intent: Intent, ssid: Ssid, passphrases: Mapping[str, Secret]) -> None:
    if ssid.passphrase not in passphrases:
        _refuse(intent, f"the SSID {ssid.name!r} has no passphrase", "name a credential in `passphrase`")
    if not _PASSPHRASE.fullmatch(passphrases[ssid.passphrase].reveal()):
        what = f"the passphrase {ssid.passphrase!r} of the SSID {ssid.name!r} cannot be one"
        _refuse(intent, what, "use 8 to 63 printable ASCII characters")


def _check_networks(intent: Intent, running: Config) -> None:
    known = {section.name for section in running.of_kind("network", "interface")}
    for ssid in intent.ssids:
        wanted = interface_of(ssid)
        if wanted not in known:
            what = f"the SSID {ssid.name!r} goes to the interface {wanted}, and it has none of that name"
            hint = f"add `config interface '{wanted}'` to its /etc/config/network"
            hint += f", or take `vlan: {ssid.vlan}` from the SSID" if ssid.vlan is not None else ""
            raise ConfigRejected(intent.device, what, hint)


def _refuse(intent: Intent, reason: str, hint: str) -> None:
    raise ValueRefused(intent.device, reason, hint)


def _system(intent: Intent, running: Config) -> str:
    sections = running.of_kind("system", "system")
    if not sections:
        raise UnexpectedReply(intent.device, "its configuration has no `system` section")
    return sections[0].name


def _sections(intent: Intent, running: Config) -> dict[Band, Section]:
    return {radio.band: _section_of(intent, radio, running) for radio in intent.radios}


def _section_of(intent: Intent, radio: Radio, running: Config) -> Section:
    found = radio_sections(running).get(_BANDS[radio.band])
    if found is None:
        hint = "take that radio out of the inventory, or correct the model"
        raise ConfigRejected(intent.device, f"it has no radio for the band {radio.band.value}", hint)
    return found


def _device(intent: Intent, radio: Radio, section: Section) -> WifiDevice:
    return WifiDevice(
        section=section.name,
        country=intent.country,
        channel=str(radio.channel or "auto"),
        htmode=htmode(radio.band, radio.width_mhz, str(section.options.get("htmode", ""))),
        power_dbm=radio.power_dbm,
    )


def interface_of(ssid: Ssid) -> str:
    """The section of `network` that an SSID is bridged to."""
    return "lan" if ssid.vlan is None else f"vlan{ssid.vlan}"


def _network(ssid: Ssid, section: str, radio: str, wish: Wish, running: Config) -> WifiNetwork:
    encryption, protected_frames = _ENCRYPTION[ssid.security]
    protected = ssid.security in {Security.WPA2, Security.WPA3}
    return WifiNetwork(
        section=section,
        radio=radio,
        ssid=ssid.name,
        interface=interface_of(ssid),
        isolate=int(ssid.isolation),
        encryption=encryption,
        protected_frames=protected_frames,
        key=wish.passphrases[ssid.passphrase] if protected else None,
        disabled=_now(section, running) if ssid.schedule else "0",
        schedule=ssid.schedule,
    )


def _now(section: str, running: Config) -> str:
    """Whether a network that follows a schedule is off just now: that is its clock's to decide, not ours."""
    found = running.section(f"wireless.{section}")
    return "1" if found is not None and _off(found) else "0"


def marked(change: Change, running: Config) -> Change:
    """The change, with the lines for radios that may carry the device's own way out under `uplink`."""
    clients = (s for s in running.of_kind("wireless", "wifi-iface") if s.options.get("mode") in _CLIENTS)
    radios = {f"wireless.{name}" for section in clients for name in section.words("device")}
    lines = (
        replace(line, path=f"{UPLINK}.{line.path}") if line.path.rpartition(".")[0] in radios else line
        for line in change.lines
    )
    return replace(change, lines=tuple(lines))
