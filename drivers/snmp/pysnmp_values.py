"""Values of pysnmp as plain ones."""

from typing import Any

from pyasn1.type import univ

from drivers.snmp.seam import Value


def plain(value: Any) -> Value | None:
    """As `seam.Value` says; None for noSuchObject and its kin, and for what is no SNMP value."""
    if isinstance(value, univ.Null):  # noSuchObject and its kin; pyasn1 makes Null an OctetString
        return None
    if isinstance(value, univ.Integer):
        return int(value)
    if isinstance(value, univ.OctetString):
        return bytes(value)
    return tuple(value) if isinstance(value, univ.ObjectIdentifier) else None
