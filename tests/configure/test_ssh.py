"""A login believes only the pinned host key, uses only the given credentials and always ends."""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from drivers import ssh
from drivers.errors import AuthFailed, HostKeyChanged, HostKeyUnknown, Unreachable
from drivers.host_key import HostKey
from drivers.model import Endpoint, Secret, SshLogin
from tests.configure.desk import CANARY
from tests.configure.device import Ap, keygen, wait_until


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    """After each test every socket and thread of a login is gone."""
    sockets, threads = _sockets(), threading.active_count()
    yield
    wait_until("the sockets are closed", lambda: _sockets() <= sockets)
    wait_until("the threads have ended", lambda: threading.active_count() <= threads)


def test_a_script_runs_in_a_plain_shell(ap: Ap) -> None:
    script = "printf 'ñ %s' \"$(echo out)\"; echo err >&2; [ -t 0 ] || exit 7\n"
    with ssh.connect(ap.device, ap.login, ap.host_key()) as shell:
        assert shell.run(script, 30) == ssh.Output(7, "ñ out", "err\n")
        assert shell.run("cat\nlong '" + "x" * 100_000 + "'", 30).stdout.endswith("x'")


def test_the_fingerprint_is_the_one_openssh_prints(ap: Ap) -> None:
    known = ap.root / "known"
    key = ap.host_key()
    known.write_text(f"ap {key.kind} {key.public_key}\n")
    assert key.fingerprint in os.popen(f"ssh-keygen -l -f {known}").read()


def test_another_host_key_stops_hard_and_says_so(one_ap: Ap) -> None:
    keygen(one_ap.root / "impostor")
    kind, public_key, _ = (one_ap.root / "impostor.pub").read_text().split()
    pinned = HostKey(kind, public_key, "SHA256:of-the-real-one")
    with pytest.raises(HostKeyChanged) as caught:
        ssh.connect(one_ap.device, one_ap.login, pinned)
    assert one_ap.host_key().fingerprint in str(caught.value)
    assert "SHA256:of-the-real-one" in str(caught.value)


def test_a_host_key_of_another_kind_is_another_host_key(one_ap: Ap) -> None:
    openssh = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    text = rsa.generate_private_key(65537, 2048).public_key().public_bytes(*openssh).decode()
    kind, public_key = text.split()
    with pytest.raises(HostKeyChanged):
        ssh.connect(one_ap.device, one_ap.login, HostKey(kind, public_key, "SHA256:rsa"))


def test_no_pinned_host_key_names_the_command_that_pins_it(one_ap: Ap) -> None:
    with pytest.raises(HostKeyUnknown, match="plaza adopt ap-08019-1"):
        ssh.connect(one_ap.device, one_ap.login, None)


def test_a_wrong_key_is_refused_and_the_credentials_are_named(ap: Ap) -> None:
    keygen(ap.root / "stranger")
    login = replace(ap.login, private_key=Secret((ap.root / "stranger").read_text()))
    with pytest.raises(AuthFailed, match="aps-ssh"):
        ssh.connect(ap.device, login, ap.host_key())


def test_a_wrong_password_is_refused_without_being_shown(
    one_ap: Ap, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    login = SshLogin(one_ap.user, password=Secret(CANARY))
    with pytest.raises(AuthFailed) as caught:
        ssh.connect(one_ap.device, login, one_ap.host_key())
    assert CANARY not in str(caught.value) + repr(login) + caplog.text


def test_what_is_no_private_key_is_an_error_of_the_credentials(one_ap: Ap) -> None:
    login = SshLogin(one_ap.user, private_key=Secret(f"no key but {CANARY}"))
    with pytest.raises(AuthFailed, match="cannot be read") as caught:
        ssh.connect(one_ap.device, login, one_ap.host_key())
    assert CANARY not in str(caught.value)


def test_the_users_own_keys_are_never_tried(
    one_ap: Ap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (tmp_path / "home/.ssh/id_ed25519").write_text((one_ap.root / "ssh/client").read_text())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(AuthFailed):
        ssh.connect(one_ap.device, SshLogin(one_ap.user, password=Secret("no")), one_ap.host_key())


def test_a_closed_port_is_unreachable(one_ap: Ap) -> None:
    key = one_ap.host_key()
    one_ap.lose_power()
    with pytest.raises(Unreachable):
        ssh.connect(one_ap.device, one_ap.login, key)
    with pytest.raises(Unreachable):
        ssh.fetch_host_key(one_ap.device)


def test_a_server_that_says_nothing_is_unreachable_in_time(one_ap: Ap) -> None:
    key = one_ap.host_key()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        device = replace(one_ap.device, ssh=Endpoint("127.0.0.1", silent.getsockname()[1]))
        with pytest.raises(Unreachable, match=r"accepts the connection and says nothing.*it has power"):
            ssh.connect(device, one_ap.login, key, timeout_s=1)
        with pytest.raises(Unreachable, match="accepts the connection and says nothing"):
            ssh.fetch_host_key(device, timeout_s=1)


def test_a_script_that_never_ends_is_given_up(one_ap: Ap) -> None:
    with (
        ssh.connect(one_ap.device, one_ap.login, one_ap.host_key()) as shell,
        pytest.raises(Unreachable, match="within 1 s"),
    ):
        shell.run("sleep 600", 1)


def test_a_device_that_dies_under_a_script_is_unreachable(one_ap: Ap) -> None:
    with ssh.connect(one_ap.device, one_ap.login, one_ap.host_key()) as shell:
        one_ap.lose_power()
        with pytest.raises(Unreachable):
            shell.run("echo", 30)


def _sockets() -> int:
    links = (os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _exists(name))
    return sum(link.startswith("socket:") for link in links)


def _exists(name: str) -> bool:
    return os.path.islink(f"/proc/self/fd/{name}")
