"""`python -m bench.metered` reckons what the engine really sends and receives."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from bench.metered.__main__ import RECORDINGS, TIER_1
from bench.metered.measure import measure
from drivers.collect import request
from drivers.definition import load_platforms
from drivers.model import Device, Endpoint, Role
from drivers.recording import read_recording
from drivers.snmp.ber import Tag
from drivers.snmp.engine import Engine
from drivers.snmp.seam import Value
from tests.snmp.hostile import Agent
from tests.snmp.polling import PUBLIC
from tests.snmp.test_engine import rounds

TAGS = {int: Tag.INTEGER, bytes: Tag.OCTETS, tuple: Tag.OID}


def tagged(value: Value) -> tuple[int, Value]:
    return TAGS[type(value)], value


@pytest.mark.parametrize("name", ["mikrotik_routeros", "ubiquiti_unifi", "ups"])
def test_what_is_reckoned_is_what_goes_over_the_wire(name: str) -> None:
    platform = load_platforms()[name]
    path = RECORDINGS / f"{name}.snmprec"
    mib = {oid: tagged(value) for oid, value in read_recording(path).items()}
    with Agent(mib=mib) as agent:
        there = Endpoint("127.0.0.1", agent.port)
        place = {"municipality": "08019", "site": "plaza", "address": "127.0.0.1"}
        device = Device(name, Role.AP, platform=name, snmp=there, ssh=there, http=there, **place)
        whole = replace(request(device, platform, PUBLIC), timeout_s=5.0)
        _, [second] = rounds(Engine(), [whole], [whole])

    assert second.failure is None
    reckoned = measure(path, platform).polls["whole"]
    assert second.sent_octets + second.received_octets == pytest.approx(reckoned, rel=0.001)


@pytest.mark.parametrize("name", TIER_1)
def test_a_thinner_profile_costs_less_a_day(name: str) -> None:
    days = measure(RECORDINGS / f"{name}.snmprec", load_platforms()[name]).days
    assert days["normal"] > 5 * days["thin"]
    assert days["thin"] > 2 * days["metered"]


def test_the_last_line_is_one_json_object_with_every_platform_and_profile() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bench.metered"], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(said.stdout.splitlines()[-1])
    assert [one["platform"] for one in found["platforms"]] == list(TIER_1)
    assert all(set(one["days"]) == {"normal", "thin", "metered"} for one in found["platforms"])
    assert found["missing"] == []
