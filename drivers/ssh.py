"""Logs in over SSH and runs one script: the only file that knows netmiko and paramiko."""

import base64
import binascii
import hashlib
import io
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

import netmiko
import paramiko

from drivers.errors import AuthFailed, HostKeyChanged, HostKeyUnknown, UnexpectedReply, Unreachable
from drivers.model import Device, Secret, SshLogin

MAX_OUTPUT: Final = 4 * 1024 * 1024
_KEY_CLASSES: Final = (paramiko.Ed25519Key, paramiko.RSAKey, paramiko.ECDSAKey)

_PLAINLY: Final = (
    ("No existing session", "it accepts the connection and says nothing"),
    ("Error reading SSH protocol banner", "it accepts the connection and says nothing of SSH"),
    ("Negotiation failed", "it accepts the connection and says nothing"),
)
"""What paramiko says, in words for a technician."""

# paramiko logs a traceback from its own thread beside raising the error that we translate.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class HostKey:
    """A device's identity: `kind` and `public_key` (base64) as in known_hosts, `fingerprint` "SHA256:…"."""

    kind: str
    public_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a script said. Octets that are not UTF-8 are kept as surrogates."""

    status: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Standard output with a replacement character for what is not UTF-8."""
        return self.stdout.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Shell(Protocol):
    """A login at a device that runs scripts."""

    def run(self, script: str, timeout_s: float) -> Output:
        """Run a POSIX shell script. Raises Unreachable when the line is lost or time is up."""
        ...

    def ask(self, command: str, timeout_s: float) -> Output:
        """Run one command of a device that has no POSIX shell. Raises like `run`."""
        ...


@dataclass(frozen=True, slots=True)
class SshShell:
    """One SSH login; a context manager that closes it."""

    device: str
    login: Any
    client: paramiko.SSHClient

    def run(self, script: str, timeout_s: float) -> Output:
        """Run the script through `sh -s`, without a terminal, so that no line editor cuts it.

        Raises Unreachable when the line is lost or time is up, UnexpectedReply for endless output.
        """
        said = self._exec("sh -s", script, timeout_s)
        if said.status < 0:
            raise Unreachable(self.device, "the SSH session ended before the script did")
        return said

    def ask(self, command: str, timeout_s: float) -> Output:
        """Run one command through `exec`, without a terminal. Its status is -1 when the device tells none.

        Raises like `run`.
        """
        return self._exec(command, "", timeout_s)

    def _exec(self, command: str, given: str, timeout_s: float) -> Output:
        deadline = time.monotonic() + timeout_s
        try:
            with _channel(self.client, timeout_s) as channel:
                channel.exec_command(command)
                channel.sendall(given.encode("utf-8", "surrogateescape"))
                channel.shutdown_write()
                stdout = self._drain(channel, channel.recv, deadline)
                stderr = self._drain(channel, channel.recv_stderr, deadline)
                channel.status_event.wait(max(0.0, deadline - time.monotonic()))
                return Output(channel.exit_status if channel.exit_status_ready() else -1, stdout, stderr)
        except TimeoutError as error:
            raise Unreachable(self.device, f"a script did not end within {timeout_s:g} s") from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise Unreachable(self.device, f"the SSH session broke: {error}") from error

    def _drain(self, channel: paramiko.Channel, receive: Any, deadline: float) -> str:
        pieces: list[bytes] = []
        size = 0
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
            piece = receive(65536)
            if not piece:
                return b"".join(pieces).decode("utf-8", "surrogateescape")
            pieces.append(piece)
            size += len(piece)
            if size > MAX_OUTPUT:
                raise UnexpectedReply(self.device, f"a script printed more than {MAX_OUTPUT} octets")

    def close(self) -> None:
        """End the login; safe to call twice."""
        self.client.close()
        self.login.paramiko_cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(device: Device, login: SshLogin, host_key: HostKey | None, timeout_s: float = 30.0) -> SshShell:
    """Log in, believing only the pinned host key; keys and agents of the user's own are never tried.

    Raises HostKeyUnknown, HostKeyChanged, AuthFailed or Unreachable; whatever was opened is closed again.
    """
    if host_key is None:
        raise HostKeyUnknown(device.name, "no SSH host key is pinned", f"run `plaza adopt {device.name}`")
    session = _login(device, login, timeout_s)
    client = session._build_ssh_client()
    client.get_host_keys().add(_known_name(device), host_key.kind, _pinned_key(device, host_key))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        with _translated(device, host_key):
            client.connect(**session._connect_params_dict(), channel_timeout=timeout_s)
    except BaseException:
        client.close()
        raise
    session.remote_conn_pre = client
    return SshShell(device.name, session, client)


def fetch_host_key(device: Device, timeout_s: float = 30.0) -> HostKey:
    """The key a device shows now, without logging in. Raises Unreachable."""
    try:
        with socket.create_connection((device.ssh.host, device.ssh.port), timeout_s) as line:
            transport = paramiko.Transport(line)
            try:
                transport.start_client(timeout=timeout_s)
                key = transport.get_remote_server_key()
            finally:
                transport.close()
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise _unreachable(device, error) from error
    return HostKey(key.get_name(), key.get_base64(), fingerprint(key.asbytes()))


def fingerprint(public_key: bytes) -> str:
    """As OpenSSH prints it: SHA256:… in base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public_key).digest()).decode().rstrip("=")


def _login(device: Device, login: SshLogin, timeout_s: float) -> Any:
    """netmiko's object for this device, not yet connected."""
    session = netmiko.ConnectHandler(
        device_type="linux",
        host=device.ssh.host,
        port=device.ssh.port,
        username=login.user,
        password=login.password.reveal() if login.password else None,
        pkey=_private_key(device, login.private_key) if login.private_key else None,
        use_keys=False,
        allow_agent=False,
        ssh_strict=True,
        conn_timeout=timeout_s,
        banner_timeout=timeout_s,
        auth_timeout=timeout_s,
        auto_connect=False,
    )
    # netmiko leaves a filter with the password on its logger for each object that never disconnects.
    logging.getLogger("netmiko").removeFilter(session._secrets_filter)
    return session


def _private_key(device: Device, secret: Secret) -> paramiko.PKey:
    for kind in _KEY_CLASSES:
        try:
            return kind.from_private_key(io.StringIO(secret.reveal() + "\n"))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise AuthFailed(
        device.name, "the private key cannot be read", f"put an OpenSSH key in {device.ssh_credentials!r}"
    )


def _pinned_key(device: Device, host_key: HostKey) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_type_string(host_key.kind, base64.b64decode(host_key.public_key))
    except (paramiko.SSHException, ValueError, binascii.Error) as error:
        hint = f"run `plaza adopt --replace-key {device.name} {device.name}`"
        raise HostKeyUnknown(device.name, f"the pinned host key cannot be read: {error}", hint) from error


def _known_name(device: Device) -> str:
    endpoint = device.ssh
    return (
        endpoint.host if endpoint.port == paramiko.config.SSH_PORT else f"[{endpoint.host}]:{endpoint.port}"
    )


@contextmanager
def _channel(client: paramiko.SSHClient, timeout_s: float) -> Iterator[paramiko.Channel]:
    transport = client.get_transport()
    if transport is None or not transport.is_active():
        raise EOFError("the connection is closed")
    with transport.open_session(timeout=timeout_s) as channel:
        channel.settimeout(timeout_s)
        yield channel


@contextmanager
def _translated(device: Device, pinned: HostKey) -> Iterator[None]:
    try:
        yield
    except paramiko.BadHostKeyException as error:
        shown = fingerprint(error.key.asbytes())
        raise HostKeyChanged(
            device.name,
            f"it shows the SSH host key {shown}, pinned is {pinned.fingerprint}",
            f"somebody may stand in between; if it was reinstalled, `plaza adopt --replace-key {device.name} "
            f"{device.name}`",
        ) from error
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error).lower():
            raise _unreachable(device, error) from error
        raise AuthFailed(
            device.name, "it refused our SSH login", f"check credentials {device.ssh_credentials!r}"
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _unreachable(device, error) from error


def _unreachable(device: Device, error: Exception) -> Unreachable:
    said = str(error) or type(error).__name__
    plain = next((plain for words, plain in _PLAINLY if words in said), said)
    return Unreachable(device.name, f"no SSH at {device.ssh}: {plain}", "check power, cable and address")
