"""What of a Linux device is ours: whole files, links, and marked blocks in files of others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.model import Band

BEGIN: Final = "# plaza begin"
END: Final = "# plaza end"
"""The lines around our block in a file of somebody else."""

HOSTNAME: Final = "/etc/hostname"
LOCALTIME: Final = "/etc/localtime"
TIMESYNCD: Final = "/etc/systemd/timesyncd.conf.d/plaza.conf"
CHRONY: Final = "/etc/chrony/sources.d/plaza.sources"
RSYSLOG: Final = "/etc/rsyslog.d/plaza.conf"
SNMPD: Final = "/etc/snmp/snmpd.conf.d/plaza.conf"
NETDEV: Final = "/etc/systemd/network/10-plaza-mgmt.netdev"
NETWORK: Final = "/etc/systemd/network/10-plaza-mgmt.network"
CHILLI: Final = "/etc/chilli/plaza.conf"
CHILLI_LOCAL: Final = "/etc/chilli/local.conf"
UNIT: Final = "/etc/systemd/system/plaza-hostapd.service"
WANTED: Final = "/etc/systemd/system/multi-user.target.wants/plaza-hostapd.service"
HOSTAPD: Final = MappingProxyType({band: f"/etc/hostapd/plaza-{band.value}.conf" for band in Band})

UPLINK_DROP_IN: Final = "plaza-mgmt.conf"
"""In FILE.network.d of the file by which systemd-networkd keeps the uplink; only the device knows which."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of ours: its mode when it is new (octal), and the service that reads it, if one does."""

    mode: str
    service: str = ""


PARTS: Final[Mapping[str, Part]] = MappingProxyType(
    {
        HOSTNAME: Part("644", "hostname"),
        LOCALTIME: Part("644"),
        TIMESYNCD: Part("644", "systemd-timesyncd"),
        CHRONY: Part("644", "chrony"),
        RSYSLOG: Part("644", "rsyslog"),
        SNMPD: Part("600", "snmpd"),
        NETDEV: Part("644", "network"),
        NETWORK: Part("644", "network"),
        CHILLI: Part("600", "chilli"),
        CHILLI_LOCAL: Part("644", "chilli"),
        UNIT: Part("644", "plaza-hostapd"),
        WANTED: Part("644", "plaza-hostapd"),
        **{path: Part("600", "plaza-hostapd") for path in HOSTAPD.values()},
    }
)
"""All files of ours whose place is the same on every device."""

_ELSEWHERE: Final = Part("600")
_DROP_IN: Final = Part("644", "network")

CONSULTED: Final = (
    "/run/systemd/system",
    "/lib/systemd/systemd-timesyncd",
    "/usr/lib/systemd/systemd-timesyncd",
    "/etc/chrony",
    "/etc/rsyslog.d",
    "/etc/snmp",
    "/etc/hostapd",
    "/etc/chilli",
)
"""Whether these exist tells what the device has."""

SECRETS: Final = ("wpa_passphrase=", "wpa_psk=", "createUser ", "uamsecret ")
"""How a line begins whose rest is secret, in files of ours."""


def part(path: str) -> Part:
    """How a file of ours is kept."""
    if path in PARTS:
        return PARTS[path]
    return _DROP_IN if path.endswith(UPLINK_DROP_IN) else _ELSEWHERE


def services(paths: Iterable[str]) -> tuple[str, ...]:
    """The services that read these files, each once."""
    return tuple(dict.fromkeys(service for path in paths if (service := part(path).service)))


def block(content: str) -> str:
    """The lines between our marks, "" where there are none."""
    _, inside, _ = _split(content)
    return inside


def with_block(content: str, inside: str) -> str:
    """The content with these lines between our marks, at the end when it had none; without them when ""."""
    before, _, after = _split(content)
    if not inside:
        return before + after
    if before and not before.endswith("\n"):
        before += "\n"
    return f"{before}{BEGIN}\n{inside}{END}\n{after}"


def _split(content: str) -> tuple[str, str, str]:
    """Before, between and after our marks; marks that are not whole are somebody's comments."""
    start = content.find(f"{BEGIN}\n")
    end = content.find(f"{END}\n", start)
    if start < 0 or end < 0 or (start > 0 and content[start - 1] != "\n"):
        return content, "", ""
    return content[:start], content[start + len(BEGIN) + 1 : end], content[end + len(END) + 1 :]
