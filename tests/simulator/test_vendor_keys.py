"""Whose keys the vendors' virtual devices take: those that their own configuration names."""

import hashlib
from contextlib import suppress

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from simulator.vendors.cisco_ios import CiscoIos
from simulator.vendors.cisco_startup import HAND_MADE, Flavour
from simulator.vendors.routeros import RouterOs
from simulator.vendors.routeros_startup import hand_made
from simulator.vendors.server import VendorServer

ANA = paramiko.RSAKey(key=generate_private_key(65537, 2048))
REFUSED = paramiko.AuthenticationException


def enter(server: VendorServer, key: paramiko.PKey | None = None) -> paramiko.SSHClient:
    """Log in by key, or else by password. Raises REFUSED."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
    password = None if key else server.password
    at = ("127.0.0.1", server.port, server.user, password, key)
    client.connect(*at, timeout=30, allow_agent=False, look_for_keys=False)
    return client


def typed(client: paramiko.SSHClient, line: str) -> None:
    with suppress(EOFError):
        client.exec_command(line, timeout=30)[1].read()
    client.close()


def test_routeros_takes_the_keys_of_its_menu_and_then_no_password() -> None:
    device = RouterOs()
    hand_made(device)
    with VendorServer(device) as server:
        with pytest.raises(REFUSED):
            enter(server, ANA)
        typed(enter(server), f'/user ssh-keys add user=plaza key="ssh-rsa {ANA.get_base64()} ana"')
        with pytest.raises(REFUSED):
            enter(server)
        typed(enter(server, ANA), "/user ssh-keys remove [find key-owner=ana]")
        with pytest.raises(REFUSED):
            enter(server, ANA)
        enter(server).close()


@pytest.mark.parametrize("flavour", list(Flavour))
def test_a_cisco_takes_the_keys_whose_hash_its_chain_names(flavour: Flavour) -> None:
    digest = hashlib.md5(ANA.asbytes(), usedforsecurity=False).hexdigest().upper()
    for user, wanted in (("plaza", digest), ("plaza", "0" * 32), ("admin", digest)):
        chain = f"ip ssh pubkey-chain\n username {user}\n  key-hash ssh-rsa {wanted} ana\n"
        device = CiscoIos(flavour, startup=f"{HAND_MADE[flavour]}\n{chain}")
        with VendorServer(device) as server:
            enter(server).close()
            if (user, wanted) == ("plaza", digest):
                enter(server, ANA).close()
                continue
            with pytest.raises(REFUSED):
                enter(server, ANA)
