"""The way of an image: resumed, paced, within its window, and removed at last."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.firmware import cleaning
from controller.journal import Row, State
from controller.model import Uplink, UplinkKind
from controller.rollouts.seam import Phase
from tests.configure.desk import utc_now
from tests.configure.device import wait_until
from tests.firmware.image import openwrt
from tests.firmware.machine import NEW
from tests.firmware.town import office, town


def test_a_line_that_is_cut_goes_on_at_the_octet_where_it_was_and_never_faster_than_it_may(
    tmp_path: Path,
) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW, octets=900_000))
        assert site.gateway is not None
        site.kbps = 4_800  # 600 kB/s
        site.gateway.link.cut_after(600_000)
        site.begin()
        wait_until("it was tried again", site.confirmed)
        cut = next(row for row in site.told if row.state is State.PENDING)
        assert cut.detail.startswith("gw-08019-0: the SSH session ")
        assert site.gateway.link.octets < image.octets * 1.2
        assert site.gateway.link.took_s(100_000, 500_000) > 400_000 / 600_000 * 0.9


@pytest.mark.soak
def test_without_a_gateway_the_image_goes_to_the_device_itself_and_resumes_there(tmp_path: Path) -> None:
    with town(tmp_path, 1, gateway=False) as site:
        image = site.keep(openwrt(NEW, octets=2_000_000))
        [machine] = site.machines.values()
        site.begin()
        machine.link.cut_after(1_200_000)
        wait_until("it was tried again", site.confirmed)
        assert State.PENDING in {row.state for row in site.told}
        assert machine.version == NEW
        assert machine.link.octets < image.octets * 1.25


@pytest.mark.soak
def test_a_full_disk_at_the_gateway_holds_the_device_and_says_whose_disk(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW, octets=9_000_000))
        assert site.gateway is not None
        site.gateway.fill()
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert row.state is State.HELD
        assert "gw-08019-0: it " in row.detail
        assert "No space left" in row.detail


@pytest.mark.soak
def test_a_pause_in_the_middle_of_a_transfer_keeps_what_was_sent(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW, octets=2_000_000))
        site.kbps = 8_000
        site.begin()

        def pause(row: Row) -> None:
            if " % of the image" in row.detail:
                site.store.turn(site.store.get(site.rollout), Phase.PAUSED, "somebody calls")

        site.at_tell = pause
        site.go()
        assert site.states() == {"ap-08019-1": State.PLANNED}
        [copy] = [each for each in site.means.ledger.all() if each.device == "gw-08019-0"]
        assert 0 < copy.octets < image.octets
        site.at_tell = lambda _row: None
        site.store.turn(site.store.get(site.rollout), Phase.RUNNING, "done")
        site.go()
        assert site.states() == {"ap-08019-1": State.CONFIRMED}
        assert site.gateway is not None
        assert site.gateway.link.octets < image.octets * 1.1


@pytest.mark.soak
def test_a_transfer_stops_when_its_window_ends_and_goes_on_in_the_next(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW, octets=2_000_000))
        site.kbps = 8_000
        site.open_window()
        site.begin()
        site.at_tell = lambda row: site.close_window() if " % of the image" in row.detail else None
        stands = site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, "the maintenance window ends" in row.detail) == (State.PLANNED, True)
        assert stands.until > site.store.now()
        site.at_tell = lambda _row: None
        site.tick()
        site.open_window()
        site.go()
        assert site.states() == {"ap-08019-1": State.CONFIRMED}
        assert site.gateway is not None
        assert site.gateway.link.octets < image.octets * 1.1


@pytest.mark.soak
def test_no_flash_begins_that_might_not_end_within_its_window(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.means = replace(site.means, back_s=86_400 * 2)
        site.open_window()
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, "too short" in row.detail) == (State.PLANNED, True)
        assert site.machines["ap-08019-1"].begun == 0


@pytest.mark.soak
def test_a_window_that_ended_meanwhile_costs_no_other_one(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.open_window()
        site.begin()
        site.at_tell = lambda row: site.close_window(-60) if "fetches it" in row.detail else None
        stands = site.go()
        assert site.states() == {"ap-08019-1": State.PLANNED}
        assert site.store.now() < stands.until < site.store.now() + 22 * 3600


def test_by_itself_an_image_takes_a_quarter_of_an_uplink_and_a_tenth_of_one_that_is_paid_by_the_octet(
    tmp_path: Path,
) -> None:
    desk, means = office(tmp_path, ())
    [site] = desk.works.inventory.sites.values()
    kinds = (
        (Uplink(UplinkKind.FIBRE, "CFE", 100, 100), 25_000),
        (Uplink(UplinkKind.SATELLITE, "Starlink", 50, 10), 5_000),
        (Uplink(UplinkKind.WIRELESS, "WISP", 20, 10, cap_gb=100), 2_000),
    )
    for uplink, kbps in kinds:
        inventory = replace(desk.works.inventory, sites={site.key: replace(site, uplink=uplink)})
        works = replace(desk.works, inventory=inventory)
        assert replace(means, works=works).delivery().kbps_of(site.key) == kbps
        assert replace(means, works=works).delivery(64).kbps_of(site.key) == 64


@pytest.mark.soak
def test_an_openwrt_gateway_keeps_the_image_in_its_memory(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.want(replace(site.device("gw-08019-0"), platform="openwrt"))
        site.begin()
        site.go()
        assert site.states() == {"ap-08019-1": State.CONFIRMED}
        assert site.gateway is not None
        assert [name[-4:] for name in site.gateway.images] == [".bin"]
        cleaning.sweep(site.means)
        assert site.gateway.images == []


@pytest.mark.soak
def test_a_copy_that_a_device_waits_for_stays_for_a_week(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.hang_on_ups()
        site.power(0)
        site.begin()
        site.at_tell = lambda row: site.power(1) if "fetches it" in row.detail else None
        site.go()
        assert site.states() == {"ap-08019-1": State.PENDING}
        cleaning.sweep(site.means)
        assert len(site.means.ledger.all()) == 2
        late = replace(site.desk.works.journal, clock=lambda: utc_now() + timedelta(days=8))
        cleaning.sweep(replace(site.means, works=replace(site.desk.works, journal=late)))
        assert site.means.ledger.all() == ()
        assert site.machines["ap-08019-1"].images == []
