"""Builds what a device is configured as from the leaves that won: radios, networks, portal, keeping."""

from collections.abc import Sequence
from datetime import time
from typing import Final

from controller.inventory_levels import Leaves, part, value
from controller.inventory_schema import Ssid as SsidEntry
from controller.model import Opening
from drivers.model import (
    Band,
    Captive,
    Endpoint,
    GatewayKind,
    Manage,
    OnAir,
    Radio,
    Rate,
    Security,
    Ssid,
    Syslog,
)

RADIUS_PORT: Final = 1812
_WHOLE_DAY: Final = (0, 24 * 60)
_UNLOCKED: Final = frozenset((Security.OPEN, Security.OWE))


def radios(leaves: Leaves) -> tuple[Radio, ...]:
    """The radios that some level writes something of."""
    found = []
    for band in Band:
        written = {
            key[2]: leaf.value
            for key, leaf in leaves.items()
            if key[:2] == ("radios", band) and len(key) == 3
        }
        if written:
            found.append(Radio(band, **written))
    return tuple(found)


def ssids(leaves: Leaves, hours: tuple[OnAir, ...], wiring: Captive | None) -> tuple[Ssid, ...]:
    """The networks, with the site's hours for those that follow them and the portal for its guests."""
    return tuple(_ssid(entry, hours, wiring) for entry in value(leaves, "ssids") or ())


def _ssid(entry: SsidEntry, hours: tuple[OnAir, ...], wiring: Captive | None) -> Ssid:
    guests = wiring is not None and entry.security in _UNLOCKED
    return Ssid(
        name=entry.name,
        security=entry.security,
        vlan=entry.vlan,
        isolation=entry.isolation,
        bands=entry.bands,
        passphrase=entry.passphrase,
        rate=Rate(entry.rate.down_kbps, entry.rate.up_kbps),
        schedule=hours if entry.schedule == "hours" else (),
        captive=guests if entry.captive is None else entry.captive,
    )


def on_air(week: Sequence[Sequence[Opening]]) -> tuple[OnAir, ...]:
    """The spans of a week, Monday first, those that touch within a day as one.

    Nothing for a week without a pause, because that is how a network that is always on the air is written.
    """
    spans = [(day, *span) for day, openings in enumerate(week) for span in _joined(openings)]
    if spans == [(day, *_WHOLE_DAY) for day in range(7)]:
        return ()
    return tuple(OnAir(*span) for span in spans)


def _joined(openings: Sequence[Opening]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for opening in openings:
        start, end = _minutes(opening.start), _minutes(opening.end) or 24 * 60
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def manage(leaves: Leaves, zone: str) -> Manage:
    """How the device is kept, its clock in the zone of its municipality."""
    host = value(leaves, "manage", "syslog", "host")
    written = {key: found for key, found in part(leaves, ("manage", "syslog")).items() if found is not None}
    return Manage(
        zone=zone,
        ntp=value(leaves, "manage", "ntp") or (),
        syslog=Syslog(**written) if host else None,
        snmp_users=value(leaves, "manage", "snmp_users") or (),
        ssh_keys=value(leaves, "manage", "ssh_keys") or (),
        vlan=value(leaves, "manage", "vlan") or None,
    )


def captive(leaves: Leaves, gateway_url: str) -> Captive | None:
    """What brings guests to the portal. Our own gateway sends them there itself, from its `gateway_url`."""
    kind = value(leaves, "captive", "kind")
    if not kind:
        return None
    radius = value(leaves, "captive", "radius", "host")
    own = gateway_url if kind is GatewayKind.PLAZA else ""
    return Captive(
        kind=kind,
        portal_url=value(leaves, "captive", "portal_url") or own,
        allow=value(leaves, "captive", "allow") or (),
        credentials=value(leaves, "captive", "credentials") or "",
        radius=Endpoint(radius, value(leaves, "captive", "radius", "port") or RADIUS_PORT)
        if radius
        else None,
    )
