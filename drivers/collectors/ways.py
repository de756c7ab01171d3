"""Which platforms can be asked without SNMP, and how: what to ask, and how to read what they said."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from drivers.collect import Collected
from drivers.collectors import airos, cnmaestro, omada, openwrt, routeros_rest, routeros_ssh, unifi
from drivers.model import Device, HttpLogin
from drivers.web import Line

if TYPE_CHECKING:
    from drivers.ssh import Shell


@dataclass(frozen=True, slots=True)
class SshWay:
    """`ask` yields texts by name, each as soon as it is there; `read` is pure. Both raise DriverError."""

    ask: "Callable[[Shell], Iterator[tuple[str, str]]]"
    read: Callable[[Device, Mapping[str, str], int], Collected]


@dataclass(frozen=True, slots=True)
class HttpWay:
    """`enter` proves who we are, for all that is asked on the line; `ask` and `read` are as over SSH."""

    enter: Callable[[Line, HttpLogin], None]
    ask: Callable[[Line], Iterator[tuple[str, Any]]]
    read: Callable[[Device, Mapping[str, Any], int], Collected]


OVER_SSH: Final[Mapping[str, SshWay]] = MappingProxyType(
    {
        "openwrt": SshWay(openwrt.ask, openwrt.read),
        "ubiquiti_airos": SshWay(airos.ask, airos.read),
        "mikrotik_routeros": SshWay(routeros_ssh.ask, routeros_ssh.collect),
    }
)
"""Platform → its way; read-only, all of them."""

OVER_HTTP: Final[Mapping[str, HttpWay]] = MappingProxyType(
    {
        "ubiquiti_unifi": HttpWay(unifi.enter, unifi.ask, unifi.read),
        "tplink_eap": HttpWay(omada.enter, omada.ask, omada.read),
        "cambium_cnpilot": HttpWay(cnmaestro.enter, cnmaestro.ask, cnmaestro.read),
        "mikrotik_routeros": HttpWay(routeros_rest.enter, routeros_rest.ask, routeros_rest.collect),
    }
)
"""Platform → its way over HTTPS: RouterOS itself, of the others the controller of such access points."""
