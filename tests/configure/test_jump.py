"""A device behind a jump host is logged into through it, and each of the two is believed by its own key."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from drivers import ssh
from drivers.errors import AuthFailed, HostKeyChanged, Unreachable
from drivers.model import Endpoint, Secret, SshLogin
from drivers.ssh import SshShell
from simulator.vendors.server import VendorServer
from tests.configure.device import Ap, OpenSsh, free_port, running
from tests.configure.relay import relayed
from tests.configure.test_terminal import STYLE, Acme, device_at


@pytest.fixture
def jump(tmp_path: Path) -> Iterator[SshShell]:
    """A login at a real OpenSSH."""
    gateways = running(tmp_path / "jump", OpenSsh(), "gw-08019")
    gateway = next(gateways)
    with ssh.connect(gateway.device, gateway.login, gateway.host_key()) as shell:
        yield shell
    next(gateways, None)


def test_a_script_runs_behind_the_jump_host(jump: SshShell, ap: Ap) -> None:
    key = ssh.fetch_host_key(ap.device, through=jump)
    assert key == ap.host_key()
    with ssh.connect(ap.device, ap.login, key, through=jump) as shell:
        assert shell.run("echo detras", 30).text == "detras\n"
    assert jump.run("echo delante", 30).text == "delante\n"


def test_the_line_really_goes_through_the_jump_host(jump: SshShell, ap: Ap) -> None:
    key = ap.host_key()
    before = _tcp_ports()
    with ssh.connect(ap.device, ap.login, key, through=jump):
        assert ap.port not in _tcp_ports() - before


def test_a_terminal_opens_behind_the_jump_host(jump: SshShell) -> None:
    with VendorServer(Acme()) as server:
        device = device_at(server.port)
        key = ssh.fetch_host_key(device, through=jump)
        with (
            ssh.connect(device, ssh_login(server), key, through=jump) as shell,
            shell.terminal(STYLE) as terminal,
        ):
            assert terminal.ask("say 1", 30) == "said 1"


def test_a_changed_key_behind_the_jump_host_stops_hard(jump: SshShell) -> None:
    with VendorServer(Acme()) as server:
        device = device_at(server.port)
        key = ssh.fetch_host_key(device, through=jump)
        server.change_host_key(2)
        with pytest.raises(HostKeyChanged, match="adopt --replace-key ap-1"):
            ssh.connect(device, ssh_login(server), key, through=jump)


def test_a_changed_key_of_the_jump_host_stops_before_the_device_is_tried(openssh_ap: Ap) -> None:
    key = openssh_ap.host_key()
    openssh_ap.reinstall()
    with pytest.raises(HostKeyChanged):
        ssh.connect(openssh_ap.device, openssh_ap.login, key)


def test_a_wrong_password_behind_the_jump_host_is_of_the_device(jump: SshShell) -> None:
    with VendorServer(Acme()) as server:
        device = device_at(server.port)
        login = replace(ssh_login(server), password=Secret("no"))
        key = ssh.fetch_host_key(device, through=jump)
        with pytest.raises(AuthFailed, match=r"^ap-1: "):
            ssh.connect(device, login, key, through=jump)


def test_a_device_that_the_jump_host_cannot_reach_is_unreachable_and_says_from_where(
    jump: SshShell, one_ap: Ap
) -> None:
    key = one_ap.host_key()
    device = replace(one_ap.device, ssh=Endpoint("127.0.0.1", free_port()))
    with pytest.raises(Unreachable, match=f"no SSH at {device.ssh} from {jump.device}"):
        ssh.connect(device, one_ap.login, key, through=jump)


def test_a_closed_login_at_the_jump_host_is_unreachable(jump: SshShell, one_ap: Ap) -> None:
    key = one_ap.host_key()
    jump.close()
    with pytest.raises(Unreachable):
        ssh.connect(one_ap.device, one_ap.login, key, through=jump)


def test_a_line_that_breaks_during_the_login_is_no_refused_login(one_ap: Ap) -> None:
    key = one_ap.host_key()
    with relayed(one_ap.port) as relay:
        device = replace(one_ap.device, ssh=Endpoint("127.0.0.1", relay.port))
        for octets in range(100, 2600, 100):
            relay.cut_after(octets)
            with suppress(Unreachable):  # and never AuthFailed
                ssh.connect(device, one_ap.login, key).close()


def ssh_login(server: VendorServer) -> SshLogin:
    """The login that a virtual device accepts."""
    return SshLogin(server.user, password=Secret(server.password))


def _tcp_ports() -> set[int]:
    """The ports this process has a connection to."""
    inodes = {os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_link(name)}
    with open("/proc/self/net/tcp") as table:
        rows = [row.split() for row in table.readlines()[1:]]
    return {int(row[2].split(":")[1], 16) for row in rows if f"socket:[{row[9]}]" in inodes}


def _is_link(name: str) -> bool:
    return os.path.islink(f"/proc/self/fd/{name}")
