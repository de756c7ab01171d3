"""SSH into a virtual access point, with OpenSSH's client and with paramiko's."""

import hashlib
import os
import signal
import socket
import struct
import threading
from typing import Any

import paramiko
import pytest

from tests.simulator.lab import Simulator, until


def connect(town: Simulator, ap: dict[str, Any], **login: Any) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
    known: dict[str, Any] = {
        "username": "root",
        "key_filename": str(town.key),
        "allow_agent": False,
        "look_for_keys": False,
    }
    client.connect(ap["ssh"]["host"], ap["ssh"]["port"], timeout=30, banner_timeout=30, **(known | login))
    return client


def test_openssh_runs_a_script_and_gets_output_errors_and_status(town: Simulator) -> None:
    ran = town.ssh(town.spec["aps"][0], "sh -s", b"echo out; echo err >&2; exit 7\n")
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"out\n", b"err\n", 7)


def test_a_script_runs_at_home_with_nothing_of_the_simulator_s_environment(town: Simulator) -> None:
    ran = town.ssh(town.spec["aps"][0], "pwd; env | sort; ls etc/config")
    home = f"{town.spec['state_dir']}/wrt"
    lines = ran.stdout.decode().split("\n")
    assert lines[0] == home
    assert {f"HOME={home}", f"PLAZA_ROOT={home}"} <= set(lines)
    path = next(line for line in lines if line.startswith("PATH="))
    assert path.split("=")[1].split(":")[0].endswith("/simulator/bin")
    assert {line.split("=")[0] for line in lines if "=" in line} <= {
        *("HOME", "PLAZA_ROOT", "PATH", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "_", "SHLVL")
    }
    assert lines[-4:-1] == ["network", "system", "wireless"]


def test_megabytes_go_in_and_out_unharmed(town: Simulator) -> None:
    given = bytes(range(256)) * 12_000
    ran = town.ssh(town.spec["aps"][0], "cat", given)
    assert hashlib.sha256(ran.stdout).digest() == hashlib.sha256(given).digest()


def test_a_command_that_does_not_read_its_input_ends_all_the_same(town: Simulator) -> None:
    ran = town.ssh(town.spec["aps"][0], "echo done", bytes(1_000_000))
    assert (ran.stdout, ran.returncode) == (b"done\n", 0)


def test_quick_commands_one_after_another_and_at_once_all_succeed(town: Simulator) -> None:
    client = connect(town, town.spec["aps"][0])
    answers: list[bytes] = []

    def run(number: int) -> None:
        _, stdout, _ = client.exec_command(f"echo {number}", timeout=30)
        answers.append(stdout.read())

    for number in range(10):
        run(number)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert sorted(answers) == sorted(f"{number}\n".encode() for number in range(20))


def test_a_death_by_signal_is_told_as_a_shell_tells_it(town: Simulator) -> None:
    assert town.ssh(town.spec["aps"][0], "kill -9 $$").returncode == 128 + 9


def test_what_runs_is_told_when_its_client_goes(town: Simulator) -> None:
    ap = town.spec["aps"][0]
    note = town.directory / "state/wrt/tmp/hung-up"
    client = connect(town, ap)
    _, stdout, _ = client.exec_command(
        f"trap 'echo > {note}; exit' HUP; echo waiting; while :; do sleep 0.1; done"
    )
    assert stdout.readline() == "waiting\n"
    client.close()
    until(note.exists, "the hang-up")


def test_clients_that_are_gone_when_their_command_ends_leave_no_trace(simulator: Simulator) -> None:
    """All at the same instant: the process is asleep while commands end and clients hang up."""
    ap = simulator.ap("wrt")
    simulator.start()
    assert simulator.process is not None
    clients = [connect(simulator, ap) for _ in range(16)]
    running = [int(c.exec_command("echo $$; exec sleep 600")[1].readline()) for c in clients]
    simulator.process.send_signal(signal.SIGSTOP)
    for child in running:
        os.kill(child, signal.SIGKILL)
    for client in clients:
        transport = client.get_transport()
        assert transport is not None
        assert isinstance(transport.sock, socket.socket)
        transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    simulator.process.send_signal(signal.SIGCONT)
    assert simulator.ssh(ap, "echo still here").stdout == b"still here\n"
    assert simulator.stop() == (0, "")


def test_a_wrong_key_a_wrong_user_and_a_password_are_refused(town: Simulator) -> None:
    ap = town.spec["aps"][0]
    stranger = paramiko.RSAKey.generate(2048)
    for login in (
        {"pkey": stranger, "key_filename": None},
        {"username": "admin"},
        {"password": "", "key_filename": None},
        {"password": "admin", "key_filename": None},
    ):
        with pytest.raises((paramiko.AuthenticationException, paramiko.BadAuthenticationType)):
            connect(town, ap, **login)


def test_a_password_works_where_the_spec_has_one(simulator: Simulator) -> None:
    ap = simulator.ap("wrt")
    ap["ssh"]["password"] = "factory-word"
    simulator.start()
    client = connect(simulator, ap, password="factory-word", key_filename=None)
    assert client.exec_command("echo in")[1].read() == b"in\n"
    client.close()


def test_terminals_and_shells_are_refused_cleanly(town: Simulator) -> None:
    client = connect(town, town.spec["aps"][0])
    transport = client.get_transport()
    assert transport is not None
    for ask in ("get_pty", "invoke_shell"):
        channel = transport.open_session(timeout=30)
        with pytest.raises(paramiko.SSHException):
            getattr(channel, ask)()
    assert client.exec_command("echo still here")[1].read() == b"still here\n"
    client.close()


def host_key(ap: dict[str, Any]) -> bytes:
    with socket.create_connection((ap["ssh"]["host"], ap["ssh"]["port"]), timeout=30) as sock:
        transport = paramiko.Transport(sock)
        transport.start_client(timeout=30)
        key = transport.get_remote_server_key().asbytes()
        transport.close()
    return key


def test_the_host_key_is_the_ap_s_own_and_the_same_after_a_restart(simulator: Simulator) -> None:
    one, other = simulator.ap("wrt-1"), simulator.ap("wrt-2")
    simulator.start()
    before = host_key(one), host_key(other)
    simulator.stop()
    simulator.start()
    assert (host_key(one), host_key(other)) == before
    assert before[0] != before[1]
    assert b"ssh-ed25519" in before[0]


def test_a_caller_beyond_the_cap_is_turned_away_and_the_others_stay(town: Simulator) -> None:
    ap = town.spec["aps"][1]
    at = (ap["ssh"]["host"], ap["ssh"]["port"])
    crowd = [socket.create_connection(at, timeout=30) for _ in range(70)]
    try:
        turned_away = [sock for sock in crowd if sock.makefile("rb").readline() == b""]
        assert 1 <= len(turned_away) <= 70 - 60
    finally:
        for sock in crowd:
            sock.close()

    def free_again() -> paramiko.SSHClient | None:
        try:
            return connect(town, ap)
        except (paramiko.SSHException, OSError, EOFError):
            return None

    again = until(free_again, "a free place")
    assert again is not None
    assert again.exec_command("echo in")[1].read() == b"in\n"
    again.close()
