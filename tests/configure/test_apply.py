"""A change goes plan, arm, apply, new login, verify, confirm; a device that is lost reverts by itself."""

import json
from dataclasses import replace

import pytest

from controller.errors import RolloutHalted
from controller.journal import State
from controller.rollout import Outcome
from drivers.model import Ssid
from tests.configure.desk import NewDesk
from tests.configure.device import FACTORY, Ap, cut_off

ON_AIR = {
    radio: {"up": True, "pending": False, "interfaces": [{"section": section, "ifname": "phy-ap0"}]}
    for radio, section in (("radio0", "plaza_2g4_1"), ("radio1", "plaza_5g_1"))
}
STARTING_RADIOS = f"""
asked="$PLAZA_ROOT/tmp/asked"
echo again >>"$asked"
[ "$(grep -c . "$asked")" -gt 1 ] || exec echo '{{"radio0": {{"up": false, "pending": true}}}}'
echo '{json.dumps(ON_AIR)}'
"""
"""A `ubus` that says on the second call only that both radios are up."""


def test_a_change_is_applied_verified_over_a_new_login_and_confirmed(ap: Ap, desk: NewDesk) -> None:
    at = desk(ap)
    (outcome,) = at.apply()
    assert (outcome.state, outcome.detail) == (State.CONFIRMED, "")
    assert [said.state for said in at.said] == [State.ARMED, State.APPLIED, State.VERIFIED, State.CONFIRMED]
    assert ap.option("system.@system[0].hostname") == "ap-08019-1"
    assert ap.option("wireless.plaza_2g4_1.ssid") == "Chihuahua Gratis"
    assert ap.option("wireless.radio1.htmode") == "HE40"
    assert ap.option("wireless.radio1.txpower") == "20"
    assert ap.option("wireless.plaza_2g4_9") == ""
    assert ap.reloads() == 1
    assert not (ap.root / "etc/plaza/rollback.tgz").exists()
    assert not (ap.root / "tmp/plaza").exists()
    assert at.states() == {"ap-08019-1": State.CONFIRMED}
    assert at.rollouts() == ["done"]


def test_what_somebody_set_by_hand_survives(one_ap: Ap, desk: NewDesk) -> None:
    desk(one_ap).apply()
    assert one_ap.option("wireless.@wifi-iface[0].ssid") == "La red de la tecnica"
    assert one_ap.option("wireless.@wifi-iface[0].key") == "hecha-a-mano"
    assert one_ap.option("wireless.radio0.cell_density") == "0"
    assert one_ap.option("system.@system[0].timezone") == "CST6"


def test_a_second_apply_finds_nothing_and_writes_nothing(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    at.apply()
    files = {path: path.stat().st_mtime_ns for path in one_ap.root.glob("etc/**/*")}
    (outcome,) = at.apply()
    assert (outcome.state, outcome.detail) == (State.SKIPPED, "as intended")
    assert {path: path.stat().st_mtime_ns for path in one_ap.root.glob("etc/**/*")} == files
    assert one_ap.reloads() == 1
    assert at.rollouts() == ["done"]


def test_a_change_that_cuts_the_management_link_reverts_by_itself(ap: Ap, desk: NewDesk) -> None:
    at = desk(ap)
    before = ap.configuration()
    at.want(cut_off(ap.device))
    at.hurry()
    with pytest.raises(RolloutHalted, match=r"^ap-08019-1: .*its old configuration is back"):
        at.apply()
    assert ap.listening()
    assert ap.configuration() == before
    assert ap.reloads() == 2
    assert "reverted" in ap.history()
    assert at.states() == {"ap-08019-1": State.ROLLED_BACK}
    assert at.rollouts() == ["halted"]


def test_power_lost_inside_the_trial_ends_in_the_old_configuration(ap: Ap, desk: NewDesk) -> None:
    at = desk(ap)
    before = ap.configuration()

    def lose_power_once_applied(said: Outcome) -> None:
        if said.state is State.VERIFIED:
            ap.lose_power()
            assert ap.configuration() != before
            ap.boot()

    with pytest.raises(RolloutHalted):
        at.apply(lose_power_once_applied)
    assert ap.configuration() == before
    assert "boot" in ap.history()
    assert at.states() == {"ap-08019-1": State.ROLLED_BACK}
    assert [outcome.state for outcome in at.apply()] == [State.CONFIRMED]


def test_a_device_that_is_not_as_intended_is_never_confirmed(openssh_ap: Ap, desk: NewDesk) -> None:
    at = desk(openssh_ap)
    before = openssh_ap.configuration()
    replace_program(
        openssh_ap, "reload_config", 'sed -i "s/Chihuahua Gratis/Otra/" "$PLAZA_ROOT/etc/config/wireless"'
    )
    at.hurry(revert_s=10)
    with pytest.raises(RolloutHalted, match=r"not what it should be; its old configuration is back"):
        at.apply()
    assert openssh_ap.configuration() == before
    assert at.states() == {"ap-08019-1": State.ROLLED_BACK}


def test_a_network_that_does_not_come_on_the_air_is_never_confirmed(openssh_ap: Ap, desk: NewDesk) -> None:
    at = desk(openssh_ap)
    before = openssh_ap.configuration()
    radios = {"radio0": {"up": True, "pending": False, "interfaces": []}}
    replace_program(openssh_ap, "ubus", f"echo '{json.dumps(radios)}'")
    at.hurry(revert_s=10)
    with pytest.raises(
        RolloutHalted, match=r"'Chihuahua Gratis' is not on the air; its old configuration is back"
    ):
        at.apply()
    assert openssh_ap.configuration() == before
    assert at.states() == {"ap-08019-1": State.ROLLED_BACK}


def test_a_network_that_takes_its_time_is_waited_for(openssh_ap: Ap, desk: NewDesk) -> None:
    at = desk(openssh_ap)
    replace_program(openssh_ap, "ubus", STARTING_RADIOS)
    assert [outcome.state for outcome in at.apply()] == [State.CONFIRMED]
    assert len((openssh_ap.root / "tmp/asked").read_text().splitlines()) == 2


def test_a_factory_access_point_never_sends_its_open_network(one_ap: Ap, desk: NewDesk) -> None:
    (one_ap.root / "etc/config/wireless").write_text(FACTORY)
    at = desk(one_ap)
    assert [outcome.state for outcome in at.apply()] == [State.CONFIRMED]
    assert one_ap.option("wireless.radio0.disabled") == "0"
    assert one_ap.option("wireless.default_radio0.disabled") == "1"
    assert one_ap.option("wireless.default_radio0.ssid") == "OpenWrt"
    assert one_ap.option("wireless.@wifi-iface[1].ssid") == "OpenWrt"
    assert one_ap.option("wireless.@wifi-iface[1].disabled") == "1"
    assert [outcome.detail for outcome in at.apply()] == ["as intended"]


def test_a_network_name_whose_vlan_is_not_there_is_refused_before_anything_is_sent(
    one_ap: Ap, desk: NewDesk
) -> None:
    at = desk(one_ap)
    before = one_ap.configuration()
    at.want(replace(one_ap.device, ssids=(Ssid("Personal", vlan=30),)))
    (outcome,) = at.apply()
    assert outcome.state is State.FAILED
    assert "the SSID 'Personal' goes to the interface vlan30" in outcome.detail
    assert one_ap.configuration() == before
    at.want(replace(one_ap.device, ssids=(Ssid("Personal", vlan=20),)))
    assert [outcome.state for outcome in at.apply()] == [State.CONFIRMED]
    assert one_ap.configuration()["network"] == before["network"]


def test_nothing_is_applied_where_the_guard_does_not_run(openssh_ap: Ap, desk: NewDesk) -> None:
    at = desk(openssh_ap)
    before = openssh_ap.configuration()
    replace_program(openssh_ap, "start-stop-daemon", "exit 0")
    with pytest.raises(RolloutHalted, match="guard does not run"):
        at.apply()
    assert openssh_ap.configuration() == before
    assert not (openssh_ap.root / "etc/plaza/rollback.tgz").exists()


def test_the_guard_runs_without_start_stop_daemon_too(openssh_ap: Ap, desk: NewDesk) -> None:
    at = desk(openssh_ap)
    before = openssh_ap.configuration()
    replace_program(openssh_ap, "start-stop-daemon", "exit 127")
    at.want(cut_off(openssh_ap.device))
    at.hurry()
    with pytest.raises(RolloutHalted, match="its old configuration is back"):
        at.apply()
    assert openssh_ap.configuration() == before


def test_an_upload_that_arrives_damaged_is_not_used(openssh_ap: Ap, desk: NewDesk) -> None:
    at = desk(openssh_ap)
    before = openssh_ap.configuration()
    replace_program(openssh_ap, "sha256sum", f"cat >/dev/null; echo {'0' * 64}  -")
    with pytest.raises(RolloutHalted, match="arrived damaged"):
        at.apply()
    assert openssh_ap.configuration() == before
    assert not (openssh_ap.root / "tmp/plaza").exists()


def replace_program(ap: Ap, name: str, body: str) -> None:
    """A program of the device behaves so from now on."""
    program = ap.root / "bin" / name
    program.unlink(missing_ok=True)
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
