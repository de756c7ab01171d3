"""Merges the levels of an inventory, state → municipality → site → device, and remembers which level won.

Each level is flattened to leaves: maps merge deeply because their leaves are separate keys, lists replace
because a list is one leaf. `null` takes away what was inherited at its key and below.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel

from captive_portal.gateway.policy import Away, Filter
from controller.inventory_schema import File
from controller.inventory_values import days
from controller.inventory_yaml import Place
from controller.model import Ipv6
from drivers.model import Lifecycle, PollBy, ReachKind, Role

Key = tuple[str, ...]
"""("radios", "5g", "channel")"""

BUILT_IN: Final = "built-in default"
LOGIN_TIMEOUT: Final = timedelta(seconds=30)

# What names or places one thing is never inherited by the things below it.
_OWN: Final = frozenset(
    (
        "name",
        "seat",
        "zone",
        "municipality",
        "lat",
        "lon",
        "opened_on",
        "lan",
        "site",
        "address",
        "parent",
        "powered_by",
        "serial",
        "mac",
        "link",
        "probe",
    )
)

_WEEKS: Final = frozenset((("hours", "week"), ("maintenance", "week")))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value, the level that wrote it and where it is written (empty for a built-in default)."""

    value: Any
    level: str
    source: Place


Leaves = Mapping[Key, Leaf]

_BUILT_IN_LEAVES: Final[Leaves] = {
    key: Leaf(value, BUILT_IN, ())
    for key, value in (
        (("role",), Role.AP),
        (("state",), Lifecycle.ACTIVE),
        (("country",), "MX"),
        (("poll",), PollBy.SNMP),
        (("snmp", "port"), 161),
        (("ssh", "port"), 22),
        (("http", "port"), 80),
        (("snmp", "credentials"), ""),
        (("ssh", "credentials"), ""),
        (("http", "credentials"), ""),
        (("http", "site"), ""),
        (("http", "server_name"), ""),
        (("http", "ca"), ""),
        (("http", "fingerprint"), ""),
        (("reach", "kind"), ReachKind.DIRECT),
        (("ssids",), ()),
        (("ssh", "jump"), None),
        (("ssh", "timeout"), LOGIN_TIMEOUT),
        (("manage", "ntp"), None),
        (("manage", "syslog"), None),
        (("manage", "snmp_users"), None),
        (("manage", "ssh_keys"), None),
        (("manage", "vlan"), None),
        (("captive",), None),
        (("hours", "holidays"), ()),
        (("uplink", "cap_gb"), None),
        (("uplink", "contract"), ""),
        (("portal", "plan"), "free"),
        (("portal", "duration"), timedelta(hours=1)),
        (("portal", "languages"), ("es", "en")),
        (("portal", "octets"), 0),
        (("gateway", "when_controller_away"), Away.CLOSED),
        (("gateway", "away", "duration"), timedelta(hours=1)),
        (("gateway", "ipv6"), Ipv6.BLOCK),
        (("gateway", "dns", "policy"), Filter.NONE),
        (("gateway", "garden"), ()),
        (("gateway", "key_epoch"), 0),
    )
}


def value(leaves: Leaves, *key: str) -> Any:
    """What a leaf holds; "" where there is none, None where a level took it away."""
    leaf = leaves.get(key)
    return "" if leaf is None else leaf.value


def part(leaves: Leaves, above: Key) -> dict[str, Any]:
    """The leaves one step below a key, as keyword arguments."""
    size = len(above)
    return {
        key[size]: leaf.value for key, leaf in leaves.items() if key[:size] == above and len(key) == size + 1
    }


def merged(levels: Iterable[Leaves]) -> dict[Key, Leaf]:
    """The leaves that win, the last level being the strongest."""
    won: dict[Key, Leaf] = {}
    for leaves in levels:
        for key, leaf in leaves.items():
            if key not in won:
                _clear(won, key, leaf)
            won[key] = leaf
    return won


def _clear(won: dict[Key, Leaf], key: Key, leaf: Leaf) -> None:
    """A null removes the leaves below it; a leaf removes a null above it."""
    for length in range(1, len(key)):
        won.pop(key[:length], None)
    if leaf.value is None:
        for below in [other for other in won if other[: len(key)] == key]:
            del won[below]


def flattened(block: BaseModel, place: Place, level: str) -> dict[Key, Leaf]:
    """The leaves one map of the file writes."""
    return {key: Leaf(value, level, source) for key, value, source in _walk(block, (), place)}


def _walk(block: BaseModel, key: Key, place: Place) -> Iterator[tuple[Key, Any, Place]]:
    for field in block.model_fields_set:
        written = type(block).model_fields[field].alias or field
        value = getattr(block, field)
        at, source = (*key, written), (*place, written)
        if at in _WEEKS:
            yield from (
                ((*at, day), spans, (*source, name)) for name, spans in value.items() for day in days(name)
            )
        elif isinstance(value, dict):
            yield from (((*at, str(name)), entry, (*source, str(name))) for name, entry in value.items())
        elif at == ("reach",):
            yield from (((*at, part), getattr(value, part), source) for part in ("kind", "through"))
        elif isinstance(value, BaseModel):
            yield from _walk(value, at, source)
        else:
            yield at, value, source


class Levels:
    """The flattened levels of a file, and what wins for each of its things."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._profiles = {
            name: flattened(profile, ("profiles", name), f"profile {name}")
            for name, profile in file.profiles.items()
        }
        self._defaults = flattened(file.defaults, ("defaults",), "state defaults")
        self._municipalities = {
            key: _with_zone(flattened(entry, ("municipalities", key), f"municipality {key}"))
            for key, entry in file.municipalities.items()
        }
        self._sites = {key: flattened(e, ("sites", key), f"site {key}") for key, e in file.sites.items()}
        self._devices = {
            name: flattened(e, ("devices", name), f"device {name}") for name, e in file.devices.items()
        }
        self._site_leaves: dict[str, dict[Key, Leaf]] = {}

    def written(self) -> Iterator[tuple[Key, Leaf]]:
        """Every leaf of the file as written, before any merging."""
        for table in (self._profiles, self._municipalities, self._sites, self._devices):
            for leaves in table.values():
                yield from leaves.items()
        yield from self._defaults.items()

    def municipality(self, key: str) -> dict[Key, Leaf]:
        """What holds for a municipality."""
        return self._chain(_BUILT_IN_LEAVES, self._defaults, self._municipalities.get(key, {}))

    def site(self, key: str) -> dict[Key, Leaf]:
        """What holds for a site."""
        if key not in self._site_leaves:
            own = self._sites.get(key, {})
            above = self._municipalities.get(self._value(own, "municipality"), {})
            self._site_leaves[key] = self._chain(_BUILT_IN_LEAVES, self._defaults, above, own)
        return self._site_leaves[key]

    def device(self, name: str) -> dict[Key, Leaf]:
        """What holds for a device."""
        own = self._devices[name]
        site = self._value(own, "site")
        if ("profile",) not in own:
            return merged((_inherited(self.site(site)), own))
        above = self._sites.get(site, {})
        top = self._municipalities.get(self._value(above, "municipality"), {})
        return self._chain(_BUILT_IN_LEAVES, self._defaults, top, above, own)

    def _chain(self, *levels: Leaves) -> dict[Key, Leaf]:
        """Merge levels, with the profile named last standing beneath the level that names it."""
        namer = max((i for i, leaves in enumerate(levels) if ("profile",) in leaves), default=None)
        listed = [*(_inherited(leaves) for leaves in levels[:-1]), levels[-1]]
        if namer is not None:
            listed.insert(namer, self._profiles.get(levels[namer]["profile",].value, {}))
        return merged(listed)

    @staticmethod
    def _value(leaves: Leaves, key: str) -> str:
        leaf = leaves.get((key,))
        return leaf.value if leaf else ""


def _inherited(leaves: Leaves) -> dict[Key, Leaf]:
    return {key: leaf for key, leaf in leaves.items() if key[0] not in _OWN}


def _with_zone(leaves: dict[Key, Leaf]) -> dict[Key, Leaf]:
    """A municipality's zone is the zone of the hours of its sites."""
    if ("zone",) in leaves:
        leaves.setdefault(("hours", "zone"), leaves["zone",])
    return leaves
