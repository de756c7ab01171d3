"""Checks that what is wanted of a device is whole: portal, log server, schedules, SNMP users."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from controller.errors import Problem
from controller.inventory_credentials import SnmpV3
from controller.inventory_levels import Key, Leaves, value
from controller.inventory_resolve import Resolved
from controller.inventory_yaml import Place
from drivers.model import Device, GatewayKind

# Gateways that share a secret with the portal itself, not only with RADIUS.
_SHARING: Final = frozenset((GatewayKind.OPENNDS, GatewayKind.COOVACHILLI, GatewayKind.USPOT))
_KINDS: Final = ", ".join(GatewayKind)


@dataclass(frozen=True, slots=True)
class _Lack:
    """What one device lacks; `{who}` in `what` stands for all the devices that lack it."""

    place: Place
    what: str
    mend: str


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every lack, once for all the devices that have it."""
    lacking: dict[_Lack, list[str]] = {}
    for name, device in resolved.devices.items():
        for lack in _lacks(resolved, device):
            lacking.setdefault(lack, []).append(name)
    for lack, names in lacking.items():
        more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        what = lack.what.replace("{who}", names[0] + more)
        yield resolved.document.problem(lack.place, what, lack.mend)
    yield from _twin_users(resolved)
    yield from _never_maintained(resolved)


def _lacks(resolved: Resolved, device: Device) -> Iterator[_Lack]:
    leaves = resolved.leaves("devices", device.name)
    for key, what, mend in (*_of_portal(leaves), *_of_syslog(leaves)):
        if not resolved.told("devices", device.name, key):
            yield _Lack(_beside(resolved, leaves, key), what, mend)
    yield from _of_networks(resolved, device, leaves)


def _of_portal(leaves: Leaves) -> Iterator[tuple[Key, str, str]]:
    kind = value(leaves, "captive", "kind")
    if not kind:
        if _writes(leaves, ("captive",)):
            yield ("captive", "kind"), "is set at no level", f"add `kind:` with one of {_KINDS}"
        return
    if kind is GatewayKind.PLAZA:
        return
    if not value(leaves, "captive", "portal_url"):
        mend = "add `portal_url:` with the address that phones are sent to, like https://wifi.example.mx/"
        yield ("captive", "portal_url"), f"is set at no level, and {kind} needs it", mend
    radius = _writes(leaves, ("captive", "radius"))
    if radius and not value(leaves, "captive", "radius", "host"):
        yield ("captive", "radius", "host"), "is set at no level", "add `host:` with the RADIUS server"
    if (radius or kind in _SHARING) and not value(leaves, "captive", "credentials"):
        what = f"is set at no level, and {'RADIUS' if radius else kind} needs a shared secret"
        yield ("captive", "credentials"), what, "add `credentials:` with the name of one of kind portal"


def _of_syslog(leaves: Leaves) -> Iterator[tuple[Key, str, str]]:
    if _writes(leaves, ("manage", "syslog")) and not value(leaves, "manage", "syslog", "host"):
        yield ("manage", "syslog", "host"), "is set at no level", "add `host:` with the log server"


def _of_networks(resolved: Resolved, device: Device, leaves: Leaves) -> Iterator[_Lack]:
    source = leaves["ssids",].source if device.ssids else ()
    for index, entry in enumerate(leaves["ssids",].value if device.ssids else ()):
        astray = resolved.told("devices", device.name, ("captive", "kind"))
        if entry.captive and device.captive is None and not astray and not _writes(leaves, ("captive",)):
            mend = "add `captive: {kind: …}` to the device or a level above it, or delete `captive: true`"
            what = "sends guests to a portal, and there is no `captive:` for {who}"
            yield _Lack((*source, index, "captive"), what, mend)
        if entry.schedule == "hours":
            yield from _of_schedule(resolved, device, (*source, index, "schedule"))


def _of_schedule(resolved: Resolved, device: Device, place: Place) -> Iterator[_Lack]:
    """The site's hours as a device can keep them: some, and by the clock it shows."""
    site = resolved.sites.get(device.site)
    if site is None or any(resolved.told("sites", site.key, ("hours", key)) for key in ("week", "zone")):
        return
    if not any(site.hours.week):
        mend = "write `schedule: always`, or give the site hours in a week"
        yield _Lack(place, f"follows the hours of {site.key}, and its week has none", mend)
    if site.hours.zone != device.manage.zone:
        what = f"follows the hours of {site.key} in {site.hours.zone}, and its devices keep the time of "
        mend = "write the same zone for both, or `schedule: always`"
        yield _Lack(place, what + device.manage.zone, mend)


def _twin_users(resolved: Resolved) -> Iterator[Problem]:
    """Two credentials of one SNMPv3 user cannot be at one device."""
    for key, leaf in resolved.written():
        if key != ("manage", "snmp_users"):
            continue
        found = [resolved.file.credentials.get(name) for name in leaf.value or ()]
        users = [credential.user for credential in found if isinstance(credential, SnmpV3)]
        twice = next((user for user in users if users.count(user) > 1), None)
        if twice is not None:
            what = f"names two credentials of the user {twice!r}"
            yield resolved.document.problem(leaf.source, what, "keep one of the two")


def _never_maintained(resolved: Resolved) -> Iterator[Problem]:
    """Windows without an hour, once for all the sites that have them from one level."""
    told: set[Place] = set()
    for site in resolved.sites.values():
        if site.maintenance is None or any(site.maintenance.week):
            continue
        leaves = resolved.leaves("sites", site.key)
        place = min(leaf.source for key, leaf in leaves.items() if key[:2] == ("maintenance", "week"))[:-1]
        if place not in told:
            told.add(place)
            what = f"has no hour, so the devices of {site.key} could never be changed"
            yield resolved.document.problem(place, what, "write some, or `maintenance: null` for any time")


def _writes(leaves: Leaves, above: Key) -> bool:
    """Whether some level wrote something below a key, and none nearer took it away."""
    size = len(above)
    return any(
        key[:size] == above and len(key) > size and leaf.value is not None for key, leaf in leaves.items()
    )


def _beside(resolved: Resolved, leaves: Leaves, key: Key) -> Place:
    """Where a missing key is taken away, or would stand beside the first of what is written of its map."""
    if key in leaves:
        return leaves[key].source
    written = [
        (resolved.document.lines[leaf.source], leaf.source[: len(leaf.source) - len(each)])
        for each, leaf in leaves.items()
        if each[0] == key[0] and leaf.source
    ]
    return (*min(written)[1], *key)
