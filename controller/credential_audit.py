"""Who shares which secret, how old it is, and whether every thief knows it already. Asks no device."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from controller.app import App
from controller.errors import SecretError
from controller.factory_words import WORDS
from controller.model import Inventory
from controller.secrets import FileSecrets, rotated_file
from drivers.model import Device, Lifecycle

_SECRETS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "snmp-v1": ("community",),
        "snmp-v2c": ("community",),
        "snmp-v3": ("auth_key", "priv_key"),
        "ssh": ("password", "private_key"),
        "http": ("password", "token"),
        "gateway": ("key",),
        "wifi": ("passphrase",),
        "portal": ("secret",),
    }
)
"""The keys of a credential that hold a reference, by its kind."""

_STAYS: Final = frozenset({("ssh", "private_key"), ("gateway", "key")})
"""Secrets that no device holds: whoever steals one does not learn them. A gateway's is made for its site."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at; `well` when there is nothing to mend."""

    subject: str
    said: str
    well: bool


def examine(app: App, most_days: int) -> list[Finding]:
    """One or more findings of every credential."""
    users = used_by(app.inventory)
    found: list[Finding] = []
    for name, entry in app.inventory.credentials.items():
        devices = users.get(name, [])
        found.append(_shared(app.inventory, name, entry, devices))
        found += _old(app, name, entry, most_days)
        found += _known(app.secrets.of(devices[0]) if devices else app.secrets, name, entry)
    return found


def used_by(inventory: Inventory) -> dict[str, list[Device]]:
    """The devices in service that have to do with each credential, in file order."""
    users: dict[str, list[Device]] = {}
    for device in inventory.devices.values():
        if device.state is not Lifecycle.RETIRED:
            for name in dict.fromkeys(held_by(inventory, device)):
                users.setdefault(name, []).append(device)
    return users


def held_by(inventory: Inventory, device: Device) -> Iterator[str]:
    """The credentials a device is entered, asked or configured with."""
    site = inventory.sites[device.site]
    yield from filter(None, (device.snmp_credentials, device.ssh_credentials, device.http_credentials))
    yield from (name.partition("+")[0] for name in device.manage.snmp_users)
    yield from (ssid.passphrase for ssid in device.ssids if ssid.passphrase)
    yield from [device.captive.credentials] if device.captive and device.captive.credentials else []
    yield site.portal.gateway_credentials


def lies_there(entry: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a credential whose secret a device holds itself."""
    kind = entry["kind"]
    return tuple(key for key in _SECRETS[kind] if key in entry and (kind, key) not in _STAYS)


def scope_of(entry: Mapping[str, str]) -> str:
    """What has a secret of its own: municipality, site, device; "" where all share one."""
    scopes = {
        entry[key].rpartition("#")[2] if entry[key].startswith("ref+derived:") else ""
        for key in lies_there(entry)
    }
    return min(scopes, key=["", "municipality", "site", "device"].index, default="")


def _shared(inventory: Inventory, name: str, entry: Mapping[str, str], devices: list[Device]) -> Finding:
    kind, scope = entry["kind"], scope_of(entry)
    if not devices:
        return Finding(name, f"{kind}, no device uses it", well=True)
    places = {device.municipality for device in devices}
    sites = {device.site for device in devices}
    said = f"{kind}, {len(devices)} devices of {len(sites)} sites in {len(places)} municipalities"
    if not lies_there(entry):
        return Finding(name, f"{said}; no device holds the secret itself", well=True)
    if scope:
        return Finding(name, f"{said}; each {scope} has one of its own", well=True)
    everywhere = places == {device.municipality for device in inventory.devices.values()}
    said += " share one secret" + (", the whole state" if everywhere and len(places) > 1 else "")
    if len(places) == 1:
        return Finding(name, said, well=True)
    mend = "write ref+derived:FILE#municipality" if kind != "ssh" else "log in with a key"
    return Finding(name, f"{said}: one stolen device gives it away; {mend}", well=False)


def _old(app: App, name: str, entry: Mapping[str, str], most_days: int) -> Iterator[Finding]:
    for file in dict.fromkeys(rotated_file(entry[key]) for key in _SECRETS[entry["kind"]] if key in entry):
        path = app.settings.secrets_dir / file
        if file and path.exists():
            days = int((time.time() - path.stat().st_mtime) // 86_400)
            if days > most_days:
                yield Finding(name, f"{file} is {days} days old; write another, or rotate it", well=False)
            else:
                yield Finding(name, f"{file} is {days} days old", well=True)


def _known(secrets: FileSecrets, name: str, entry: Mapping[str, str]) -> Iterator[Finding]:
    """Never says the word itself."""
    for key in _SECRETS[entry["kind"]]:
        if key not in entry or key in {"private_key", "key"} or entry[key].startswith("ref+derived:"):
            continue
        try:
            word = secrets.token(name, entry[key]).reveal()
        except SecretError as error:
            yield Finding(name, str(error).removeprefix(f"credential {name}: "), well=False)
            continue
        if word.casefold() in WORDS:
            yield Finding(name, f"its {key} is one that factories set; write another", well=False)
