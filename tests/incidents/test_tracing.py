"""Evidence out of what polls, gateways and probes left in the stores."""

import pytest

from captive_portal.gateway_tables import gateway_boxes
from controller.incidents.model import Cause
from controller.store import health
from controller.store.tables import poll_errors, rollout_steps, rollouts
from drivers.snmp.seam import Reason
from tests.incidents.conftest import Controller


def down(controller: Controller, *names: str) -> None:
    controller.fail(*names)
    controller.go(4)


def heard(controller: Controller, at: int) -> None:
    with controller.app.engine.begin() as connection:
        connection.execute(gateway_boxes.delete())
        row = {"site": "08027-plaza", "box": "b", "first_at": 1, "heard_at": at}
        connection.execute(gateway_boxes.insert().values(row))


def test_a_ups_that_was_empty_before_is_power(controller: Controller) -> None:
    controller.sample("power", "ups", {"on_battery": 1, "runtime_s": 60})
    down(controller, "sw", "ap-1", "ap-2")

    assert controller.only().finding.cause is Cause.POWER
    assert "ups, which feeds it, was on battery and nearly empty before (60 s left)" in controller.why()


def test_a_ups_that_said_so_yesterday_says_nothing(controller: Controller) -> None:
    controller.sample("power", "ups", {"on_battery": 1, "runtime_s": 60})
    controller.wait(86_400)
    controller.go(12)
    down(controller, "sw", "ap-1", "ap-2")

    assert "on battery" not in controller.why()


def test_a_port_that_gives_no_power_is_power(controller: Controller) -> None:
    controller.fail("ap-1")
    controller.go(2)
    controller.sample("wired_port", "sw", {"up": 0, "poe_on": 0, "poe_fault": 0}, port="3")
    controller.sample("wired_port", "sw", {"up": 1, "poe_on": 1, "poe_fault": 0}, port="4")
    controller.go(2)

    assert controller.only().finding.cause is Cause.POWER
    assert "port 3 of sw gives it no power" in controller.why()


def test_a_port_that_feeds_it_and_a_switch_that_answers_are_the_device(controller: Controller) -> None:
    controller.fail("ap-1")
    controller.go(2)
    controller.sample("wired_port", "sw", {"up": 0, "poe_on": 1, "poe_fault": 0}, port="3")
    controller.go(2)

    assert controller.only().finding.cause is Cause.DEVICE
    assert "sw, on which it hangs, answers" in controller.why()
    assert "port 3 of sw, which feeds it" not in controller.why()
    assert "port 3 of sw feeds it" in controller.why()


def test_evidence_that_comes_late_is_told_late(controller: Controller) -> None:
    down(controller, "ap-1")
    before = controller.only().finding.cause
    controller.sample("wired_port", "sw", {"poe_on": 0}, port="3")
    controller.go(1)

    assert (before, controller.only().finding.cause) == (Cause.UNKNOWN, Cause.POWER)


def test_a_modem_that_carries_no_data_is_the_line(controller: Controller) -> None:
    controller.fail("gw", "ups", "sw", "ap-1", "ap-2")
    controller.go(2)
    controller.sample("uplink", "gw", {"connected": 0}, link="lte")
    controller.go(2)

    assert controller.only().finding.cause is Cause.BACKHAUL
    assert "the modem of 08027-plaza says that it carries no data" in controller.why()


def test_a_gateway_that_is_silent_too_speaks_for_the_line(controller: Controller) -> None:
    heard(controller, controller.now)
    controller.fail("gw", "ups", "sw", "ap-1", "ap-2")
    controller.go(4)
    before = controller.why()
    controller.wait(2280)
    controller.go(2)

    assert "nothing was heard" not in before
    assert controller.only().finding.cause is Cause.BACKHAUL
    assert "nothing was heard of the gateway of 08027-plaza" in controller.why()


def test_a_gateway_that_still_calls_speaks_against_the_line(controller: Controller) -> None:
    controller.fail("gw", "ups", "sw", "ap-1", "ap-2")
    controller.go(12)
    heard(controller, controller.now)
    controller.go(1)

    assert controller.only().finding.cause is not Cause.BACKHAUL
    assert "the gateway of 08027-plaza still calls us" in controller.why()


def test_a_box_that_refuses_is_there(controller: Controller) -> None:
    controller.fail("ap-1")
    controller.go(2)
    with controller.app.engine.begin() as connection:
        row = {"device": "ap-1", "seq": 1, "at": controller.now, "last_at": controller.now, "times": 2}
        said = {"reason": "port-unreachable", "detail": "snmpd is not running"}
        connection.execute(poll_errors.insert().values(row | said))
    controller.go(2)

    assert controller.only().finding.cause is Cause.DEVICE
    assert "ap-1 is there and answers" in controller.why()


@pytest.mark.parametrize(
    ("uptime_s", "code", "cause"),
    [(86_400, "kept-running", Cause.BACKHAUL), (20, "restarted", Cause.UNKNOWN)],
)
def test_what_it_says_when_it_is_back_is_told(
    controller: Controller, uptime_s: int, code: str, cause: Cause
) -> None:
    down(controller, "ap-3")
    controller.mend("ap-3")
    controller.go(1)
    controller.sample("wifi_ap", "ap-3", {"up": 1, "uptime_s": uptime_s})
    controller.go(10)
    [closed] = controller.incidents(also_closed=True)

    assert code in {one.code for one in closed.finding.evidence}
    assert closed.finding.cause is cause


def test_a_box_that_refused_is_no_broken_link_once_it_is_mended(controller: Controller) -> None:
    controller.fail("ap-5")
    controller.go(2)
    row = {"device": "ap-5", "seq": 1, "at": controller.now, "last_at": controller.now + 60, "times": 2}
    with controller.app.engine.begin() as connection:
        said = {"reason": Reason.AUTH.value, "detail": "the agent does not know the user"}
        connection.execute(poll_errors.insert().values(row | said))
    controller.go(2)
    during = controller.only().finding
    controller.mend("ap-5")
    with controller.app.engine.begin() as connection:
        connection.execute(poll_errors.update().values(ended_at=controller.now + 30))
    controller.go(1)
    controller.sample("wifi_ap", "ap-5", {"up": 1, "uptime_s": 86_400})
    controller.go(2)
    back = controller.only().finding
    controller.go(8)
    [closed] = controller.incidents(also_closed=True)

    assert (during.cause, back.cause, closed.finding.cause) == (Cause.DEVICE,) * 3
    assert back.evidence[: len(during.evidence)] == during.evidence
    assert closed.finding == back
    assert back.evidence[-1].code == "ran-on"


def test_a_refusal_that_ends_between_the_look_and_the_reading_is_still_told(controller: Controller) -> None:
    down(controller, "ap-5")
    row = {"device": "ap-5", "seq": 1, "at": controller.now - 60, "last_at": controller.now, "times": 2}
    ends = {"reason": Reason.AUTH.value, "detail": "unknown user", "ended_at": controller.now + 61}
    with controller.app.engine.begin() as connection:
        connection.execute(poll_errors.insert().values(row | ends))
    controller.go(1)
    during = controller.only().finding.cause
    controller.go(3)

    assert (during, controller.only().finding.cause) == (Cause.DEVICE, Cause.UNKNOWN)


def test_a_device_that_came_back_beside_one_that_answered_was_not_cut_off(controller: Controller) -> None:
    down(controller, "ap-5")
    controller.mend("ap-5")
    controller.go(1)
    controller.sample("wifi_ap", "ap-5", {"up": 1, "uptime_s": 86_400})
    controller.go(10)
    [closed] = controller.incidents(also_closed=True)

    assert closed.finding.cause is Cause.UNKNOWN
    assert {"siblings-answer", "ran-on"} <= {one.code for one in closed.finding.evidence}


def test_a_gateway_that_calls_once_the_line_is_back_makes_no_outage_one_of_power(
    controller: Controller,
) -> None:
    heard(controller, controller.now)
    controller.fail("gw", "ups", "sw", "ap-1", "ap-2")
    controller.go(4)
    controller.wait(2280)
    controller.go(2)
    during = controller.only().finding
    controller.mend("gw", "ups", "sw", "ap-1", "ap-2")
    controller.go(1)
    heard(controller, controller.now)
    controller.go(10)
    [closed] = controller.incidents(also_closed=True)

    assert closed.finding == during
    assert during.cause is Cause.BACKHAUL


def test_a_device_that_we_flash_is_expected_to_be_away(controller: Controller) -> None:
    with controller.app.engine.begin() as connection:
        begun = {"id": "r", "created_at": 1, "created_by": "ana", "state": "running", "selector": "all"}
        connection.execute(rollouts.insert().values(begun | {"kind": "firmware"}))
        step = {"rollout": "r", "device": "ap-3", "state": "applied", "intent_hash": "", "diff": ""}
        times = {"updated_at": controller.now, "deadline_at": controller.now + 300}
        connection.execute(rollout_steps.insert().values(step | times))
    controller.fail("ap-3")
    controller.go(25)
    during = controller.incidents()
    controller.go(10)

    assert during == []
    assert str(controller.only().root) == "device ap-3"


def test_a_run_of_looks_is_kept_with_the_verdict(controller: Controller) -> None:
    began = controller.now + 30
    controller.fail("ap-3")
    controller.go(5)
    found = health.standing(controller.app.engine, "ap-3")

    assert found is not None
    assert (found.run, found.run_since) == (5, began)
    assert health.standings(controller.app.engine)["ap-3"] == found
