"""Profiles: chosen by a site's uplink, kept by the wheel, and no device looks worse for its own."""

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import inventory, profiles
from controller.console.overview import patience
from controller.errors import InventoryError
from controller.health import State
from controller.model import UplinkKind
from controller.partial_polls import between, paced
from controller.poller import Targets
from controller.profiles import PACES, POLL_OCTETS, SHARE, Depth, choose
from controller.turns import Turn, Turns
from controller.wheel import Wheel, phase_s
from controller.worker import last_known
from drivers.collect import collect, request
from drivers.definition import load_platforms
from drivers.depth import pulse, without_names_and_ports
from drivers.model import Device, Endpoint, PollBy, PollProfile, Role, Secret, SnmpV2c
from drivers.recording import Recording, read_recording
from drivers.snmp.seam import Failure, Reason
from metrics.local.buckets import buckets
from metrics.local.rollup import roll_up
from metrics.local.roster import Roster
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests.controller.test_notices import Known

RECORDINGS = Path(__file__).parent.parent / "platforms" / "recordings"
NOWHERE = Endpoint("127.0.0.1", 161)
DAY_S = 86_400
SECRETS = Known({"public": SnmpV2c(Secret("public"))})


def device(profile: PollProfile, name: str = "ap-1", platform: str = "mikrotik_routeros") -> Device:
    place = {"municipality": "08027", "site": "plaza", "address": "127.0.0.1"}
    found = Device(name, Role.AP, platform=platform, snmp=NOWHERE, ssh=NOWHERE, http=NOWHERE, **place)
    return replace(found, poll_profile=profile, snmp_credentials="public")


KINDS = st.sampled_from(UplinkKind)
PROFILES = st.sampled_from(PollProfile)
SLOW = {UplinkKind.CELLULAR, UplinkKind.SATELLITE}


@given(KINDS, st.integers(1, 20))
def test_without_a_cap_the_kind_of_uplink_chooses(kind: UplinkKind, devices: int) -> None:
    assert choose(kind, None, devices) is (PollProfile.THIN if kind in SLOW else PollProfile.NORMAL)


@given(KINDS, st.integers(1, 10_000), st.integers(0, 50))
def test_polling_that_would_take_more_than_its_share_of_a_cap_is_metered(
    kind: UplinkKind, cap_gb: int, devices: int
) -> None:
    normally = devices * POLL_OCTETS * 30 * DAY_S / 30
    metered = choose(kind, cap_gb, devices) is PollProfile.METERED
    assert metered == (normally > SHARE * cap_gb * 10**9)


@given(KINDS, st.integers(1, 10_000), st.integers(0, 50))
def test_a_larger_cap_never_makes_polling_rarer(kind: UplinkKind, cap_gb: int, devices: int) -> None:
    order = list(PollProfile)
    assert order.index(choose(kind, cap_gb + 1, devices)) <= order.index(choose(kind, cap_gb, devices))


@given(PROFILES, st.integers(5, 3600), st.text(min_size=1, max_size=8))
def test_one_turn_in_so_many_is_whole_in_every_profile(
    profile: PollProfile, normal_s: int, name: str
) -> None:
    one = device(profile, name)
    every_s, every = profiles.interval_s(one, normal_s), profiles.whole_every(one, normal_s)
    depths = [profiles.depth(one, normal_s, every_s * turn) for turn in range(every * 3)]
    assert depths.count(Depth.WHOLE) == 3 or PACES[profile].between is Depth.WHOLE
    assert every_s >= normal_s


@given(PROFILES, st.integers(5, 3600))
def test_over_ssh_every_turn_is_whole(profile: PollProfile, normal_s: int) -> None:
    one = replace(device(profile), poll=PollBy.SSH)
    assert profiles.depth(one, normal_s, 0) is Depth.WHOLE or profiles.whole_every(one, normal_s) == 1


def test_the_first_poll_after_a_start_is_whole_and_a_slot_is_never_asked_less_again() -> None:
    one, turns = device(PollProfile.METERED), Turns(30)
    at = phase_s(one.name, 300)
    slot = next(n for n in range(12) if profiles.depth(one, 30, n * 300) is not Depth.WHOLE)
    first = turns.next(one, slot * 300 + at)
    assert first == Turn(slot * 300, Depth.WHOLE)
    turns.heard(one, first, (False, "no network name is on the air"))
    assert turns.next(one, slot * 300 + at + 20).depth is Depth.WHOLE, "the slot's samples would be replaced"
    depths = [turns.next(one, (slot + n) * 300 + at) for n in range(1, 13)]
    assert [turn.depth for turn in depths].count(Depth.WHOLE) == 1
    assert {turn.service for turn in depths if turn.depth is Depth.PULSE} == {
        (False, "no network name is on the air")
    }


def test_each_device_comes_at_its_own_interval() -> None:
    wheel = Wheel.start({"near": 30, "far": 300}, now_s=0.0, wall_s=0.0)
    seen: list[str] = []
    for second in range(3000):
        for name in wheel.due(float(second), room=10):
            seen.append(name)
            wheel.done(name)
    assert (seen.count("near"), seen.count("far")) == (100, 10)


def test_who_is_asked_seldom_is_asked_soon_after_a_start_all_the_same() -> None:
    wheel = Wheel.start({"near": 30, "far": 300}, now_s=0.0, wall_s=phase_s("far", 300) + 1)
    wheel.welcome(30, 0.0)
    assert "far" not in wheel.due(phase_s("far", 30) - 1e-6, room=10)
    assert "far" in wheel.due(30.0, room=10)


def test_who_is_asked_seldom_hurries_seldom_too() -> None:
    wheel = Wheel.start({"far": 3600}, now_s=0.0, wall_s=phase_s("far", 3600) + 1)
    wheel.calm = {"far": 60.0}
    wheel.hurry("far", 0.0)
    assert wheel.due(0.0, room=10) == ["far"]
    wheel.done("far")
    wheel.hurry("far", 1.0)
    assert wheel.due(59.0, room=10) == []
    assert wheel.due(60.0, room=10) == ["far"]


@pytest.mark.parametrize("name", sorted(load_platforms()))
def test_every_platform_can_be_asked_for_less(name: str) -> None:
    platform = load_platforms()[name]
    light, beat = without_names_and_ports(platform), pulse(platform)
    assert set(light.wanted[0]) <= set(platform.wanted[0])
    assert set(light.wanted[1]) <= set(platform.wanted[1])
    assert 1 <= len(beat.wanted[0]) <= 6
    assert beat.wanted[1] == ()


def test_a_partial_poll_tells_only_what_it_asked_and_nothing_as_zero() -> None:
    one = device(PollProfile.METERED)
    platforms = load_platforms()
    recorded = Recording(read_recording(RECORDINGS / "mikrotik_routeros.snmprec"))
    whole = paced(one, request(one, platforms[one.platform], SnmpV2c(Secret("public"))))
    partial = between({one.name: one}, platforms, {one.name: whole})[one.name]

    (sample,) = collect(one, partial.platform, recorded.ask(partial.request), 300).samples

    assert sample.fields.keys() == {"up", "poll_ms", "uptime_s"}
    assert sample.fields["up"] == 1
    assert len(collect(one, platforms[one.platform], recorded.ask(whole), 300).samples) > 1


def test_a_partial_poll_does_not_change_what_is_known_of_the_service() -> None:
    one = device(PollProfile.METERED, platform="openwrt")
    targets = Targets.of([one], load_platforms(), SECRETS)
    partial = targets.between[one.name].request
    reply = Recording(read_recording(RECORDINGS / "openwrt.snmprec")).ask(partial)

    for works, state in ((False, State.DEGRADED), (True, State.UP), (None, State.UP)):
        found = targets.understand(reply, Turn(300, Depth.PULSE, (works, "why")))
        assert (found.verdict.state, found.verdict.service_works) == (state, works)
        assert found.verdict.reason == "why"
    gone = replace(reply, scalars={}, failure=Failure(Reason.TIMEOUT, "no answer"))
    assert targets.understand(gone, Turn(300, Depth.PULSE, (True, ""))).verdict.state is State.DOWN


def test_no_device_is_incomplete_because_it_is_asked_less_often(tmp_path: Path) -> None:
    far, near = device(PollProfile.METERED, "far"), device(PollProfile.NORMAL, "near")
    with closing(LocalStore.open(tmp_path)) as store:
        for one in (far, near):
            tags = {"ap": one.name, "mun": one.municipality, "site": one.site, "vendor": "x"}
            every_s = profiles.interval_s(one, 30)
            store.write("poller", [Sample("wifi_ap", tags, {"up": 1}, at) for at in range(0, 3600, every_s)])
        devices = {"far": far, "near": near}
        hourly = {name: profiles.expected_per_hour(one, 30, own=True) for name, one in devices.items()}
        roll_up(store, 3600, Roster(otherwise=lambda _, tags: hourly[tags[0]]))
        of_aps = buckets(store, "wifi_ap", "hour", Window(0, 1), ["ap"])
        found = {hour.tags["ap"]: (hour.got, hour.expected) for hour in of_aps}
        (whole,) = buckets(store, "wifi_ap", "hour", Window(0, 1), ["mun"])

    assert found == {"far": (12, 12), "near": (120, 120)}
    assert whole.got == whole.expected


def test_an_access_point_of_a_metered_controller_is_expected_once_an_hour() -> None:
    controller = device(PollProfile.METERED)
    assert profiles.expected_per_hour(controller, 30, own=True) == 12
    assert profiles.expected_per_hour(controller, 30, own=False) == 1


def test_the_console_calls_no_sample_old_before_its_own_turns_are_missed() -> None:
    assert patience(device(PollProfile.NORMAL), 120) == 120
    assert patience(device(PollProfile.THIN), 120) == 900


def test_what_a_partial_poll_left_out_stands_until_the_next_whole_one() -> None:
    tags = {"ap": "far", "mun": "08027", "site": "plaza", "vendor": "x"}
    whole = Sample("wifi_ap", tags, {"up": 1, "clients": 7}, 300)
    beat = Sample("wifi_ap", tags, {"up": 1}, 600)
    gone = Sample("wifi_ap", tags, {"up": 0}, 600)

    assert [s.fields for s in last_known([whole, beat], 600, {"far": 3600})] == [{"up": 1, "clients": 7}]
    assert [s.fields for s in last_known([whole, gone], 600, {"far": 3600})] == [{"up": 0}]
    assert [s.fields for s in last_known([whole, beat], 600, {})] == [{"up": 1}]
    assert list(last_known([whole], 600, {})) == []
    assert list(last_known([whole], 5000, {"far": 3600})) == []


GOOD = Path(__file__).parent.parent / "inventory" / "good.yaml"
PLATFORMS = ("openwrt", "generic")


def changed(tmp_path: Path, before: str, after: str) -> Path:
    text = GOOD.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file = tmp_path / "inventory.yaml"
    file.write_text(text.replace(before, after), encoding="utf-8")
    return file


def test_a_level_that_writes_a_profile_wins_over_the_uplink(tmp_path: Path) -> None:
    file = changed(
        tmp_path, "    portal: {duration: 8h}\n", "    portal: {duration: 8h}\n    poll_profile: metered\n"
    )
    found = inventory.load(file, PLATFORMS)
    assert found.devices["ap-school"].poll_profile is PollProfile.METERED
    assert found.devices["sw-08019"].poll_profile is PollProfile.NORMAL
    assert inventory.explain(file, "ap-school", "poll_profile", PLATFORMS).level == "profile school"


@pytest.mark.parametrize("name", ["ap-school", "08019-school"])
def test_explain_says_when_the_uplink_has_chosen(name: str) -> None:
    found = inventory.explain(GOOD, name, "poll_profile", PLATFORMS)
    assert (found.value, found.line) == ("thin", 0)
    assert found.level == "chosen by the uplink: satellite, 200 GB a month for 1 device"


def test_a_small_cap_makes_its_site_metered(tmp_path: Path) -> None:
    file = changed(tmp_path, "cap_gb: 200", "cap_gb: 20")
    assert inventory.load(file, PLATFORMS).devices["ap-school"].poll_profile is PollProfile.METERED


def test_an_unknown_profile_is_told_with_its_line(tmp_path: Path) -> None:
    file = changed(tmp_path, "defaults:\n", "defaults:\n  poll_profile: cheap\n")
    with pytest.raises(InventoryError) as raised:
        inventory.load(file, PLATFORMS)
    assert f"{file}:17: defaults.poll_profile: is not known, write one of metered, normal, thin" in str(
        raised.value
    )


def test_the_site_that_the_manual_spells_out_is_metered(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    manual = (root / "docs" / "metered.md").read_text("utf-8")
    (site,) = re.findall(r"^  08027-plaza: .*?\}\}\n", manual, re.MULTILINE | re.DOTALL)
    ours = (root / "inventory.yaml").read_text("utf-8")
    file = tmp_path / "inventory.yaml"
    chosen = ours.replace("  poll_profile: normal\n", "", 1)
    assert chosen != ours, "the demonstration asks everybody alike; here the uplink is to choose"
    file.write_text(re.sub(r"(?ms)^  08027-plaza: .*?\}\}\n", lambda _: site, chosen), encoding="utf-8")

    assert inventory.load(file, PLATFORMS).devices["ap-08027-1"].poll_profile is PollProfile.METERED
