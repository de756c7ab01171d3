"""A real SSH server with BusyBox that stands for a Ubiquiti airOS radio."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drivers import ssh
from drivers.apply import Target, Timers
from drivers.configurers.airos import AirOs
from tests.configure.device import Ap, Dropbear, Server, free_port

APPLETS = ("sort", "wc", "diff", "setsid", "md5sum")

SYSTEM_CFG = """\
aaa.1.devname=ath0
aaa.1.driver=madwifi
aaa.1.ssid=ubnt
aaa.1.status=disabled
aaa.status=disabled
netconf.3.devname=br0
netconf.3.ip=192.168.1.20
ntpclient.1.server=0.ubnt.pool.ntp.org
ntpclient.1.status=disabled
ntpclient.2.server=1.ubnt.pool.ntp.org
ntpclient.2.status=disabled
ntpclient.status=disabled
radio.1.chanbw=40
radio.1.countrycode=840
radio.1.cwm.mode=1
radio.1.devname=ath0
radio.1.freq=5180
radio.1.ieee_mode=11naht40
radio.1.mode=master
radio.1.txpower=24
radio.countrycode=840
resolv.host.1.name=NanoStation M5
resolv.host.1.status=enabled
snmp.community=publica-hecha-a-mano
sshd.auth.key.1.comment=de la tecnica
sshd.auth.key.1.status=enabled
sshd.auth.key.1.type=ssh-rsa
sshd.auth.key.1.value=AAAAB3NzaC1yc2EAAAAhecha
syslog.remote.status=disabled
syslog.status=enabled
users.1.name=ubnt
users.1.password=$1$jhG7EaVx$WR6RYDiaigNGMwDKeReNk0
wireless.1.devname=ath0
wireless.1.l2_isolation=disabled
wireless.1.security.type=none
wireless.1.ssid=ubnt
"""

SOFTRESTART = """#!/bin/sh
R="${PLAZA_ROOT:-}"
[ "$1" = save ] || exit 1
echo restarted >>"$R/tmp/restarts"
cp "$R/tmp/system.cfg" "$R/tmp/running.cfg"
pid=$(cat "$R/tmp/listener.pid" 2>/dev/null)
if grep -q '^radio.countrycode=724$' "$R/tmp/system.cfg"; then
    kill "$pid"
elif [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
    %s
fi
"""
"""rc.softrestart of a link that is managed over its own radio: a wrong country takes the SSH server off."""

CFGMTD = """#!/bin/sh
R="${PLAZA_ROOT:-}"
[ "$1 $2 $3" = "-w -p /etc/" ] || exit 1
[ ! -e "$R/flash/full" ] || exit 1
tar -C "$R/" -cf "$R/flash/new" tmp/system.cfg etc/persistent && mv "$R/flash/new" "$R/flash/kept"
"""

IWCONFIG = """#!/bin/sh
R="${PLAZA_ROOT:-}"
[ "$1" = ath0 ] || exit 1
from="$R/tmp/radio.cfg"
[ -e "$from" ] || from="$R/tmp/running.cfg"
sed -n -e 's/^wireless.1.ssid=\\(.*\\)/ath0  AR5416  ESSID:"\\1"/p' \\
    -e 's/^radio.1.freq=\\(.\\)\\(...\\)$/  Frequency:\\1.\\2 GHz/p' "$from"
"""


@dataclass
class Radio(Ap):
    """One radio: its memory, its flash, its server."""

    def cfg(self) -> str:
        """What is to run."""
        return (self.root / "tmp/system.cfg").read_text()

    def flash(self) -> bytes:
        """What a power cycle brings back."""
        return (self.root / "flash/kept").read_bytes()

    def value(self, key: str) -> str | None:
        """Of a key in what is to run."""
        found = [line.partition("=")[2] for line in self.cfg().splitlines() if line.startswith(f"{key}=")]
        return found[0] if found else None

    def restarts(self) -> int:
        """How often it restarted softly since it has power."""
        file = self.root / "tmp/restarts"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def boot(self) -> None:
        """Memory is filled from flash; no hook of ours is there to help."""
        shutil.rmtree(self.root / "etc/persistent")
        subprocess.run(["tar", "-C", self.root, "-xf", self.root / "flash/kept"], check=True)
        shutil.copy(self.root / "tmp/system.cfg", self.root / "tmp/running.cfg")
        self.start()

    def target(self, timers: Timers) -> Target:
        """As the controller has it."""
        key = self.host_key()
        return Target(self.name, AirOs(), lambda: ssh.connect(self.device, self.login, key), timers)


def make_radio(folder: Path, server: Server) -> Radio:
    """A running radio as somebody set it up by hand."""
    root = folder / "radio"
    for part in ("etc/persistent", "tmp", "ssh", "sbin", "flash", "usr/etc/rc.d"):
        (root / part).mkdir(parents=True, exist_ok=True)
    (root / "tmp/system.cfg").write_text(SYSTEM_CFG)
    (root / "tmp/running.cfg").write_text(SYSTEM_CFG)
    (root / "etc/persistent/rc.poststart").write_text("# de la tecnica\n")
    port = free_port()
    start = server.install(root, port)
    in_chroot = isinstance(server, Dropbear)
    for applet in APPLETS if in_chroot else ():
        if not (root / "bin" / applet).is_symlink():
            (root / "bin" / applet).symlink_to("busybox")
    tools = root / ("sbin" if in_chroot else "bin")
    programs = {
        root / "usr/etc/rc.d/rc.softrestart": SOFTRESTART % start,
        tools / "cfgmtd": CFGMTD,
        tools / "iwconfig": IWCONFIG,
    }
    for path, text in programs.items():
        path.write_text(text)
        path.chmod(0o755)
    radio = Radio(root, server, port, "enlace-08019-1")
    subprocess.run(
        ["tar", "-C", root, "-cf", root / "flash/kept", "tmp/system.cfg", "etc/persistent"], check=True
    )
    radio.start()
    return radio


def running_radio(folder: Path, server: Server) -> Iterator[Radio]:
    """A radio for the length of a fixture."""
    radio = make_radio(folder, server)
    yield radio
    radio.lose_power()
