"""Keys of servers and logins, made in this process: a program for each costs more than all else of it."""

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from paramiko import Message


def keygen(path: Path) -> None:
    """An ed25519 key pair without passphrase, in the files that ssh-keygen would write."""
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    path.with_name(f"{path.name}.pub").write_bytes(public + b" made@here\n")


def dropbear_ed25519() -> bytes:
    """A new host key in the format of dropbearkey."""
    key = Ed25519PrivateKey.generate()
    made = Message()
    made.add_string("ssh-ed25519")
    made.add_string(key.private_bytes_raw() + key.public_key().public_bytes_raw())
    return made.asbytes()


@cache
def dropbear_rsa() -> bytes:
    """One for all, in the format of dropbearkey: no test looks at it."""
    key = rsa.generate_private_key(65537, 2048).private_numbers()
    made = Message()
    made.add_string("ssh-rsa")
    for number in (key.public_numbers.e, key.public_numbers.n, key.d, key.p, key.q):
        made.add_mpint(number)
    return made.asbytes()
