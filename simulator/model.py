"""The nouns of the simulated network, as the spec names them."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path


class Band(StrEnum):
    """Radio band, spelled as in metric tags."""

    GHZ_2 = "2g4"
    GHZ_5 = "5g"
    GHZ_6 = "6g"


class Platform(StrEnum):
    """What kind of device an AP pretends to be."""

    OPENWRT = "openwrt"
    GENERIC = "generic"


class Fault(StrEnum):
    """How an AP is broken."""

    DEAD = "dead"  # SNMP and SSH are silent
    NO_SERVICE = "no-service"  # the agent answers, but no SSID is on the air
    WRONG_COMMUNITY = "wrong-community"  # the agent no longer knows the poller's credentials


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class V2cAccess:
    """SNMPv2c: the one community the agent knows."""

    community: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class V3Access:
    """SNMPv3: the one user the agent knows. Empty protocols mean noAuth or noPriv."""

    user: str
    auth_protocol: str = ""
    auth_key: str = field(default="", repr=False)
    priv_protocol: str = ""
    priv_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SshAccess:
    """The one account of an AP; `authorized_key` is an OpenSSH public key line, `password` may be empty."""

    address: Address
    user: str
    authorized_key: str
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ApSpec:
    """One virtual AP. `ssids` are on the air only while the AP keeps no configuration of its own (no SSH)."""

    name: str
    platform: Platform
    bands: tuple[Band, ...]
    ssids: tuple[str, ...]
    snmp: Address
    access: V2cAccess | V3Access
    ssh: SshAccess | None = None


@dataclass(frozen=True, slots=True)
class CitizensSpec:
    """The citizens of one site: Poisson arrivals, exponential stays, one own source address each."""

    site: str
    gateway_url: str
    arrivals_per_minute: float
    mean_stay_s: float
    source: IPv4Network


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything one simulator process plays."""

    seed: int
    state_dir: Path
    control: Path
    aps: tuple[ApSpec, ...]
    citizens: tuple[CitizensSpec, ...] = ()
