"""The model: a function of seed, name and time, believable, and never backwards."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.ap import VirtualAp
from simulator.model import Band, Fault
from simulator.reading import Reading
from simulator.uci import parse
from tests.simulator.lab import NOON_S, REPOSITORY, ap_spec

HOUR_S = 3600


def ap(seed: int = 7, name: str = "ap-1", started_s: int = NOON_S - 24 * HOUR_S) -> VirtualAp:
    return VirtualAp(seed, ap_spec(name), Path("unused"), started_s)


def clients(reading: Reading) -> int:
    return sum(radio.clients for radio in reading.radios)


def test_two_of_the_same_seed_and_name_are_alike_whoever_asked_what_before() -> None:
    often, once = ap(), ap()
    for second in range(NOON_S - HOUR_S, NOON_S, 60):
        often.reading(second)
    assert often.reading(NOON_S) == once.reading(NOON_S)


def test_another_process_sees_the_same_at_the_same_time() -> None:
    program = (
        "from pathlib import Path; from simulator.ap import VirtualAp; from tests.simulator.lab import *\n"
        f"print(VirtualAp(7, ap_spec(), Path('unused'), {NOON_S - 5000}).reading({NOON_S}))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert said == {f"{ap(started_s=NOON_S - 5000).reading(NOON_S)}\n"}


def test_another_seed_or_name_is_another_ap() -> None:
    assert ap().reading(NOON_S).lines != ap(seed=8).reading(NOON_S).lines
    assert ap().reading(NOON_S).lines != ap(name="ap-2").reading(NOON_S).lines


def test_a_day_has_a_busy_and_a_quiet_hour() -> None:
    for number in range(10):
        one = ap(name=f"ap-{number}")
        day = [clients(one.reading(NOON_S + hour * HOUR_S)) for hour in range(24)]
        assert max(day) >= 3 * max(1, min(day)), day
        assert max(day) <= 100


def test_traffic_follows_the_people() -> None:
    one = ap()
    seen = [one.reading(NOON_S + hour * HOUR_S) for hour in range(25)]
    grown = [b.ifaces[1].rx_octets - a.ifaces[1].rx_octets for a, b in pairwise(seen)]
    people = [clients(reading) for reading in seen[:-1]]
    busiest, quietest = people.index(max(people)), people.index(min(people))
    assert grown[busiest] > 2 * grown[quietest] > 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40_000), st.sampled_from([None, *Fault])), min_size=2, max_size=25))
def test_no_counter_ever_goes_backwards_whatever_breaks(steps: list[tuple[int, Fault | None]]) -> None:
    one, now_s = ap(started_s=NOON_S), float(NOON_S)
    highest: dict[str, int] = {}
    for step_s, fault in steps:
        now_s += step_s
        one.fault = fault
        reading = one.reading(now_s)
        for name, value in counters(reading).items():
            assert value >= highest.get(name, 0), name
            highest[name] = value


def counters(reading: Reading) -> dict[str, int]:
    found = {f"{iface.name} rx": iface.rx_octets for iface in reading.ifaces}
    found |= {f"{iface.name} tx": iface.tx_octets for iface in reading.ifaces}
    processor = reading.processor
    found |= {"user": processor.user, "system": processor.system, "softirq": processor.softirq}
    return found | {"idle": processor.idle, "uptime": reading.uptime_s}


def test_a_clock_that_steps_back_moves_nothing() -> None:
    one = ap()
    assert one.reading(NOON_S) == one.reading(NOON_S - 5000)


def test_each_band_has_its_own_channel_noise_and_airtime() -> None:
    two, five = ap().reading(NOON_S).radios
    assert (two.air.band, five.air.band) == (Band.GHZ_2, Band.GHZ_5)
    assert two.air.channel in {1, 6, 11}
    assert five.air.channel in {36, 44, 149, 157}
    for radio in (two, five):
        assert -97 <= radio.noise_dbm <= -86
        assert 0 < radio.utilisation_pct < 100


UCI = """
config wifi-device 'radio0'
\toption band '2g'   # a comment
config wifi-iface
\toption ssid 'It'\\''s "free"'
\toption disabled "1"
\tlist maclist '02:00:00:00:00:01'
package wireless
option alone
"""


@pytest.mark.parametrize("text", [UCI, UCI.replace("\n", "\r\n").replace("\r", "")])
def test_uci_is_read_as_openwrt_writes_it(text: str) -> None:
    device, iface = parse(text)
    assert (device.kind, device.name, device.options) == ("wifi-device", "radio0", {"band": "2g"})
    assert (iface.name, iface.options["ssid"], iface.on()) == ("", 'It\'s "free"', False)
