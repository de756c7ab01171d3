"""Reads SPEC.json strictly into a Spec."""

import json
import os
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from simulator.errors import SpecError
from simulator.model import (
    Address,
    ApSpec,
    Band,
    CitizensSpec,
    Platform,
    Spec,
    SshAccess,
    V2cAccess,
    V3Access,
)
from simulator.snmp.usm import AUTH_PROTOCOLS, PRIV_PROTOCOLS

MAX_UNIX_PATH_OCTETS: Final = 107  # sun_path holds 108 octets with its final NUL (unix(7))
MIN_KEY_LENGTH: Final = 8  # RFC 3414 §11.2
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def load(path: Path) -> Spec:
    """The spec in `path`. Raises SpecError at the first thing that is wrong."""
    file = str(path)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise SpecError(file, f"line {error.lineno}", f"not JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise SpecError(file, "", "not UTF-8 text") from error
    except OSError as error:
        raise SpecError(file, "", f"cannot read: {error.strerror}") from error
    return _spec(_Place(file, "", raw))


class _Place:
    """One JSON object and where it stands; every reader marks its key as known."""

    def __init__(self, file: str, where: str, raw: object) -> None:
        self.file, self.where = file, where
        if not isinstance(raw, dict):
            raise SpecError(file, where, "must be an object")
        self._raw: dict[str, object] = raw
        self._known: set[str] = set()

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def wrong(self, key: str, what: str) -> SpecError:
        return SpecError(self.file, self.path(key), what)

    def has(self, key: str) -> bool:
        self._known.add(key)
        return key in self._raw

    def _value(self, key: str) -> object:
        if not self.has(key):
            raise self.wrong(key, "is missing")
        return self._raw[key]

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "must be a text that is not empty")
        return value

    def optional_text(self, key: str) -> str:
        return self.text(key) if self.has(key) else ""

    def integer(self, key: str, low: int, high: int) -> int:
        value = self._value(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"must be a whole number from {low} to {high}")
        return value

    def positive(self, key: str) -> float:
        value = self._value(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e9:
            raise self.wrong(key, "must be a number above 0")
        return float(value)

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._value(key)
        if value not in choices:
            raise self.wrong(key, f"must be one of {', '.join(choices)}")
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            raise self.wrong(key, "must be a list of texts that is not empty")
        if len(set(value)) != len(value):
            raise self.wrong(key, "names something twice")
        return tuple(value)

    def object(self, key: str) -> "_Place":
        return _Place(self.file, self.path(key), self._value(key))

    def objects(self, key: str) -> Iterator["_Place"]:
        value = self._value(key)
        if not isinstance(value, list):
            raise self.wrong(key, "must be a list")
        for number, item in enumerate(value):
            yield _Place(self.file, f"{self.path(key)}[{number}]", item)

    def end(self) -> None:
        """Nothing else may stand here."""
        unknown = sorted(self._raw.keys() - self._known)
        if unknown:
            raise self.wrong(unknown[0], "is not a key of the spec")


def _spec(place: _Place) -> Spec:
    spec = Spec(
        seed=place.integer("seed", 0, 2**63 - 1),
        state_dir=Path(place.text("state_dir")),
        control=_control(place),
        aps=tuple(_ap(item) for item in place.objects("aps")),
        citizens=tuple(_citizens(c) for c in place.objects("citizens")) if place.has("citizens") else (),
    )
    place.end()
    _refuse_twins(place, spec)
    return spec


def _refuse_twins(place: _Place, spec: Spec) -> None:
    seen: set[object] = set()
    for number, ap in enumerate(spec.aps):
        addresses = [("snmp", ("udp", ap.snmp))]
        if ap.ssh:
            addresses.append(("ssh", ("tcp", ap.ssh.address)))
        for key, value in [("name", ap.name), *addresses]:
            if value in seen:
                raise place.wrong(f"aps[{number}].{key}", "is used by an access point above")
            seen.add(value)


def _control(place: _Place) -> Path:
    text = place.text("control")
    octets = len(os.fsencode(text))
    if octets > MAX_UNIX_PATH_OCTETS:
        limit = f"a Unix socket path holds at most {MAX_UNIX_PATH_OCTETS} octets"
        raise place.wrong("control", f"{limit}, this one has {octets}; use a shorter one")
    return Path(text)


def _ap(place: _Place) -> ApSpec:
    name = place.text("name")
    if not _NAME.fullmatch(name):
        raise place.wrong("name", "may hold letters, digits, '.', '_' and '-' only")
    platform = Platform(place.one_of("platform", tuple(Platform)))
    bands = place.texts("bands")
    for band in bands:
        if band not in tuple(Band):
            raise place.wrong("bands", f"must be among {', '.join(Band)}")
    ssids = place.texts("ssids")
    if any(len(ssid.encode()) > 32 for ssid in ssids):
        raise place.wrong("ssids", "a network name holds at most 32 octets")
    snmp = place.object("snmp")
    address, access = _address(snmp), _access(snmp)
    ssh = _ssh(place.object("ssh")) if place.has("ssh") else None
    place.end()
    return ApSpec(name, platform, tuple(Band(band) for band in bands), ssids, address, access, ssh)


def _address(place: _Place) -> Address:
    host = place.text("host")
    try:
        IPv4Address(host)
    except ValueError as error:
        raise place.wrong("host", "must be an IPv4 address") from error
    return Address(host, place.integer("port", 1, 65535))


def _access(place: _Place) -> V2cAccess | V3Access:
    access: V2cAccess | V3Access
    if place.one_of("version", ("2c", "3")) == "2c":
        access = V2cAccess(place.text("community"))
    else:
        auth = place.one_of("auth_protocol", tuple(AUTH_PROTOCOLS)) if place.has("auth_protocol") else ""
        priv = place.one_of("priv_protocol", tuple(PRIV_PROTOCOLS)) if place.has("priv_protocol") else ""
        auth_key = place.optional_text("auth_key")
        priv_key = place.optional_text("priv_key")
        access = V3Access(place.text("user"), auth, auth_key, priv, priv_key)
        _check_keys(place, access)
    place.end()
    return access


def _check_keys(place: _Place, access: V3Access) -> None:
    pairs = (("auth", access.auth_protocol, access.auth_key), ("priv", access.priv_protocol, access.priv_key))
    for kind, protocol, key in pairs:
        if protocol and len(key) < MIN_KEY_LENGTH:
            raise place.wrong(f"{kind}_key", f"must have at least {MIN_KEY_LENGTH} characters")
        if key and not protocol:
            raise place.wrong(f"{kind}_protocol", f"is missing beside {kind}_key")
    if access.priv_protocol and not access.auth_protocol:
        raise place.wrong("auth_protocol", "is missing: privacy needs authentication (RFC 3414)")


def _ssh(place: _Place) -> SshAccess:
    key = place.text("authorized_key")
    if len(key.split()) < 2:
        raise place.wrong("authorized_key", "must be a public key line such as 'ssh-ed25519 AAAA…'")
    access = SshAccess(_address(place), place.text("user"), key, place.optional_text("password"))
    place.end()
    return access


def _citizens(place: _Place) -> CitizensSpec:
    url = place.text("gateway_url")
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise place.wrong("gateway_url", "must be an http:// URL")
    try:
        source = IPv4Network(place.text("source"))
    except ValueError as error:
        raise place.wrong("source", "must be an IPv4 network such as 127.9.1.0/24") from error
    citizens = CitizensSpec(
        place.text("site"),
        url.rstrip("/"),
        place.positive("arrivals_per_minute"),
        place.positive("mean_stay_s"),
        source,
    )
    place.end()
    return citizens
