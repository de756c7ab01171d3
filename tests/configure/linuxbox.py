"""Real SSH servers with real shells that stand for a Linux gateway or access point."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drivers import ssh
from drivers.apply import Target, Timers
from drivers.configurers.linux import Linux
from tests.configure.device import Ap, Dropbear, Server, free_port

APPLETS = ("sort", "wc", "readlink", "diff", "setsid", "hostname", "rmdir", "df", "dd")

SYSTEMCTL = """#!/bin/sh
R="${PLAZA_ROOT:-}"
case "$1" in
is-active) [ ! -e "$R/tmp/down-$3" ]; exit ;;
esac
echo "$@" >>"$R/tmp/systemctl"
[ "$1" = restart ] || [ "$1" = stop ] || exit 0
pid=$(cat "$R/tmp/listener.pid" 2>/dev/null)
if grep -qs country_code=XX "$R/etc/hostapd/plaza-2g4.conf"; then
    kill "$pid"
elif [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
    %s
fi
"""
"""systemctl of a site whose management runs over its own radio: a wrong country takes the SSH server off."""

IW = """#!/bin/sh
case "$2" in
phy0) printf '\\t\\t\\t* 2412 MHz [1] (20.0 dBm)\\n\\t\\t\\t* 2467.0 MHz [12] (disabled)\\n' ;;
phy1) printf '\\t\\t\\t* 5180.0 MHz [36] (23.0 dBm)\\n\\t\\t\\t* 2412 MHz [1] (disabled)\\n' ;;
esac
"""

NETWORKCTL = """#!/bin/sh
R="${PLAZA_ROOT:-}"
case "$1 $2" in
"status eth0") echo "  Network File: /etc/systemd/network/20-cable.network" ;;
"status plaza-mgmt") echo "  Network File: /etc/systemd/network/10-plaza-mgmt.network" ;;
reload*)
    [ ! -e "$R/etc/systemd/network/10-plaza-mgmt.netdev" ] || sed -i s/eth0/plaza-mgmt/ "$R/proc/net/route"
    ;;
esac
"""
"""networkctl of a network that gives its default route to the management VLAN."""

ROUTE = "Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 00000000 0101A8C0 3 0 0 0 00000000\n"

SYSTEMD, SYSV, CRON = "run/systemd/system", "etc/rcS.d", "etc/cron.d"
"""What tells how a box starts its services."""

FOLDERS = (
    *("etc/rsyslog.d", "etc/snmp/snmpd.conf.d", "etc/chrony/sources.d", "etc/hostapd", "etc/chilli"),
    *("etc/systemd/network", "usr/share/zoneinfo/America", "proc/net", "run"),
    *("sys/class/net/br-lan/bridge", "sys/class/net/br-vlan20/bridge"),
    *("sys/class/net/wlan0/phy80211", "sys/class/net/wlan1/phy80211"),
)


@dataclass
class Box(Ap):
    """One Linux device: its files, its server and what the inventory says of it."""

    start_system: str = SYSTEMD

    def configuration(self) -> dict[str, bytes]:
        """All files below /etc and /root but those of the guard, octet for octet; links by their target."""
        found = {}
        for top in ("etc", "root"):
            for path in (self.root / top).rglob("*"):
                name = str(path.relative_to(self.root))
                if path.is_symlink():
                    found[name] = os.readlink(path).encode()
                elif path.is_file():
                    found[name] = path.read_bytes()
        return {name: octets for name, octets in found.items() if "plaza-guard" not in name}

    def file(self, path: str) -> str:
        """The text of a file."""
        return (self.root / path.lstrip("/")).read_text()

    def history(self) -> str:
        """What it remembers of trials."""
        return self.file("/etc/plaza-guard/history")

    def restarted(self) -> list[str]:
        """What systemctl was told."""
        told = self.root / "tmp/systemctl"
        return told.read_text().splitlines() if told.exists() else []

    def lose_power(self) -> None:
        """What is in /run is gone too."""
        super().lose_power()
        shutil.rmtree(self.root / "run/plaza-guard", ignore_errors=True)

    def boot(self) -> None:
        """Run whatever boot hook was installed, then the services."""
        hooks = {
            SYSTEMD: (self.root / "etc/systemd/system/sysinit.target.wants/plaza-guard.service", "start"),
            SYSV: (self.root / "etc/rcS.d/S00plaza-guard", "start"),
            CRON: (self.root / "etc/cron.d/plaza-guard", "late"),
        }
        hook, word = hooks[self.start_system]
        assert hook.exists()
        if self.start_system != SYSV:
            assert f"/etc/plaza-guard/guard {word}" in hook.read_text()
        shell = "/bin/sh" if isinstance(self.server, Dropbear) else "sh"
        program = "/etc/plaza-guard/guard"
        done = self.server.run(self.root, shell, program, word)
        assert done.returncode == 0, done.stderr
        if not self.listening():  # what comes late has restarted the services already
            self.start()

    def target(self, timers: Timers) -> Target:
        """As the controller has it."""
        key = self.host_key()
        return Target(self.name, Linux(), lambda: ssh.connect(self.device, self.login, key), timers)


def make_box(folder: Path, server: Server, start_system: str = SYSTEMD) -> Box:
    """A running device with hand-made settings."""
    root = folder / "caja"
    for part in ("etc", "tmp", "ssh", "sbin", *FOLDERS, start_system):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "etc/hostname").write_text("debian\n")
    (root / "etc/rsyslog.d/50-mano.conf").write_text("# hecho a mano\n")
    (root / "etc/hostapd/mano.conf").write_text("interface=wlan9\nwpa_passphrase=hecha-a-mano\n")
    (root / "usr/share/zoneinfo/America/Chihuahua").write_text("TZif")
    (root / "proc/net/route").write_text(ROUTE)
    for number in (0, 1):
        (root / f"sys/class/net/wlan{number}/phy80211/name").write_text(f"phy{number}\n")
    port = free_port()
    start = server.install(root, port)
    _put_programs(root, server, start)
    box = Box(root, server, port, "caja-08019-1", start_system)
    box.start()
    return box


def _put_programs(root: Path, server: Server, start: str) -> None:
    in_chroot = isinstance(server, Dropbear)
    folder = root / ("sbin" if in_chroot else "bin")
    for applet in APPLETS if in_chroot else ():
        if not (root / "bin" / applet).is_symlink():
            (root / "bin" / applet).symlink_to("busybox")
    programs = {"systemctl": SYSTEMCTL % start, "iw": IW, "networkctl": NETWORKCTL, "hostname": "#!/bin/sh\n"}
    for name, text in programs.items():
        (root / "bin" / name).unlink(missing_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def running_box(folder: Path, server: Server, start_system: str = SYSTEMD) -> Iterator[Box]:
    """A device for the length of a fixture."""
    box = make_box(folder, server, start_system)
    yield box
    box.lose_power()
