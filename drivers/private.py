"""Which objects of an agent tell of people, places and neighbours: what a recording leaves out or renames."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.definition import Platform
from drivers.sheets import ApTable, Column, SsidTable, Table
from drivers.snmp.seam import Oid
from drivers.words import Reading


def _oids(*texts: str) -> tuple[Oid, ...]:
    return tuple(tuple(map(int, text.split("."))) for text in texts)


LEFT_OUT: Final = _oids(
    "1.0.8802",  # LLDP-MIB of 2005
    "1.3.111.2.802.1",  # LLDP-V2-MIB and bridges of IEEE 802.1
    "1.3.6.1.2.1.3",  # RFC1213-MIB atTable
    "1.3.6.1.2.1.4.20",  # IP-MIB and IP-FORWARD-MIB: addresses, routes, neighbours, routers
    "1.3.6.1.2.1.4.21",
    "1.3.6.1.2.1.4.22",
    "1.3.6.1.2.1.4.24",
    "1.3.6.1.2.1.4.28",
    "1.3.6.1.2.1.4.32",
    "1.3.6.1.2.1.4.34",
    "1.3.6.1.2.1.4.35",
    "1.3.6.1.2.1.4.36",
    "1.3.6.1.2.1.4.37",
    "1.3.6.1.2.1.6.13",  # TCP-MIB connections and listeners
    "1.3.6.1.2.1.6.19",
    "1.3.6.1.2.1.6.20",
    "1.3.6.1.2.1.7.5",  # UDP-MIB endpoints
    "1.3.6.1.2.1.7.7",
    "1.3.6.1.2.1.8",  # EGP-MIB neighbours
    "1.3.6.1.2.1.14",  # OSPF-MIB
    "1.3.6.1.2.1.15",  # BGP4-MIB
    "1.3.6.1.2.1.16",  # RMON-MIB: hosts, owners, packets
    "1.3.6.1.2.1.17.4.3",  # BRIDGE-MIB and Q-BRIDGE-MIB: who is behind which port
    "1.3.6.1.2.1.17.7.1.2",
    "1.3.6.1.2.1.25.4",  # HOST-RESOURCES-MIB: programs with their arguments, packages
    "1.3.6.1.2.1.25.5",
    "1.3.6.1.2.1.25.6",
    "1.3.6.1.2.1.55",  # IPV6-MIB
    "1.3.6.1.2.1.67",  # RADIUS
    "1.3.6.1.2.1.80",  # ping, traceroute and look-ups that somebody set up
    "1.3.6.1.2.1.81",
    "1.3.6.1.2.1.82",
    "1.3.6.1.2.1.88",  # events and the log of notifications
    "1.3.6.1.2.1.92",
    "1.3.6.1.6",  # snmpModules: users, communities, targets, views, proxies
    "1.3.6.1.4.1.9.9.23",  # CISCO-CDP-MIB
    "1.3.6.1.4.1.2021.2",  # UCD-SNMP-MIB: programs, commands, logs
    "1.3.6.1.4.1.2021.8",
    "1.3.6.1.4.1.2021.16",
    "1.3.6.1.4.1.2021.50",
    "1.3.6.1.4.1.8072.1.2",  # NET-SNMP-AGENT-MIB registrations; NET-SNMP-EXTEND-MIB commands; users
    "1.3.6.1.4.1.8072.1.3.2.2",
    "1.3.6.1.4.1.8072.1.5",
    "1.3.6.1.4.1.8072.1.7",
    "1.3.6.1.4.1.8072.1.9",
    "1.3.6.1.4.1.14988.1.1.11",  # MIKROTIK-MIB neighbours
)
RENAMED: Final = _oids(
    "1.3.6.1.2.1.1.4",  # sysContact, sysName, sysLocation
    "1.3.6.1.2.1.1.5",
    "1.3.6.1.2.1.1.6",
    "1.3.6.1.2.1.31.1.1.1.18",  # ifAlias
    "1.3.6.1.2.1.47.1.1.1.1.11",  # entPhysicalSerialNum, Alias, AssetID, Uris
    "1.3.6.1.2.1.47.1.1.1.1.14",
    "1.3.6.1.2.1.47.1.1.1.1.15",
    "1.3.6.1.2.1.47.1.1.1.1.18",
    "1.3.6.1.2.1.105.1.1.1.9",  # pethPsePortType
    "1.3.6.1.2.1.33.1.1.5",  # upsIdentName, upsIdentAttachedDevices
    "1.3.6.1.2.1.33.1.1.6",
    "1.2.840.10036.1.1.1.9",  # dot11DesiredSSID
)
EXTEND_OUTPUT: Final = _oids("1.3.6.1.4.1.8072.1.3.2.3", "1.3.6.1.4.1.8072.1.3.2.4")
_FACTS: Final = ("name", "serial", "location", "contact")


@dataclass(frozen=True, slots=True)
class Index:
    """How the index of a table is made, and which of its parts are names."""

    parts: Mapping[str, int | str]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Naming:
    """A text is a name when all `conditions` match; it is what `cut` matches, or the whole of it."""

    cut: re.Pattern[str] | None = None
    conditions: tuple[re.Pattern[str], ...] = ()

    def name(self, text: str) -> str:
        """The name in a text; empty when there is none."""
        if not all(condition.search(text) for condition in self.conditions):
            return ""
        if self.cut is None:
            return text
        found = self.cut.search(text)
        return "" if found is None else next((group for group in found.groups() if group), found[0])


@dataclass(frozen=True, slots=True)
class Private:
    """Where names are; known columns; the indexes below known entries."""

    names: Mapping[Oid, Naming]
    columns: frozenset[Oid]
    indexes: Mapping[Oid, Index]


def private(platforms: Collection[Platform]) -> Private:
    """What we know ourselves, and what the platforms say of where devices keep names."""
    names: dict[Oid, Naming] = {}
    indexes: dict[Oid, Index] = {}
    for platform in platforms:
        for one, others in _names(platform):
            conditions = tuple(other.match for other in others if other.match and other.column == one.column)
            names |= {
                oid: Naming(one.match, conditions) for oid in (one.scalar, one.column) if oid is not None
            }
        for _, table in platform.tables:
            parts = frozenset(one.index for one in _names_of(table) if one.index is not None)
            rows = (table.rows.column,) if isinstance(table.rows, Column) else ()
            columns_of_rows = (*table.straight, *rows) if table.index else ()
            indexes |= {column[:-1]: Index(table.index, parts) for column in columns_of_rows}
    columns = frozenset(column for platform in platforms for column in platform.wanted[1])
    return Private({**names, **dict.fromkeys(RENAMED, Naming())}, columns, indexes)


def _names(platform: Platform) -> Iterator[tuple[Reading, Sequence[Reading]]]:
    """Readings of names of the device, of networks and of access points, with their table's conditions."""
    for fact in _FACTS:
        yield from ((one, ()) for one in platform.facts.get(fact, ()))
    for _, table in platform.tables:
        yield from ((one, table.where) for one in _names_of(table))


def _names_of(table: Table) -> Iterator[Reading]:
    if isinstance(table, SsidTable):
        yield from table.ssid
    if isinstance(table, ApTable):
        yield from table.name


def below(oid: Oid, roots: Iterable[Oid]) -> bool:
    """Whether the object is one of these or below one."""
    return any(oid[: len(root)] == root for root in roots)
