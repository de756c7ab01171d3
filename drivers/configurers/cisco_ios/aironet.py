"""An autonomous Aironet: network names, radios and VLANs in the words of its IOS; pure.

After Cisco's guide for autonomous access points, 15.3(3)J; unverified on hardware.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.configurers.cisco_ios import common, quoting
from drivers.configurers.cisco_ios.config import Entry, type_7, values
from drivers.configurers.cisco_ios.quoting import carried
from drivers.configurers.cisco_ios.wanting import Lacking, Ownership, Want, setting, want
from drivers.configurers.seam import Wish
from drivers.model import Band, Radio, Security, Ssid

CANNOT: Final = frozenset({"owe", "wpa3", "rate", "schedule", "captive", "management_vlan"})
DANGEROUS: Final = ("interface GigabitEthernet*", "interface FastEthernet*", "ip ssh pubkey-chain*")

_RADIOS: Final = {Band.GHZ_2: "interface Dot11Radio0", Band.GHZ_5: "interface Dot11Radio1"}
_RADIO: Final = "interface Dot11Radio[01]"
_BELOW_VLAN: Final = r"interface (?:Dot11Radio[01]|\w+Ethernet0)\.\d+"
_MARK: Final = "description plaza"
_GUESTS_APART: Final = "port-protected"
_MHZ: Final = {Band.GHZ_2: 2407, Band.GHZ_5: 5000}
_SECONDARY_ABOVE: Final = frozenset({36, 44, 52, 60, 100, 108, 116, 124, 132, 140, 149, 157})

OWNERSHIP: Final = Ownership(
    (
        *common.TABLE,
        setting("", "dot11 ssid .+"),
        setting("dot11 ssid .+", "(?P<slot>vlan) [0-9]+"),
        setting("dot11 ssid .+", "(?P<slot>authentication key-management) .+"),
        setting("dot11 ssid .+", "(?P<slot>wpa-psk) .+", "no wpa-psk ascii"),
        setting("dot11 ssid .+", ".+"),
        setting("", _BELOW_VLAN),
        setting(_BELOW_VLAN, "(?P<slot>description|encapsulation dot1Q) .+"),
        setting(_BELOW_VLAN, ".+"),
        setting(_RADIO, "(?P<slot>channel(?: width)?) .+"),
        setting(_RADIO, "(?P<slot>power local) .+"),
        setting(_RADIO, "(?P<slot>world-mode) .+"),
        setting(_RADIO, "(?P<slot>encryption(?: vlan [0-9]+)? mode) .+", r"no \g<slot> ciphers"),
        setting(_RADIO, "ssid .+"),
        setting(_RADIO, r"bridge-group \d+ port-protected"),
        setting(_RADIO, "shutdown"),
    ),
    last=lambda header: 1 if header.startswith("dot11 ssid") else 0,
)


def wants(wish: Wish, running: Sequence[Entry]) -> Iterator[Want]:
    """Everything but what `common` asks for. Raises ValueError, Lacking."""
    ssids = wish.intent.ssids
    for radio in wish.intent.radios:
        port = _port(radio.band, running)
        _check_silent(port, running)
        yield from _radio(port, radio, wish.intent.country)
    for place, ssid in enumerate(ssids):
        yield common.marker("ssid", str(place), _name(ssid))
    for ssid in ssids:
        yield from _ssid(ssid, wish, running)
    for vlan in sorted({ssid.vlan for ssid in ssids if ssid.vlan is not None}):
        yield from _vlan(vlan, [ssid for ssid in ssids if ssid.vlan == vlan], running)
    for port in _RADIOS.values():
        yield from _on_air(port, [ssid for ssid in ssids if port in _ports(ssid, running)], running)


def ours(running: Sequence[Entry], wish: Wish | None) -> Iterator[Entry]:
    """The lines that are ours: by their place in the table, by the names we remember, by our description.

    Under a wish only those it speaks of.
    """
    held = _held(running)
    for entry in running:
        if OWNERSHIP.of(entry) is None:
            continue
        if entry.path in held.sections or (*entry.path, entry.line) in held.sections:
            yield entry
        elif re.fullmatch(_RADIO, "".join(entry.path)):
            if _in_radio(entry, held, wish):
                yield entry
        elif (*entry.path, entry.line)[0].startswith(("dot11 ssid", "interface")):
            continue  # made by hand
        elif wish is None or common.spoken_of(wish.intent.manage, entry):
            yield entry


@dataclass(frozen=True, slots=True)
class _Held:
    """Our `names` on the device, the `vlans` they use, the radio ports that carry a `plain` one without,
    and the paths of whole `sections` of ours."""

    names: frozenset[str]
    vlans: frozenset[str]
    plain: frozenset[str]
    sections: frozenset[tuple[str, ...]]


def _held(running: Sequence[Entry]) -> _Held:
    digests = set(common.remembered(running, "ssid").values())
    names = {name for name in values(running, (), "dot11 ssid (.+)") if common.digest(name) in digests}
    vlans = {name: values(running, (f"dot11 ssid {name}",), r"vlan (\d+)") for name in names}
    plain = {f"ssid {name}" for name in names if not vlans[name]}
    sections: set[tuple[str, ...]] = {(f"dot11 ssid {name}",) for name in names}
    sections |= {entry.path for entry in running if entry.line == _MARK}
    return _Held(
        frozenset(names),
        frozenset(vlan for found in vlans.values() for vlan in found),
        frozenset(entry.path[0] for entry in running if entry.path and entry.line in plain),
        frozenset(sections),
    )


def _in_radio(entry: Entry, held: _Held, wish: Wish | None) -> bool:
    port, words = entry.path[0], entry.line.split(" ")
    if words[0] == "ssid":
        return entry.line.removeprefix("ssid ") in held.names
    if words[0] == "encryption":
        return words[2] in held.vlans if words[1] == "vlan" else port in held.plain
    if words[0] == "bridge-group":
        return port in held.plain
    return wish is None or any(_RADIOS.get(radio.band) == port for radio in wish.intent.radios)


def _port(band: Band, running: Sequence[Entry]) -> str:
    port = _RADIOS.get(band, "")
    if Entry((), port) not in running:
        raise Lacking(f"it has no radio for {band}")
    return port


def _check_silent(port: str, running: Sequence[Entry]) -> None:
    """What is made by hand on a radio that is off would come onto the air with it."""
    names = [name for name in values(running, (port,), "ssid (.+)") if name not in _held(running).names]
    if names and Entry((port,), "shutdown") in running:
        listed = ", ".join(map(repr, names))
        raise Lacking(f"its {port} is off and, once on, would send {listed}, made by hand; take it out first")


def _ports(ssid: Ssid, running: Sequence[Entry]) -> list[str]:
    """The ports of the bands of a name that this device has."""
    return [_RADIOS[band] for band in ssid.bands if Entry((), _RADIOS.get(band, "")) in running]


def _name(ssid: Ssid) -> str:
    return carried(ssid.name, quoting.SSID_OF_AIRONET)


def _radio(port: str, radio: Radio, country: str) -> Iterator[Want]:
    code = carried(country, quoting.COUNTRY)
    yield want(port, f"world-mode dot11d country-code {code} both")
    automatic = "least-congested" if radio.band is Band.GHZ_2 else "dfs"
    yield want(port, f"channel {_MHZ[radio.band] + 5 * radio.channel if radio.channel else automatic}")
    if radio.width_mhz != 20:
        yield want(port, f"channel width {_width(radio)}")
    if radio.power_dbm is not None:
        yield want(port, f"power local {radio.power_dbm}")


def _width(radio: Radio) -> str:
    if radio.width_mhz not in {40, 80} or (radio.band is Band.GHZ_2 and radio.width_mhz != 40):
        raise ValueError(f"an Aironet has no channels of {radio.width_mhz} MHz in {radio.band}")
    if radio.width_mhz == 80:
        return "80"
    low = radio.channel in _SECONDARY_ABOVE or (radio.band is Band.GHZ_2 and radio.channel < 7)
    return "40-above" if low or not radio.channel else "40-below"


def _ssid(ssid: Ssid, wish: Wish, running: Sequence[Entry]) -> Iterator[Want]:
    name = _name(ssid)
    header = f"dot11 ssid {name}"
    known = common.digest(name) in common.remembered(running, "ssid").values()
    if Entry((), header) in running and not known:
        raise Lacking(f"it has a network {name!r} made by hand; remove `{header}` there first")
    yield want(header)
    if ssid.vlan is not None:
        yield want(header, f"vlan {ssid.vlan}")
    yield want(header, "authentication open")
    if ssid.security is Security.WPA2:
        key = common.passphrase(wish, ssid, quoting.PASSPHRASE)
        yield want(header, "authentication key-management wpa version 2")
        yield want(header, f"wpa-psk ascii 7 {type_7(key)}")
    yield want(header, "mbssid guest-mode")


def _vlan(vlan: int, ssids: Sequence[Ssid], running: Sequence[Entry]) -> Iterator[Want]:
    """A bridge between the wire and the radios; one that is there already is left as it is."""
    wires = values(running, (), r"(interface (?:Gigabit|Fast)Ethernet0)")
    if not wires:
        raise Lacking("it has no port GigabitEthernet0 or FastEthernet0")
    group = _bridge_group(vlan, running)
    apart = any(ssid.isolation for ssid in ssids)
    for port in (wires[0], *dict.fromkeys(port for ssid in ssids for port in _ports(ssid, running))):
        header = f"{port}.{vlan}"
        by_hand = Entry((), header) in running and Entry((header,), _MARK) not in running
        protected = apart and "Radio" in port
        if by_hand:
            _check_by_hand(header, protected, running)
            continue
        yield want(header)
        yield want(header, _MARK)
        yield want(header, f"encapsulation dot1Q {vlan}")
        yield want(header, f"bridge-group {group}")
        if protected:
            yield want(header, f"bridge-group {group} {_GUESTS_APART}")


def _check_by_hand(header: str, protected: bool, running: Sequence[Entry]) -> None:
    if protected and not values(running, (header,), rf"(bridge-group \d+ {_GUESTS_APART})"):
        raise Lacking(f"its `{header}` was made by hand and lets guests reach each other; remove it first")


def _bridge_group(vlan: int, running: Sequence[Entry]) -> int:
    """The one this VLAN has already, else its own number, else a free one; 1 to 255."""
    used: dict[str, int] = {
        entry.path[0].rpartition(".")[2]: int(entry.line.split(" ")[1])
        for entry in running
        if entry.line.startswith("bridge-group ") and entry.path and "." in entry.path[0]
    }
    if str(vlan) in used:
        return used[str(vlan)]
    free: list[int] = [
        number for number in (vlan, *range(2, 256)) if number < 256 and number not in used.values()
    ]
    if vlan == 1 or not free:
        raise ValueError(f"VLAN {vlan} cannot have a bridge group of its own")
    return free[0]


def _on_air(port: str, ssids: Sequence[Ssid], running: Sequence[Entry]) -> Iterator[Want]:
    if not ssids:
        return
    yield want(port, "mbssid")
    for ssid in ssids:
        if ssid.security is Security.WPA2:
            vlan = f" vlan {ssid.vlan}" if ssid.vlan is not None else ""
            yield want(port, f"encryption{vlan} mode ciphers aes-ccm")
        if ssid.isolation and ssid.vlan is None:
            group = values(running, (port,), r"bridge-group (\d+)") or ("1",)
            yield want(port, f"bridge-group {group[0]} {_GUESTS_APART}")
        yield want(port, f"ssid {_name(ssid)}")
