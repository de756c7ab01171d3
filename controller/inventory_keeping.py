"""What inventory.yaml may say of how a device is kept, and of how it brings guests to the portal.

`null` at any of these keys takes away what a level above wrote there.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt

from controller.inventory_hosts import CredentialNames, Host, HostPatterns, Hosts, PortalUrl, SshKeys
from controller.inventory_values import Port, Text
from drivers.model import GatewayKind

Vlan = Annotated[StrictInt, Field(ge=1, le=4094)]
Kbps = Annotated[StrictInt, Field(ge=0, le=10_000_000)]


class Rate(BaseModel, frozen=True, extra="forbid"):
    """The most one client of a network name may use, kbit/s; 0 is no limit."""

    down_kbps: Kbps = 0
    up_kbps: Kbps = 0


class Syslog(BaseModel, frozen=True, extra="forbid"):
    """Where a device sends its log; UDP port 514 unless written."""

    host: Host | None = None
    port: Port | None = None
    protocol: Literal["udp", "tcp"] | None = None


class Manage(BaseModel, frozen=True, extra="forbid"):
    """How a device itself is kept; what no level writes stays as the device has it."""

    ntp: Hosts | None = None
    syslog: Syslog | None = None
    snmp_users: CredentialNames | None = None
    ssh_keys: SshKeys | None = None
    vlan: Vlan | None = None


class Radius(BaseModel, frozen=True, extra="forbid"):
    """The RADIUS server a gateway asks; port 1812 unless written."""

    host: Host | None = None
    port: Port | None = None


class Captive(BaseModel, frozen=True, extra="forbid"):
    """What brings guests to the portal; `credentials` names a credential of kind portal."""

    kind: GatewayKind | None = None
    portal_url: PortalUrl | None = None
    allow: HostPatterns | None = None
    credentials: Text | None = None
    radius: Radius | None = None
