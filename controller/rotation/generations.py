"""The next secret beside the present one in the secrets directory, until it takes its name.

For a file NAME: NAME.next is coming, NAME is in use, NAME.old was in use before. A user of SNMPv3 changes its
name with its keys; what it is called is in NAME.user beside the file of its auth_key.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controller.errors import SecretError
from controller.files import write_private
from controller.rotation.ledger import Kind
from controller.secrets import derived, rotated_file

Entry = Mapping[str, str]
_SECRETS: Final = {Kind.SSH: ("private_key",), Kind.SNMP: ("auth_key", "priv_key")}
_NUMBERED: Final = re.compile(r"(.*)-([0-9]+)")
_USER_OCTETS: Final = 32  # RFC 3414, section 5: usmUserName


def files(kind: Kind, entry: Entry) -> tuple[str, ...]:
    """What of the secrets directory a rotation of this credential writes anew, each once."""
    found = [rotated_file(entry[key]) for key in _SECRETS[kind] if key in entry]
    found += [f"{rotated_file(entry['auth_key'])}.user"] if kind is Kind.SNMP else []
    return tuple(dict.fromkeys(found))


def prepare(base_dir: Path, kind: Kind, entry: Entry, name: str, user: str) -> None:
    """Write what is coming. `user` is what the user of SNMPv3 is called now. Raises SecretError."""
    for file in files(kind, entry):
        if file.endswith(".user") and kind is Kind.SNMP:
            text = next_user(entry["user"], user)
        elif kind is Kind.SSH:
            text = new_private_key()
        else:
            text = token_hex(32) if _is_master(entry, file) else derived(token_bytes(32), name)
        _write(base_dir / f"{file}.next", text, name)


def promote(base_dir: Path, kind: Kind, entry: Entry) -> None:
    """What was coming is in use; may be done again after it was interrupted. Raises SecretError."""
    for file in files(kind, entry):
        coming, present = base_dir / f"{file}.next", base_dir / file
        if not coming.exists():
            continue
        try:
            if present.exists():
                _keep(present)
            coming.replace(present)
            _sync(present.parent)
        except OSError as error:
            raise SecretError(f"{present}: {error.strerror}; let this user write there") from error


def next_user(written: str, now: str) -> str:
    """plaza → plaza-2 → plaza-3."""
    found = _NUMBERED.fullmatch(now) if now != written else None
    suffix = f"-{int(found[2]) + 1 if found else 2}"
    return written[: _USER_OCTETS - len(suffix)] + suffix


def new_private_key() -> str:
    """An ed25519 key as OpenSSH writes it."""
    key = Ed25519PrivateKey.generate()
    octets = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return octets.decode()


def public_line(private_key: str, comment: str) -> str:
    """The line of authorized_keys that belongs to a private key. Raises SecretError."""
    octets = private_key.strip().encode() + b"\n"
    openssh = octets.startswith(b"-----BEGIN OPENSSH")
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        key = load(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        mend = "put an OpenSSH key without a passphrase there"
        raise SecretError(f"credential {comment}: its private key cannot be read, {mend}") from None
    encoding, form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return f"{key.public_key().public_bytes(encoding, form).decode()} plaza-{comment}"


def old_private_key(base_dir: Path, entry: Entry) -> str:
    """The key that was in use before the present one."""
    return (base_dir / f"{rotated_file(entry['private_key'])}.old").read_text(encoding="utf-8")


def is_prepared(base_dir: Path, kind: Kind, entry: Entry) -> bool:
    """Whether something is coming that did not take its place yet."""
    return any((base_dir / f"{file}.next").exists() for file in files(kind, entry))


def _is_master(entry: Entry, file: str) -> bool:
    return any(
        entry.get(key, "").startswith("ref+derived:") and rotated_file(entry[key]) == file
        for key in _SECRETS[Kind.SNMP]
    )


def _keep(present: Path) -> None:
    kept = present.with_name(f"{present.name}.old")
    draft = present.with_name(f".{present.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    shutil.copyfile(present, draft)
    with draft.open("rb") as copy:
        os.fsync(copy.fileno())
    draft.replace(kept)


def _write(path: Path, text: str, name: str) -> None:
    try:
        write_private(path, text + ("" if text.endswith("\n") else "\n"))
        _sync(path.parent)
    except OSError as error:
        mend = f"let this user write into {path.parent}"
        trouble = f"{path} cannot be written ({error.strerror})"
        raise SecretError(f"credential {name}: {trouble}, {mend}") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
