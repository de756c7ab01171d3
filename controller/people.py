"""Whose keys each device takes: those of people who may enter it, never those that were revoked."""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from controller.errors import SelectorError
from controller.model import Inventory, Person
from controller.selector import select
from drivers.model import Device, Manage


@dataclass(frozen=True, slots=True)
class Turning:
    """What rotations want of one device: keys it is `given` and that are `taken` from it (lines of
    authorized_keys), and for a credential of SNMPv3 `users` the names that stand in its place."""

    given: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def blob(line: str) -> str:
    """What of a line of authorized_keys is the key: its comment may change."""
    return line.split(" ")[1]


def fingerprint(line: str) -> str:
    """As OpenSSH prints it: SHA256:… in base64 without padding."""
    digest = hashlib.sha256(base64.b64decode(blob(line))).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def carries_keys(device: Device) -> bool:
    """Whether Plaza writes public keys on this device's platform."""
    from drivers.configurers.ways import CONFIGURERS  # noqa: PLC0415  all platforms: only where there are keys

    configurer = CONFIGURERS.get(device.platform)
    return configurer is not None and "ssh_keys" not in configurer.traits.cannot


def at(inventory: Inventory, person: Person) -> frozenset[str]:
    """The devices that a person may enter, by name; none where the selector fits nothing any more."""
    try:
        return frozenset(device.name for device in select(inventory, person.devices))
    except SelectorError:
        return frozenset()


def keyed(inventory: Inventory, revoked: Sequence[str], turning: Mapping[str, Turning]) -> Inventory:
    """The same inventory with the keys that devices take beside those written there, and those they give up.

    `revoked` are lines that may log in nowhere. No key is twice, and a revoked one is nowhere, whoever wrote
    it. What a platform cannot carry is left out.
    """
    given: dict[str, list[str]] = defaultdict(list)
    for person in inventory.people.values():
        for name in at(inventory, person):
            given[name] += person.ssh_keys
    devices = {
        name: replace(device, manage=_manage(device, given[name], revoked, turning.get(name, Turning())))
        for name, device in inventory.devices.items()
    }
    return replace(inventory, devices=devices)


def _manage(device: Device, given: Sequence[str], revoked: Sequence[str], turning: Turning) -> Manage:
    manage = device.manage
    users = tuple(one for name in manage.snmp_users for one in turning.users.get(name, (name,)))
    if not carries_keys(device):
        return replace(manage, snmp_users=users)
    taken = _each_once([*manage.revoked_keys, *revoked, *turning.taken], ())
    kept = _each_once([*manage.ssh_keys, *given, *turning.given], {blob(line) for line in taken})
    return replace(manage, snmp_users=users, ssh_keys=kept, revoked_keys=taken)


def _each_once(lines: Sequence[str], without: Collection[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for line in lines:
        first.setdefault(blob(line), line)
    return tuple(line for key, line in first.items() if key not in without)
