"""Logs in over SSH, then runs a script or opens a terminal: the only file that knows netmiko."""

import base64
import binascii
import io
import logging
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, Self

import netmiko
import paramiko

from drivers.errors import (
    AuthFailed,
    ConfigRejected,
    HostKeyChanged,
    HostKeyUnknown,
    UnexpectedReply,
    Unreachable,
)
from drivers.host_key import HostKey, fingerprint
from drivers.model import Device, Secret, SshLogin
from drivers.ssh_channel import opened, unbroken, wake
from drivers.ssh_offer import accepts
from drivers.ssh_terminal import MAX_OUTPUT, SshTerminal
from drivers.terminal import Style, Terminal

KEEPALIVE_S: Final = 30
LOOKS_UP_S: Final = 10
"""How often a login that nobody uses is looked after: paramiko would do it ten times a second."""

GONE_MS: Final = 60_000
"""A line on which nothing we sent is acknowledged for that long is broken (RFC 5482)."""

_KEY_CLASSES: Final = (paramiko.Ed25519Key, paramiko.RSAKey, paramiko.ECDSAKey)

_CHECK_LINE: Final = "check power, cable and address"
_HANGS: Final = "it has power, its SSH server hangs: restart it, or check that it is SSH that listens there"
_BUSY: Final = "it has power, its SSH server gives up: try again, then restart it"
_NO_SERVER: Final = "it has power: it may still be starting, or its SSH is off or at another port"

_PLAINLY: Final = (
    ("No existing session", "it accepts the connection and says nothing", _HANGS),
    ("Error reading SSH protocol banner", "it accepts the connection and says nothing of SSH", _HANGS),
    ("saw EOF", "it hung up in the middle of our login", _BUSY),
    ("Connection refused", "it refuses the connection", _NO_SERVER),
    ("No route to host", "the network knows no way to it", _CHECK_LINE),
    ("timed out", "it does not answer", _CHECK_LINE),
    ("Negotiation failed", "it accepts the connection and says nothing", _HANGS),
)
"""What paramiko says, in words for a technician, with what to do about it."""

# paramiko logs a traceback from its own thread beside raising the error that we translate.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


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
    """One SSH login; a context manager that closes it.

    `answers_s` are the seconds that each answer of its command line took.
    """

    device: str
    login: Any
    client: paramiko.SSHClient
    answers_s: list[float] = field(default_factory=list, repr=False, compare=False)
    _open: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)
    _consoles: dict[Style, Terminal] = field(default_factory=dict, repr=False, compare=False)

    @property
    def user(self) -> str:
        """As whom we are logged in."""
        return str(self.login.username)

    @property
    def public_key(self) -> str:
        """The public key (base64) by which we are logged in, "" for a password."""
        key = self.login.pkey
        return "" if key is None else str(key.get_base64())

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
        started = time.monotonic()
        said = self._exec(command, "", timeout_s)
        self.answers_s.append(time.monotonic() - started)
        return said

    def send(self, command: str, pieces: Iterable[bytes], timeout_s: float) -> Output:
        """Run one command and give it octets, each piece taken within `timeout_s`.

        A command that ends before it took all says so by its status. Raises like `run`, and what the pieces
        raise, which ends the command.
        """
        late = f"it took nothing for {timeout_s:g} s"
        with unbroken(self.device, late), opened(self.client, timeout_s) as channel:
            channel.exec_command(command)
            try:
                for piece in pieces:
                    channel.sendall(piece)
                channel.shutdown_write()
            except OSError:
                if not channel.status_event.wait(1.0) or channel.exit_status < 0:
                    raise
            said = self._ended(channel, time.monotonic() + timeout_s)
        if said.status < 0:
            raise Unreachable(self.device, "the SSH session ended before all was taken")
        return said

    def put(self, path: str, offset: int, pieces: Iterable[bytes], timeout_s: float) -> None:
        """Write octets into a file over SFTP, from `offset` on; from 0 on it begins anew.

        Raises Unreachable, ConfigRejected where the device does not write, and what the pieces raise.
        """
        late = f"it took nothing for {timeout_s:g} s"
        with unbroken(self.device, late), opened(self.client, timeout_s) as channel:
            channel.invoke_subsystem("sftp")
            try:
                with paramiko.SFTPClient(channel).open(path, "r+b" if offset else "wb") as file:
                    file.seek(offset)
                    file.set_pipelined(True)
                    for piece in pieces:
                        file.write(piece)
            except OSError as error:
                if channel.closed or isinstance(error, TimeoutError):
                    raise
                raise ConfigRejected(self.device, f"it did not write {path}: {error}") from error

    @contextmanager
    def terminal(self, style: Style, timeout_s: float = 30.0) -> Iterator[Terminal]:
        """A terminal of its own in this login, at its first prompt within `timeout_s`; closed afterwards.

        Raises Unreachable, or UnexpectedReply when it greets with a question or without end.
        """
        with ExitStack() as stack:
            with unbroken(self.device, f"it opened no terminal within {timeout_s:g} s"):
                channel = stack.enter_context(opened(self.client, timeout_s))
            terminal = SshTerminal(self.device, channel, style, self.answers_s)
            terminal.open(timeout_s)
            yield terminal

    def console(self, style: Style, timeout_s: float) -> Terminal:
        """The one terminal of this login, opened when first asked for, closed with the login.

        For devices such as Cisco IOS that have room for one channel. Raises like `terminal`.
        """
        if style not in self._consoles:
            self._consoles[style] = self._open.enter_context(self.terminal(style, timeout_s))
        return self._consoles[style]

    def alive(self, timeout_s: float) -> bool:
        """Whether the device still answers in this login within `timeout_s`."""
        try:
            with opened(self.client, timeout_s):
                return True
        except paramiko.ChannelException:
            return True  # it has no room for another channel, and says so
        except (paramiko.SSHException, OSError, EOFError):
            return False

    def _exec(self, command: str, given: str, timeout_s: float) -> Output:
        deadline = time.monotonic() + timeout_s
        with (
            unbroken(self.device, f"a script did not end within {timeout_s:g} s"),
            opened(self.client, timeout_s) as channel,
        ):
            channel.exec_command(command)
            channel.sendall(given.encode("utf-8", "surrogateescape"))
            channel.shutdown_write()
            return self._ended(channel, deadline)

    def _ended(self, channel: paramiko.Channel, deadline: float) -> Output:
        stdout = self._drain(channel, channel.recv, deadline)
        stderr = self._drain(channel, channel.recv_stderr, deadline)
        channel.status_event.wait(max(0.0, deadline - time.monotonic()))
        return Output(channel.exit_status if channel.exit_status_ready() else -1, stdout, stderr)

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

    def close_with(self, jump: "SshShell") -> None:
        """Close the login at the jump host, too, when this one is closed."""
        self._open.callback(jump.close)

    def close(self) -> None:
        """End the login; safe to call twice."""
        self._open.close()
        wake(self.client)
        self.client.close()
        self.login.paramiko_cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(
    device: Device,
    login: SshLogin,
    host_key: HostKey | None,
    timeout_s: float = 30.0,
    *,
    through: SshShell | None = None,
    user_suffix: str = "",
) -> SshShell:
    """Log in, believing only the pinned host key; keys and agents of the user's own are never tried.

    `through` is a login at a jump host, which must stay open; `device.ssh` is as seen from there.
    Raises HostKeyUnknown, HostKeyChanged, AuthFailed or Unreachable; whatever was opened is closed again.
    """
    if host_key is None:
        raise HostKeyUnknown(device.name, "no SSH host key is pinned", f"run `plaza adopt {device.name}`")
    session = _login(device, login, timeout_s, user_suffix)
    client = session._build_ssh_client()
    client.get_host_keys().add(_known_name(device), host_key.kind, _pinned_key(device, host_key))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    line = _dialled(device, timeout_s, through)
    try:
        with _translated(device, host_key):
            client.connect(**session._connect_params_dict() | {"sock": line}, channel_timeout=timeout_s)
    except BaseException:
        client.close()
        line.close()
        raise
    client.get_transport().set_keepalive(KEEPALIVE_S)
    client.get_transport().sock.settimeout(LOOKS_UP_S)
    session.remote_conn_pre = client
    return SshShell(device.name, session, client)


def fetch_host_key(device: Device, timeout_s: float = 30.0, *, through: SshShell | None = None) -> HostKey:
    """The key a device shows now, seen `through` a jump host, without logging in. Raises Unreachable."""
    line = _dialled(device, timeout_s, through)
    try:
        transport = paramiko.Transport(line)
        try:
            transport.start_client(timeout=timeout_s)
            key = transport.get_remote_server_key()
        finally:
            transport.close()
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise _unreachable(device, error) from error
    finally:
        line.close()
    return HostKey(key.get_name(), key.get_base64(), fingerprint(key.asbytes()))


def would_accept(
    device: Device,
    user: str,
    public_key: str,
    host_key: HostKey | None,
    timeout_s: float = 30.0,
    *,
    through: SshShell | None = None,
) -> bool:
    """Whether `user` may log in with this line of authorized_keys, as the server says; no login is made.

    Raises HostKeyUnknown, HostKeyChanged or Unreachable.
    """
    if host_key is None:
        raise HostKeyUnknown(device.name, "no SSH host key is pinned", f"run `plaza adopt {device.name}`")
    line = _dialled(device, timeout_s, through)
    try:
        transport = paramiko.Transport(line)
        try:
            with _translated(device, host_key):
                options = transport.get_security_options()
                options.key_types = sorted(options.key_types, key=lambda kind: kind != host_key.kind)
                transport.start_client(timeout=timeout_s)
                shown, pinned = transport.get_remote_server_key(), _pinned_key(device, host_key)
                if shown.asbytes() != pinned.asbytes():
                    raise paramiko.BadHostKeyException(device.ssh.host, shown, pinned)
                return accepts(transport, user, public_key, timeout_s)
        finally:
            transport.close()
    finally:
        line.close()


def _dialled(device: Device, timeout_s: float, through: SshShell | None) -> socket.socket | paramiko.Channel:
    """A line to the SSH server of a device: TCP, or a channel of a login at a jump host."""
    where = (device.ssh.host, device.ssh.port)
    try:
        if through is None:
            line = socket.create_connection(where, timeout_s)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_MS)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small requests, one behind the other
            return line
        transport = through.client.get_transport()
        if transport is None:
            raise EOFError("its login is closed")
        return transport.open_channel("direct-tcpip", where, ("127.0.0.1", 0), timeout=timeout_s)
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise _unreachable(device, error, through) from error


def _login(device: Device, login: SshLogin, timeout_s: float, user_suffix: str) -> Any:
    """netmiko's object for this device, not yet connected."""
    session = netmiko.ConnectHandler(
        device_type="linux",
        host=device.ssh.host,
        port=device.ssh.port,
        username=login.user + user_suffix,
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
            shown,
        ) from error
    except paramiko.AuthenticationException as error:
        said = str(error)
        if "timeout" in said.lower() or "saw EOF" in said:  # it refused nothing, it was gone
            raise _unreachable(device, error) from error
        raise AuthFailed(
            device.name, "it refused our SSH login", f"check credentials {device.ssh_credentials!r}"
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _unreachable(device, error) from error


def _unreachable(device: Device, error: Exception, through: SshShell | None = None) -> Unreachable:
    said = str(error) or type(error).__name__
    plain, hint = next(
        ((plain, hint) for words, plain, hint in _PLAINLY if words in said), (said, _CHECK_LINE)
    )
    where = f"{device.ssh} from {through.device}" if through else str(device.ssh)
    return Unreachable(device.name, f"no SSH at {where}: {plain}", hint)
