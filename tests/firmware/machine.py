"""An access point with flash memory, on a link that is counted."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from tests.configure.device import Ap, Dropbear, make_ap
from tests.configure.relay import Relay
from tests.firmware.image import BOARD

OLD, NEW = "23.05.3", "24.10.1"

# What the real one does, by its source: -T looks whether the board is among those of the image; else the
# settings are kept, all processes end, the device restarts. Here who is outside sees the request and does it.
SYSUPGRADE = """#!/bin/sh
R="${PLAZA_ROOT:-}"
[ "$1" != -T ] || { test=yes; shift; }
board=$(cat "$R/tmp/sysinfo/board_name")
if ! tail -c 4096 "$1" | grep -q "\\"$board\\""; then
    echo "Device $board not supported by this image"
    echo "Image check failed."
    exit 1
fi
[ -z "$test" ] || exit 0
echo begun >>"$R/flash/begun"
[ ! -e "$R/flash/refuses" ] || { echo "ubus call failed: no memory"; exit 1; }
cp "$1" "$R/flash/new" && mv "$R/flash/new" "$R/flash/image"
sleep 600
"""
APPLETS = ("wc", "wget", "rmdir", "sort", "tail", "df")


class Backhaul(Relay):
    """A link that counts the octets which went out to the device, and when."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.octets = 0
        self.passed: list[tuple[float, int]] = []

    def _allowed(self, piece: bytes) -> bytes:
        passed = super()._allowed(piece)
        self.octets += len(passed)
        self.passed.append((monotonic(), self.octets))
        return passed

    def took_s(self, since: int, until: int) -> float:
        """How long the octets from one to another took at least."""
        first = next(at for at, octets in self.passed if octets >= since)
        return next(at for at, octets in self.passed if octets >= until) - first


@dataclass(frozen=True)
class Place:
    """A device, and the port of the link that leads to it."""

    ap: Ap
    port: int


@dataclass
class Machine:
    """An access point with flash memory: once sysupgrade has written an image, it restarts with it."""

    ap: Ap
    link: Backhaul
    boot_s: float = 0.3
    takes: bool = True
    forgets: bool = False
    dead: bool = False
    restarts: int = 0
    during: Callable[[], None] = field(default=lambda: None)
    mounted: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        root = self.ap.root
        (root / "flash").mkdir(exist_ok=True)
        self.have("sbin/sysupgrade", SYSUPGRADE)
        self.install(OLD)
        self._wake()

    @property
    def place(self) -> Place:
        """Where the controller finds it."""
        return Place(self.ap, self.link.port)

    @property
    def version(self) -> str:
        """What it runs."""
        return (self.ap.root / "etc/openwrt_release").read_text().split("'")[1]

    @property
    def images(self) -> list[str]:
        """What of images lies on it, part files too."""
        folder = self.ap.root / "tmp/plaza-firmware"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    @property
    def begun(self) -> int:
        """How often a flash was begun."""
        file = self.ap.root / "flash/begun"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def fill(self, *, told: bool = False) -> None:
        """Its folder of images is on a small disk; `told` where it can say how small."""
        folder = self.ap.root / ("tmp" if told else "var/tmp")
        folder.mkdir(parents=True, exist_ok=True)
        small = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
        subprocess.run(small, check=True)
        self.mounted.append(folder)
        self._wake()
        if told:
            (self.ap.root / "proc/mounts").write_text("tmpfs /tmp tmpfs rw 0 0\n")

    def off(self) -> None:
        """Somebody pulled its plug."""
        self.ap.lose_power()

    def on(self) -> None:
        """And put it back."""
        self._wake()
        self.ap.start()

    def remember(self, kib: int | None) -> None:
        """It has so much memory left; None: it does not tell."""
        told = f"MemTotal: 65536 kB\nMemAvailable: {kib} kB\n" if kib is not None else ""
        (self.ap.root / "proc/meminfo").write_text(told)

    def be(self, board: str) -> None:
        """It is this board now."""
        (self.ap.root / "tmp/sysinfo/board_name").write_text(f"{board}\n")

    def call(self, model: str) -> None:
        """It says that it is this."""
        (self.ap.root / "tmp/sysinfo/model").write_text(f"{model}\n")

    def have(self, program: str, text: str) -> None:
        """It has this script as a program."""
        (self.ap.root / program).write_text(text)
        (self.ap.root / program).chmod(0o755)

    def silence(self) -> None:
        """Its radio is on, and no network of it."""
        radios = {"radio0": {"up": True, "pending": False, "interfaces": []}}
        self.have("bin/ubus", f"#!/bin/sh\necho '{json.dumps(radios)}'\n")

    def try_out(self) -> None:
        """It is about to end a trial."""
        (self.ap.root / "etc/plaza").mkdir(exist_ok=True)
        (self.ap.root / "etc/plaza/confirmed").touch()

    def edit(self) -> None:
        """A person changes something on it and has not finished."""
        folder = self.ap.root / "tmp/.uci"
        folder.mkdir(exist_ok=True)
        (folder / "wireless").write_text("wireless.radio0.channel='9'\n")

    def finish(self) -> None:
        """Nobody changes anything on it any more, and its networks are on the air."""
        shutil.rmtree(self.ap.root / "tmp/.uci", ignore_errors=True)
        for name in ("etc/plaza/confirmed", "bin/ubus"):
            (self.ap.root / name).unlink(missing_ok=True)

    def install(self, version: str) -> None:
        """It runs this version now."""
        (self.ap.root / "etc/openwrt_release").write_text(f"DISTRIB_RELEASE='{version}'\n")

    def restart_if_flashed(self) -> None:
        """What its boot loader does."""
        image = self.ap.root / "flash/image"
        if not image.exists() or self.dead:
            return
        octets = image.read_bytes()
        image.unlink()
        self.during()
        self.ap.lose_power()
        self.restarts += 1
        sleep(self.boot_s)
        metadata = json.loads(octets[octets.rindex(b'{"metadata') : octets.rindex(b"}") + 1])
        if self.takes:
            self.install(metadata["version"]["version"])
        if self.forgets:
            file = self.ap.root / "etc/config/wireless"
            file.write_text(file.read_text().replace("De antes", "OpenWrt"))
        if not self.dead:
            self.on()

    def _wake(self) -> None:
        info = self.ap.root / "tmp/sysinfo"
        info.mkdir(parents=True, exist_ok=True)
        (info / "board_name").write_text(BOARD + "\n")


@contextmanager
def living(machines: Sequence[Machine]) -> Iterator[None]:
    """They restart when they are flashed; afterwards nothing of them is left."""
    stop = threading.Event()
    threads = [threading.Thread(target=_live, args=(each, stop)) for each in machines]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for each in machines:
            each.link.close()
            each.ap.lose_power()
            for small in each.mounted:
                subprocess.run(["umount", str(small)], check=True)


def _live(machine: Machine, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        with suppress(FileNotFoundError):
            machine.restart_if_flashed()


def machine_of(folder: Path, name: str) -> Machine:
    server = Dropbear()
    ap = make_ap(folder, server, name)
    for applet in APPLETS:
        link = ap.root / "bin" / applet
        if not link.exists() and not link.is_symlink():
            link.symlink_to("busybox")
    return Machine(ap, Backhaul(ap.port))
