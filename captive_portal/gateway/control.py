"""The technician's door into the running program: a unix socket, root alone, one JSON line each way."""

import json
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

from captive_portal.gateway.errors import CannotDo, GatewayError
from captive_portal.gateway.lines import in_one_line

log = logging.getLogger(__name__)

NAME: Final = "control"
QUESTION_OCTETS: Final = 512
ANSWER_OCTETS: Final = 1024 * 1024
PATIENCE_S: Final = 2.0  # for one caller, so that the next waits no longer
TIMEOUT_S: Final = 30.0
LOOK_S: Final = 0.5
_CREDENTIALS: Final = struct.Struct("=iII")
"""struct ucred: process, user, group: unix(7), SO_PEERCRED."""

Facts = Mapping[str, Any]
Answering = Callable[[Facts], Facts]
"""Raises GatewayError for what cannot be done, ValueError for what is no question."""


class Control:
    """Answers one caller after the other in a thread of its own; nobody else in the program waits for it."""

    def __init__(self, directory: Path, answering: Answering, patience_s: float = PATIENCE_S) -> None:
        """Make the socket. Raises OSError."""
        self._answering = answering
        self._patience_s = patience_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(self._socket.fileno(), 0o600)  # before it has a name: nobody else ever could connect
            with _short(directory) as name:
                Path(name).unlink(missing_ok=True)
                self._socket.bind(name)
            self._socket.listen(4)
            self._socket.settimeout(LOOK_S)
        except OSError:
            self._socket.close()
            raise

    def run(self, stop: threading.Event) -> None:
        """Answer until told to stop."""
        while not stop.is_set():
            try:
                self._next()
            except TimeoutError:
                continue
            except OSError as error:
                log.info("console caller lost", extra={"error": type(error).__name__})
                stop.wait(LOOK_S)
        self._socket.close()

    def _next(self) -> None:
        """Raises TimeoutError when nobody called or the caller was too slow, OSError when it went away."""
        caller, _ = self._socket.accept()
        with caller:
            self._serve(caller)

    def _serve(self, caller: socket.socket) -> None:
        if _user(caller) not in {0, os.geteuid()}:
            return
        said = _line(caller, QUESTION_OCTETS, monotonic() + self._patience_s)
        caller.settimeout(self._patience_s)  # of all that sendall sends
        caller.sendall(self._answer(said))

    def _answer(self, said: bytes) -> bytes:
        try:
            question = json.loads(said)
            if not isinstance(question, dict):
                raise ValueError("no object")
            answer = self._answering(question)
        except GatewayError as error:
            answer = {"error": str(error)}
        except (ValueError, RecursionError):
            answer = {"error": "not a question: one JSON object in one line"}
        line = in_one_line(answer).encode() + b"\n"
        return line if len(line) <= ANSWER_OCTETS else b'{"error": "the answer is too long"}\n'


def ask(directory: Path, question: Facts) -> dict[str, Any]:
    """What the running program of this state directory says. Raises CannotDo with what to do."""
    try:
        with _short(directory) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
            there.settimeout(TIMEOUT_S)
            there.connect(name)
            there.sendall(json.dumps(question).encode() + b"\n")
            found = json.loads(_line(there, ANSWER_OCTETS, monotonic() + TIMEOUT_S))
    except PermissionError as error:
        raise CannotDo("only root may ask: sudo") from error
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise CannotDo("the gateway program does not run: systemctl status plaza-gateway") from error
    except (OSError, ValueError) as error:
        raise CannotDo(f"the gateway program gave no answer: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise CannotDo("the gateway program gave no answer")
    if "error" in found:
        raise CannotDo(str(found["error"]))
    return found


def _line(peer: socket.socket, at_most: int, until: float) -> bytes:
    """All up to the first end of line, by `until` (monotonic). Raises OSError."""
    said = b""
    while b"\n" not in said:
        left_s = until - monotonic()
        if left_s <= 0:
            raise TimeoutError("no line in time")
        peer.settimeout(left_s)
        more = peer.recv(65536)
        if not more:
            raise ConnectionError("no whole line")
        said += more
        if len(said) > at_most:
            raise ConnectionError("the line is too long")
    return said.partition(b"\n")[0]


def _user(peer: socket.socket) -> int:
    told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(told)[1]
    return user


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """The socket's name by way of an open directory: the kernel takes 107 octets. Raises OSError."""
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{NAME}"
    finally:
        os.close(handle)
