"""Looks credentials up: references in the inventory become secrets only where they are used.

`ref+env:NAME` is a variable of the environment, `ref+file:PATH` a file that only we can read,
`ref+derived:PATH#SCOPE` a secret of each municipality, site or device, made from the master in such a file.
Nothing here ever puts a value into an error, a log or a repr.
"""

import base64
import hashlib
import hmac
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from captive_portal.model import Keys
from controller.errors import SecretError
from drivers.model import Device, HttpLogin, Secret, SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3, SshLogin

MAX_OCTETS: Final = 64 * 1024
MIN_GATEWAY_KEY_OCTETS: Final = 32
MIN_PORTAL_SECRET: Final = 16  # RFC 2865, section 3
MIN_MASTER_OCTETS: Final = 32
DERIVED_CHARACTERS: Final = 24
"""Of base32, five bits each: a derived secret has 120."""

_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "snmp-v1": "`snmp: {credentials: …}`",
        "snmp-v3": "`snmp: {credentials: …}`",
        "ssh": "`ssh: {credentials: …}`",
        "http": "`http: {credentials: …}`",
        "gateway": "`portal: {gateway_credentials: …}`",
    }
)
"""Where the inventory names a credential, by the first of the kinds that may stand there."""

_MADE_WITH: Final[Mapping[str, str]] = MappingProxyType(
    {"portal": "openssl rand -hex 16", "gateway": "openssl rand -hex 32"}
)
"""What prints a new secret of a kind that is nobody else's to choose."""

NEXT: Final = "+next"
NOW: Final = "+now"
"""Behind a credential's name: the one that a rotation brings, or the one that it takes away."""

SCOPES: Final[Mapping[str, Callable[[Device], str]]] = MappingProxyType(
    {
        "municipality": lambda device: device.municipality,
        "site": lambda device: device.site,
        "device": lambda device: device.name,
    }
)
"""What `ref+derived:PATH#SCOPE` may be derived for."""

Turned = Callable[[str, str], bool]
"""(credential, device) → whether a rotation knows that the device accepts the next secret of it."""


def site_key(master: bytes, site: str, epoch: int = 0) -> bytes:
    """The key of one site's gateway in an epoch, 32 octets: none tells of another site's or epoch's.

    That of epoch 0 makes the site's pseudonyms in all epochs.
    """
    if epoch == 0:
        return hmac.digest(master, b"plaza-gateway-v1\0" + site.encode(), hashlib.sha256)
    said = b"plaza-gateway-v2\0" + site.encode() + b"\0" + str(epoch).encode()
    return hmac.digest(master, said, hashlib.sha256)


def site_keys(master: bytes, site: str, epoch: int) -> Keys:
    """What a site's gateway and we share: the key of an epoch, and of the one before, which still counts."""
    believed = range(epoch, max(epoch - 2, -1), -1)
    return Keys(site_key(master, site), epoch, tuple(site_key(master, site, one) for one in believed))


def voucher_key(master: bytes, municipality: str) -> bytes:
    """The key under which one municipality's voucher codes are hashed, 32 octets."""
    return hmac.digest(master, b"plaza-voucher-v1\0" + municipality.encode(), hashlib.sha256)


def derived(master: bytes, *whose: str) -> str:
    """A secret of its own for each of `whose`: what is known of one tells nothing of another's."""
    said = b"\0".join((b"plaza-derived-v1", *(word.encode() for word in whose)))
    octets = hmac.digest(master, said, hashlib.sha256)
    return base64.b32encode(octets).decode().lower()[:DERIVED_CHARACTERS]


def nowhere(_credential: str, _device: str) -> bool:
    """No device has turned to anything."""
    return False


class FileSecrets:
    """Secrets by the name of their credential, read anew each time so that a changed file counts at once.

    Implements controller.access.Keyring. Every method raises SecretError, which names the credential, its
    reference and the command that mends it.
    """

    def __init__(
        self,
        credentials: Mapping[str, Mapping[str, str]],
        base_dir: Path,
        environ: Mapping[str, str] = os.environ,
        turned: Turned = nowhere,
        device: Device | None = None,
    ) -> None:
        self._credentials = credentials
        self._base_dir = base_dir
        self._environ = environ
        self._turned = turned
        self._device = device

    def __repr__(self) -> str:
        return f"FileSecrets({sorted(self._credentials)})"

    def of(self, device: Device) -> "FileSecrets":
        """The same as this device has them: derived for it, and the next ones where it accepts those."""
        return FileSecrets(self._credentials, self._base_dir, self._environ, self._turned, device)

    def snmp(self, name: str) -> SnmpCredentials:
        """Credentials for polling."""
        entry = self._entry(name, "snmp-v1", "snmp-v2c", "snmp-v3")
        if entry["kind"] == "snmp-v1":
            return SnmpV1(self._secret(name, entry, "community"))
        if entry["kind"] == "snmp-v2c":
            return SnmpV2c(self._secret(name, entry, "community"))
        return SnmpV3(
            user=self._snmp_user(name, entry),
            auth_protocol=entry.get("auth_protocol", "sha1"),
            auth_key=self._optional(name, entry, "auth_key"),
            priv_protocol=entry.get("priv_protocol", "aes128"),
            priv_key=self._optional(name, entry, "priv_key"),
            context=entry.get("context", ""),
        )

    def ssh(self, name: str) -> SshLogin:
        """Credentials for configuring."""
        entry = self._entry(name, "ssh")
        private_key, password = (self._optional(name, entry, key) for key in ("private_key", "password"))
        return SshLogin(entry["user"], private_key, password)

    def snmp_user(self, name: str) -> str:
        """What the user of an snmp-v3 credential is called; none of its keys is looked up."""
        return self._snmp_user(name, self._entry(name, "snmp-v3"))

    def http(self, name: str) -> HttpLogin:
        """Credentials for polling over HTTPS."""
        entry = self._entry(name, "http")
        password, token = (self._optional(name, entry, key) for key in ("password", "token"))
        return HttpLogin(entry.get("user", ""), password, token)

    def passphrase(self, name: str) -> Secret:
        """A Wi-Fi passphrase: 8 to 63 characters (IEEE 802.11, WPA2-Personal)."""
        found = self._secret(name, self._entry(name, "wifi"), "passphrase")
        if not 8 <= len(found.reveal()) <= 63:
            raise SecretError(
                f"credential {name}: the passphrase is not 8 to 63 characters long, write another one"
            )
        return found

    def gateway(self, name: str) -> bytes:
        """The master key of gateways, at least 32 octets."""
        entry = self._entry(name, "gateway")
        key = self._octets(name, entry["key"], "key")
        if len(key) < MIN_GATEWAY_KEY_OCTETS:
            mend = f"make one with: (umask 077; openssl rand -hex 32 > {self._shown_target(entry['key'])})"
            raise SecretError(f"credential {name}: {entry['key']} is shorter than 32 octets, {mend}")
        return key

    def portal(self, name: str) -> Secret:
        """What a gateway shares with the portal or with RADIUS: 16 printable ASCII characters or more."""
        entry = self._entry(name, "portal")
        found = self._secret(name, entry, "secret")
        text = found.reveal()
        if len(text) < MIN_PORTAL_SECRET or not (text.isascii() and text.isprintable()):
            mend = f"make one with: (umask 077; openssl rand -hex 16 > {self._shown_target(entry['secret'])})"
            raise SecretError(
                f"credential {name}: {entry['secret']} is not {MIN_PORTAL_SECRET} or more printable ASCII "
                f"characters, {mend}"
            )
        return found

    def written_by_hand(self, name: str) -> Mapping[str, Secret]:
        """What somebody writes by hand into a device that Plaza does not configure, by its key."""
        entry = self._entry(name, "snmp-v1", "snmp-v2c", "snmp-v3", "wifi", "portal")
        references = (key for key, value in entry.items() if value.startswith("ref+"))
        return {key: self._secret(name, entry, key) for key in references}

    def token(self, name: str, reference: str) -> Secret:
        """What a reference outside the inventory stands for; `name` is whose it is, for the error."""
        return self._secret(name, {"token": reference}, "token")

    def _entry(self, name: str, *kinds: str) -> Mapping[str, str]:
        written = _base(name)
        if not written:
            raise SecretError(self._unnamed(kinds[0]))
        entry = self._credentials.get(written)
        if entry is None:
            raise SecretError(f"credential {written}: is not in the inventory, add it below `credentials:`")
        if entry["kind"] not in kinds:
            wanted = " or ".join(kinds)
            raise SecretError(
                f"credential {written}: is of kind {entry['kind']}, name one of kind {wanted} instead"
            )
        return entry

    def _unnamed(self, kind: str) -> str:
        whose = "the inventory" if self._device is None else self._device.name
        key = _KEYS.get(kind, "`credentials: …`")
        return f"{whose}: has no {key}, add it in the inventory, there or at a level above it"

    def _optional(self, name: str, entry: Mapping[str, str], key: str) -> Secret | None:
        return self._secret(name, entry, key) if key in entry else None

    def _secret(self, name: str, entry: Mapping[str, str], key: str) -> Secret:
        octets = self._octets(name, entry[key], key)
        try:
            return Secret(octets.decode())
        except UnicodeDecodeError:
            raise SecretError(f"credential {name}: {entry[key]} is not UTF-8 text, write it anew") from None

    def _octets(self, name: str, reference: str, key: str) -> bytes:
        kind, _, target = reference.partition(":")
        if kind == "ref+env" and target:
            octets = self._variable(name, target)
        elif kind == "ref+file" and target:
            made_with = _MADE_WITH.get(self._credentials.get(_base(name), {}).get("kind", ""), "")
            octets = _stripped(_read(name, reference, self._file(name, target), made_with))
        elif kind == "ref+derived" and target:
            octets = self._derived(name, reference, key)
        else:
            raise SecretError(f"credential {name}: holds no reference, write ref+file:NAME or ref+env:NAME")
        if not octets:
            raise SecretError(f"credential {name}: {reference} is empty, write the secret there")
        return octets

    def _file(self, name: str, target: str) -> Path:
        """The file of a reference, or the one beside it that a rotation brings, where the device has that."""
        path = self._base_dir / target
        coming = path.with_name(f"{path.name}.next")
        return coming if self._wants_next(name) and coming.exists() else path

    def _wants_next(self, name: str) -> bool:
        if name.endswith((NEXT, NOW)):
            return name.endswith(NEXT)
        return self._device is not None and self._turned(name, self._device.name)

    def _derived(self, name: str, reference: str, key: str) -> bytes:
        target, _, scope = reference.removeprefix("ref+derived:").rpartition("#")
        if self._device is None:
            raise SecretError(f"credential {name}: {reference} is of one {scope}, name a device that has it")
        master = _stripped(_read(name, reference, self._file(name, target)))
        if len(master) < MIN_MASTER_OCTETS:
            mend = f"make one with: (umask 077; openssl rand -hex 32 > {self._base_dir / target})"
            raise SecretError(f"credential {name}: the master of {reference} is too short, {mend}")
        return derived(master, _base(name), key, scope, SCOPES[scope](self._device)).encode()

    def _snmp_user(self, name: str, entry: Mapping[str, str]) -> str:
        """As the inventory calls it, until a rotation gave it another name, in a file beside its key."""
        place = rotated_file(entry.get("auth_key", ""))
        path = self._file(name, f"{place}.user")
        if not place or not path.exists():
            return entry["user"]
        return _stripped(_read(name, entry["auth_key"], path)).decode()

    def _variable(self, name: str, variable: str) -> bytes:
        if variable not in self._environ:
            mend = f"set it where plaza is started: export {variable}=…"
            raise SecretError(f"credential {name}: ref+env:{variable} is not set, {mend}")
        return self._environ[variable].encode("utf-8", "surrogateescape")

    def _shown_target(self, reference: str) -> str:
        kind, _, target = reference.partition(":")
        return str(self._base_dir / target) if kind == "ref+file" else "FILE"


def rotated_file(reference: str) -> str:
    """The file below the secrets directory that a rotation would write anew; "" for a variable."""
    kind, _, target = reference.partition(":")
    if kind == "ref+derived":
        return target.rpartition("#")[0]
    return target if kind == "ref+file" else ""


def _base(name: str) -> str:
    return name.partition("+")[0]


def _stripped(octets: bytes) -> bytes:
    """Without the one newline an editor ends a file with."""
    return octets.removesuffix(b"\n").removesuffix(b"\r")


def _read(name: str, reference: str, path: Path, made_with: str = "") -> bytes:
    """The content of a file that is ours or root's and that no group and nobody else may touch.

    `made_with` is the command that prints such a secret, for whoever has none yet.
    """
    trouble = f"credential {name}: {reference}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        new = f" ({made_with} makes a new one)" if made_with else ""
        mend = f"write the secret there{new}: install -d -m 700 {path.parent} && (umask 077; cat > {path})"
        raise SecretError(f"{trouble}: there is no file {path}, {mend}") from None
    except OSError as error:
        mend = f"let this user read it: chown {os.geteuid()} {path}"
        raise SecretError(f"{trouble}: {path} cannot be opened ({error.strerror}), {mend}") from None
    try:
        _check(trouble, path, os.fstat(descriptor))
        return os.read(descriptor, MAX_OCTETS)
    finally:
        os.close(descriptor)


def _check(trouble: str, path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_size >= MAX_OCTETS:
        raise SecretError(f"{trouble}: {path} is no small file, name the file that holds the secret")
    if found.st_uid not in (os.geteuid(), 0):
        raise SecretError(
            f"{trouble}: {path} belongs to user {found.st_uid}, mend with: chown {os.geteuid()} {path}"
        )
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise SecretError(
            f"{trouble}: {path} is open to others (mode {mode:04o}), mend with: chmod 600 {path}"
        )
