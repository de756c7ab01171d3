"""A real OpenSSH server that says what a recorded dialogue says."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drivers.errors import Unreachable
from drivers.host_key import HostKey
from drivers.model import Device, Endpoint, Secret, SshLogin
from drivers.ssh import SshShell, connect, fetch_host_key
from tests import need
from tests.collectors.dialogue import Dialogue, device
from tests.configure.device import keygen
from tests.simulator.lab import free_port, until


@dataclass(frozen=True)
class Door:
    """Where the device is, its host key and our key."""

    device: Device
    host_key: HostKey
    login: SshLogin

    def enter(self, device: Device) -> SshShell:
        """A new login."""
        return connect(device, self.login, self.host_key, 30.0)


@contextmanager
def replayed(directory: Path, dialogue: Dialogue) -> Iterator[Door]:
    """The server, gone afterwards."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    keygen(directory / "client")
    keygen(directory / "host")
    shutil.copy(directory / "client.pub", directory / "authorized")
    port = free_port(socket.SOCK_STREAM)
    answering = Path(__file__).with_name("answering.py")
    (directory / "sshd.conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nPidFile none\n"
        f"AuthorizedKeysFile {directory}/authorized\nStrictModes no\nPasswordAuthentication no\n"
        "UsePAM no\nPermitRootLogin yes\nSetEnv SHLVL=5\n"
        f"ForceCommand exec {sys.executable} -I -S {answering} {dialogue.file} {directory}\n"
    )
    server = subprocess.Popen(
        [need.program("sshd", "openssh-server"), "-D", "-f", str(directory / "sshd.conf")],
        stderr=subprocess.DEVNULL,
    )
    try:
        there = device(dialogue, ssh=Endpoint("127.0.0.1", port))
        key = until(lambda: _shown(there), "sshd's host key")
        user = os.environ.get("USER") or "root"
        secret = Secret((directory / "client").read_text())
        yield Door(there, key, SshLogin(user, secret))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _shown(there: Device) -> HostKey | None:
    try:
        return fetch_host_key(there)
    except Unreachable:
        return None
