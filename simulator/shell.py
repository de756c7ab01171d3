"""Runs what an SSH client asks for with the machine's own `sh`, inside the AP's home."""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import IO, Final

import paramiko

from simulator import ubus
from simulator.ap import VirtualAp
from simulator.clock import Clock
from simulator.home import Home

_CHUNK: Final = 32768
_LOOK_S: Final = 0.25  # how often a running command's AP is looked at for a changed air


class Shells:
    """The commands that run now, one thread and one child process each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._homes: set[Home] = set()
        self._closed = False

    def start(
        self, ap: VirtualAp, channel: paramiko.Channel, command: str, accepted: Callable[[], None]
    ) -> bool:
        """Begin, and return whether it could; the channel hears of it once `accepted` has returned."""
        if ap.home is None:
            return False
        ubus.publish(ap, ap.home.root, self._clock())
        with self._lock:
            if self._closed:
                return False
            child = spawn(ap.home, command)
            self._children.add(child)
            self._homes.add(ap.home)
        threading.Thread(target=self._run, args=(ap, channel, child, accepted), daemon=True).start()
        return True

    def close(self) -> None:
        """Kill what still runs, and what `start-stop-daemon` left behind: the power is cut."""
        with self._lock:
            self._closed = True
            children, homes = tuple(self._children), tuple(self._homes)
        for child in children:
            _kill_group(child.pid)
        for child in children:
            child.wait()
        for home in homes:
            home.cut_power()

    def _run(
        self,
        ap: VirtualAp,
        channel: paramiko.Channel,
        child: subprocess.Popen[bytes],
        accepted: Callable[[], None],
    ) -> None:
        try:
            accepted()
            with contextlib.closing(_Pump(channel, child)) as pump:
                while not pump.step(_LOOK_S):
                    if ap.home:
                        ubus.publish_if_changed(ap, ap.home.root, self._clock())
            if child.poll() is None:
                child.send_signal(signal.SIGHUP)  # the client is gone, as from any sshd
            with contextlib.suppress(OSError, EOFError):
                channel.send_exit_status(_status(child.wait()))
        finally:
            with contextlib.suppress(OSError, EOFError):
                channel.close()
            with self._lock:
                self._children.discard(child)


def spawn(home: Home, command: str) -> subprocess.Popen[bytes]:
    """The command in a session of its own, with nothing of our environment."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=home.root,
        env=home.environment(),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
    )


class _Pump:
    """Carries octets between a channel and a child until the child has ended or the client has gone."""

    def __init__(self, channel: paramiko.Channel, child: subprocess.Popen[bytes]) -> None:
        self._channel = channel
        self._files = tuple(file for file in (child.stdin, child.stdout, child.stderr) if file)
        self._stdin, stdout, stderr = self._files
        self._outputs = {stdout: channel.sendall, stderr: channel.sendall_stderr}
        self._waiting = bytearray()
        self._client_done = False
        self._ended = os.pidfd_open(child.pid)
        self._selector = selectors.DefaultSelector()
        for file in self._files:
            os.set_blocking(file.fileno(), False)
        for output in self._outputs:
            self._selector.register(output, selectors.EVENT_READ)
        self._selector.register(self._ended, selectors.EVENT_READ)
        self._selector.register(channel.fileno(), selectors.EVENT_READ)

    def step(self, timeout_s: float) -> bool:
        """Wait for something and carry it; True when there is nothing more to carry."""
        ready = {key.fileobj for key, _ in self._selector.select(timeout_s)}
        try:
            for output in list(self._outputs):
                if output in ready or self._ended in ready:
                    self._carry_out(output)
            if self._channel.fileno() in ready:
                self._carry_in()
            self._feed()
            if self._ended in ready:
                self._channel.shutdown_write()
        except (OSError, EOFError):
            return True  # the client is gone
        return self._ended in ready or self._channel.closed

    def close(self) -> None:
        """Let go of the child's pipes."""
        self._selector.close()
        os.close(self._ended)
        for file in self._files:
            with contextlib.suppress(OSError):
                file.close()

    def _carry_out(self, output: IO[bytes]) -> None:
        """Everything that waits on one output; what outlives the child is not waited for."""
        while chunk := _read(output):
            self._outputs[output](chunk)
        if chunk is not None:
            self._selector.unregister(output)
            del self._outputs[output]

    def _carry_in(self) -> None:
        while self._channel.recv_ready():
            self._waiting += self._channel.recv(_CHUNK)
        if self._channel.eof_received and not self._channel.recv_ready() and not self._client_done:
            self._client_done = True
            self._selector.unregister(self._channel.fileno())

    def _feed(self) -> None:
        """Give the child what it can take now; its stdin ends when the client's does."""
        if self._stdin.closed:
            self._waiting.clear()
            return
        try:
            while self._waiting:
                written = os.write(self._stdin.fileno(), self._waiting[:_CHUNK])
                del self._waiting[:written]
        except BlockingIOError:
            self._watch_stdin()
            return
        except BrokenPipeError:
            self._client_done = True
            self._waiting.clear()
        self._forget_stdin()
        if self._client_done:
            self._stdin.close()

    def _watch_stdin(self) -> None:
        if self._stdin not in self._selector.get_map():
            self._selector.register(self._stdin, selectors.EVENT_WRITE)

    def _forget_stdin(self) -> None:
        if self._stdin in self._selector.get_map():
            self._selector.unregister(self._stdin)


def _read(output: IO[bytes]) -> bytes | None:
    """What is there; empty at the end, None when nothing waits."""
    try:
        return os.read(output.fileno(), _CHUNK)
    except BlockingIOError:
        return None


def _status(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
