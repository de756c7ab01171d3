"""A wrong SPEC.json is one line that names the file, the place and what is wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from simulator.errors import SpecError
from simulator.model import Band, FarmSpec, Fault, Platform, V1Access, V3Access
from simulator.spec import load
from tests.simulator.lab import REPOSITORY, V3


def good() -> dict[str, Any]:
    ap = {
        "name": "ap-08019-1",
        "platform": "openwrt",
        "bands": ["2g4", "5g"],
        "ssids": ["Chihuahua Gratis"],
        "snmp": {"host": "127.8.19.11", "port": 16161, "version": "2c", "community": "secret-word"},
        "ssh": {"host": "127.8.19.11", "port": 16122, "user": "root", "authorized_key": "ssh-ed25519 AAAA"},
    }
    citizens = {
        "site": "08019-plaza",
        "gateway_url": "http://127.0.0.1:16261",
        "arrivals_per_minute": 6,
        "mean_stay_s": 240,
        "source": "127.9.1.0/24",
    }
    other = ap | {"name": "ap-2", "platform": "generic", "snmp": {"host": "127.8.19.12", "port": 16161} | V3}
    del other["ssh"]
    farm = {
        "network": "127.64.0.0/14",
        "port": 16461,
        "agents": 10000,
        "access": {"version": "1", "community": "public"},
        "dead_pct": 12.5,
    }
    ssh = {"host": "127.8.19.13", "port": 16122, "user": "plaza", "authorized_key": "ssh-ed25519 AAAA"}
    vendor = {"name": "mk-1", "vendor": "mikrotik_routeros", "minute_s": 1.5, "ssh": ssh}
    whole = {"seed": 7, "state_dir": "/tmp/x", "control": "/tmp/c", "farm": farm, "vendors": [vendor]}
    return whole | {"aps": [ap, other], "citizens": [citizens]}


def written(tmp_path: Path, raw: object) -> Path:
    path = tmp_path / "SPEC.json"
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw))
    return path


def test_a_good_spec_is_read_whole(tmp_path: Path) -> None:
    spec = load(written(tmp_path, good()))
    first, second = spec.aps
    assert (first.platform, first.bands) == (Platform.OPENWRT, (Band.GHZ_2, Band.GHZ_5))
    assert isinstance(second.access, V3Access)
    assert (second.access.auth_protocol, second.ssh) == ("sha1", None)
    assert spec.citizens[0].arrivals_per_minute == 6
    assert spec.farm == FarmSpec(IPv4Network("127.64.0.0/14"), 16461, 10000, V1Access("public"), 12.5)
    (vendor,) = spec.vendors
    assert (vendor.vendor, vendor.ssh.address.host, vendor.minute_s) == (
        "mikrotik_routeros",
        "127.8.19.13",
        1.5,
    )
    assert list(Fault)[:3] == ["dead", "no-service", "wrong-community"]


def change(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def apply(raw: Any) -> None:
        for key in path[:-1]:
            raw = raw[key]
        if to is None:
            del raw[path[-1]]
        else:
            raw[path[-1]] = to

    return apply


def first_ap(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    return change("aps", 0, *path, to=to)


MISTAKES = [
    (change("seed", to="7"), "seed: must be a whole number"),
    (change("seed", to=True), "seed: must be a whole number"),
    (change("seed", to=None), "seed: is missing"),
    (change("aps", to={}), "aps: must be a list"),
    (change("aps", 0, to=7), "aps[0]: must be an object"),
    (change("extra", to=1), "extra: is not a key of the spec"),
    (change("control", to="/tmp/" + "x" * 110), "control: a Unix socket path holds at most 107 octets"),
    (first_ap("platform", to="ios"), "aps[0].platform: must be one of openwrt, generic"),
    (first_ap("name", to="../etc"), "aps[0].name: may hold"),
    (first_ap("bands", to=["5ghz"]), "aps[0].bands: must be among 2g4, 5g, 6g"),
    (first_ap("bands", to=["5g", "5g"]), "aps[0].bands: names something twice"),
    (first_ap("ssids", to=["x" * 33]), "aps[0].ssids: a network name holds at most 32 octets"),
    (first_ap("snmp", "port", to=70000), "aps[0].snmp.port: must be a whole number from 1 to 65535"),
    (first_ap("snmp", "host", to="ap.example"), "aps[0].snmp.host: must be an IPv4 address"),
    (first_ap("snmp", "version", to="2"), "aps[0].snmp.version: must be one of 1, 2c, 3"),
    (first_ap("snmp", "community", to=""), "aps[0].snmp.community: must be a text"),
    (first_ap("ssh", "authorized_key", to="nonsense"), "aps[0].ssh.authorized_key: must be a public key"),
    (change("aps", 1, "snmp", "auth_protocol", to="rot13"), "aps[1].snmp.auth_protocol: must be one of md5"),
    (
        change("aps", 1, "snmp", "auth_key", to="short"),
        "aps[1].snmp.auth_key: must have at least 8 characters",
    ),
    (change("aps", 1, "name", to="ap-08019-1"), "aps[1].name: is used by an access point above"),
    (change("aps", 1, "snmp", "host", to="127.8.19.11"), "aps[1].snmp: is used by an access point above"),
    (change("citizens", 0, "source", to="127.9.1.7/24"), "citizens[0].source: must be an IPv4 network"),
    (change("citizens", 0, "gateway_url", to="ftp://x"), "citizens[0].gateway_url: must be an http:// URL"),
    (change("citizens", 0, "mean_stay_s", to=0), "citizens[0].mean_stay_s: must be a number above 0"),
    (change("farm", "network", to="127.64.0.0"), "farm.agents: must be a whole number from 1 to 1"),
    (change("farm", "network", to="farm"), "farm.network: must be an IPv4 network"),
    (change("farm", "agents", to=2**18), "farm.agents: must be a whole number from 1 to 262142"),
    (change("farm", "dead_pct", to=101), "farm.dead_pct: must be a number from 0 to 100"),
    (change("farm", "access", "version", to="2"), "farm.access.version: must be one of 1, 2c, 3"),
    (change("farm", "slow_start", to=1), "farm.slow_start: is not a key of the spec"),
    (change("vendors", 0, "vendor", to="acme"), "vendors[0].vendor: must be one of aruba_instant"),
    (change("vendors", 0, "minute_s", to=0), "vendors[0].minute_s: "),
    (change("vendors", 0, "name", to="ap-2"), "vendors[0].name: is used by a device above"),
    (change("vendors", 0, "ssh", "host", to="127.8.19.11"), "vendors[0].ssh: is used by a device above"),
]


@pytest.mark.parametrize(("mistake", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_a_mistake_is_named_with_its_place(tmp_path: Path, mistake: Callable[[Any], None], said: str) -> None:
    raw = good()
    mistake(raw)
    path = written(tmp_path, raw)
    with pytest.raises(SpecError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {said}")
    assert "\n" not in str(caught.value)
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"), [("{", "line 1: not JSON"), ("[]", "must be an object"), ("", "line 1: not JSON")]
)
def test_a_file_that_is_no_spec_ends_in_one_line_and_2(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    ended = subprocess.run(
        [sys.executable, "-m", "simulator", str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{path}: {said}")
    assert ended.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nowhere\.json: cannot read: No such file"):
        load(tmp_path / "nowhere.json")
