"""Many OpenWrt-like hosts: `python -m bench.apply.aps JSON` runs real dropbear and BusyBox in chroots.

It wants root and a mount namespace of its own, for each chroot has a devpts: a terminal needs one.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from bench.apply.configuration import UCI
from bench.apply.lifetime import given, until_ended
from bench.apply.work import Place
from bench.poll.peer import build, program

FIRST: Final = IPv4Address("127.10.0.1")

# What stock OpenWrt's BusyBox has and the scripts of the bench and of Plaza use.
APPLETS: Final = (
    *("sh", "ash", "[", "test", "true", "false", "echo", "printf", "env", "kill", "sleep", "sync"),
    *("awk", "cat", "cut", "date", "grep", "head", "sed", "tail", "tr", "cmp", "sha256sum", "stty"),
    *("chmod", "cp", "ln", "ls", "mkdir", "mv", "rm", "tar", "gzip", "gunzip", "start-stop-daemon"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`count` hosts below `folder`, listening on `port`, with `uci` as that program; `key_file` is let in."""

    folder: str
    count: int
    port: int
    uci: str
    key_file: str


def base(folder: Path, uci: Path) -> Path:
    """The programs of every host, which are linked into each of them."""
    made = folder / "base"
    install(made, Path(program("busybox", "busybox")), "bin/busybox")
    install(made, Path(program("dropbear", "dropbear-bin")), "usr/sbin/dropbear")
    install(made, uci, "sbin/uci")
    for applet in APPLETS:
        (made / "bin" / applet).symlink_to("busybox")
    reload = made / "sbin/reload_config"
    reload.write_text("#!/bin/sh\n")
    reload.chmod(0o755)
    for kind in ("ed25519", "rsa"):  # this dropbear dies of a client that asks for the one that is not there
        build([program("dropbearkey", "dropbear-bin"), "-t", kind, "-f", str(made / kind)])
    return made


def install(root: Path, from_: Path, place: str) -> None:
    """A program with the shared libraries it needs."""
    targets = {root / place: from_}
    listed = subprocess.run(["ldd", from_], capture_output=True, text=True, check=False).stdout
    targets |= {root / word.lstrip("/"): Path(word) for word in listed.split() if word.startswith("/")}
    for target, source in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.resolve(), target)


def furnish(root: Path, programs: Path, key_file: str) -> None:
    """The files of one host."""
    shutil.copytree(programs, root, symlinks=True, copy_function=os.link)
    for folder in ("dev/pts", "proc", "tmp", "etc/config", "etc/dropbear", "etc/rc.d", "root/.ssh"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/ash\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/shells").write_text("/bin/ash\n")
    for package, text in UCI.items():
        (root / "etc/config" / package).write_text(text)
    shutil.copy(f"{key_file}.pub", root / "root/.ssh/authorized_keys")
    for private in ("root", "root/.ssh"):
        (root / private).chmod(0o700)
    root.chmod(0o755)
    for name, numbers in {"null": (1, 3), "tty": (5, 0), "ptmx": (5, 2)}.items():
        os.mknod(root / "dev" / name, 0o666 | 0o020000, os.makedev(*numbers))
        (root / "dev" / name).chmod(0o666)
    subprocess.run(["mount", "-t", "devpts", "-o", "ptmxmode=666", "devpts", root / "dev/pts"], check=True)


def start(root: Path, place: Place) -> subprocess.Popen[bytes]:
    """The SSH server of one host; it ends with us."""
    argv = [
        *("setpriv", "--pdeathsig", "TERM", "chroot", str(root), "/usr/sbin/dropbear", "-F", "-s"),
        *("-p", f"{place.host}:{place.port}", "-P", "", "-r", "/ed25519", "-r", "/rsa"),
    ]
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def listening(places: Iterable[Place]) -> None:
    """Wait until each of them is listened on, without a connection: a server counts those."""
    wanted = {f"{_kernel_hex(place.host)}:{place.port:04X}" for place in places}
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if wanted <= {row[1] for row in rows if row[3] == "0A"}:
            return
        time.sleep(0.05)
    raise TimeoutError("not every dropbear listens")


def _kernel_hex(host: str) -> str:
    return bytes(reversed(IPv4Address(host).packed)).hex().upper()


def main(wanted: Wanted) -> None:
    """Make them, tell where they are, serve, end them."""
    folder = Path(wanted.folder)
    shutil.rmtree(folder, ignore_errors=True)
    programs = base(folder, Path(wanted.uci))
    places = [Place(str(FIRST + number), wanted.port) for number in range(wanted.count)]
    servers = []
    try:
        for number, place in enumerate(places):
            root = folder / f"{number:03}"
            furnish(root, programs, wanted.key_file)
            servers.append(start(root, place))
        listening(places)
        until_ended(places=[asdict(place) for place in places], processes=[one.pid for one in servers])
    finally:
        for server in servers:
            server.send_signal(signal.SIGTERM)
        for server in servers:
            server.wait()


if __name__ == "__main__":
    main(Wanted(**given(sys.argv[1])))
