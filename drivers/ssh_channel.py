"""One channel of an SSH login whose every wait has an end."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import paramiko

from drivers.errors import Unreachable


@contextmanager
def opened(client: paramiko.SSHClient, timeout_s: float) -> Iterator[paramiko.Channel]:
    """A session channel of a login; closed afterwards, the login stays. Raises what paramiko raises."""
    transport = client.get_transport()
    if transport is None or not transport.is_active():
        raise EOFError("the connection is closed")
    channel = transport.open_session(timeout=timeout_s)
    try:
        channel.settimeout(timeout_s)
        channel.event = _Impatient(timeout_s)
        yield channel
    finally:
        with suppress(OSError, EOFError):
            channel.close()


@contextmanager
def unbroken(device: str, late: str) -> Iterator[None]:
    """Turns what happens to a channel into Unreachable; `late` is said when time is up."""
    try:
        yield
    except TimeoutError as error:
        raise Unreachable(device, late) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise Unreachable(device, f"the SSH session broke: {error}") from error


def drop_unsent(channel: paramiko.Channel) -> None:
    """What the network has not taken yet is never delivered, however long the login waits to be closed.

    For one that was given up: what arrives late would be obeyed when nobody expects it any more.
    """
    line = channel.get_transport().sock
    if isinstance(line, socket.socket):
        with suppress(OSError):  # closed already
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wake(client: paramiko.SSHClient) -> None:
    """Whoever waits for this login to say something hears that it is over, so that it ends at once.

    Nothing is sent, and nothing that is not sent yet is lost by it.
    """
    transport = client.get_transport()
    if transport is not None and isinstance(transport.sock, socket.socket):
        with suppress(OSError):  # closed already
            transport.sock.shutdown(socket.SHUT_RD)


class _Impatient(threading.Event):
    """paramiko waits without an end for the answer to a request; a half-open line never answers."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._until = time.monotonic() + timeout_s

    def wait(self, timeout: float | None = None) -> bool:
        left_s = self._until - time.monotonic()
        if not super().wait(max(0.0, left_s) if timeout is None else timeout) and timeout is None:
            raise TimeoutError
        return self.is_set()
