"""Child processes: started together, started again when they die, stopped together."""

import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO

from controller.errors import ControllerError, PortTaken
from drivers.model import Endpoint

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
HEALTHY_S = 60.0
STOP_S = 10.0


@dataclass(frozen=True, slots=True)
class Child:
    """A program to keep running; with `reloads`, one that SIGHUP does not end."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    reloads: bool = False


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started_s: float
    wait_s: float = FIRST_WAIT_S
    again_at_s: float | None = None


def supervise(
    children: Sequence[Child], stop: Event, log_dir: Path | None = None, reload: Event | None = None
) -> None:
    """Keep all children running until `stop`, then end them: SIGTERM first, SIGKILL after STOP_S.

    With `log_dir` each child writes its standard error to a file of its name there. When `reload` is set, it
    is cleared and those that reload get SIGHUP.
    """
    running = [_start(child, log_dir) for child in children]
    try:
        while not stop.wait(0.2):
            if reload is not None and reload.is_set():
                reload.clear()
                _reload(running)
            for one in running:
                _look_after(one, log_dir)
    finally:
        _end(running)


def require_free(endpoint: Endpoint, setting: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """Raise PortTaken when nothing can listen there."""
    if not is_free(endpoint, kind):
        raise PortTaken(f"{endpoint} is taken or not ours; set {setting} to another address, HOST:PORT")


def is_free(endpoint: Endpoint, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether a listener could be opened: of TCP, or of UDP with SOCK_DGRAM."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:  # with UDP it would share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
        except OSError:
            return False
        return True


def only_one(lock: Path) -> IO[str]:
    """Hold `lock` as long as the returned file is open. Raises ControllerError when another process does."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a+")
    except OSError as error:
        mend = "set data_dir to a place you may write"
        raise ControllerError(f"{lock.parent}: {error.strerror}; {mend}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise ControllerError(
            f"{lock}: Plaza already runs on this data (process {owner}); stop it, or set another data_dir"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def is_held(lock: Path) -> bool:
    """Whether a process holds `lock`; changes nothing."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def python(*arguments: str) -> tuple[str, ...]:
    """The argv of a program of this installation."""
    return (sys.executable, *arguments)


def _start(child: Child, log_dir: Path | None) -> _Running:
    stderr: IO[bytes] | None = None
    if log_dir is not None:
        log_dir.mkdir(parents=True, exist_ok=True)
        stderr = (log_dir / f"{child.name}.log").open("ab")
    try:
        process = subprocess.Popen(
            python("-m", "controller.leash", str(os.getpid()), *child.argv),
            env={**os.environ, **child.environ},
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is the supervisor's: it ends the children in order
        )
    finally:
        if stderr is not None:
            stderr.close()
    log.info("started", extra={"child": child.name, "process_id": process.pid})
    return _Running(child, process, time.monotonic())


def _reload(running: Sequence[_Running]) -> None:
    for one in running:
        if one.child.reloads and one.process.poll() is None:
            log.info("reloads", extra={"child": one.child.name})
            one.process.send_signal(signal.SIGHUP)


def _look_after(one: _Running, log_dir: Path | None) -> None:
    now = time.monotonic()
    if one.again_at_s is None:
        status = one.process.poll()
        if status is None:
            return
        one.wait_s = FIRST_WAIT_S if now - one.started_s > HEALTHY_S else one.wait_s
        one.again_at_s = now + one.wait_s
        log.error("died", extra={"child": one.child.name, "status": status, "again_in_s": one.wait_s})
    elif now >= one.again_at_s:
        fresh = _start(one.child, log_dir)
        one.process, one.started_s, one.again_at_s = fresh.process, fresh.started_s, None
        one.wait_s = min(one.wait_s * 2, LONGEST_WAIT_S)


def _end(running: Sequence[_Running]) -> None:
    for one in running:
        if one.process.poll() is None:
            one.process.terminate()
    deadline = time.monotonic() + STOP_S
    for one in running:
        try:
            one.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("killed", extra={"child": one.child.name})
            one.process.kill()
            one.process.wait()
