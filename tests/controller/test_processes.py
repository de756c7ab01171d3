"""The supervisor: starts again what dies, stops in order, never leaves an orphan."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from controller.errors import ControllerError, PortTaken
from controller.processes import Child, is_held, only_one, python, require_free, supervise
from drivers.model import Endpoint

WRITE_PID = "import os,sys,time; open(sys.argv[1],'a').write(f'{os.getpid()}\\n'); time.sleep(600)"


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_is_killed_is_started_again(tmp_path: Path) -> None:
    file, stop = tmp_path / "pids", Event()
    child = Child("one", python("-c", WRITE_PID, str(file)))
    thread = Thread(target=supervise, args=([child], stop, tmp_path / "log"))
    thread.start()
    try:
        wait_for(lambda: len(pids(file)) == 1, "the first start")
        os.kill(pids(file)[0], signal.SIGKILL)
        wait_for(lambda: len(pids(file)) == 2, "the second start")
    finally:
        stop.set()
        thread.join()
    assert not any(alive(pid) for pid in pids(file))


def test_what_a_child_says_goes_to_a_log_of_its_name(tmp_path: Path) -> None:
    stop = Event()
    child = Child("loud", python("-c", "import sys,time; print('hello', file=sys.stderr); time.sleep(600)"))
    thread = Thread(target=supervise, args=([child], stop, tmp_path))
    thread.start()
    try:
        wait_for(lambda: "hello" in _text(tmp_path / "loud.log"), "the log")
    finally:
        stop.set()
        thread.join()


def test_a_reload_reaches_those_that_reload_and_ends_nobody(tmp_path: Path) -> None:
    heeds = (
        "import signal,sys,time\n"
        "signal.signal(signal.SIGHUP, lambda *_: print('reloaded', file=sys.stderr, flush=True))\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "while True: time.sleep(600)"
    )
    dies = "import sys,time; print('started', file=sys.stderr, flush=True); time.sleep(600)"
    children = [
        Child("heeds", python("-c", heeds), reloads=True),
        Child("does-not", python("-c", dies)),
    ]
    stop, reload = Event(), Event()
    thread = Thread(target=supervise, args=(children, stop, tmp_path, reload))
    thread.start()
    try:
        wait_for(lambda: "ready" in _text(tmp_path / "heeds.log"), "the one that heeds")
        wait_for(lambda: "started" in _text(tmp_path / "does-not.log"), "the one that does not")
        reload.set()
        wait_for(lambda: "reloaded" in _text(tmp_path / "heeds.log"), "its word")
    finally:
        stop.set()
        thread.join()
    assert _text(tmp_path / "heeds.log") == "ready\nreloaded\n"
    assert _text(tmp_path / "does-not.log") == "started\n", "a SIGHUP would have had it started again"


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def test_when_the_supervisor_is_killed_no_child_is_left(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    program = (
        "import sys\nfrom threading import Event\nfrom controller.processes import *\n"
        f"supervise([Child('one', python('-c', {WRITE_PID!r}, {str(file)!r}))], Event())"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    wait_for(lambda: pids(file), "the child")
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: not alive(pids(file)[0]), "the child's end")


def test_a_taken_port_is_named_with_the_setting_that_mends_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = Endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{place.port} is taken.*PLAZA_PORTAL_LISTEN"):
            require_free(place, "PLAZA_PORTAL_LISTEN")
    require_free(place, "PLAZA_PORTAL_LISTEN")


def test_a_port_of_udp_may_be_taken_while_that_of_tcp_is_free() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        place = Endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(PortTaken, match="PLAZA_TRAP_LISTEN"):
            require_free(place, "PLAZA_TRAP_LISTEN", socket.SOCK_DGRAM)
    require_free(place, "PLAZA_TRAP_LISTEN", socket.SOCK_DGRAM)


def test_a_second_supervisor_on_the_same_data_is_refused_by_name(tmp_path: Path) -> None:
    lock = tmp_path / "plaza.lock"
    assert not is_held(lock)
    with only_one(lock):
        assert is_held(lock)
        with pytest.raises(ControllerError, match=rf"already runs.*process {os.getpid()}"):
            only_one(lock)
    only_one(lock).close()
