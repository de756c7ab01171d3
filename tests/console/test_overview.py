"""What the console says of the network: nothing that nobody measured."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.console.overview import Cause, Clients, Tally, combine
from controller.health import State
from drivers.model import Lifecycle
from tests.console.network import NOW, SLOT, STALE_AFTER_S, Network, afternoon

UP, DEGRADED, DOWN, UNKNOWN = State.UP, State.DEGRADED, State.DOWN, State.UNKNOWN


def row(network: Network, key: str):
    return next(row for row in network.overview().rows if row.key == key)


def devices(network: Network, key: str):
    return {device.name: device for site in row(network, key).site_rows for device in site.devices}


def test_every_municipality_has_its_row(network):
    rows = network.overview().rows

    assert [row.key for row in rows] == [f"080{number:02}" for number in range(1, 68)]


def test_a_network_nobody_has_polled_is_unknown_and_its_clients_are_not_zero(network):
    found = network.overview()

    assert (found.municipalities, found.sites) == (Tally(unknown=67), Tally(unknown=67))
    assert found.access_points == Tally(unknown=134)
    assert found.clients == Clients(None, measured=0, asked=134)
    assert found.sampled_at is None
    assert {row.clients.value for row in found.rows} == {None}


def test_measured_zero_is_zero(network):
    network.up("ap-08001-1", clients=0)
    network.up("ap-08001-2", clients=0)

    assert row(network, "08001").clients == Clients(0, measured=2, asked=2)


def test_a_partial_sum_says_how_many_were_measured(network):
    network.up("ap-08001-1", clients=7)
    network.down("ap-08001-2", "no answer")

    assert row(network, "08001").clients == Clients(7, measured=1, asked=2)


def test_an_access_point_that_answers_without_clients_is_up_and_its_clients_unknown(network):
    network.up("ap-08001-1", clients=None)

    device = devices(network, "08001")["ap-08001-1"]

    assert (device.state, device.clients) == (UP, None)


def test_the_verdict_of_the_health_table_is_shown_with_its_reason(network):
    network.degraded("ap-08001-1", "no network name is on the air", clients=0)

    device = devices(network, "08001")["ap-08001-1"]

    assert device.state is DEGRADED
    assert (device.reason.cause, device.reason.text) == (Cause.VERDICT, "no network name is on the air")


def test_a_device_without_a_fresh_sample_is_unknown_since_its_last_one(network):
    network.up("ap-08001-1", clients=7)
    late = NOW + timedelta(seconds=STALE_AFTER_S)

    found = network.overview(late).rows[0]

    assert found.site_rows[0].devices[0].state is UNKNOWN
    assert found.site_rows[0].devices[0].reason.cause is Cause.STALE_SAMPLE
    assert found.site_rows[0].devices[0].reason.since == SLOT
    assert found.clients.value is None
    assert found.sampled_at == SLOT


def test_a_stale_verdict_is_not_believed_even_when_samples_arrive(network):
    network.up("ap-08001-1", clients=7, at=SLOT - 600)
    network.sample("ap-08001-1", {"up": 1}, SLOT)

    reason = devices(network, "08001")["ap-08001-1"].reason

    assert (reason.cause, reason.since) == (Cause.STALE_VERDICT, SLOT - 600)


def test_samples_without_a_verdict_are_unknown(network):
    network.sample("ap-08001-1", {"up": 1}, SLOT)

    assert devices(network, "08001")["ap-08001-1"].reason.cause is Cause.NO_VERDICT


def test_a_verdict_without_any_sample_is_not_believed(network):
    network.judge("ap-08001-1", State.UP, "", SLOT)

    device = devices(network, "08001")["ap-08001-1"]

    assert (device.state, device.reason.cause, device.sampled_at) == (UNKNOWN, Cause.NO_SAMPLE, None)


def test_a_device_that_is_not_polled_says_why_and_has_no_last_sample(network):
    network.judge("ap-08001-1", State.UNKNOWN, "not polled from here: reached by agent", SLOT - 3600)

    device = devices(network, "08001")["ap-08001-1"]

    assert (device.reason.cause, device.sampled_at) == (Cause.NO_SAMPLE, None)
    assert device.reason.text == "not polled from here: reached by agent"


def test_what_was_last_known_of_a_silent_device_is_kept(network):
    network.down("ap-08001-1", "refuses credentials", at=SLOT - 3600)

    device = devices(network, "08001")["ap-08001-1"]

    assert (device.state, device.reason.text) == (UNKNOWN, "refuses credentials")


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([UP, UP], UP),
        ([DOWN, DOWN], DOWN),
        ([UP, DOWN], DEGRADED),
        ([UP, DEGRADED], DEGRADED),
        ([DOWN, UNKNOWN], DEGRADED),
        ([UP, UNKNOWN], UNKNOWN),
        ([UNKNOWN], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_a_whole_is_never_better_than_what_is_known_of_its_parts(parts, whole):
    assert combine(parts) is whole


def test_the_worst_device_stands_for_its_municipality(network):
    network.degraded("ap-08001-1", "no network name is on the air")
    network.down("ap-08001-2", "no answer")

    assert row(network, "08001").worst.name == "ap-08001-2"
    assert row(network, "08001").state is DEGRADED


def test_a_municipality_where_all_is_well_has_no_worst_device(network):
    network.everything_up()

    assert {row.worst for row in network.overview().rows} == {None}
    assert network.overview().municipalities == Tally(up=67)


def test_totals_count_municipalities_sites_and_access_points(network):
    afternoon(network)

    found = network.overview()

    assert found.municipalities == Tally(up=58, degraded=5, down=2, unknown=2)
    assert found.sites == found.municipalities
    assert found.access_points == Tally(up=122, degraded=2, down=7, unknown=3)
    assert (found.clients.measured, found.clients.asked) == (123, 134)
    assert found.citizens == 56


def test_only_running_sessions_are_citizens_online(network):
    network.citizens("08019-plaza", 3)
    network.citizens("08019-plaza", 1, acctstarttime=None)  # the gateway never opened the door
    network.citizens("08019-plaza", 1, acctstoptime=SLOT)
    network.citizens("08019-plaza", 1, expires_at=SLOT)

    assert row(network, "08019").citizens == network.overview().citizens == 3


def test_a_device_not_yet_in_service_does_not_count(network):
    planned = replace(network.device("ap-08001-2"), state=Lifecycle.EXPECTED)
    network.inventory = replace(
        network.inventory, devices={**network.inventory.devices, planned.name: planned}
    )
    network.up("ap-08001-1", clients=1)

    found = row(network, "08001")

    assert (found.state, found.devices) == (UP, Tally(up=1))
    assert found.clients == Clients(1, measured=1, asked=1)


def test_an_access_point_that_changed_its_vendor_is_one_access_point(network):
    network.up("ap-08001-1", clients=5, at=SLOT - 60)
    old = network.device("ap-08001-1")
    network.inventory = replace(
        network.inventory,
        devices={**network.inventory.devices, old.name: replace(old, platform="generic")},
    )
    network.up("ap-08001-1", clients=2)

    assert row(network, "08001").clients.value == 2
