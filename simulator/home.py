"""The file system of one virtual AP below its state directory."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from simulator.air import BAND_NAMES, factory_channel
from simulator.chance import between
from simulator.model import ApSpec

BIN: Final = Path(__file__).parent.absolute() / "bin"
SYSTEM_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_SCRIPT_S: Final = 20.0
PACKAGES: Final = ("system", "network", "wireless")
MODEL: Final = "Example EX-200"
BOARD: Final = "example,ex-200"
RELEASE: Final = "23.05.5"
REVISION: Final = "r24106-10cc5fcd00"
_RELEASED: Final = f"DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='{RELEASE}'\nDISTRIB_REVISION='{REVISION}'\n"
_HTMODES: Final = {"2g": "HT20", "5g": "VHT80", "6g": "HE80"}


class Home:
    """What an AP remembers: /etc stays, /tmp is lost at each start as at a power cut.

    `applied` files are what the running system was last told (by `wifi` or `reload_config`): a committed
    change that nobody applied is not on the air.
    """

    def __init__(self, state_dir: Path, name: str) -> None:
        self.root = (state_dir / name).absolute()
        self._applied = self.root / "tmp/run/air"
        self._keys = self.root / "etc/dropbear/authorized_keys"
        self._watched = tuple(str(self._applied / package) for package in ("system", "wireless"))

    def start(self, seed: int, spec: ApSpec) -> None:
        """Make the factory state at the first start, then boot: /tmp empty, /etc/rc.d run, all applied."""
        config = self.root / "etc/config"
        config.mkdir(parents=True, exist_ok=True)
        for package, text in factory(seed, spec).items():
            _write_once(config / package, text)
        _write_once(self.root / "etc/openwrt_release", _RELEASED)
        self._keys.parent.mkdir(exist_ok=True)
        _write_once(self._keys, f"{spec.ssh.authorized_key}\n" if spec.ssh else "")
        self.cut_power()
        shutil.rmtree(self.root / "tmp", ignore_errors=True)
        self._applied.mkdir(parents=True)
        (self.root / "tmp/log").mkdir()
        self._tell_of_itself(f"EX{between(0, 16**8 - 1, seed, spec.name, 'serial'):08X}")
        with contextlib.suppress(FileExistsError):
            (self.root / "var").symlink_to("tmp")
        self._run_boot_scripts()
        for package in PACKAGES:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(config / package, self._applied / package)

    def _tell_of_itself(self, serial: str) -> None:
        """What the kernel and the early boot scripts of OpenWrt leave for others to read."""
        told = {"tmp/sysinfo/model": MODEL, "tmp/sysinfo/board_name": BOARD}
        for name, text in (told | {"proc/device-tree/serial-number": f"{serial}\0"}).items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        (self.root / "overlay").mkdir(exist_ok=True)

    def environment(self) -> dict[str, str]:
        """What a process on this AP sees."""
        return {
            "HOME": str(self.root),
            "PLAZA_ROOT": str(self.root),
            "PATH": f"{BIN}:{SYSTEM_PATH}",
            "USER": "root",
            "LOGNAME": "root",
            "SHELL": "/bin/sh",
        }

    def cut_power(self) -> None:
        """End what bin/start-stop-daemon listed; a process that is not this AP's is left alone."""
        mark = f"PLAZA_ROOT={self.root}".encode()
        for listed in (self.root / "tmp/run/daemons").glob("*"):
            if not listed.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if mark in Path("/proc", listed.name, "environ").read_bytes().split(b"\0"):
                    os.killpg(int(listed.name), signal.SIGKILL)

    def _run_boot_scripts(self) -> None:
        for script in sorted((self.root / "etc/rc.d").glob("S*")):
            with contextlib.suppress(subprocess.TimeoutExpired, OSError):
                subprocess.run(
                    ["/bin/sh", str(script), "boot"],
                    cwd=self.root,
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=BOOT_SCRIPT_S,
                    check=False,
                )

    def applied(self, package: str) -> str:
        """The text of a package as last applied; empty when there is none."""
        try:
            return (self._applied / package).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def lets_in(self, key: str) -> bool:
        """Whether a public key (base64) may log in as root, as dropbear reads it; options bind nobody."""
        try:
            lines = self._keys.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return any(key in line.split() for line in lines if not line.lstrip().startswith("#"))

    def version(self) -> tuple[int, ...]:
        """Changes whenever a file was applied."""
        stamps = []
        for path in self._watched:
            try:
                stat = os.stat(path)
            except FileNotFoundError:
                stamps.append(0)
            else:
                stamps += [stat.st_mtime_ns, stat.st_size, stat.st_ino]
        return tuple(stamps)


def _write_once(path: Path, text: str) -> None:
    with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
        file.write(text)


def factory(seed: int, spec: ApSpec) -> dict[str, str]:
    """The UCI packages of an AP as it comes out of its box."""
    return {
        "system": _sections(("system", "", {"hostname": "OpenWrt", "timezone": "UTC", "ttylogin": "0"})),
        "network": _network(seed, spec),
        "wireless": _wireless(seed, spec),
    }


def mac(seed: int, name: str, number: int) -> bytes:
    """A locally administered MAC address; `number` counts the interfaces of the AP."""
    tail = between(0, 2**24 - 1, seed, name, "mac")
    return bytes((0x02, 0x00, number & 0xFF)) + tail.to_bytes(3, "big")


def _network(seed: int, spec: ApSpec) -> str:
    prefix = f"fd{between(0, 255, seed, spec.name, 'ula'):02x}:{between(0, 65535, seed, spec.name, 'ula2'):x}"
    loopback = {"device": "lo", "proto": "static", "ipaddr": "127.0.0.1", "netmask": "255.0.0.0"}
    lan = {"device": "br-lan", "proto": "static", "ipaddr": "192.168.1.1", "netmask": "255.255.255.0"}
    return _sections(
        ("interface", "loopback", loopback),
        ("globals", "globals", {"ula_prefix": f"{prefix}::/48"}),
        ("device", "", {"name": "br-lan", "type": "bridge", "ports": "eth0"}),
        ("interface", "lan", lan | {"ip6assign": "60"}),
    )


def _wireless(seed: int, spec: ApSpec) -> str:
    sections = []
    for phy, band in enumerate(spec.bands):
        name, uci = f"radio{phy}", BAND_NAMES[band]
        device = {
            "type": "mac80211",
            "path": f"pci0000:00/0000:00:{phy:02d}.0/0000:01:00.0",
            "band": uci,
            "channel": str(factory_channel(seed, spec.name, band)),
            "htmode": _HTMODES[uci],
            "cell_density": "0",
        }
        iface = {"device": name, "network": "lan", "mode": "ap", "ssid": "OpenWrt", "encryption": "none"}
        sections += [("wifi-device", name, device), ("wifi-iface", f"default_{name}", iface)]
    return _sections(*sections)


_LISTS: Final = frozenset({"ports"})


def _sections(*sections: tuple[str, str, dict[str, str]]) -> str:
    out = []
    for kind, name, options in sections:
        lines = [f"config {kind} '{name}'" if name else f"config {kind}"]
        lines += [f"\t{'list' if k in _LISTS else 'option'} {k} '{v}'" for k, v in options.items()]
        out.append("\n".join(lines) + "\n")
    return "\n" + "\n".join(out) + "\n"
