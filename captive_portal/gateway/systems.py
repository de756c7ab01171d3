"""The kinds of machine that the gateway is installed on: what is written there, who starts its service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOME: Final = "/etc/plaza-gateway"
CONFIG: Final = f"{HOME}/gateway.toml"
KEY: Final = f"{HOME}/site.key"
POLICY: Final = f"{HOME}/policy.json"
PROGRAM: Final = "/usr/local/lib/plaza-gateway/plaza-gateway.pyz"
PYTHON: Final = "/usr/bin/python3"
PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
FORWARD: Final = "/proc/sys/net/ipv4/ip_forward"

# the last name wins (sysctl.d(5)), and Debian's own 99-sysctl.conf is /etc/sysctl.conf
SHUT_AT_BOOT: Final = "/etc/sysctl.d/99-zz-plaza-gateway.conf"
SHUT: Final = (
    "# No packet passes before the gateway's rules stand; the service sets 1 then.\nnet.ipv4.ip_forward = 0\n"
)

UNIT: Final = f"""\
# Written by `plaza-gateway.pyz install`, taken away by its `uninstall`.
[Unit]
Description=Plaza, the gateway of this site
Wants=network-online.target
After=network-online.target systemd-sysctl.service nftables.service
# A box that nobody reaches tries for ever.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={PYTHON} -I -S {PROGRAM} {CONFIG}
# systemd runs this when the program has said READY=1: its rules stand.
ExecStartPost=+/bin/sh -c 'echo 1 > {FORWARD}'
Restart=always
RestartSec=2
TimeoutStartSec=60
TimeoutStopSec=20
WatchdogSec=60
OOMScoreAdjust=-900
# Those that give addresses and names outlive a restart; the program ends them when it is stopped.
KillMode=process

StateDirectory=plaza-gateway
StateDirectoryMode=0700
RuntimeDirectory=plaza-gateway
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
UMask=0077

NoNewPrivileges=yes
# The last four are dnsmasq's, which asks as another user, and to end it.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_SETUID CAP_SETGID CAP_KILL
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ReadWritePaths=/proc/sys/net
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""

# procd knows no readiness and no watchdog: the program's first line opens, its heart's alarm ends what hangs
START: Final = f"""\
rm -f /var/run/plaza-gateway.ready
mkfifo -m 600 /var/run/plaza-gateway.ready || exit 1
(read -r line < /var/run/plaza-gateway.ready; [ "$line" = ready ] && echo 1 > {FORWARD}) &
exec {PYTHON} -I -S {PROGRAM} {CONFIG} > /var/run/plaza-gateway.ready
"""

INIT: Final = """\
#!/bin/sh /etc/rc.common
# Written by `plaza-gateway.pyz install`, taken away by its `uninstall`.
START=99
STOP=10
USE_PROCD=1

start_service() {
	procd_open_instance
	procd_set_param command /bin/sh /usr/local/lib/plaza-gateway/start.sh
	procd_set_param env WATCHDOG_USEC=60000000
	procd_set_param respawn 0 2 0
	procd_set_param stderr 1
	procd_close_instance
}
"""


@dataclass(frozen=True, slots=True)
class Text:
    """What a file says; `mode` is its permissions."""

    said: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class System:
    """One kind of machine, by absolute paths: `service` is its file, `links` start it at boot.

    `run` is in memory. `packages` says how a program is had, `instead` how one that holds a port of ours
    leaves it.
    """

    name: str
    service: str
    state: str
    run: str
    files: Mapping[str, Text]
    links: Mapping[str, str]
    running: tuple[str, ...]
    begin: tuple[tuple[str, ...], ...]
    end: tuple[str, ...]
    reread: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)


DEBIAN: Final = System(
    name="Debian with systemd",
    service="/etc/systemd/system/plaza-gateway.service",
    state="/var/lib/plaza-gateway",
    run="/run/plaza-gateway",
    files={
        "/etc/systemd/system/plaza-gateway.service": Text(UNIT),
        SHUT_AT_BOOT: Text(SHUT),
    },
    links={
        "/etc/systemd/system/multi-user.target.wants/plaza-gateway.service": "../plaza-gateway.service",
    },
    running=("systemctl", "is-active", "--quiet", "plaza-gateway.service"),
    begin=(("systemctl", "daemon-reload"), ("systemctl", "restart", "plaza-gateway.service")),
    end=("systemctl", "stop", "plaza-gateway.service"),
    reread=("systemctl", "daemon-reload"),
    packages={
        "nft": "apt-get install nftables",
        "dnsmasq": "apt-get install dnsmasq-base",
        "tc": "apt-get install iproute2",
    },
    instead={
        "dnsmasq": "systemctl disable --now dnsmasq",
        "systemd-resolve": "take DNSStubListenerExtra= out of resolved.conf, restart systemd-resolved",
        "named": "systemctl disable --now named",
        "unbound": "systemctl disable --now unbound",
        "dhcpd": "systemctl disable --now isc-dhcp-server",
        "kea-dhcp4": "systemctl disable --now kea-dhcp4-server",
    },
)

# /var is in memory there, and no /run: what must outlive a power cut is kept beside the configuration
OPENWRT: Final = System(
    name="OpenWrt with procd",
    service="/etc/init.d/plaza-gateway",
    state=f"{HOME}/state",
    run="/var/run/plaza-gateway",
    files={
        "/usr/local/lib/plaza-gateway/start.sh": Text(START),
        "/etc/init.d/plaza-gateway": Text(INIT, 0o755),
        SHUT_AT_BOOT: Text(SHUT),
    },
    links={
        "/etc/rc.d/S99plaza-gateway": "../init.d/plaza-gateway",
        "/etc/rc.d/K10plaza-gateway": "../init.d/plaza-gateway",
    },
    running=("/etc/init.d/plaza-gateway", "running"),
    begin=(("/etc/init.d/plaza-gateway", "restart"),),
    end=("/etc/init.d/plaza-gateway", "stop"),
    packages={
        "nft": "opkg install nftables-json kmod-nft-bridge",
        "dnsmasq": "opkg remove dnsmasq; opkg install dnsmasq-full",
        "tc": "opkg install tc-tiny kmod-sched-core",
    },
    instead={
        "dnsmasq": "uci set dhcp.lan.ignore=1; uci add_list dhcp.@dnsmasq[0].notinterface=lan; "
        "uci commit dhcp; /etc/init.d/dnsmasq restart",
        "odhcpd": "uci set dhcp.lan.ignore=1; uci commit dhcp; /etc/init.d/odhcpd restart",
    },
)


def here(root: Path) -> System:
    """The kind of machine whose files begin at this directory."""
    return OPENWRT if (root / "etc/openwrt_release").exists() else DEBIAN
