"""Real SSH servers with real shells that stand for an OpenWrt access point."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

from drivers import ssh
from drivers.host_key import HostKey
from drivers.model import Band, Device, Endpoint, Radio, Role, Secret, SshLogin, Ssid
from tests import need
from tests.configure.keys import dropbear_ed25519, dropbear_rsa, keygen

STAND_IN = Path(__file__).parents[2] / "simulator" / "bin" / "uci"

SYSTEM = """
config system
	option hostname 'OpenWrt'
	option timezone 'CST6'
"""

WIRELESS = """
config wifi-device 'radio0'
	option type 'mac80211'
	option band '2g'
	option channel '1'
	option htmode 'HE20'
	option cell_density '0'

config wifi-device 'radio1'
	option type 'mac80211'
	option band '5g'
	option channel '36'
	option htmode 'HE80'

config wifi-iface
	option device 'radio0'
	option ssid 'La red de la tecnica'
	option encryption 'psk2'
	option key 'hecha-a-mano'

config wifi-iface 'plaza_2g4_9'
	option device 'radio0'
	option ssid 'De antes'
	option encryption 'none'
"""

NETWORK = """
config interface 'lan'
	option proto 'dhcp'

config interface 'vlan20'
	option proto 'none'
	option device 'br-lan.20'
"""

FACTORY = """
config wifi-device 'radio0'
	option type 'mac80211'
	option band '2g'
	option channel '1'
	option htmode 'HE20'
	option disabled '1'

config wifi-iface 'default_radio0'
	option device 'radio0'
	option network 'lan'
	option mode 'ap'
	option ssid 'OpenWrt'
	option encryption 'none'

config wifi-device 'radio1'
	option type 'mac80211'
	option band '5g'
	option channel '36'
	option htmode 'HE80'
	option disabled '1'

config wifi-iface 'plaza_5g_9'
	option device 'radio1'
	option ssid 'De antes'

config wifi-iface
	option device 'radio1'
	option network 'lan'
	option mode 'ap'
	option ssid 'OpenWrt'
	option encryption 'none'

config wifi-iface 'apagada'
	option device 'radio1'
	option ssid 'Apagada'
	option disabled '1'
"""
"""Fresh from the box: both radios are off, and switched on they would send an open network into lan."""

# A site whose management runs over its own radio: a wrong country takes the SSH server off the air.
RELOAD = """#!/bin/sh
R="${PLAZA_ROOT:-}"
echo reloaded >>"$R/tmp/reloads"
pid=$(cat "$R/tmp/listener.pid" 2>/dev/null)
if grep -q "option country 'XX'" "$R/etc/config/wireless"; then
    kill "$pid"
elif [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
    %s
fi
"""

# What stock OpenWrt's BusyBox has and our scripts may use; no diff, patch, base64, timeout, nohup, stat, od.
APPLETS = (
    *("sh", "ash", "[", "test", "true", "false", "echo", "printf", "env", "kill", "sleep", "sync"),
    *("awk", "cat", "cut", "df", "grep", "head", "sed", "tail", "tr", "cmp", "sha256sum"),
    *("chmod", "cp", "ln", "ls", "mkdir", "mv", "rm", "tar", "gzip", "gunzip", "start-stop-daemon"),
)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait for a condition; fail with its name. It is looked at less often the longer that takes."""
    began = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - began
        assert waited_s < limit_s, f"waited {limit_s} s in vain: {what}"
        time.sleep(min(0.02 + waited_s / 10, 0.25))


class Server(Protocol):
    """A kind of SSH server."""

    def install(self, root: Path, port: int) -> str:
        """Prepare the device's files; returns the shell command that starts the listener from inside."""
        ...

    def start(self, root: Path) -> None:
        """Start the listener from outside, as the boot does."""
        ...

    def run(self, root: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command inside the device."""
        ...

    def new_host_key(self, root: Path) -> None:
        """Make another host key in place of the present one, if any."""
        ...

    def processes(self, root: Path) -> set[int]:
        """All processes of this device."""
        ...


class OpenSsh:
    """OpenSSH as the present user; the device's files are below PLAZA_ROOT."""

    def install(self, root: Path, port: int) -> str:
        """Host key, authorized key and a forced command that sets PLAZA_ROOT."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        keys = root / "ssh"
        keygen(keys / "client")
        self.new_host_key(root)
        shutil.copy(keys / "client.pub", keys / "authorized")
        uci = shutil.which("uci")
        (root / "bin").mkdir()
        if uci is None:
            (root / "bin" / "uci").symlink_to(STAND_IN)
        (keys / "sshd.conf").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys}/host\n"
            f"AuthorizedKeysFile {keys}/authorized\nStrictModes no\nPasswordAuthentication no\n"
            f"UsePAM no\nPermitRootLogin yes\nPidFile {root}/tmp/listener.pid\n"
            "SetEnv SHLVL=5\n"  # else bash reads the whole ~/.bashrc of whoever runs the test, at each login
            f'ForceCommand PLAZA_ROOT={root} PATH={root}/bin:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"\n'
        )
        return f"{self.program()} -f {keys}/sshd.conf"

    def new_host_key(self, root: Path) -> None:
        """ed25519."""
        (root / "ssh/host").unlink(missing_ok=True)
        keygen(root / "ssh/host")

    def program(self) -> str:
        """The server; it insists on its full path."""
        return need.program("sshd", "openssh-server")

    def environment(self, root: Path) -> dict[str, str]:
        """What the device's processes are known by."""
        return {
            **os.environ,
            "PLAZA_ROOT": str(root),
            "PATH": f"{root}/bin:{os.environ['PATH']}:/usr/sbin:/sbin",
        }

    def start(self, root: Path) -> None:
        """It becomes a daemon by itself."""
        subprocess.run(
            [self.program(), "-f", f"{root}/ssh/sshd.conf"], check=True, env=self.environment(root)
        )

    def run(self, root: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
        """With PLAZA_ROOT, as a login has it."""
        arguments = [f"{root}{word}" if word.startswith("/") else word for word in command]
        return subprocess.run(arguments, env=self.environment(root), capture_output=True, check=False)

    def processes(self, root: Path) -> set[int]:
        """The listener with all below it, and what has PLAZA_ROOT with the sshd above it.

        sshd writes its title over its environment, so that it is not known by that.
        """
        mark = f"PLAZA_ROOT={root}".encode()
        parents = {pid: parent for pid in _all_pids() if (parent := _parent(pid))}
        found = {pid for pid in parents if mark in proc(pid, "environ").split(b"\0")}
        found |= {parents[pid] for pid in found if proc(parents[pid], "comm") == b"sshd\n"}
        listener = root / "tmp/listener.pid"
        found |= {int(listener.read_text())} & parents.keys() if listener.exists() else set()
        while below := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= below
        return found - {os.getpid()}


class Dropbear:
    """dropbear and BusyBox in a chroot, as on a stock OpenWrt."""

    def install(self, root: Path, port: int) -> str:
        """A root file system with BusyBox, dropbear and uci."""
        need.root()
        for folder in ("bin", "sbin", "usr/sbin", "dev", "root/.ssh", "etc/dropbear", "proc"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/ash\n")
        (root / "etc/group").write_text("root:x:0:\n")
        (root / "etc/shells").write_text("/bin/ash\n")
        os.mknod(root / "dev/null", 0o666 | 0o020000, os.makedev(1, 3))
        os.chmod(root / "dev/null", 0o666)
        install_program(root, Path(need.program("busybox", "busybox")), "bin/busybox")
        install_program(root, Path(need.program("dropbear", "dropbear-bin")), "usr/sbin/dropbear")
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        shutil.copy(STAND_IN, root / "sbin/uci")
        self.new_host_key(root)
        keygen(root / "ssh/client")
        shutil.copy(root / "ssh/client.pub", root / "root/.ssh/authorized_keys")
        os.chmod(root / "root/.ssh", 0o700)
        os.chmod(root / "root", 0o700)
        os.chmod(root, 0o755)
        self._arguments = [
            "/usr/sbin/dropbear", "-s", "-p", f"127.0.0.1:{port}", "-P", "/tmp/listener.pid",
            "-r", "/etc/dropbear/ed25519", "-r", "/etc/dropbear/rsa",
        ]  # fmt: skip
        return " ".join(self._arguments)

    def new_host_key(self, root: Path) -> None:
        """ed25519, and RSA too: this dropbear dies of a client that asks for the one that is not there."""
        folder = root / "etc/dropbear"
        (folder / "ed25519").write_bytes(dropbear_ed25519())
        (folder / "rsa").write_bytes(dropbear_rsa())

    def start(self, root: Path) -> None:
        """It becomes a daemon by itself."""
        subprocess.run(["chroot", str(root), *self._arguments], check=True, capture_output=True)

    def run(self, root: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
        """In the chroot."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        return subprocess.run(
            ["chroot", str(root), *command], env=environment, capture_output=True, check=False
        )

    def processes(self, root: Path) -> set[int]:
        """By their root directory."""
        return {pid for pid in _all_pids() if _root_of(pid) == str(root)}


def quickest() -> Server:
    """dropbear, which needs root, or else OpenSSH."""
    can = os.geteuid() == 0 and shutil.which("dropbear", path="/usr/sbin:/usr/bin")
    return Dropbear() if can else OpenSsh()


def install_program(root: Path, program: Path, place: str) -> None:
    """A program with the shared libraries it needs."""
    shutil.copy(program, root / place)
    for library in _libraries(program):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(os.path.realpath(library), target)


@cache
def _libraries(program: Path) -> tuple[str, ...]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return tuple(word for word in listed.split() if word.startswith("/"))


@dataclass
class Ap:
    """One access point: its files, its server and what the inventory says of it."""

    root: Path
    server: Server
    port: int
    name: str

    @property
    def device(self) -> Device:
        """What the inventory says of it."""
        endpoint = Endpoint("127.0.0.1", self.port)
        return Device(
            name=self.name,
            role=Role.AP,
            municipality="08019",
            site="08019-plaza",
            platform="openwrt",
            address="192.168.1.1",
            snmp=endpoint,
            ssh=endpoint,
            http=endpoint,
            ssh_credentials="aps-ssh" + self.name[-2:],
            radios=(Radio(Band.GHZ_2, channel=6), Radio(Band.GHZ_5, channel=149, width_mhz=40, power_dbm=20)),
            ssids=(Ssid("Chihuahua Gratis"),),
        )

    @property
    def login(self) -> SshLogin:
        """The login that it accepts."""
        return SshLogin(self.user, private_key=Secret((self.root / "ssh/client").read_text()))

    @property
    def user(self) -> str:
        """root in a chroot, else whoever runs the test."""
        return pwd.getpwuid(os.geteuid()).pw_name

    def host_key(self) -> HostKey:
        """The key that it shows now."""
        return ssh.fetch_host_key(self.device)

    def configuration(self) -> dict[str, bytes]:
        """All files that hold configuration, octet for octet."""
        folder = self.root / "etc/config"
        return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}

    def option(self, path: str) -> str:
        """What `uci get` prints."""
        uci = "/sbin/uci" if isinstance(self.server, Dropbear) else "uci"
        return self.server.run(self.root, uci, "-q", "get", path).stdout.decode().rstrip("\n")

    def listening(self) -> bool:
        """Whether its SSH port answers."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def reloads(self) -> int:
        """How often its services were reloaded."""
        file = self.root / "tmp/reloads"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def history(self) -> str:
        """What it remembers of trials."""
        file = self.root / "etc/plaza/history"
        return file.read_text() if file.exists() else ""

    def lose_power(self) -> None:
        """End all its processes at once; what is in memory is gone, what is on flash stays.

        All are stopped before one is killed: a guard whose sleep is killed first would still do its work.
        """
        until = time.monotonic() + 60
        stopped: set[int] = set()
        while new := self.server.processes(self.root) - stopped:
            for pid in new:
                _send(pid, signal.SIGSTOP)
            stopped |= new
        while pids := self.server.processes(self.root):
            for pid in pids:
                _send(pid, signal.SIGKILL)
            assert time.monotonic() < until, f"these do not end: {pids}"
        for path in (self.root / "tmp").iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def reinstall(self) -> None:
        """It comes back with new host keys."""
        self.lose_power()
        self.server.new_host_key(self.root)
        self.start()

    def boot(self) -> None:
        """Run the boot hooks, then the services."""
        for hook in sorted((self.root / "etc/rc.d").glob("S*")):
            done = self.server.run(self.root, f"/etc/rc.d/{hook.name}", "boot")
            # one that another hook began may take itself away before its turn
            assert done.returncode == 0 or not hook.exists(), done.stderr
        self.start()

    def start(self) -> None:
        """Start the listener and wait for it."""
        self.server.start(self.root)
        wait_until("the SSH server listens", self.listening)


def _all_pids() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def proc(pid: int, name: str) -> bytes:
    """A file of /proc/PID; empty when the process is gone, a zombie or not ours."""
    try:
        with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:  # read for every process there is
            return file.read()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    fields = proc(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 and fields[0] != b"Z" else 0


def _root_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/root")
    except OSError:
        return ""


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def make_ap(folder: Path, server: Server, name: str = "ap-08019-1") -> Ap:
    """A running access point with hand-made settings."""
    root = folder / name
    for part in ("etc/config", "etc/rc.d", "tmp", "ssh", "sbin"):
        (root / part).mkdir(parents=True)
    (root / "etc/config/system").write_text(SYSTEM)
    (root / "etc/config/wireless").write_text(WIRELESS)
    (root / "etc/config/network").write_text(NETWORK)
    port = free_port()
    start = server.install(root, port)
    hook = root / ("sbin" if isinstance(server, Dropbear) else "bin") / "reload_config"
    hook.write_text(RELOAD % start)
    hook.chmod(0o755)
    ap = Ap(root, server, port, name)
    ap.start()
    return ap


def running(folder: Path, server: Server, name: str = "ap-08019-1") -> Iterator[Ap]:
    """An access point for the length of a fixture."""
    ap = make_ap(folder, server, name)
    yield ap
    ap.lose_power()


def cut_off(device: Device) -> Device:
    """A wanted state that takes the device's management away."""
    return replace(device, country="XX")
