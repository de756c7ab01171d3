"""What a device is, what it should be, and what it is reached with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self


class Role(StrEnum):
    """What a device does at its site."""

    AP = "ap"
    SWITCH = "switch"
    GATEWAY = "gateway"
    BACKHAUL = "backhaul"
    MODEM = "modem"
    UPS = "ups"


class Lifecycle(StrEnum):
    """Where a device stands in its life with us; only `active` ones are polled."""

    EXPECTED = "expected"
    STAGING = "staging"
    ACTIVE = "active"
    RETIRED = "retired"


class ReachKind(StrEnum):
    """How packets get from the poller to the device."""

    DIRECT = "direct"
    VIA = "via"  # through ports that the site's gateway forwards
    TUNNEL = "tunnel"
    AGENT = "agent"
    VENDOR_API = "vendor-api"


class PollBy(StrEnum):
    """How a device's figures are asked for: over SSH or HTTPS where there is no SNMP."""

    SNMP = "snmp"
    SSH = "ssh"
    HTTP = "http"


class PollProfile(StrEnum):
    """How much a device is asked and how often, by what that costs on its site's uplink."""

    NORMAL = "normal"
    THIN = "thin"
    METERED = "metered"


class Band(StrEnum):
    """Radio band, spelled as in metric tags."""

    GHZ_2 = "2g4"
    GHZ_5 = "5g"
    GHZ_6 = "6g"


class Security(StrEnum):
    """How an SSID protects the air."""

    OPEN = "open"
    OWE = "owe"
    WPA2 = "wpa2"
    WPA3 = "wpa3"


class GatewayKind(StrEnum):
    """What stands between guests and the internet at a site, and asks the portal for grants."""

    PLAZA = "plaza"  # our own gateway program; the AP only bridges guests to it
    OPENNDS = "opennds"
    COOVACHILLI = "coovachilli"
    USPOT = "uspot"
    MIKROTIK = "mikrotik"
    CISCO_WLC = "cisco_wlc"
    ARUBA_INSTANT = "aruba_instant"
    CAMBIUM = "cambium"


class Secret:
    """A value that never shows itself: not in a repr, a log or a diff. `reveal()` where it is used."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host and port of one service, as seen from the poller."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Trust:
    """What an HTTPS server must show before we say a word: a certificate of this SHA-256 `fingerprint`,
    else one that a CA of `ca_file` (or of the system) signed for `server_name` (or for its address).
    """

    server_name: str = ""
    ca_file: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """`through` names the gateway device (via), the interface (tunnel) or the agent; empty for direct."""

    kind: ReachKind = ReachKind.DIRECT
    through: str = ""


@dataclass(frozen=True, slots=True)
class PowerSource:
    """The switch port or UPS outlet a device is powered by."""

    device: str
    port: str


@dataclass(frozen=True, slots=True)
class Radio:
    """Wanted radio settings; `channel` 0 means automatic, `power_dbm` None the device's default."""

    band: Band
    channel: int = 0
    width_mhz: int = 20
    power_dbm: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """The most one client may use, kbit/s; 0 is no limit."""

    down_kbps: int = 0
    up_kbps: int = 0


@dataclass(frozen=True, slots=True)
class OnAir:
    """A span of one weekday, local time: `day` 0 is Monday; minutes of the day, `end` up to 1440."""

    day: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Ssid:
    """A wanted network name: at most 32 octets of UTF-8. `passphrase` names a credential.

    An empty `schedule` is always on the air. `captive` sends its guests to the portal.
    """

    name: str
    security: Security = Security.OPEN
    vlan: int | None = None
    isolation: bool = True
    bands: tuple[Band, ...] = (Band.GHZ_2, Band.GHZ_5)
    passphrase: str = ""
    rate: Rate = Rate()
    schedule: tuple[OnAir, ...] = ()
    captive: bool = False


@dataclass(frozen=True, slots=True)
class Syslog:
    """Where a device sends its log; `protocol` is udp or tcp."""

    host: str
    port: int = 514
    protocol: str = "udp"


@dataclass(frozen=True, slots=True)
class Captive:
    """How guests are brought to the portal: `portal_url` is what the gateway of this `kind` sends them to.

    `allow` are host names (`*.` in front means any below) that guests reach before they are admitted;
    `credentials` names the secret the gateway shares with the portal; `radius` is where it asks, if it does.
    """

    kind: GatewayKind
    portal_url: str
    allow: tuple[str, ...] = ()
    credentials: str = ""
    radius: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Manage:
    """How a device itself is kept. What is empty is left as the device has it.

    `zone` is the IANA zone its clock shows; `ntp` servers in order; `snmp_users` name credentials of kind
    snmp-v3; `ssh_keys` are lines of authorized_keys that may log in, beside those that we do not know;
    `revoked_keys` are lines that may not, whoever put them there; `vlan` is the one its management lives in.
    """

    zone: str = ""
    ntp: tuple[str, ...] = ()
    syslog: Syslog | None = None
    snmp_users: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    vlan: int | None = None
    revoked_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """One piece of equipment. Known by `name`, never by address: two sites may share 192.168.88.0/24.

    `address` is what the device calls itself at its site; `snmp`, `ssh` and `http` are where the poller
    finds each service (for `reach` via, the forwarded ports of the site's gateway).
    `snmp_credentials`, `ssh_credentials` and `http_credentials` are names, looked up where they are used.
    `http_site` names the site of a controller that has several. `ssh_jump` is the device whose SSH server
    carries our login on to this one; `ssh_timeout_s` how long one login may take. `serial` and `mac` (lower
    case, with colons) are what is printed on it; `link` is the device at the other end of its radio link.
    """

    name: str
    role: Role
    municipality: str
    site: str
    platform: str
    address: str
    snmp: Endpoint
    ssh: Endpoint
    http: Endpoint
    snmp_credentials: str = ""
    ssh_credentials: str = ""
    reach: Reach = Reach()
    parent: str = ""
    powered_by: PowerSource | None = None
    state: Lifecycle = Lifecycle.ACTIVE
    country: str = "MX"
    radios: tuple[Radio, ...] = ()
    ssids: tuple[Ssid, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    poll: PollBy = PollBy.SNMP
    http_credentials: str = ""
    http_site: str = ""
    trust: Trust = Trust()
    poll_profile: PollProfile = PollProfile.NORMAL
    manage: Manage = Manage()
    captive: Captive | None = None
    ssh_jump: str = ""
    ssh_timeout_s: float = 30.0
    serial: str = ""
    mac: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a device should be: the vendor-neutral input of `render`."""

    device: str
    hostname: str
    country: str
    radios: tuple[Radio, ...]
    ssids: tuple[Ssid, ...]
    manage: Manage = Manage()
    captive: Captive | None = None


@dataclass(frozen=True, slots=True)
class SnmpV1:
    """SNMPv1 community, for devices that speak nothing better (no Counter64, no GETBULK)."""

    community: Secret


@dataclass(frozen=True, slots=True)
class SnmpV2c:
    """SNMPv2c community."""

    community: Secret


@dataclass(frozen=True, slots=True)
class SnmpV3:
    """SNMPv3 user of the user-based security model (RFC 3414, 3826, 7860).

    `auth_protocol` none, md5, sha1, sha224, sha256, sha384, sha512; `priv_protocol` none, des, aes128,
    aes192, aes256 (keys extended after Blumenthal, as net-snmp does), aes192c, aes256c (after Reeder, as
    Cisco does).
    """

    user: str
    auth_protocol: str = "sha1"
    auth_key: Secret | None = None
    priv_protocol: str = "aes128"
    priv_key: Secret | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class SshLogin:
    """How we log in: a private key (OpenSSH PEM text) or a password."""

    user: str
    private_key: Secret | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class HttpLogin:
    """How we log in over HTTPS: a user (client id) with a password (client secret), or a token alone."""

    user: str = ""
    password: Secret | None = None
    token: Secret | None = None


SnmpCredentials = SnmpV1 | SnmpV2c | SnmpV3


class Secrets(Protocol):
    """Looks a credential up by name. Raises the caller's own error when the name or its source is wrong."""

    def of(self, device: Device) -> Self:
        """The same as one device has them."""
        ...

    def snmp(self, name: str) -> SnmpCredentials:
        """Credentials for polling."""
        ...

    def ssh(self, name: str) -> SshLogin:
        """Credentials for configuring."""
        ...

    def http(self, name: str) -> HttpLogin:
        """Credentials for polling over HTTPS."""
        ...

    def passphrase(self, name: str) -> Secret:
        """A Wi-Fi passphrase."""
        ...
