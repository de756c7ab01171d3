"""A RouterOS device as a technician left it."""

from collections.abc import Callable
from typing import Final

from simulator.vendors.routeros import RouterOs

MAC: Final = "02:00:5E:10:00:01"


def hand_made(device: RouterOs, *, wifi: bool = True) -> None:
    """As a technician left it: a bridge, a network of his own on 2.4 GHz, 5 GHz still silent."""
    put = device.config.put
    put("interface bridge", {"name": "bridge", "comment": "defconf"})
    put("interface ethernet", {"default-name": "ether1", "name": "ether1"}, fixed=True)
    put("interface", {"name": "ether1", "type": "ether", "mac-address": MAC}, fixed=True)
    put("user", {"name": "admin", "group": "full"})
    put("interface bridge port", {"bridge": "bridge", "interface": "ether1", "comment": "defconf"})
    management = {"name": "management", "comment": "plaza management", "vlan-id": "10"}
    put("interface vlan", {"interface": "bridge", **management})
    put("interface vlan", {"name": "guests", "interface": "bridge", "vlan-id": "20"})
    put("ip address", {"address": "192.168.10.2/24", "interface": "management", "network": "192.168.10.0"})
    put("ip address", {"address": "10.20.0.1/24", "interface": "guests", "network": "10.20.0.0"})
    put("ip firewall filter", {"chain": "input", "action": "drop", "comment": 'a "quoted" $comment; {x} ?'})
    put("snmp community", {"name": "comunidad-secreta"})
    if wifi:
        _wifi(put)
    else:
        _wireless(put)
    device.keep()


def _wifi(put: Callable[..., object]) -> None:
    radio = {"channel.skip-dfs-channels": "10min-cac"}
    two = {"default-name": "wifi1", "channel.band": "2ghz-ax", "channel.width": "20/40mhz", **radio}
    by_hand = {
        "configuration.mode": "ap",
        "configuration.ssid": "La red de la técnica",
        "configuration.country": "Latvia",
        "security.authentication-types": "wpa2-psk",
        "security.passphrase": "hecha-a-mano",
        "datapath.bridge": "bridge",
        "disabled": "no",
    }
    put("interface wifi", {**two, **by_hand}, fixed=True)
    five = {"default-name": "wifi2", "name": "wlan5", "channel.band": "5ghz-ax", **radio}
    put("interface wifi", {**five, "configuration.ssid": "MikroTik"}, fixed=True)


def _wireless(put: Callable[..., object]) -> None:
    profile = {
        "mode": "dynamic-keys",
        "authentication-types": "wpa2-psk",
        "wpa2-pre-shared-key": "hecha-a-mano",
    }
    put("interface wireless security-profiles", {"name": "tecnica", "supplicant-identity": "", **profile})
    by_hand = {
        "ssid": "La red de la técnica",
        "mode": "ap-bridge",
        "security-profile": "tecnica",
        "disabled": "no",
    }
    put("interface wireless", {"default-name": "wlan1", "band": "2ghz-b/g/n", **by_hand}, fixed=True)
    put("interface bridge port", {"bridge": "bridge", "interface": "wlan1", "comment": "defconf"})
    put(
        "interface wireless", {"default-name": "wlan2", "band": "5ghz-a/n/ac", "ssid": "MikroTik"}, fixed=True
    )
