"""SSH servers of the virtual APs: publickey or password login, then `exec`."""

import hashlib
import io
import logging
import socket
import threading
import time
from typing import Final

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    MSG_CHANNEL_SUCCESS,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from simulator.ap import VirtualAp
from simulator.auth import KeyKinds
from simulator.errors import AddressTaken
from simulator.model import ApSpec, Fault, SshAccess
from simulator.shell import Shells

MAX_CONNECTIONS: Final = 64
LOGIN_GRACE_S: Final = 60.0
_ANSWER_S: Final = 1.0

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # a port scan is no news to a simulator


def bind(spec: ApSpec, ssh: SshAccess) -> socket.socket:
    """The listening socket of an AP. Raises AddressTaken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ssh.address.host, ssh.address.port))
        sock.listen(32)
    except OSError as error:
        sock.close()
        raise AddressTaken(f"{spec.name} ssh", str(ssh.address), error.strerror or str(error)) from error
    return sock


def host_key(seed: int, name: str) -> paramiko.Ed25519Key:
    """The AP's host key: the same for the same seed and name."""
    secret = hashlib.sha256(f"plaza simulator host key\0{seed}\0{name}".encode()).digest()
    key = Ed25519PrivateKey.from_private_bytes(secret)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return paramiko.Ed25519Key(file_obj=io.StringIO(pem.decode()))


class SshServers:
    """Takes connections in for all APs: a thread each, and no more than the cap at once."""

    def __init__(self, seed: int, shells: Shells, max_connections: int = MAX_CONNECTIONS) -> None:
        self._seed = seed
        self._shells = shells
        self._max_connections = max_connections
        self._live: dict[_Transport, VirtualAp] = {}

    def accept(self, listener: socket.socket, ap: VirtualAp) -> None:
        """Take one connection in and return at once; one above the cap is closed."""
        try:
            sock, _ = listener.accept()
        except OSError:
            return  # gone before its turn, or out of descriptors
        self._drop_the_gone()
        if len(self._live) >= self._max_connections or ap.spec.ssh is None:
            sock.close()
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = _Transport(sock)
        transport.local_version = "SSH-2.0-dropbear"
        transport.daemon = True
        transport.add_server_key(host_key(self._seed, ap.spec.name))
        transport.start_server(threading.Event(), _Login(ap, ap.spec.ssh, transport, self._shells))
        self._live[transport] = ap

    def _drop_the_gone(self) -> None:
        """Forget who has left, and end who did not log in within the grace."""
        for transport in self._live:
            if transport.loiters():
                transport.close()
        self._live = {t: ap for t, ap in self._live.items() if t.is_active()}

    def cut(self, ap: VirtualAp) -> None:
        """End the live connections of an AP that died."""
        for transport, owner in self._live.items():
            if owner is ap:
                transport.close()

    def close(self) -> None:
        """End every connection and what runs in it."""
        for transport in self._live:
            transport.close()
        self._shells.close()


class _Transport(paramiko.Transport):
    """A transport that knows when the client was told that its request is accepted.

    A quick command must not end before that: its client would take the closed channel for a refusal.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.auth_handler = KeyKinds(self)
        self._successes = threading.Semaphore(0)
        self._since_s = time.monotonic()

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]  # the stubs leave it out
        if data.asbytes()[0] == MSG_CHANNEL_SUCCESS:
            self._successes.release()

    def loiters(self) -> bool:
        """Whether nobody has logged in for too long."""
        return not self.is_authenticated() and time.monotonic() > self._since_s + LOGIN_GRACE_S

    def accepted(self) -> None:
        """Wait until one more request is answered; a client that wants no answer gets none."""
        self._successes.acquire(timeout=_ANSWER_S)


class _Login(paramiko.ServerInterface):
    """Decides what one connection may do: the spec's one account, keys that its home lets in, `exec` only."""

    def __init__(self, ap: VirtualAp, access: SshAccess, transport: _Transport, shells: Shells) -> None:
        self._ap = ap
        self._access = access
        self._transport = transport
        self._shells = shells

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password" if self._access.password else "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        home = self._ap.home
        return _verdict(username == self._access.user and home is not None and home.lets_in(key.get_base64()))

    def check_auth_password(self, username: str, password: str) -> int:
        wanted = self._access.password
        return _verdict(bool(wanted) and username == self._access.user and password == wanted)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if kind == "session":
            return OPEN_SUCCEEDED
        return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self._ap.fault is Fault.DEAD:
            return False
        return self._shells.start(
            self._ap, channel, command.decode(errors="surrogateescape"), self._transport.accepted
        )

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        return False


def _verdict(right: bool) -> int:
    return AUTH_SUCCESSFUL if right else AUTH_FAILED
