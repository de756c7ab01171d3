"""Names of SNMP objects: `ifHCInOctets.3` → OID, and back for a person to read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from pysnmp.smi.builder import MibBuilder

from drivers.snmp.ber import BerError, encode_oid
from drivers.snmp.mibs import Definition
from drivers.snmp.seam import Oid

_SHIPPED: Final = (
    "SNMPv2-MIB",
    "RFC1213-MIB",
    "SNMP-FRAMEWORK-MIB",
    "SNMP-MPD-MIB",
    "SNMP-USER-BASED-SM-MIB",
    "SNMP-NOTIFICATION-MIB",
    "SNMP-VIEW-BASED-ACM-MIB",
)

# What pysnmp does not ship and technicians ask for: a node, and the names below it in the order 1, 2, 3 …
_MORE: Final[Mapping[str, tuple[str, str]]] = {
    # RFC 2863, IF-MIB
    "interfaces": ("1.3.6.1.2.1.2", "ifNumber"),
    "ifEntry": (
        "1.3.6.1.2.1.2.2.1",
        "ifIndex ifDescr ifType ifMtu ifSpeed ifPhysAddress ifAdminStatus ifOperStatus ifLastChange"
        " ifInOctets ifInUcastPkts ifInNUcastPkts ifInDiscards ifInErrors ifInUnknownProtos ifOutOctets"
        " ifOutUcastPkts ifOutNUcastPkts ifOutDiscards ifOutErrors ifOutQLen ifSpecific",
    ),
    "ifXEntry": (
        "1.3.6.1.2.1.31.1.1.1",
        "ifName ifInMulticastPkts ifInBroadcastPkts ifOutMulticastPkts ifOutBroadcastPkts ifHCInOctets"
        " ifHCInUcastPkts ifHCInMulticastPkts ifHCInBroadcastPkts ifHCOutOctets ifHCOutUcastPkts"
        " ifHCOutMulticastPkts ifHCOutBroadcastPkts ifLinkUpDownTrapEnable ifHighSpeed ifPromiscuousMode"
        " ifConnectorPresent ifAlias ifCounterDiscontinuityTime",
    ),
    # RFC 2790, HOST-RESOURCES-MIB
    "hrSystem": (
        "1.3.6.1.2.1.25.1",
        "hrSystemUptime hrSystemDate hrSystemInitialLoadDevice hrSystemInitialLoadParameters hrSystemNumUsers"
        " hrSystemProcesses hrSystemMaxProcesses",
    ),
    "hrStorageEntry": (
        "1.3.6.1.2.1.25.2.3.1",
        "hrStorageIndex hrStorageType hrStorageDescr hrStorageAllocationUnits hrStorageSize hrStorageUsed"
        " hrStorageAllocationFailures",
    ),
    "hrProcessorEntry": ("1.3.6.1.2.1.25.3.3.1", "hrProcessorFrwID hrProcessorLoad"),
    # RFC 6933, ENTITY-MIB
    "entPhysicalEntry": (
        "1.3.6.1.2.1.47.1.1.1.1",
        "entPhysicalIndex entPhysicalDescr entPhysicalVendorType entPhysicalContainedIn entPhysicalClass"
        " entPhysicalParentRelPos entPhysicalName entPhysicalHardwareRev entPhysicalFirmwareRev"
        " entPhysicalSoftwareRev entPhysicalSerialNum entPhysicalMfgName entPhysicalModelName",
    ),
    # UCD-SNMP-MIB and NET-SNMP-EXTEND-MIB, as net-snmp's snmpd answers on OpenWrt
    "laEntry": ("1.3.6.1.4.1.2021.10.1", "laIndex laNames laLoad laConfig laLoadInt"),
    "memory": (
        "1.3.6.1.4.1.2021.4",
        "memIndex memErrorName memTotalSwap memAvailSwap memTotalReal memAvailReal",
    ),
    "nsExtendOutput1Entry": (
        "1.3.6.1.4.1.8072.1.3.2.3.1",
        "nsExtendOutput1Line nsExtendOutputFull nsExtendOutNumLines nsExtendResult",
    ),
    "nsExtendOutput2Entry": ("1.3.6.1.4.1.8072.1.3.2.4.1", "nsExtendLineIndex nsExtendOutLine"),
}


class UnknownName(Exception):
    """No MIB that is loaded has such a name; the text says which it may have been."""


@dataclass(frozen=True, slots=True)
class Names:
    """`oids` are all nodes by name; `objects` those that have values, by OID."""

    oids: Mapping[str, Oid]
    objects: Mapping[Oid, str]

    def oid(self, text: str) -> Oid:
        """An OID written dotted, as `sysName.0`, or as `SNMPv2-MIB::sysName.0`. Raises UnknownName."""
        name, _, suffix = text.rpartition("::")[2].lstrip(".").partition(".")
        if name.isdecimal():
            start: Oid = (int(name),)
        elif name in self.oids:
            start = self.oids[name]
        else:
            raise UnknownName(self._near(text, name))
        arcs = suffix.split(".") if suffix else []
        if not all(arc.isdecimal() and arc.isascii() for arc in arcs):
            raise UnknownName(f"{text!r} is no OID: behind the name come numbers, as in ifDescr.1")
        found = (*start, *map(int, arcs))
        try:
            encode_oid(found)
        except BerError as error:
            raise UnknownName(f"{text!r} is no OID: write it from its root, as 1.3.6.1.2.1.1") from error
        return found

    def name(self, oid: Oid) -> str:
        """`sysName.0` for 1.3.6.1.2.1.1.5.0; empty when no object of that kind is known."""
        for length in range(len(oid), 0, -1):
            if (found := self.objects.get(oid[:length])) is not None:
                return ".".join((found, *map(str, oid[length:])))
        return ""

    def _near(self, text: str, name: str) -> str:
        if close := get_close_matches(name, self.oids, n=1, cutoff=0.7):
            return f"no object is named {text!r}; did you mean {close[0]}?"
        return f"no object is named {text!r}; write it dotted, or name the vendor's file with --mib"


def known() -> Names:
    """The names of SNMP's own MIBs, which pysnmp ships, and of those that access points commonly have."""
    oids, objects = _of_pysnmp()
    for node, (dotted, below) in _MORE.items():
        start = tuple(map(int, dotted.split(".")))
        oids[node] = start
        if node.endswith("Entry"):
            oids[f"{node.removesuffix('Entry')}Table"] = start[:-1]
        for number, name in enumerate(below.split(), 1):
            oids[name] = (*start, number)
            objects[*start, number] = name
    return Names(oids, objects)


def with_definitions(names: Names, definitions: Iterable[Definition]) -> tuple[Names, set[str]]:
    """The names with those of a vendor's MIBs beside them, and the parents that none of the files defines."""
    oids, objects = dict(names.oids), dict(names.objects)
    waiting = list(definitions)
    while ready := [one for one in waiting if not one.parent or one.parent in oids]:
        waiting = [one for one in waiting if one.parent and one.parent not in oids]
        for one in ready:
            oid = (*oids[one.parent], *one.arcs) if one.parent else one.arcs
            oids.setdefault(one.name, oid)
            if one.has_value:
                objects.setdefault(oid, one.name)
    orphans = {one.parent for one in waiting} - {one.name for one in waiting}
    return Names(oids, objects), orphans


def _of_pysnmp() -> tuple[dict[str, Oid], dict[Oid, str]]:
    builder = MibBuilder()
    builder.load_modules(*_SHIPPED)
    any_node, scalar, column = builder.import_symbols("SNMPv2-SMI", "MibNode", "MibScalar", "MibTableColumn")
    oids: dict[str, Oid] = {}
    objects: dict[Oid, str] = {}
    for symbols in builder.mibSymbols.values():
        for label, node in symbols.items():
            if isinstance(node, any_node) and label[0].islower():
                oids[label] = tuple(node.getName())
                if isinstance(node, (scalar, column)):
                    objects[oids[label]] = label
    return oids, objects
