"""What an intent asks for, in the words of seam.FEATURES, and whether a platform can carry it."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from drivers.configurers.seam import Traits
from drivers.errors import ValueRefused
from drivers.model import GatewayKind, Intent, Manage, Rate, Security, Ssid

_OF_SSIDS: Final = frozenset({"owe", "wpa3", "vlan", "isolation", "rate", "schedule"})
_KEYS: Final = MappingProxyType(
    {
        "snmp_users": "manage.snmp_users", "ntp": "manage.ntp", "syslog": "manage.syslog",
        "ssh_keys": "manage.ssh_keys", "management_vlan": "manage.vlan",
    }
)  # fmt: skip
"""How the inventory calls what is not a key of its own name."""


def check(platform: str, traits: Traits, intent: Intent) -> None:
    """Raises ValueRefused naming what of the intent the platform cannot carry: nothing is left out unsaid."""
    missing = sorted(traits.cannot.intersection(asked_for(intent)))
    if missing:
        raise ValueRefused(
            intent.device, f"Plaza cannot set {', '.join(missing)} on {platform}", _mend(missing)
        )


def _mend(missing: list[str]) -> str:
    """Of a list nothing can be taken away by `null`; the device needs one of its own."""
    of_ssids = [name for name in missing if name in _OF_SSIDS]
    keys = [_KEYS.get(name, name) for name in missing if name not in _OF_SSIDS]
    said = [f"give this device `ssids:` of its own without {', '.join(of_ssids)}"] if of_ssids else []
    said += [f"write `null` for {', '.join(keys)} at this device"] if keys else []
    return " and ".join(said)


def asked_for(intent: Intent) -> frozenset[str]:
    """The features an intent needs."""
    return frozenset(_asked_for(intent))


def _asked_for(intent: Intent) -> Iterator[str]:
    yield "hostname"
    if intent.radios:
        yield "radios"
    if intent.captive is not None and intent.captive.kind is not GatewayKind.PLAZA:
        yield "captive"
    for ssid in intent.ssids:
        yield from _of_ssid(ssid)
    yield from _of_management(intent.manage)


def _of_ssid(ssid: Ssid) -> Iterator[str]:
    yield "ssids"
    wanted = {
        "owe": ssid.security is Security.OWE,
        "wpa3": ssid.security is Security.WPA3,
        "vlan": ssid.vlan is not None,
        "isolation": ssid.isolation,
        "rate": ssid.rate != Rate(),
        "schedule": bool(ssid.schedule),
    }
    yield from (name for name, needed in wanted.items() if needed)


def _of_management(manage: Manage) -> Iterator[str]:
    wanted = {
        "ntp": bool(manage.ntp),
        "syslog": manage.syslog is not None,
        "snmp_users": bool(manage.snmp_users),
        "ssh_keys": bool(manage.ssh_keys),
        "management_vlan": manage.vlan is not None,
    }
    yield from (name for name, needed in wanted.items() if needed)
