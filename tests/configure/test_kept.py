"""A kept login is used again while it lives, replaced once when it died, and closed when nobody needs it."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import ssh
from drivers.errors import Unreachable
from drivers.ssh import SshShell
from drivers.ssh_kept import Kept
from simulator.vendors.server import VendorServer
from tests.configure.device import Ap, wait_until
from tests.configure.test_terminal import Acme, device_at, enter


class Door:
    """Logs into a virtual device and counts how often."""

    def __init__(self, server: VendorServer) -> None:
        self.server = server
        self.device = device_at(server.port)
        self.logins = 0

    def __call__(self) -> SshShell:
        self.logins += 1
        return enter(self.server)


@pytest.fixture
def door() -> Iterator[Door]:
    with VendorServer(Acme()) as server:
        yield Door(server)


@pytest.fixture
def kept() -> Iterator[Kept]:
    found = Kept()
    yield found
    found.close()


def read(kept: Kept, door: Door) -> str:
    """One read in a kept login."""
    with kept.session(door.device, door) as shell:
        return shell.ask("say 1", 30).text


def test_many_reads_need_one_login(kept: Kept, door: Door) -> None:
    assert [read(kept, door) for _ in range(5)] == ["said 1\r\n"] * 5
    assert door.logins == 1


def test_a_real_openwrt_like_device_is_read_many_times_in_one_login(kept: Kept, ap: Ap) -> None:
    key, logins = ap.host_key(), []

    def enter_ap() -> SshShell:
        logins.append(ssh.connect(ap.device, ap.login, key))
        return logins[-1]

    for _ in range(3):
        with kept.session(ap.device, enter_ap) as shell:
            assert shell.run("echo hola", 30).text == "hola\n"
    assert len(logins) == 1


def test_a_login_that_was_cut_is_replaced_before_it_is_handed_out(kept: Kept, door: Door) -> None:
    read(kept, door)
    door.server.cut()
    assert read(kept, door) == "said 1\r\n"
    assert door.logins == 2


def test_a_login_that_fell_silent_is_replaced(
    kept: Kept, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.ssh_kept._PROBE_S", 1.0)
    read(kept, door)
    door.server.device.box.faults.deaf_after = 1
    with kept.session(door.device, door) as shell, pytest.raises(Unreachable):
        shell.ask("say 2", 0.5)
    assert read(kept, door) == "said 1\r\n"
    assert door.logins == 2


def test_a_device_that_is_gone_is_asked_for_a_login_once(kept: Kept, door: Door) -> None:
    read(kept, door)
    door.server.close()
    with pytest.raises(Unreachable):
        read(kept, door)
    assert door.logins == 2


def test_an_error_in_the_block_ends_the_login(kept: Kept, door: Door) -> None:
    with pytest.raises(KeyError), kept.session(door.device, door):
        raise KeyError
    read(kept, door)
    assert door.logins == 2


def test_two_threads_never_have_the_same_login_at_once(kept: Kept, door: Door) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with kept.session(door.device, door) as shell:
            inside.append(1)
            most.append(len(inside))
            shell.ask("say 1", 30)
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (max(most), len(most), door.logins) == (1, 6, 1)


def test_an_idle_login_is_closed_when_another_one_is_used(door: Door) -> None:
    clock = [0.0]
    kept = Kept(idle_s=300, now=lambda: clock[0])
    with VendorServer(Acme()) as other:
        read(kept, door)
        clock[0] = 301
        read(kept, Door(other))
        wait_until("the idle login is closed", lambda: door.server.sessions() == 0)
        assert other.sessions() == 1
        kept.close()
        wait_until("all are closed", lambda: other.sessions() == 0)


def test_no_more_than_so_many_logins_are_kept(door: Door) -> None:
    kept = Kept(most=1)
    with VendorServer(Acme()) as other:
        read(kept, door)
        read(kept, Door(other))
        wait_until("the older login is closed", lambda: door.server.sessions() == 0)
        assert other.sessions() == 1
        kept.close()


def test_a_login_that_nobody_uses_rests_and_still_ends_at_once(ap: Ap) -> None:
    shell = ssh.connect(ap.device, ap.login, ap.host_key())
    thread = shell.client.get_transport()
    assert thread is not None

    def wakings() -> int:
        status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        return int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)[0])

    time.sleep(0.5)  # what the login itself has to say is over
    before = wakings()
    time.sleep(2)
    assert wakings() - before <= 2
    begun = time.monotonic()
    shell.close()
    thread.join(ssh.LOOKS_UP_S)
    assert not thread.is_alive()
    assert time.monotonic() - begun < ssh.LOOKS_UP_S / 2
