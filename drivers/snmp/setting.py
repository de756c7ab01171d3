"""Sets objects of one agent over SNMP, all or none; nothing calls it yet.

Whatever changes a device goes through `drivers.apply` (diff, arm, send, verify, confirm), a SET as well: no
command line leads here past it.
"""

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pyasn1.error import PyAsn1Error
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    Udp6TransportTarget,
    UdpTransportTarget,
    set_cmd,
)
from pysnmp.proto import errind, rfc1902

from drivers.errors import AuthFailed, ConfigRejected, DriverError, UnexpectedReply, Unreachable, ValueRefused
from drivers.model import Endpoint, SnmpCredentials, SnmpV3
from drivers.snmp.pysnmp_engines import AUTH_ERRORS, UnknownProtocol, auth_data
from drivers.snmp.seam import Oid, Value

TIMEOUT_S: Final = 3.0
RETRIES: Final = 1

_NO_ACCESS, _UNDO_FAILED, _AUTHORIZATION_ERROR = 6, 15, 16  # error-status, RFC 3416 §3


class Kind(StrEnum):
    """The SMIv2 type that an agent expects of a value."""

    INTEGER = "INTEGER"
    OCTETS = "OCTET STRING"
    OID = "OBJECT IDENTIFIER"
    ADDRESS = "IpAddress"  # four octets
    COUNTER32 = "Counter32"
    GAUGE32 = "Gauge32"
    TICKS = "TimeTicks"
    COUNTER64 = "Counter64"


_TYPES: Final[Mapping[Kind, Any]] = MappingProxyType(
    {
        Kind.INTEGER: rfc1902.Integer32,
        Kind.OCTETS: rfc1902.OctetString,
        Kind.OID: rfc1902.ObjectIdentifier,
        Kind.ADDRESS: rfc1902.IpAddress,
        Kind.COUNTER32: rfc1902.Counter32,
        Kind.GAUGE32: rfc1902.Gauge32,
        Kind.TICKS: rfc1902.TimeTicks,
        Kind.COUNTER64: rfc1902.Counter64,
    }
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with the type it is sent as."""

    kind: Kind
    value: Value


async def set_values(
    device: str, endpoint: Endpoint, credentials: SnmpCredentials, values: Mapping[Oid, Typed]
) -> None:
    """One SET of them all, which an agent does as if at once (RFC 3416 §4.2.5).

    Raises ValueRefused (nothing was sent), Unreachable (it may have been set, or not), AuthFailed and
    ConfigRejected (nothing was set), and UnexpectedReply (the agent could not take back what it had set).
    """
    engine = SnmpEngine()
    try:
        objects = [ObjectType(ObjectIdentity(oid), _TYPES[v.kind](v.value)) for oid, v in values.items()]
        start = (engine, auth_data(credentials), await _target(endpoint), _context(credentials))
        indication, status, index, _ = await set_cmd(*start, *objects, lookupMib=False)
    except (PyAsn1Error, UnknownProtocol) as error:
        raise ValueRefused(device, f"cannot be sent: {error}") from error
    except (PySnmpError, OSError) as error:
        raise Unreachable(device, f"{endpoint}: {type(error).__name__}") from error
    finally:
        if engine.transport_dispatcher is not None:
            engine.close_dispatcher()
    if indication is not None:
        raise _unanswered(device, endpoint, indication)
    if int(status):
        raise _refused(device, int(status), str(status.prettyPrint()), _named(list(values), int(index)))


def _unanswered(device: str, endpoint: Endpoint, indication: Any) -> DriverError:
    if isinstance(indication, AUTH_ERRORS):
        return AuthFailed(device, f"{endpoint}: {indication}", "mend its SNMP credentials")
    if isinstance(indication, errind.RequestTimedOut):
        hint = "is it on, and does it know these credentials?"
        return Unreachable(device, f"no answer from {endpoint}", hint)
    return UnexpectedReply(device, f"{endpoint}: {indication}", str(indication))


def _refused(device: str, status: int, word: str, what: str) -> DriverError:
    if status in {_NO_ACCESS, _AUTHORIZATION_ERROR}:
        return AuthFailed(device, f"{word} for {what}", "these credentials may not write it")
    if status == _UNDO_FAILED:
        return UnexpectedReply(device, f"{word} for {what}", word, "read what it has now")
    return ConfigRejected(device, f"{word} for {what}")


def _named(oids: list[Oid], index: int) -> str:
    """error-index counts from 1; 0 is none in particular."""
    return ".".join(map(str, oids[index - 1])) if 0 < index <= len(oids) else "the request"


async def _target(endpoint: Endpoint) -> Any:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(endpoint.host, endpoint.port)
    host = found[0][4][0]
    kind = Udp6TransportTarget if ipaddress.ip_address(host).version == 6 else UdpTransportTarget
    return await kind.create((host, endpoint.port), timeout=TIMEOUT_S, retries=RETRIES)


def _context(credentials: SnmpCredentials) -> Any:
    name = credentials.context if isinstance(credentials, SnmpV3) else ""
    return ContextData(contextName=name.encode())
