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
    """How an AP is broken; what SNMP faults do is in simulator.snmp.hostile."""

    DEAD = "dead"  # SNMP and SSH are silent
    NO_SERVICE = "no-service"  # the agent answers, but no SSID is on the air
    WRONG_COMMUNITY = "wrong-community"  # the agent no longer knows the poller's credentials

    CLOSED_PORT = "closed-port"  # nobody listens: the kernel answers with ICMP port unreachable
    LOSSY = "lossy"  # 30 % of the answers get lost, the same ones for the same seed
    SLOW_DRIP = "slow-drip"  # every answer comes 1.5 s late
    STALE_ID = "stale-id"  # the previous answer comes once more before each answer
    OTHER_SOURCE = "other-source"  # answers come from another port, and another address within 127/8

    TRUNCATED = "truncated"  # the last third of every answer is missing
    GARBAGE = "garbage"  # every answer is noise of its own length
    WRONG_ID = "wrong-id"  # answers carry another request-id; v3: another msgID
    WRONG_COMMUNITY_ANSWER = "wrong-community-answer"  # answers carry another community; v3: another user
    WRONG_VERSION = "wrong-version"  # answers say they are of another version of SNMP

    TOO_BIG = "too-big"  # tooBig above 10 varbinds; a GETBULK is cut there
    ONE_VARBIND = "one-varbind"  # tooBig for a GET or GETNEXT of two, genErr for a GETBULK of two
    GEN_ERROR = "gen-error"  # genErr at the first object of every GET
    SICK_OBJECT = "sick-object"  # genErr at sysLocation.0, alone or among others, in a GET
    EMPTY_ANSWER = "empty-answer"  # a response without error and without varbinds
    NO_SUCH_OBJECT = "no-such-object"  # the agent has no object at all
    END_OF_VIEW = "end-of-view"  # walks end behind their first row
    SHORT_BULK = "short-bulk"  # at most 3 repetitions however many are asked
    NO_BULK = "no-bulk"  # GETBULK gets no answer
    BULK_REFUSED = "bulk-refused"  # GETBULK gets genErr
    NOT_INCREASING = "not-increasing"  # walks go from a table's second row back to its first
    ENDLESS_WALK = "endless-walk"  # behind every row there is one more

    V3_REBOOT = "v3-reboot"  # when ordered: engineBoots + 1, engineTime 0; each order is one more
    V3_BOOTS_RESET = "v3-boots-reset"  # when ordered: engineBoots 1, engineTime 0
    V3_ENGINE_ID_CHANGED = "v3-engine-id-changed"  # another engineID, as after a replacement, until mended
    V3_SHARED_ENGINE_ID = "v3-shared-engine-id"  # the engineID of every other AP with this fault
    V3_WRONG_DIGEST = "v3-wrong-digest"  # authenticated answers carry a wrong digest


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class V1Access:
    """SNMPv1: the one community the agent knows."""

    community: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class V2cAccess:
    """SNMPv2c: the one community the agent knows."""

    community: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class V3Access:
    """SNMPv3: the one user and contextName the agent knows. Empty protocols mean noAuth or noPriv."""

    user: str
    auth_protocol: str = ""
    auth_key: str = field(default="", repr=False)
    priv_protocol: str = ""
    priv_key: str = field(default="", repr=False)
    context: str = ""


Access = V1Access | V2cAccess | V3Access


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
    access: Access
    ssh: SshAccess | None = None


@dataclass(frozen=True, slots=True)
class VendorSpec:
    """One virtual device of a vendor with a command line of its own; its minute lasts `minute_s` seconds."""

    name: str
    vendor: str
    ssh: SshAccess
    minute_s: float


@dataclass(frozen=True, slots=True)
class FarmSpec:
    """Many small agents behind one socket: agent n of `agents` is the address `network` + 1 + n, at `port`.

    All have the same `access`; `dead_pct` of a hundred, drawn by the seed, never answer.
    """

    network: IPv4Network
    port: int
    agents: int
    access: Access
    dead_pct: float


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
    farm: FarmSpec | None = None
    traps: Address | None = None
    vendors: tuple[VendorSpec, ...] = ()
