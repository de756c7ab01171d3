"""Reads SPEC.json strictly into a Spec.

{
  "seed": 7,                      the same seed is the same network
  "state_dir": "/path",           what the devices keep
  "control": "/path/socket",      takes a line: {"op": "break", "ap": NAME, "how": FAULT}, mend, status
  "aps": [{
    "name": "ap-1", "platform": "openwrt" or "generic", "bands": ["2g4", "5g", "6g"], "ssids": ["Name"],
    "snmp": {"host": "127.8.19.11", "port": 16161, ACCESS},
    "ssh": {"host", "port", "user", "authorized_key", "password"}      optional, as is its password
  }],
  "citizens": [{"site", "gateway_url", "arrivals_per_minute", "mean_stay_s", "source"}],      optional
  "traps": {"host": "127.0.0.1", "port": 1162},    optional: who hears that an AP starts, breaks, is mended
  "vendors": [{"name": "mk-1", "vendor": VENDOR, "minute_s": 60,
    "ssh": {"host", "port", "user", "authorized_key", "password"}}],      optional, as is minute_s
  "farm": {"network": "127.64.0.0/14", "port": 16461, "agents": 10000, "access": {ACCESS}, "dead_pct": 10}
}

ACCESS is one of
  "version": "1", "community": "public"
  "version": "2c", "community": "public"
  "version": "3", "user": "plaza", and as wanted
      "auth_protocol": md5 sha1 sha224 sha256 sha384 sha512, "auth_key",
      "priv_protocol": des aes128 aes192 aes256 (Blumenthal, as net-snmp) aes192c aes256c (Reeder, as Cisco),
      "priv_key", "context": the only contextName that is answered, none when absent.
VENDOR is one of simulator.vendors.shop.VENDORS: a device that is only configured.
FAULT is one of simulator.model.Fault. The farm is optional: its agent n, counted from 0, is the address
network + 1 + n and has the sysName `farm-n`; dead_pct (0 when absent) of a hundred never answer.
"""

import json
import os
import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from simulator.errors import SpecError
from simulator.model import (
    Access,
    Address,
    ApSpec,
    Band,
    CitizensSpec,
    FarmSpec,
    Platform,
    Spec,
    SshAccess,
    V1Access,
    V2cAccess,
    V3Access,
    VendorSpec,
)
from simulator.place import Place
from simulator.snmp.usm import AUTH_PROTOCOLS, PRIV_PROTOCOLS
from simulator.vendors.shop import VENDORS

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
    return _spec(Place(file, "", raw))


def _spec(place: Place) -> Spec:
    spec = Spec(
        seed=place.integer("seed", 0, 2**63 - 1),
        state_dir=Path(place.text("state_dir")),
        control=_control(place),
        aps=tuple(_ap(item) for item in place.objects("aps")),
        citizens=tuple(_citizens(c) for c in place.objects("citizens")) if place.has("citizens") else (),
        farm=_farm(place.object("farm")) if place.has("farm") else None,
        traps=_traps(place.object("traps")) if place.has("traps") else None,
        vendors=tuple(_vendor(v) for v in place.objects("vendors")) if place.has("vendors") else (),
    )
    place.end()
    _refuse_twins(place, spec)
    return spec


def _refuse_twins(place: Place, spec: Spec) -> None:
    seen: set[object] = set()
    for number, ap in enumerate(spec.aps):
        addresses = [("snmp", ("udp", ap.snmp))]
        if ap.ssh:
            addresses.append(("ssh", ("tcp", ap.ssh.address)))
        for key, value in [("name", ap.name), *addresses]:
            if value in seen:
                raise place.wrong(f"aps[{number}].{key}", "is used by an access point above")
            seen.add(value)
    for number, vendor in enumerate(spec.vendors):
        for key, value in (("name", vendor.name), ("ssh", ("tcp", vendor.ssh.address))):
            if value in seen:
                raise place.wrong(f"vendors[{number}].{key}", "is used by a device above")
            seen.add(value)


def _vendor(place: Place) -> VendorSpec:
    vendor = VendorSpec(
        name=place.text("name"),
        vendor=place.one_of("vendor", tuple(VENDORS)),
        ssh=_ssh(place.object("ssh")),
        minute_s=place.positive("minute_s") if place.has("minute_s") else 60.0,
    )
    place.end()
    return vendor


def _control(place: Place) -> Path:
    text = place.text("control")
    octets = len(os.fsencode(text))
    if octets > MAX_UNIX_PATH_OCTETS:
        limit = f"a Unix socket path holds at most {MAX_UNIX_PATH_OCTETS} octets"
        raise place.wrong("control", f"{limit}, this one has {octets}; use a shorter one")
    return Path(text)


def _ap(place: Place) -> ApSpec:
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


def _address(place: Place) -> Address:
    host = place.text("host")
    try:
        IPv4Address(host)
    except ValueError as error:
        raise place.wrong("host", "must be an IPv4 address") from error
    return Address(host, place.integer("port", 1, 65535))


def _traps(place: Place) -> Address:
    address = _address(place)
    place.end()
    return address


def _access(place: Place) -> Access:
    access: Access
    match place.one_of("version", ("1", "2c", "3")):
        case "1":
            access = V1Access(place.text("community"))
        case "2c":
            access = V2cAccess(place.text("community"))
        case _:
            access = _v3_access(place)
            _check_keys(place, access)
    place.end()
    return access


def _v3_access(place: Place) -> V3Access:
    return V3Access(
        user=place.text("user"),
        auth_protocol=_optional_of(place, "auth_protocol", tuple(AUTH_PROTOCOLS)),
        auth_key=place.optional_text("auth_key"),
        priv_protocol=_optional_of(place, "priv_protocol", tuple(PRIV_PROTOCOLS)),
        priv_key=place.optional_text("priv_key"),
        context=place.optional_text("context"),
    )


def _optional_of(place: Place, key: str, choices: tuple[str, ...]) -> str:
    return place.one_of(key, choices) if place.has(key) else ""


def _check_keys(place: Place, access: V3Access) -> None:
    pairs = (("auth", access.auth_protocol, access.auth_key), ("priv", access.priv_protocol, access.priv_key))
    for kind, protocol, key in pairs:
        if protocol and len(key) < MIN_KEY_LENGTH:
            raise place.wrong(f"{kind}_key", f"must have at least {MIN_KEY_LENGTH} characters")
        if key and not protocol:
            raise place.wrong(f"{kind}_protocol", f"is missing beside {kind}_key")
    if access.priv_protocol and not access.auth_protocol:
        raise place.wrong("auth_protocol", "is missing: privacy needs authentication (RFC 3414)")


def _ssh(place: Place) -> SshAccess:
    key = place.text("authorized_key")
    if len(key.split()) < 2:
        raise place.wrong("authorized_key", "must be a public key line such as 'ssh-ed25519 AAAA…'")
    access = SshAccess(_address(place), place.text("user"), key, place.optional_text("password"))
    place.end()
    return access


def _citizens(place: Place) -> CitizensSpec:
    url = place.text("gateway_url")
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise place.wrong("gateway_url", "must be an http:// URL")
    citizens = CitizensSpec(
        place.text("site"),
        url.rstrip("/"),
        place.positive("arrivals_per_minute"),
        place.positive("mean_stay_s"),
        place.network("source", "127.9.1.0/24"),
    )
    place.end()
    return citizens


def _farm(place: Place) -> FarmSpec:
    network = place.network("network", "127.64.0.0/14")
    port = place.integer("port", 1, 65535)
    agents = place.integer("agents", 1, max(1, network.num_addresses - 2))
    dead_pct = place.percent("dead_pct") if place.has("dead_pct") else 0.0
    farm = FarmSpec(network, port, agents, _access(place.object("access")), dead_pct)
    place.end()
    return farm
