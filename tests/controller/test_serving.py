"""Phones go on asking while the portal's processes are killed and renewed: the real role, real sockets."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest

from controller.serving import SILENT_S
from tests.children import WAIT_S, killed_at_the_end
from tests.town import Town, free_port, town, wait_for

ASK = b"GET /p/08027-plaza HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PHONES = 4
WORKERS = 2


@dataclass(frozen=True)
class Asked:
    """One connection: when it began and ended, and what came, "" for nothing at all."""

    begun_s: float
    ended_s: float
    heard: str

    def is_in_flight(self, death: tuple[float, float]) -> bool:
        """Whether it began before a worker was dead for sure, and had no answer when it was killed."""
        killed_s, dead_s = death
        return self.begun_s < dead_s and self.ended_s > killed_s


@dataclass
class Role:
    """`plaza run portal`."""

    town: Town
    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    @property
    def workers(self) -> set[int]:
        """Those that answer."""
        return {one for one in map(int, _children(self.process.pid).split()) if not _is_zombie(one)}

    def ask(self) -> Asked:
        """A new connection, closed after its answer."""
        begun_s, heard = time.monotonic(), b""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), WAIT_S) as phone:
            phone.sendall(ASK)
            while piece := phone.recv(65536):
                heard += piece
        return Asked(begun_s, time.monotonic(), heard.decode())

    @contextmanager
    def asked(self) -> "Iterator[list[Asked]]":
        """All that phones ask meanwhile; each was asked to its end afterwards."""
        done: list[Asked] = []
        stop = Event()

        def phone() -> None:
            while not stop.wait(0.005):
                done.append(self.ask())

        phones = [Thread(target=phone) for _ in range(PHONES)]
        for one in phones:
            one.start()
        try:
            yield done
        finally:
            stop.set()
            for one in phones:
                one.join()

    def kill_one(self) -> tuple[float, float]:
        """kill -9 of a worker; when it was killed, and when it was dead for sure."""
        one, killed_s = min(self.workers), time.monotonic()
        os.kill(one, signal.SIGKILL)
        wait_for(lambda: one not in self.workers, "its death")
        return killed_s, time.monotonic()

    def stop_all(self) -> set[int]:
        """SIGSTOP every worker; which they are, once no thread of theirs can run."""
        workers = self.workers
        for one in workers:
            os.kill(one, signal.SIGSTOP)
        wait_for(lambda: all(_is_stopped(one) for one in workers), "the rest of the workers")
        return workers

    def wait_until_whole(self) -> None:
        """Until the dead are replaced."""
        wait_for(lambda: len(self.workers) == WORKERS, "another worker")

    def rename_the_site(self, name: str) -> None:
        """In the inventory."""
        file = self.town.directory / "inventory.yaml"
        file.write_text(file.read_text().replace("Plaza principal de Guachochi", name))


def _children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def _is_zombie(pid: int) -> bool:
    try:
        return _state(Path(f"/proc/{pid}/stat")) == "Z"
    except FileNotFoundError:
        return True


def _is_stopped(pid: int) -> bool:
    return all(_state(thread) == "T" for thread in Path(f"/proc/{pid}/task").glob("*/stat"))


def _state(stat: Path) -> str:
    return stat.read_text().rpartition(")")[2].split()[0]


def failed(asked: list[Asked]) -> list[str]:
    return [one.heard[:60] for one in asked if not one.heard.startswith("HTTP/1.1 200 ")]


@pytest.fixture(scope="module")
def role(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Role]:
    """For all tests here; the last one ends it."""
    tmp_path = tmp_path_factory.mktemp("role")
    with town(tmp_path, "127.73.1") as made:
        vault = tmp_path / "var" / "secrets"
        vault.mkdir(parents=True)
        (vault / "gateway-key").touch(mode=0o600)
        (vault / "gateway-key").write_text("5a" * 32)
        port = int(made.environ["PLAZA_PORTAL_LISTEN"].rpartition(":")[2])
        log = tmp_path / "portal.log"
        with log.open("wb") as said:
            argv = [*made.program, "run", "portal"]
            process = subprocess.Popen(argv, env=made.environ, cwd=tmp_path, stdout=said, stderr=said)
        with killed_at_the_end(process):
            found = Role(made, process, port, log)
            wait_for(lambda: not failed([found.ask()]), f"the portal of {log}")
            yield found


def test_no_new_request_fails_when_a_worker_is_killed_twice_and_when_all_are_renewed(role: Role) -> None:
    deaths = []
    with role.asked() as asked:
        for _ in range(2):
            deaths.append(role.kill_one())
            role.wait_until_whole()
        before, so_far = role.workers, len(asked)
        role.rename_the_site("Plaza de la Reforma")
        role.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: not role.workers & before and len(asked) > so_far + PHONES, "the end of the old ones"
        )
    assert "Plaza de la Reforma" in role.ask().heard
    in_flight = [one for one in asked if any(one.is_in_flight(death) for death in deaths)]
    assert not failed([one for one in asked if one not in in_flight])
    assert len(failed(asked)) <= 2 * PHONES, "no phone loses more than what a killed worker held"
    assert len(asked) > len(in_flight) + PHONES


def test_while_a_dead_worker_is_not_replaced_yet_another_answers(role: Role) -> None:
    os.kill(role.process.pid, signal.SIGSTOP)  # now nobody can replace anybody
    try:
        role.kill_one()
        assert not failed([role.ask() for _ in range(20)])
    finally:
        os.kill(role.process.pid, signal.SIGCONT)
    role.wait_until_whole()


def test_what_waits_for_workers_that_are_killed_is_answered_by_others(role: Role) -> None:
    role.wait_until_whole()
    stopped = role.stop_all()  # now nobody takes a connection
    phones = [socket.create_connection(("127.0.0.1", role.port), WAIT_S) for _ in range(20)]
    for phone in phones:
        phone.sendall(ASK)
    for one in stopped:
        os.kill(one, signal.SIGKILL)
    for phone in phones:
        with phone:
            assert phone.recv(13) == b"HTTP/1.1 200 "
    role.wait_until_whole()


def test_who_is_connected_and_has_not_asked_yet_is_answered_after_a_renewal(role: Role) -> None:
    role.wait_until_whole()
    before = role.workers
    phones: list[tuple[float, socket.socket]] = []
    with ExitStack() as all_phones:

        def is_renewed() -> bool:
            phone = socket.create_connection(("127.0.0.1", role.port), WAIT_S)
            phones.append((time.monotonic(), all_phones.enter_context(phone)))
            return not role.workers & before

        role.process.send_signal(signal.SIGHUP)
        wait_for(is_renewed, "the end of the old ones")
        oldest_s = time.monotonic() - SILENT_S / 2
        waiting = [phone for since_s, phone in phones[:-1] if since_s > oldest_s]
        assert waiting
        for phone in waiting:
            phone.sendall(ASK)
        for phone in waiting:
            assert phone.recv(13) == b"HTTP/1.1 200 "


def test_an_inventory_that_cannot_be_read_leaves_the_old_pages_and_a_line_in_the_log(role: Role) -> None:
    role.wait_until_whole()
    before = role.workers
    file = role.town.directory / "inventory.yaml"
    whole = file.read_text()
    file.write_text("version: [")
    with role.asked() as asked:
        role.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "not renewed" in role.log.read_text(), "the line")
        wait_for(lambda: role.workers == before, "the end of those that failed")
    file.write_text(whole)
    assert not failed(asked)


def test_a_program_that_dies_at_every_start_is_given_up() -> None:
    program = f"""
from controller.serving import serve
from drivers.model import Endpoint
serve("os:abort", Endpoint("127.0.0.1", {free_port()}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == 1


def test_sigterm_ends_the_role_and_every_worker(role: Role) -> None:
    workers = role.workers
    role.process.terminate()
    assert role.process.wait(WAIT_S) == 0
    assert all(_is_zombie(one) for one in workers)
