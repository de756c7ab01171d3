"""The SSH server in front of a virtual vendor device: one listening socket, a thread per session."""

import contextlib
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    MSG_CHANNEL_SUCCESS,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from simulator.auth import KeepsKeys, KeyKinds
from simulator.ssh import host_key
from simulator.vendors.device import Session, Vendor
from simulator.vendors.sftp import Files, TakesFiles
from simulator.vendors.terminal import Terminal

_LOOK_S: Final = 0.1
_ANSWER_S: Final = 5.0


class VendorServer:
    """A device that can be logged into at the host of `at` and `port`, from `with` to its end.

    Its host key is the same for the same seed. Logs in `user` with `password`, or with a key of
    `authorized_keys` (lines of authorized_keys) or of the device's own configuration.
    """

    def __init__(
        self,
        device: Vendor,
        host_key_seed: int = 1,
        user: str = "plaza",
        password: str = "plaza-secret",  # noqa: S107  # a virtual device
        authorized_keys: Sequence[str] = (),
        at: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.device = device
        self.user = user
        self.password = password
        self.authorized_keys = tuple(authorized_keys)
        self._host_key = host_key(host_key_seed, "vendor")
        self._listener = socket.create_server(at, backlog=64)
        self._listener.settimeout(_LOOK_S)
        self.port: int = self._listener.getsockname()[1]
        self._lines: set[_Line] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def public_key(self) -> str:
        """The host key it shows, as in known_hosts: kind and base64."""
        return f"{self._host_key.get_name()} {self._host_key.get_base64()}"

    def change_host_key(self, seed: int) -> None:
        """It shows another host key from now on, as after a reinstallation."""
        self._host_key = host_key(seed, "vendor")

    def sessions(self) -> int:
        """How many connections are open."""
        return sum(not line.ended for line in list(self._lines))

    def cut(self) -> None:
        """Close every connection now."""
        for line in list(self._lines):
            line.cut()

    def close(self) -> None:
        """Stop listening, end connections and the device's timers."""
        self._closed.set()
        self._listener.close()
        self.cut()
        self.device.box.close()
        if self._thread.is_alive():
            self._thread.join()

    def start(self) -> None:
        """Take connections from now on."""
        self._thread.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            self._drop_the_dead()
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self.device.box.up:
                sock.close()
                continue
            line = _Line(sock, self.device.box.deaths)
            self._lines.add(line)
            line.serve(self, self._host_key)

    def _drop_the_dead(self) -> None:
        for line in list(self._lines):
            if line.ended:
                self._lines.discard(line)
            elif line.life != self.device.box.deaths:
                line.cut()


class _Line:
    """The socket of one connection, as paramiko uses it; it can be cut, or fall deaf and stay."""

    def __init__(self, sock: socket.socket, life: int) -> None:
        self._sock = sock
        self._deaf = False
        self.life = life
        self._transport: _Transport | None = None

    def serve(self, server: VendorServer, key: paramiko.PKey) -> None:
        """Begin; returns at once."""
        self._transport = _Transport(self)  # type: ignore[arg-type]  # anything that sends and receives
        self._transport.daemon = True
        self._transport.local_version = "SSH-2.0-Cisco-1.25"
        self._transport.add_server_key(key)
        if isinstance(server.device, TakesFiles):
            self._transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files, server.device)
        self._transport.start_server(threading.Event(), _Login(server, self, self._transport))

    @property
    def ended(self) -> bool:
        """Whether the connection is over."""
        return self._transport is not None and not self._transport.is_active()

    def cut(self) -> None:
        """Close it without a word."""
        if self._transport is not None:
            self._transport.close()

    def fall_deaf(self) -> None:
        """TCP stays; nothing is answered any more, not even by SSH."""
        self._deaf = True

    @property
    def deaf(self) -> bool:
        """Whether it fell deaf."""
        return self._deaf

    def recv(self, size: int) -> bytes:
        octets = self._sock.recv(size)
        while self._deaf and octets:
            octets = self._sock.recv(size)
        return octets

    def send(self, octets: bytes) -> int:
        return len(octets) if self._deaf else self._sock.send(octets)

    def settimeout(self, timeout_s: float | None) -> None:
        self._sock.settimeout(timeout_s)

    def close(self) -> None:
        self._sock.close()

    @property
    def _closed(self) -> bool:
        """Looked at by paramiko while it stops."""
        return self._sock.fileno() < 0


class _Transport(paramiko.Transport):
    """A transport that knows when the client was told that its request is accepted.

    A quick command must not end before that: its client would take the closed channel for a refusal.
    """

    def __init__(self, line: socket.socket) -> None:
        super().__init__(line)
        self.auth_handler = KeyKinds(self)
        self._successes = threading.Semaphore(0)

    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(data)  # type: ignore[misc]  # the stubs leave it out
        if data.asbytes()[0] == MSG_CHANNEL_SUCCESS:
            self._successes.release()

    def accepted(self, requests: int) -> None:
        """Wait until that many requests are answered; a client that wants no answer gets none."""
        for _ in range(requests):
            self._successes.acquire(timeout=_ANSWER_S)


class _Login(paramiko.ServerInterface):
    """Decides who may come in and what a channel is."""

    def __init__(self, server: VendorServer, line: _Line, transport: _Transport) -> None:
        self._server = server
        self._line = line
        self._transport = transport
        self._user = ""
        self._width = 80
        self._requests = 1
        self._channels = 0

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = bool(password) and password == self._server.password
        return self._verdict(username, right and not self._ask(username, None))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = {line.split()[1] for line in self._server.authorized_keys}
        return self._verdict(username, key.get_base64() in known or self._ask(username, key))

    def _ask(self, username: str, key: paramiko.PKey | None) -> bool:
        """The device itself: whether it lets this key in, or without one whether it wants one."""
        device, user = self._server.device, username.partition("+")[0]
        if not isinstance(device, KeepsKeys):
            return False
        with device.box.lock:
            return device.lets_in(user, key) if key else device.keys_only(user)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._channels += 1
        self._requests = 1
        if kind != "session" or self._channels > self._server.device.look.channels:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        return OPEN_SUCCEEDED

    def check_channel_pty_request(self, channel: paramiko.Channel, *wanted: object) -> bool:
        width = wanted[1]
        self._width = width if isinstance(width, int) and width else self._width
        self._requests += 1
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return self._start(channel, "shell", "")

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return self._server.device.look.exec and self._start(
            channel, "exec", command.decode(errors="replace")
        )

    def _verdict(self, username: str, right: bool) -> int:
        self._user = username
        user = username.partition("+")[0]
        return AUTH_SUCCESSFUL if right and user == self._server.user else AUTH_FAILED

    def _start(self, channel: paramiko.Channel, kind: str, command: str) -> bool:
        user, _, suffix = self._user.partition("+")
        session = Session(user, kind, suffix, self._width)
        requests, self._requests = self._requests, 1
        started = (channel, session, command, requests)
        threading.Thread(target=self._run, args=started, daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, session: Session, command: str, requests: int) -> None:
        device = self._server.device
        self._transport.accepted(requests)
        with device.box.lock:
            device.greet(session)
        terminal = Terminal(device, session, _Wire(self._server, self._line, channel))
        try:
            with contextlib.suppress(OSError, EOFError):
                terminal.command(command) if session.kind == "exec" else terminal.run()
                channel.send_exit_status(0)
        finally:
            with device.box.lock:
                device.leave(session)
            if not self._line.deaf:
                with contextlib.suppress(OSError, EOFError):
                    channel.close()


class _Wire:
    """Octets of one channel, with the faults of its line."""

    def __init__(self, server: VendorServer, line: _Line, channel: paramiko.Channel) -> None:
        self._box = server.device.box
        self._line = line
        self._channel = channel
        self._channel.settimeout(_LOOK_S)

    def read(self) -> bytes:
        """What was typed; empty when the client is gone or this life of the device is over."""
        while self._line.life == self._box.deaths:
            with contextlib.suppress(TimeoutError):
                return self._channel.recv(65536)
        return b""

    def write(self, text: str) -> None:
        """Print; an unmanageable device is not heard."""
        if self._box.faults.unmanageable():
            self._line.fall_deaf()
        octets = text.encode("utf-8", "replace")
        while octets and not self._line.deaf:
            with contextlib.suppress(TimeoutError):
                octets = octets[self._channel.send(octets) :]

    def obeyed(self) -> None:
        """Count the line, and cut the connection or fall deaf when it is time."""
        faults = self._box.faults
        faults.cut_after -= 1
        faults.deaf_after -= 1
        if faults.deaf_after == 0:
            self._line.fall_deaf()
        if faults.cut_after == 0 or self._line.life != self._box.deaths:
            self._line.cut()
            raise OSError("cut")
