"""The process: ready, stop, taken addresses, determinism, and what it costs."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.lab import REPOSITORY, WAIT_S, Simulator, extend, free_port, rows, snmp, where


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(simulator: Simulator, number: int) -> None:
    ap = simulator.ap("wrt")
    simulator.start()
    assert simulator.stop(number) == (0, "")
    assert not Path(simulator.spec["control"]).exists()
    for kind, key in ((socket.SOCK_DGRAM, "snmp"), (socket.SOCK_STREAM, "ssh")):
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.bind((ap[key]["host"], ap[key]["port"]))


def refused(simulator: Simulator) -> str:
    process = simulator.launch()
    output, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, output) == (2, "")
    assert errors.count("\n") == 1, errors
    return errors


@pytest.mark.parametrize(("kind", "key"), [(socket.SOCK_DGRAM, "snmp"), (socket.SOCK_STREAM, "ssh")])
def test_a_taken_address_is_one_line_and_2(simulator: Simulator, kind: int, key: str) -> None:
    simulator.ap("wrt-1")
    ap = simulator.ap("wrt-2")
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((ap[key]["host"], ap[key]["port"]))
        if kind == socket.SOCK_STREAM:
            other.listen()
        said = refused(simulator)
    assert (
        f"wrt-2 {key}: cannot listen on {ap[key]['host']}:{ap[key]['port']}: Address already in use" in said
    )
    assert not (simulator.directory / "state").exists(), "nothing was begun"


def test_a_second_simulator_leaves_the_first_ones_socket_alone(simulator: Simulator) -> None:
    simulator.start()
    assert "another simulator answers there" in refused(simulator)
    assert simulator.order(op="status")["ok"] is True


def test_a_socket_left_by_a_killed_simulator_is_no_obstacle(simulator: Simulator) -> None:
    simulator.start()
    simulator.stop(signal.SIGKILL)
    assert Path(simulator.spec["control"]).exists()
    simulator.start()
    assert simulator.order(op="status")["ok"] is True


def test_a_state_directory_nobody_can_write_is_one_line(simulator: Simulator) -> None:
    simulator.ap("wrt")
    (simulator.directory / "state").write_text("a file")
    assert "state_dir: cannot write" in refused(simulator)


def test_two_processes_with_the_same_seed_show_the_same_network(simulator: Simulator) -> None:
    one = simulator.ap("wrt")
    simulator.start()
    first = still(one)
    simulator.stop()
    simulator.start()
    assert still(one) == first
    simulator.stop()
    simulator.spec["seed"] = 8
    simulator.start()
    assert still(one) != first


def still(ap: dict[str, Any]) -> dict[str, str]:
    """What does not depend on the time of day."""
    physical = rows(snmp("snmpbulkwalk", where(ap), ".1.3.6.1.2.1.2.2.1.6").stdout)
    channels = {line.split(" channel=")[0]: line.split()[2] for line in extend(where(ap)) if "radio" in line}
    memory = rows(snmp("snmpget", where(ap), ".1.3.6.1.4.1.2021.4.5.0").stdout)
    return physical | channels | memory


def test_each_start_is_a_new_boot_of_every_engine(simulator: Simulator) -> None:
    for boots in ("1", "2"):
        simulator.start()
        simulator.stop()
        assert (simulator.directory / "state/engine-boots").read_text().strip() == boots


def test_it_loads_nothing_of_ours_and_no_snmp_library() -> None:
    rooms = ("controller", "drivers", "captive_portal", "metrics", "pysnmp", "sqlalchemy", "flask", "netmiko")
    program = (
        f"import sys, simulator.__main__\nprint([m for m in sys.modules if m.split('.')[0] in {rooms!r}])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]\n"


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_134_aps_are_ready_small_and_idle_while_nobody_asks(simulator: Simulator) -> None:
    for number in range(134):
        simulator.ap(f"ap-{number}", platform="generic" if number % 12 == 11 else "openwrt")
    simulator.start()
    assert simulator.process is not None
    for ap in simulator.spec["aps"][::10]:
        assert snmp("snmpget", where(ap), ".1.3.6.1.2.1.1.3.0").returncode == 0
    pid = simulator.process.pid
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    resident_kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    assert resident_kib < 120 * 1024
    before = cpu_ticks(pid)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as quiet:
        quiet.bind(("127.0.0.1", free_port()))
        quiet.settimeout(2.0)
        with pytest.raises(TimeoutError):
            quiet.recv(1)
    assert cpu_ticks(pid) - before <= 4, "hundredths of a second of CPU in two seconds"
