"""What an AP tells unasked: the SNMPv2-Trap-PDU (RFC 3416 §4.2.6) of a change in its fault."""

from enum import Enum
from itertools import count
from typing import Final

from simulator.model import Fault
from simulator.snmp import ber
from simulator.snmp.ber import Oid

_TRAP: Final = 0xA7
_SYS_UPTIME: Final[Oid] = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_SNMP_TRAP_OID: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_TRAPS: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 5)
_IF_ENTRY: Final[Oid] = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_FIRST_BSS: Final = 10  # the ifIndex of phy0-ap0
_UP, _DOWN = 1, 2

_ids = count(1)


class Trap(Enum):
    """The last number of snmpTrapOID.0."""

    COLD_START = 1
    LINK_DOWN = 3
    LINK_UP = 4


def of_change(before: Fault | None, now: Fault | None) -> Trap | None:
    """What an AP tells when its fault changes; a dead one tells nothing, a mended one that it has started."""
    if now is Fault.NO_SERVICE:
        return None if before is now else Trap.LINK_DOWN
    if now is None and before is Fault.NO_SERVICE:
        return Trap.LINK_UP
    return Trap.COLD_START if now is None and before is Fault.DEAD else None


def pdu(trap: Trap, uptime_s: float) -> bytes:
    """The PDU; a link's with the objects of IF-MIB (RFC 2863 §6)."""
    varbinds = [
        (_SYS_UPTIME, ber.number(ber.TIMETICKS, int(uptime_s * 100))),
        (_SNMP_TRAP_OID, ber.oid((*_TRAPS, trap.value))),
    ]
    if trap is not Trap.COLD_START:
        status = _UP if trap is Trap.LINK_UP else _DOWN
        for column, value in ((1, _FIRST_BSS), (7, _UP), (8, status)):  # ifIndex, ifAdminStatus, ifOperStatus
            varbinds.append(((*_IF_ENTRY, column, _FIRST_BSS), ber.integer(value)))
    body = b"".join(ber.tlv(ber.SEQUENCE, ber.oid(name) + value) for name, value in varbinds)
    head = ber.integer(next(_ids)) + ber.integer(0) + ber.integer(0)
    return ber.tlv(_TRAP, head + ber.tlv(ber.SEQUENCE, body))
