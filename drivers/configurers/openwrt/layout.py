"""Where a device's own management lives in its network, and how it moves into a VLAN."""

import re
from typing import Final

from drivers.configurers.openwrt.uci import Config, Section
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Intent

MANAGEMENT: Final = "lan"
"""The interface that a device is managed over, by OpenWrt's custom."""

_DEVICE: Final = re.compile(r"(?P<base>[a-z][a-z0-9-]*)(?:\.(?P<vlan>[0-9]+))?")
_TAGGING: Final = frozenset({"8021q", "8021ad"})
_PORT: Final = re.compile(r"(?:eth|lan|wan)[0-9]*")
_BY_HAND: Final = "move its management by hand, or take `vlan` from `manage`"
_APART: Final = (
    "give that SSID a `vlan` of its own, or first take the management out of there, "
    f"with `plaza rollback` or by hand in its network.{MANAGEMENT}.device"
)


def management_device(intent: Intent, running: Config) -> str | None:
    """What `network.lan.device` has to be, None where it is left as it is.

    netifd makes the VLAN device br-lan.30 from its name alone. Raises ConfigRejected for a network that is
    laid out in none of the ways known here or would have a network name in the VLAN that it lives in,
    ValueRefused for a network name that would come along.
    """
    vlan = intent.manage.vlan
    plain = next((ssid for ssid in intent.ssids if ssid.vlan is None), None)
    if vlan is None:
        stays = _present(running)
        if plain is not None and stays:
            what = f"the SSID {plain.name!r} has no VLAN, and its management lives in VLAN {stays}"
            raise ConfigRejected(intent.device, what, _APART)
        return None
    if plain is not None:
        what = f"the SSID {plain.name!r} has no VLAN and would follow the management into VLAN {vlan}"
        raise ValueRefused(intent.device, what, "give that SSID a `vlan` of its own")
    base = _base(intent, running)
    _check(intent, running, base, vlan)
    return f"{base}.{vlan}"


def _present(running: Config) -> str:
    """The VLAN that the management lives in, "" for none; one that no port tags is the plain network."""
    interface = running.section(f"network.{MANAGEMENT}")
    name = str(interface.options.get("device", "")) if interface else ""
    for device in running.of_kind("network", "device"):
        if device.options.get("name") == name and device.options.get("type") in _TAGGING:
            return str(device.options.get("vid", ""))
    found = _DEVICE.fullmatch(name)
    if found is None or not found["vlan"]:
        return ""
    ports = [
        port
        for section in running.of_kind("network", "bridge-vlan")
        if (section.options.get("device"), section.options.get("vlan")) == (found["base"], found["vlan"])
        for port in section.words("ports")
    ]
    tagged = [port for port in ports if "t" in port.partition(":")[2]]
    return found["vlan"] if tagged or not ports else ""


def _base(intent: Intent, running: Config) -> str:
    """The bridge or port below the management interface."""
    interface = running.section(f"network.{MANAGEMENT}")
    if interface is None:
        raise _unknown(intent, f"it has no interface {MANAGEMENT}")
    old = {"ifname", "type"} & interface.options.keys()
    if old or running.of_kind("network", "switch_vlan"):
        raise _unknown(intent, "its network is laid out as before OpenWrt 21.02")
    device = _DEVICE.fullmatch(str(interface.options.get("device", "")))
    if device is None:
        raise _unknown(intent, f"its interface {MANAGEMENT} has no device with a plain name")
    return device["base"]


def _check(intent: Intent, running: Config, base: str, vlan: int) -> None:
    """A port carries any VLAN; so does a bridge that does not filter; one that does must know it."""
    bridge = next((s for s in running.of_kind("network", "device") if _is_bridge(s, base)), None)
    if bridge is None:
        if not _PORT.fullmatch(base):
            raise _unknown(intent, f"{base} is neither a port nor a bridge that it describes")
        return
    known = [s for s in running.of_kind("network", "bridge-vlan") if s.options.get("device") == base]
    filters = bool(known) or bridge.options.get("vlan_filtering") == "1"
    if filters and not any(section.options.get("vlan") == str(vlan) for section in known):
        hint = f"add `config bridge-vlan` with device {base}, vlan {vlan} and its ports to its network"
        raise ConfigRejected(intent.device, f"its bridge {base} lets no VLAN {vlan} through", hint)


def _is_bridge(section: Section, name: str) -> bool:
    return section.options.get("type") == "bridge" and section.options.get("name") == name


def _unknown(intent: Intent, what: str) -> ConfigRejected:
    return ConfigRejected(intent.device, f"its management cannot be moved: {what}", _BY_HAND)
