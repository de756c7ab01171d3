"""Whoever starts the gateway hears when it is ready and that it works; one that hangs is ended."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from captive_portal.gateway.heart import Heart, Watcher, watcher
from tests.gateway.conftest import write_config
from tests.gateway.test_program import ROOT, free_port

DEADLINE_S = 60


class Supervisor:
    """systemd's end of sd_notify(3): a datagram socket."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + place[1:] if place.startswith("@") else place)

    def hears(self, within_s: float = DEADLINE_S) -> str:
        self._socket.settimeout(within_s)
        try:
            return self._socket.recv(100).decode()
        except TimeoutError:
            return ""

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["file", "abstract"])
def supervisor(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Supervisor]:
    made = Supervisor(str(tmp_path / "notify") if request.param == "file" else f"@plaza-{os.getpid()}")
    yield made
    made.close()


def start(directory: Path, **environment: str) -> subprocess.Popen[str]:
    config = write_config(directory, listen=f"127.0.0.1:{free_port()}", edge_url="http://127.0.0.1:9")
    return subprocess.Popen(
        [sys.executable, "-m", "captive_portal.gateway", str(config)], text=True, cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[str]]]:
    programs: list[subprocess.Popen[str]] = []
    yield programs
    for program in programs:
        program.kill()
        program.communicate()


def test_it_says_ready_after_its_rules_stand_and_then_that_it_works(
    tmp_path: Path, supervisor: Supervisor, running: list[subprocess.Popen[str]]
) -> None:
    program = start(tmp_path, NOTIFY_SOCKET=supervisor.place, WATCHDOG_USEC="400000")
    running.append(program)
    assert supervisor.hears() == "READY=1"
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    assert [supervisor.hears() for _ in range(5)] == ["WATCHDOG=1"] * 5
    program.terminate()
    assert program.wait(DEADLINE_S) == 0


def test_without_systemd_a_program_that_hangs_is_ended_by_the_kernel(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    program = start(tmp_path, NOTIFY_SOCKET="", WATCHDOG_USEC="2000000")
    running.append(program)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(2.5)
    program.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(2.5)
    program.send_signal(signal.SIGCONT)
    assert program.wait(DEADLINE_S) == -signal.SIGALRM


def test_it_is_silent_once_a_thread_has_ended(supervisor: Supervisor) -> None:
    go, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=go.wait, daemon=True)
    thread.start()
    beats = beating(supervisor, [thread], threading.Lock(), stop)
    assert supervisor.hears() == "WATCHDOG=1"
    go.set()
    thread.join()
    assert silent(supervisor)
    stop.set()
    beats.join(DEADLINE_S)


def test_it_is_silent_while_a_lock_is_held(supervisor: Supervisor) -> None:
    stop, lock = threading.Event(), threading.Lock()
    beats = beating(supervisor, [], lock, stop)
    assert supervisor.hears() == "WATCHDOG=1"
    with lock:
        assert silent(supervisor)
    assert supervisor.hears() == "WATCHDOG=1"
    stop.set()
    beats.join(DEADLINE_S)


def beating(
    supervisor: Supervisor, threads: list[threading.Thread], lock: threading.Lock, stop: threading.Event
) -> threading.Thread:
    def asked() -> None:
        with lock:
            pass

    heart = Heart(Watcher(supervisor.place, 0.2), threads, asked)
    beats = threading.Thread(target=heart.run, args=(stop,), daemon=True)
    beats.start()
    return beats


def silent(supervisor: Supervisor) -> bool:
    """Whether nothing more comes, but the beats that were on their way."""
    return any(not supervisor.hears(0.5) for _ in range(100))


def test_without_a_supervisor_nothing_is_told_and_nothing_rings() -> None:
    heart = Heart(watcher({}), [], lambda: pytest.fail("nobody watches"))
    stop = threading.Event()
    stop.set()
    heart.ready()
    heart.run(stop)
