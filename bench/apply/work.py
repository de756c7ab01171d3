"""The work at a device and the figures of it. Standard library only: peers run in other environments."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

USER: Final = "root"
TRIES: Final = 3
TIMEOUT_S: Final = 60
NETWORKS: Final = 5
SSIDS: Final = 10
LEAST_LINES: Final = 150
"""Fewer lines than that are no whole configuration."""

READ: Final = "uci export"
SAVE: Final = "uci commit wireless"
READ_AGAIN: Final = "uci export wireless"
MARK: Final = "--8<--"


class Kind(StrEnum):
    """What the devices are: dropbear, BusyBox and uci in a chroot, or a simulated Cisco IOS access point."""

    OPENWRT = "openwrt"
    IOS = "ios"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is logged into."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Job:
    """The work at every one of `places`, `in_flight` at a time, in one process.

    `key_file` is an OpenSSH private key; `host_key` is kind and base64, as in known_hosts, the same for all.
    `token` makes the lines of this job differ from those of every other, so that each is a change.
    """

    kind: Kind
    places: tuple[Place, ...]
    key_file: str
    host_key: tuple[str, str]
    in_flight: int
    token: str

    def text(self) -> str:
        """For the command line of a client."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Job":
        """What `text` wrote."""
        told = json.loads(text)
        told["kind"] = Kind(told["kind"])
        told["places"] = tuple(Place(**place) for place in told["places"])
        told["host_key"] = tuple(told["host_key"])
        return cls(**told)


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. `cpu_s` is user and system time of the client and its children; `p50_s` of one device, or 0.

    `complete` devices were read back and held every line; `again` counts tries beyond the first.
    """

    devices: int
    complete: int
    again: int
    cpu_s: float
    wall_s: float
    p50_s: float = 0.0
    farm_cpu_s: float = 0.0

    @property
    def cpu_ms(self) -> float:
        """CPU of the client per device."""
        return self.cpu_s / self.devices * 1000

    @property
    def per_minute(self) -> float:
        """Devices done in a minute."""
        return self.devices / self.wall_s * 60

    @property
    def share(self) -> float:
        """Complete devices of all."""
        return self.complete / self.devices

    @property
    def farm_ms(self) -> float:
        """CPU of the device per device."""
        return self.farm_cpu_s / self.devices * 1000

    @property
    def farm_busy(self) -> float:
        """How much of their core the devices used; near 1 it was they who set the pace."""
        return self.farm_cpu_s / self.wall_s


def uci_lines(token: str) -> tuple[str, ...]:
    """40 arguments of `uci set`: five networks of eight lines."""
    found = []
    for number in range(NETWORKS):
        options = {
            "device": "radio0",
            "network": f"bench{number}",
            "mode": "ap",
            "ssid": f"Chihuahua {number} {token}",
            "encryption": "none",
            "isolate": "1",
            "maxassoc": "64",
        }
        found.append(f"wireless.bench{number}=wifi-iface")
        found += [f"wireless.bench{number}.{name}='{value}'" for name, value in options.items()]
    return tuple(found)


def uci_script(token: str) -> str:
    """All of the work as one script; MARK stands between what it reads before and after."""
    batch = "".join(f"set {line}\n" for line in uci_lines(token))
    return f"{READ}\necho '{MARK}'\nuci batch <<'END'\n{batch}END\n{SAVE}\n{READ_AGAIN}\n"


def before_and_after(said: str) -> tuple[str, str]:
    """What `uci_script` printed, in its two parts."""
    before, _, after = said.partition(MARK)
    return before, after


def ios_lines(token: str) -> tuple[str, ...]:
    """40 configuration lines: ten SSIDs of four lines."""
    found = []
    for number in range(SSIDS):
        found += [
            f"dot11 ssid Chihuahua {number} {token}",
            f"vlan {100 + number}",
            "authentication open",
            "mbssid guest-mode",
        ]
    return tuple(found)


def wanted(kind: Kind, token: str) -> frozenset[str]:
    """The lines a device shows once the change is there."""
    if kind is Kind.IOS:
        return frozenset(ios_lines(token))
    settings = (line.partition("=") for line in uci_lines(token))
    return frozenset(
        f"option {path.split('.')[2]} {value}" for path, _, value in settings if path.count(".") == 2
    )


def complete(job: Job, before: str, after: str) -> bool:
    """Whether a whole configuration was read, and every line was there when it was read again."""
    shown = {line.strip() for line in after.splitlines()}
    return before.count("\n") >= LEAST_LINES and wanted(job.kind, job.token) <= shown


def median(seconds: Sequence[float]) -> float:
    """The middle one, 0 of none."""
    return sorted(seconds)[len(seconds) // 2] if seconds else 0.0
