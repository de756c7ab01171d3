"""Addresses and names by the real dnsmasq, which dies, is begun anew and is asked by many phones."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from captive_portal.gateway import household as module
from captive_portal.gateway import systems
from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.errors import ConfigError, HouseholdFailed
from captive_portal.gateway.household import Household
from captive_portal.gateway.policy import Filter
from captive_portal.gateway.pool import Pool, leases
from tests import need
from tests.gateway import joining, streets
from tests.gateway.house import NETWORK, POLICY, House, house
from tests.gateway.house import message as house_message
from tests.gateway.joining import ACK, NAK, Lease
from tests.gateway.netns import sockets
from tests.gateway.streets import run
from tests.gateway.town import wait_for

Found = TypeVar("Found")

ARP = 0x0806
PHONE = bytes.fromhex("02cafe5e0077")


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as built:
        yield built


@pytest.fixture
def home(square: House) -> Iterator[House]:
    yield square
    square.close()
    square.settle()


@pytest.fixture
def door(home: House) -> Iterator[socket.socket]:
    """Where many phones send from: the port of phone2, which has no address of its own."""
    with joining.door(sockets(home.ns("phone2"))) as link:
        yield link


def join_all(door: socket.socket, count: int) -> list[Lease | None]:
    return [joining.join(door, joining.made_up()) for _ in range(count)]


def try_quickly(door: socket.socket, mac: bytes) -> Lease | None:
    """As a phone that is soon out of patience; where there is no address nobody answers."""
    door.settimeout(0.2)
    lease = joining.join(door, mac)
    door.settimeout(2)
    return lease


def test_a_phone_is_given_an_address_the_way_out_names_and_where_the_portal_is(
    home: House, door: socket.socket
) -> None:
    household = home.started()
    lease = joining.join(door, PHONE)
    assert lease is not None
    assert lease.kind == ACK
    assert lease.ip.startswith("10.99.0.")
    assert lease.options[3] == lease.options[6] == socket.inet_aton("10.99.0.1")
    assert lease.options[114] == b"https://gw.plaza.test:8443/capport"
    assert int.from_bytes(lease.options[51]) == 600
    assert household.pool() == Pool(1, 253)


def test_names_are_answered_before_and_after_the_tap(home: House) -> None:
    home.started()
    assert home.ask("anything.test", port=5301).addresses == ["10.99.0.1"]
    assert home.ask("anything.test").addresses == ["45.60.0.80"]


def test_two_thousand_macs_are_all_given_an_address(home: House, door: socket.socket) -> None:
    household = home.started(home.guests(20))
    found = join_all(door, 2000)
    given = [lease.ip for lease in found if lease and lease.kind == ACK]
    assert len(set(given)) == 2000
    wait_for(lambda: household.pool() == Pool(2000, 4093), "the leases to be counted")


def test_one_mac_has_one_address_whatever_it_calls_itself(home: House, door: socket.socket) -> None:
    household = home.started()
    found = [joining.join(door, PHONE) for _ in range(20)]  # each with another client id
    assert len({lease.ip for lease in found if lease}) == 1
    assert household.pool().used == 1


def test_a_lease_outlives_a_new_policy_and_a_restart(home: House, door: socket.socket) -> None:
    household = home.started()
    lease = joining.join(door, PHONE)
    assert lease is not None
    household.apply(replace(POLICY, ipv6=True))
    household.stop()
    assert home.started().pool().used == 1
    back = joining.again(door, PHONE, lease.ip)
    assert back is not None
    assert (back.kind, back.ip) == (ACK, lease.ip)


def test_a_phone_keeps_its_address_when_a_power_cut_has_taken_all_leases(
    home: House, door: socket.socket
) -> None:
    home.started()
    lease = joining.join(door, PHONE)
    assert lease is not None
    home.close()
    shutil.rmtree(home.run_dir)
    home.started()
    back = joining.again(door, PHONE, lease.ip)
    assert back is not None
    assert (back.kind, back.ip) == (ACK, lease.ip)


@pytest.mark.parametrize("jump_s", [86_400, -86_400])
def test_no_lease_ends_or_lasts_because_the_wall_clock_jumps(
    home: House, door: socket.socket, tmp_path: Path, jump_s: int
) -> None:
    """It is set when the line comes up, under phones that have an address already; the network is full."""
    jumped = tmp_path / "jump"
    jumped.write_bytes(bytes(8))
    shim = _compiled(tmp_path)
    network = home.guests(28)
    enter = ("ip", "netns", "exec", home.ns("gateway"), "env", f"LD_PRELOAD={shim}")
    program = (*enter, f"CLOCK_JUMP_FILE={jumped}", home.dnsmasq)

    def wall() -> float:
        return time.time() + int.from_bytes(jumped.read_bytes(), "little", signed=True)

    household = Household(network, home.run_dir, program, KernelClock(), sockets(home.ns("gateway")), wall)
    home.households.append(household)
    household.start(POLICY)
    held = {mac: lease.ip for mac in _macs(12) if (lease := joining.join(door, mac))}
    household.watch()
    jumped.write_bytes(jump_s.to_bytes(8, "little", signed=True))
    refused = joining.again(door, PHONE, "10.99.9.9")  # with any packet dnsmasq forgets those that ended
    assert refused is not None
    assert refused.kind == NAK
    household.watch()
    left = {one.mac: int(end) - wall() for one, end in leases(home.run_dir / "leases").items()}
    assert set(left) == {mac.hex(":") for mac in held}
    assert all(500 < seconds <= 601 for seconds in left.values())
    newcomer = joining.join(door, PHONE)
    assert newcomer is not None
    assert newcomer.ip not in held.values()


def test_a_killed_gateways_dnsmasq_goes_on_and_is_taken_over(home: House) -> None:
    home.started()
    before = home.pids()
    after = home.household()  # what a kill -9 leaves: nobody stopped the first
    after.start(POLICY)
    assert home.pids() == before
    after.stop()
    assert not any(_words(pid) for pid in before.values())


def test_what_is_left_over_with_another_configuration_is_ended(home: House) -> None:
    home.started()
    before = home.pids()
    (home.run_dir / "outside.pid").unlink()  # it cannot be found by its pid file either
    home.household().start(replace(POLICY, garden=("otro.mx",)))
    after = home.pids()
    assert after["outside"] != before["outside"]
    assert not _words(before["outside"])
    assert after["inside"] == before["inside"]


def test_a_pid_file_that_names_another_process_is_not_believed(home: House) -> None:
    home.started()
    os.kill(home.pids()["inside"], signal.SIGKILL)
    (home.run_dir / "inside.pid").write_text(f"{os.getpid()}\n")
    home.household().start(POLICY)
    assert home.ask("anything.test").addresses == ["45.60.0.80"]


@pytest.mark.parametrize("name", module.NAMES)
def test_one_that_died_is_begun_anew(home: House, name: str) -> None:
    household = home.started()
    before = home.pids()[name]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: _gone(before), "its end")
    household.watch()
    assert home.pids()[name] != before
    assert _words(home.pids()[name])


def test_one_that_cannot_begin_is_told_once_and_tried_again(
    home: House, caplog: pytest.LogCaptureFixture
) -> None:
    household = home.started()
    taken = home.pids()["inside"]
    os.kill(taken, signal.SIGKILL)
    wait_for(lambda: _gone(taken), "its end")
    with sockets(home.ns("gateway"))(socket.AF_INET, socket.SOCK_DGRAM, 0) as other:
        other.bind(("10.99.0.1", 53))
        for _ in range(3):
            household.watch()
        told = [one for one in caplog.records if one.levelname == "ERROR"]
        assert [vars(one)["of"] for one in told] == ["inside"]
        assert "its port is taken" in vars(told[0])["error"]
    household.watch()
    assert home.ask("anything.test").addresses == ["45.60.0.80"]


def test_a_policy_begins_only_those_anew_that_it_changes(home: House) -> None:
    household = home.started()
    first = home.pids()
    household.apply(replace(POLICY, serial=2, appeal="Llame al 072"))
    assert home.pids() == first
    household.apply(replace(POLICY, dns=Filter.FAMILY))
    second = home.pids()
    assert {name for name in first if first[name] != second[name]} == {"inside"}
    household.apply(replace(POLICY, dns=Filter.FAMILY, garden=("otro.mx",)))
    third = home.pids()
    assert {name for name in first if third[name] != second[name]} == {"outside"}


def test_a_zone_with_a_mistake_changes_nothing_and_says_where_it_is(home: House) -> None:
    zone = home.directory / "list"
    zone.write_text("evil.test CNAME .\n")
    network = replace(NETWORK, rpz=zone)
    household = home.started(network)
    before = home.pids()
    zone.write_text("evil.test CNAME .\nworse.test A 10.0.0.1\n")
    with pytest.raises(ConfigError, match="list:2: "):
        household.apply(replace(POLICY, garden=("otro.mx",)))
    assert home.pids() == before
    assert home.ask("evil.test").addresses == ["10.99.0.1"]


def test_what_dnsmasq_itself_refuses_takes_nobodys_place(home: House) -> None:
    home.started()
    before = home.pids()
    too_long = replace(NETWORK, api="https://gw.plaza.test:8443/" + "a" * 300)
    with pytest.raises(HouseholdFailed, match="dnsmasq refuses addresses: "):
        home.household(too_long).start(replace(POLICY, garden=("otro.mx",)))
    assert home.pids() == before


def test_one_that_does_not_begin_gives_way_to_what_ran(home: House) -> None:
    household = home.started()
    # IPv6 needs a raw socket, which it may not make
    walled = home.household(reach=("setpriv", "--bounding-set=-net_raw"))
    with pytest.raises(HouseholdFailed, match=r"did not begin as addresses: .* a capability is missing"):
        walled.start(replace(POLICY, ipv6=True))
    assert household.pool() == Pool(0, 253)
    assert _words(home.pids()["addresses"])
    assert "enable-ra" not in (home.run_dir / "addresses.conf").read_text()


def test_stopping_ends_all_of_them_and_keeps_the_leases(home: House, door: socket.socket) -> None:
    household = home.started()
    assert joining.join(door, PHONE) is not None
    pids = home.pids()
    household.stop()
    assert not any(_words(pid) for pid in pids.values())
    household.watch()  # a watch that comes late begins nobody
    assert home.pids() == {}
    assert len(leases(home.run_dir / "leases")) == 1


def test_clearing_ends_what_was_left_and_forgets_everybody(home: House, door: socket.socket) -> None:
    home.started()
    assert joining.join(door, PHONE) is not None
    pids = home.pids()
    module.clear(home.run_dir)
    assert not any(_words(pid) for pid in pids.values())
    assert not home.run_dir.exists()


def test_dnsmasq_is_no_longer_root_once_it_has_begun(home: House) -> None:
    home.started()
    for pid in home.pids().values():
        status = Path(f"/proc/{pid}/status").read_text()
        assert "\nUid:\t0\t" not in status


def test_a_pool_filled_with_made_up_macs_has_room_again_for_a_phone(home: House, door: socket.socket) -> None:
    household = home.started(home.guests(26))
    household.watch()
    real = _settled_phone(home)
    join_all(door, 60)
    assert household.pool() == Pool(61, 61)
    assert try_quickly(door, PHONE) is None

    found = _pass_time_until(home, household, lambda: try_quickly(door, PHONE))
    assert found is not None
    assert found.kind == ACK
    assert household.starved == 60
    assert real in {one.mac for one in leases(home.run_dir / "leases")}


def test_a_phone_gets_in_while_somebody_goes_on_filling_the_pool(home: House, door: socket.socket) -> None:
    household = home.started(home.guests(26))
    household.watch()
    join_all(door, 61)

    def attempt() -> Lease | None:
        lease = try_quickly(door, PHONE)
        for _ in range(5):
            try_quickly(door, joining.made_up())
        return lease

    found = _pass_time_until(home, household, attempt)
    assert found is not None
    assert found.kind == ACK


def test_a_phone_that_was_here_and_has_left_keeps_its_address_through_all_of_it(
    home: House, door: socket.socket
) -> None:
    household = home.started(home.guests(26))
    household.watch()
    real = _settled_phone(home)
    home.send("10.99.0.1", house_message("anything.test"))
    household.watch()
    streets.ip(home.ns("phone1"), "link set eth0 down")
    try:
        join_all(door, 60)
        _pass_time_until(home, household, lambda: household.starved == 60)
        _pass_time(home, household, 20)
        assert real in {one.mac for one in leases(home.run_dir / "leases")}
    finally:
        streets.ip(home.ns("phone1"), "link set eth0 up")


def test_phones_that_answer_are_never_released_however_full_it_is(home: House, door: socket.socket) -> None:
    household = home.started(home.guests(28))
    household.watch()
    held = {
        mac: lease.ip for mac in (joining.made_up() for _ in range(13)) if (lease := joining.join(door, mac))
    }
    assert len(held) == 13
    with _answering(home, held):
        _pass_time(home, household, 20)
    assert household.starved == 0
    assert household.pool() == Pool(13, 13)


def test_nothing_of_a_phone_is_said_in_any_log(
    home: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    household = home.household(home.guests(26), _own_dev(tmp_path))
    macs = [joining.made_up() for _ in range(64)]
    with _system_log(tmp_path) as system:
        household.start(replace(POLICY, dns=Filter.FAMILY))
        with joining.door(sockets(home.ns("phone2"))) as link:
            for mac in macs:  # more than there are addresses: an error that names the last of them
                try_quickly(link, mac)
        for name in ("inner.secreto.test", "zero.secreto.test", "www.secreto.test", "inner.secreto.gob.mx"):
            assert home.ask(name).code is not None
            assert home.ask(name, port=5301).code is not None
        for pid in home.pids().values():
            os.kill(pid, signal.SIGUSR1)  # "write what you hold to the log"
        home.ask("www.secreto.test")
        _pass_time(home, household, 10)
        household.stop()
    out, err = capfd.readouterr()
    said = out + err + "".join(system) + "".join(str(vars(one)) for one in caplog.records)
    said += "".join(path.read_text() for path in home.run_dir.iterdir() if path.name != "leases")
    assert "secreto" not in said
    assert not [mac for mac in macs if mac.hex(":") in said]
    assert "Ana-fone" not in said + (home.run_dir / "leases").read_text()


AS_THE_SERVICE = """
import os, signal, sys
from pathlib import Path
from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.household import Household
from tests.gateway.house import NETWORK, POLICY, replace
from tests.gateway.town import wait_for
run_dir = Path(sys.argv[1])
household = Household(NETWORK, run_dir, (sys.argv[2],), KernelClock())
household.start(replace(POLICY, ipv6=True))
household.apply(POLICY)
killed = int((run_dir / "inside.pid").read_text())
os.kill(killed, signal.SIGKILL)
wait_for(lambda: not Path(f"/proc/{killed}").exists(), "its end")
household.watch()
print(int((run_dir / "inside.pid").read_text()) != killed)
household.stop()
print(list(run_dir.glob("*.pid")))
"""


def test_what_the_service_is_allowed_is_enough_for_all_of_it(home: House) -> None:
    found = re.search(r"^CapabilityBoundingSet=(.+)$", systems.UNIT, re.MULTILINE)
    assert found is not None
    allowed = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in found[1].split())
    done = run(
        "ip", "netns", "exec", home.ns("gateway"), need.program("setpriv", "util-linux"), "--no-new-privs",
        "--inh-caps=-all", f"--bounding-set=-all,{allowed}", sys.executable, "-c", AS_THE_SERVICE,
        str(home.run_dir), home.dnsmasq,
    )  # fmt: skip
    assert done == "True\n[]\n"


def test_an_advertisement_of_ipv6_comes_only_where_the_policy_admits_it(home: House) -> None:
    household = home.started()
    assert not _made_itself_an_address(home, within_s=2)
    household.apply(replace(POLICY, ipv6=True))
    assert _made_itself_an_address(home, within_s=20)


def _words(pid: int) -> bytes:
    """What it was started with; nothing for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _macs(count: int) -> list[bytes]:
    return [joining.made_up() for _ in range(count)]


def _compiled(directory: Path) -> Path:
    """What moves the wall clock of dnsmasq while it runs."""
    made = directory / "jump.so"
    source = Path(__file__).with_name("clock_jump.c")
    subprocess.run([need.program("cc", "gcc"), "-shared", "-fPIC", "-o", made, source], check=True)
    return made


def _gone(pid: int) -> bool:
    """Whether it has given its ports back."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
    except OSError:
        return True


def _settled_phone(home: House) -> str:
    """phone1 asks for an address and uses it: its MAC."""
    mac = streets.PHONES["phone1"]
    with joining.door(sockets(home.ns("phone1"))) as link:
        lease = joining.join(link, bytes.fromhex(mac.replace(":", "")))
    assert lease is not None
    streets.ip(home.ns("phone1"), "addr flush dev eth0 scope global")
    streets.ip(home.ns("phone1"), f"addr add {lease.ip}/26 dev eth0")
    return mac


@contextmanager
def _answering(home: House, held: Mapping[bytes, str]) -> Iterator[None]:
    """While this lasts, phones with these MACs and addresses answer in ARP behind the port of phone2."""
    told = threading.Event()
    with sockets(home.ns("phone2"))(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as link:
        link.bind(("eth0", ARP))
        link.settimeout(0.1)

        def answer() -> None:
            while not told.is_set():
                with suppress(TimeoutError):
                    frame = link.recv(128)
                    mac, asker, asked = frame[:6], frame[22:32], socket.inet_ntoa(frame[38:42])
                    if held.get(mac) == asked:
                        reply = frame[14:20] + b"\0\x02" + mac + frame[38:42] + asker
                        link.send(frame[6:12] + mac + frame[12:14] + reply)

        phones = threading.Thread(target=answer)
        phones.start()
        try:
            yield
        finally:
            told.set()
            phones.join()


@contextmanager
def _system_log(directory: Path) -> Iterator[list[str]]:
    """What is sent to the /dev/log of programs that see this as theirs, line by line."""
    said: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(directory / "log"))
        (directory / "log").chmod(0o666)

        def hear() -> None:
            while found := line.recv(4096):
                said.append(found.decode(errors="replace"))

        listener = threading.Thread(target=hear)
        listener.start()
        try:
            yield said
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(directory / "log"))
            listener.join()


def _own_dev(directory: Path) -> tuple[str, ...]:
    """What stands before a program that shall have our log as its /dev/log."""
    script = (
        "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 &&"
        f' touch /dev/log && mount --bind {directory}/log /dev/log && exec "$@"'
    )
    return ("unshare", "-m", "sh", "-c", script, "sh")


def _made_itself_an_address(home: House, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if "2001:db8:99:" in run("ip", "-n", home.ns("phone1"), "-6", "addr", "show", "dynamic"):
            return True
        time.sleep(0.1)
    return False


def _pass_time(home: House, household: Household, steps: int) -> None:
    """Three seconds a step, by the household's clock; phones answer in the meantime."""
    for _ in range(steps):
        home.clock.seconds += 3
        household.watch()
        time.sleep(0.02)


def _pass_time_until(home: House, household: Household, done: Callable[[], Found]) -> Found:
    for _ in range(20):
        _pass_time(home, household, 1)
        if found := done():
            return found
    raise AssertionError("a minute has passed")
