"""A device says whether it would take a public key, to somebody who has not the private one."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from drivers import ssh
from drivers.errors import HostKeyChanged, HostKeyUnknown, Unreachable
from drivers.model import Endpoint
from tests.configure.device import Ap, Dropbear, free_port, keygen


def authorized(ap: Ap) -> Path:
    """The file of the keys that may log in."""
    return ap.root / ("root/.ssh/authorized_keys" if isinstance(ap.server, Dropbear) else "ssh/authorized")


def public(path: Path) -> str:
    return path.with_name(f"{path.name}.pub").read_text().strip()


def test_a_key_is_accepted_while_it_stands_there_and_refused_when_it_is_gone(ap: Ap, tmp_path: Path) -> None:
    keygen(tmp_path / "ana")
    line, before = public(tmp_path / "ana"), authorized(ap).read_text()
    key = ap.host_key()
    assert not ssh.would_accept(ap.device, ap.user, line, key)
    authorized(ap).write_text(f"{before}{line}\n")
    assert ssh.would_accept(ap.device, ap.user, line, key)
    assert ssh.would_accept(ap.device, ap.user, public(ap.root / "ssh/client"), key)
    authorized(ap).write_text(before)
    assert not ssh.would_accept(ap.device, ap.user, line, key)


def test_an_rsa_key_is_asked_for_with_every_signature_there_is(ap: Ap, tmp_path: Path) -> None:
    make = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(tmp_path / "ana")]
    subprocess.run(make, check=True, timeout=120)
    line = public(tmp_path / "ana")
    assert not ssh.would_accept(ap.device, ap.user, line, ap.host_key())
    authorized(ap).write_text(f"{line}\n")
    assert ssh.would_accept(ap.device, ap.user, line, ap.host_key())


def test_only_the_device_that_was_adopted_is_believed(one_ap: Ap) -> None:
    line, key = public(one_ap.root / "ssh/client"), one_ap.host_key()
    with pytest.raises(HostKeyUnknown):
        ssh.would_accept(one_ap.device, one_ap.user, line, None)
    one_ap.reinstall()
    with pytest.raises(HostKeyChanged):
        ssh.would_accept(one_ap.device, one_ap.user, line, key)
    away = replace(one_ap.device, ssh=Endpoint("127.0.0.1", free_port()))
    with pytest.raises(Unreachable):
        ssh.would_accept(away, one_ap.user, line, key)
