"""A login that leads through another device, and the secrets that a device is configured with."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from controller.access import Access, Pinning
from controller.errors import SecretError
from controller.secrets import FileSecrets
from controller.store.engine import open_engine
from controller.store.tables import metadata
from drivers.errors import HostKeyUnknown, Unreachable
from drivers.model import Captive, Device, GatewayKind, Intent, Manage, Secret, SnmpV3, Ssid
from tests.configure.device import Ap, OpenSsh, running, wait_until

CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "nms": {"kind": "snmp-v3", "user": "plaza", "auth_key": "ref+env:AUTH", "priv_protocol": "none"},
    "v2": {"kind": "snmp-v2c", "community": "ref+env:AUTH"},
    "fas": {"kind": "portal", "secret": "ref+env:FAS"},
    "staff": {"kind": "wifi", "passphrase": "ref+env:AUTH"},
}
SECRET = "canario-no-lo-digas"
FAS = "c" * 32
LONG_S = 60.0


def keyring(directory: Path, credentials: Mapping[str, Mapping[str, str]] = CREDENTIALS) -> FileSecrets:
    return FileSecrets(credentials, directory, {"AUTH": SECRET, "FAS": FAS})


@dataclass
class Street:
    """A gateway, and an access point that is reached through it."""

    gateway: Ap
    ap: Ap
    engine: Engine
    access: Access

    @property
    def device(self) -> Device:
        return self.access.devices[self.ap.name]


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    servers = [running(tmp_path / name, OpenSsh(), name) for name in ("gw-08019-1", "ap-08019-2")]
    gateway, ap = (next(each) for each in servers)
    engine = open_engine(f"sqlite:///{tmp_path / 'plaza.db'}")
    metadata.create_all(engine)
    devices = {one.name: replace(one.device, ssh_timeout_s=LONG_S) for one in (gateway, ap)}
    devices[ap.name] = replace(devices[ap.name], ssh_jump=gateway.name)
    credentials = {
        one.device.ssh_credentials: {
            "kind": "ssh",
            "user": one.user,
            "private_key": f"ref+file:{one.root / 'ssh/client'}",
        }
        for one in (gateway, ap)
    }
    access = Access(keyring(tmp_path, credentials), engine, devices=devices)
    yield Street(gateway, ap, engine, access)
    engine.dispose()
    for each in servers:
        next(each, None)


def pin(street: Street, *aps: Ap) -> None:
    pinning = Pinning(street.engine, b"k" * 32, "tecnica")
    for ap in aps:
        pinning.pin(ap.name, ap.host_key(), datetime(2026, 11, 26, tzinfo=UTC))


def test_a_login_goes_through_the_jump_and_ends_with_it(street: Street) -> None:
    pin(street, street.gateway, street.ap)
    with street.access.enter(street.device) as shell:
        assert (shell.device, shell.ask("echo ñ", LONG_S).text) == (street.ap.name, "ñ\n")
        street.gateway.lose_power()
        with pytest.raises(Unreachable):
            shell.ask("echo ñ", LONG_S)


def test_closing_a_login_closes_the_one_that_carries_it(street: Street) -> None:
    pin(street, street.gateway, street.ap)
    others = set(threading.enumerate())
    idle = street.gateway.server.processes(street.gateway.root)
    with street.access.enter(street.device) as shell:
        ours = set(threading.enumerate()) - others
        assert ours
    shell.close()
    wait_until("the threads have ended", lambda: not any(thread.is_alive() for thread in ours))
    wait_until("the gateway is alone", lambda: street.gateway.server.processes(street.gateway.root) <= idle)


def test_a_device_that_refuses_us_leaves_no_login_at_the_jump(street: Street) -> None:
    pin(street, street.gateway)
    others = set(threading.enumerate())
    with pytest.raises(HostKeyUnknown, match="plaza adopt ap-08019-2"):
        street.access.enter(street.device)
    wait_until("the threads have ended", lambda: set(threading.enumerate()) <= others)


def test_a_jump_that_is_down_is_named(street: Street) -> None:
    pin(street, street.gateway, street.ap)
    street.gateway.lose_power()
    with pytest.raises(Unreachable, match="gw-08019-1"):
        street.access.enter(street.device)


def test_the_jump_alone_is_entered_for_what_is_not_adopted_yet(street: Street) -> None:
    pin(street, street.gateway)
    jump = street.access.jump(street.device)
    assert jump is not None
    with jump:
        assert jump.device == street.gateway.name
    assert street.access.jump(street.gateway.device) is None


@pytest.mark.parametrize(("device_s", "caller_s"), [(0.5, 120.0), (120.0, 0.5)])
def test_a_login_takes_no_longer_than_the_device_and_the_caller_allow(
    street: Street, device_s: float, caller_s: float
) -> None:
    """A gateway that accepts and says nothing: whoever is shorter ends the wait, far before the other."""
    pin(street, street.gateway)
    for pid in street.gateway.server.processes(street.gateway.root):
        with suppress(ProcessLookupError):  # the login of `pin` may be ending
            os.kill(pid, signal.SIGSTOP)
    gateway = replace(street.access.devices[street.gateway.name], ssh_timeout_s=device_s)
    begun = time.monotonic()
    with pytest.raises(Unreachable):
        replace(street.access, login_timeout_s=caller_s).enter(gateway)
    assert time.monotonic() - begun < 60


NOTHING = Manage()


def wanted(manage: Manage = NOTHING, captive: Captive | None = None) -> Intent:
    return Intent("ap-1", "ap-1", "MX", (), (Ssid("Personal", passphrase="staff"),), manage, captive)


def wiring(kind: GatewayKind) -> Captive:
    return Captive(kind, "https://wifi.example.mx/", credentials="fas")


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(keyring(tmp_path), open_engine(f"sqlite:///{tmp_path / 'plaza.db'}"))


def test_the_secrets_of_an_intent_are_looked_up_by_the_names_of_their_credentials(access: Access) -> None:
    intent = wanted(Manage(snmp_users=("nms",)), wiring(GatewayKind.OPENNDS))
    user = SnmpV3("plaza", "sha1", Secret(SECRET), "none")
    assert access.passphrases(intent) == {"staff": Secret(SECRET)}
    assert access.snmp_users(intent) == {"nms": user}
    assert access.portal_secrets(intent) == {"fas": Secret(FAS)}
    assert SECRET not in repr((access.snmp_users(intent), access.passphrases(intent), access))
    assert FAS not in repr(access.portal_secrets(intent))


def test_nothing_is_looked_up_that_an_intent_does_not_name(access: Access) -> None:
    assert access.snmp_users(wanted()) == {}
    assert access.portal_secrets(wanted()) == {}
    assert access.portal_secrets(wanted(captive=wiring(GatewayKind.PLAZA))) == {}


def test_a_community_is_no_snmp_v3_user(access: Access) -> None:
    with pytest.raises(SecretError, match="credential v2: is no SNMPv3 user, name one of kind snmp-v3"):
        access.snmp_users(wanted(Manage(snmp_users=("v2",))))
