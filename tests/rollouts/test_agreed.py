"""An edit of the inventory holds a device only where other lines would be sent than were agreed to."""

from dataclasses import replace

import pytest

from controller import intent as wanting
from controller.journal import Row, State
from controller.planning import Planned
from controller.rollouts.agreed import as_agreed, done_already
from drivers.apply import Plan
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Running, Wish
from drivers.model import Device, Endpoint, Intent, Manage, Role, Secret, Ssid
from tests.configure.device import NETWORK, SYSTEM, WIRELESS
from tests.configure.openwrt import KEY
from tests.configure.test_render import INTENT

OURS = "\nconfig wifi-iface 'plaza_"
PLACE = Endpoint("127.0.0.1", 22)
DEVICE = Device("ap-1", Role.AP, "08019", "s1", "openwrt", "10.0.0.1", PLACE, PLACE, PLACE)


def planned(intent: Intent, wireless: str = WIRELESS) -> Planned:
    """What would be done to the device now."""
    text = f"package system\n{SYSTEM}\npackage wireless\n{wireless}\npackage network\n{NETWORK}\n"
    here, wish = Running(Secret(text), "f"), Wish(intent)
    return Planned(DEVICE, Plan(wish, here, OpenWrt().change("ap-1", here, wish)))


def agreed_to(intent: Intent) -> Row:
    """Its row, as its rollout planned it."""
    plan = planned(intent).plan
    assert plan is not None
    assert plan.change
    return Row("r1", "ap-1", State.PLANNED, wanting.held_to(intent), diff=plan.change.text)


def test_what_is_as_it_was_planned_is_carried_out() -> None:
    assert as_agreed(agreed_to(INTENT), planned(INTENT)) == agreed_to(INTENT)


@pytest.mark.parametrize("manage", [Manage(ssh_keys=(KEY,)), Manage(revoked_keys=(KEY,))])
def test_keys_that_come_or_go_hold_nobody(manage: Manage) -> None:
    now = replace(INTENT, manage=manage)
    assert as_agreed(agreed_to(INTENT), planned(now)) == agreed_to(INTENT)
    assert as_agreed(agreed_to(now), planned(INTENT)).state is State.PLANNED


def test_another_intent_with_the_same_lines_is_carried_out_and_its_row_says_what_it_becomes() -> None:
    row = replace(agreed_to(INTENT), intent_hash="of another intent")
    assert as_agreed(row, planned(INTENT)) == agreed_to(INTENT)
    with_keys = planned(replace(INTENT, manage=Manage(ssh_keys=(KEY,))))
    assert as_agreed(row, with_keys) == agreed_to(INTENT)


def test_other_lines_are_held_and_the_reason_names_them() -> None:
    after = as_agreed(agreed_to(INTENT), planned(replace(INTENT, ssids=(Ssid("Otra red"),))))
    assert (after.state, after.intent_hash) == (State.HELD, wanting.held_to(INTENT))
    assert "now also +option ssid 'Otra red'" in after.detail
    assert "no more +option ssid 'Chihuahua Gratis'" in after.detail
    assert "retry plans it anew" in after.detail


def test_of_many_other_lines_the_first_are_named() -> None:
    more = tuple(Ssid(f"Red {number}") for number in range(3))
    after = as_agreed(agreed_to(INTENT), planned(replace(INTENT, ssids=(*INTENT.ssids, *more))))
    assert after.state is State.HELD
    assert " more); retry" in after.detail


def test_one_whose_difference_nobody_saw_is_held_once_something_else_is_wished() -> None:
    unseen = replace(agreed_to(INTENT), diff="", attempts=1)
    assert as_agreed(unseen, planned(INTENT)) == unseen
    after = as_agreed(unseen, planned(replace(INTENT, ssids=(Ssid("Otra red"),))))
    assert (after.state, "when nobody saw its difference" in after.detail) == (State.HELD, True)


def test_where_only_keys_are_left_to_change_an_edit_holds_nobody() -> None:
    row = replace(agreed_to(INTENT), intent_hash="of another intent")
    only_keys = Intent("ap-1", "OpenWrt", "MX", (), (), Manage(ssh_keys=(KEY,)))
    assert OURS in WIRELESS
    assert as_agreed(row, planned(only_keys)).state is State.HELD
    assert as_agreed(row, planned(only_keys, WIRELESS.partition(OURS)[0])).state is State.PLANNED


def test_what_is_as_intended_without_us_says_so() -> None:
    assert done_already(agreed_to(INTENT)).detail.startswith("as intended already: another rollout")
    assert done_already(replace(agreed_to(INTENT), diff="")).detail == "as intended"
