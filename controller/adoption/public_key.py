"""The public half of the key that we log in with."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from controller.access import Keyring
from controller.errors import SecretError
from drivers.model import Device


def of_device(secrets: Keyring, device: Device) -> str:
    """A line of authorized_keys for the login of a device. Raises SecretError when it has no private key."""
    login = secrets.of(device).ssh(device.ssh_credentials)
    if login.private_key is None:
        raise SecretError(
            f"credential {device.ssh_credentials}: has only a password, and a new device is to let a key in; "
            "add private_key: ref+file:NAME"
        )
    text = (login.private_key.reveal().strip() + "\n").encode()
    openssh = text.startswith(b"-----BEGIN OPENSSH")
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        public = load(text, None).public_key()
        line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SecretError(
            f"credential {device.ssh_credentials}: the private key cannot be read, put an OpenSSH key "
            "without a passphrase there"
        ) from error
    return f"{line.decode()} plaza"
