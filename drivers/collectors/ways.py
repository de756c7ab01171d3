"""Which platforms can be asked without SNMP, and how: what to ask, and how to read what they said."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from drivers.collect import Collected
from drivers.collectors import airos, openwrt, routeros_ssh
from drivers.model import Device

if TYPE_CHECKING:
    from drivers.ssh import Shell


@dataclass(frozen=True, slots=True)
class SshWay:
    """`ask` yields texts by name, each as soon as it is there; `read` is pure. Both raise DriverError."""

    ask: "Callable[[Shell], Iterator[tuple[str, str]]]"
    read: Callable[[Device, Mapping[str, str], int], Collected]


OVER_SSH: Final[Mapping[str, SshWay]] = MappingProxyType(
    {
        "openwrt": SshWay(openwrt.ask, openwrt.read),
        "ubiquiti_airos": SshWay(airos.ask, airos.read),
        "mikrotik_routeros": SshWay(routeros_ssh.ask, routeros_ssh.collect),
    }
)
"""Platform → its way; read-only, all of them."""

OVER_HTTP: Final[Mapping[str, object]] = MappingProxyType({})
