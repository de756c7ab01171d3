"""The flash of a site: once over the backhaul, one device after the other, and nothing lost on the way."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from controller.errors import SecretError
from controller.firmware import cleaning
from controller.firmware.work import Firmware
from controller.journal import OPEN, Row, State
from controller.model import Uplink, UplinkKind
from controller.rollouts.seam import Phase
from drivers.model import SshLogin
from tests.configure.desk import Pocket, utc_now
from tests.configure.device import wait_until
from tests.firmware.image import openwrt
from tests.firmware.town import NEW, OLD, Town, office, town


def _crosses_once(site: Town) -> None:
    image = site.keep(openwrt(NEW, octets=8_000_000))
    before = {name: each.ap.configuration() for name, each in site.machines.items()}
    alone: list[bool] = []

    def look(row: Row) -> None:
        if row.state in OPEN:
            alone.append(sum(one in OPEN for one in site.states().values()) == 1)

    site.at_tell = look
    site.begin()
    site.go()
    assert site.states() == dict.fromkeys(site.machines, State.CONFIRMED), site.rows()
    assert {each.version for each in site.machines.values()} == {NEW}
    assert {name: each.ap.configuration() for name, each in site.machines.items()} == before
    assert all(alone)
    assert len(alone) == len(site.machines)
    assert site.gateway is not None
    assert image.octets < site.gateway.link.octets < image.octets * 1.03
    assert site.octets < image.octets * 1.15
    [copy] = [each for each in site.means.ledger.all() if each.device == "gw-08019-0"]
    assert (copy.octets, copy.sent) == (image.octets, image.octets)
    assert site.desk.actions().count("device-confirmed") == len(site.machines)
    cleaning.sweep(site.means)
    assert site.means.ledger.all() == ()
    assert not (site.gateway.ap.root / "var/tmp/plaza-firmware").exists()
    told = site.desk.actions()
    assert told.count("firmware-copy-begun") == told.count("firmware-copy-gone") == len(site.machines) + 1


def test_two_access_points_behind_a_gateway_cost_the_backhaul_one_image(tmp_path: Path) -> None:
    with town(tmp_path, 2) as site:
        _crosses_once(site)


@pytest.mark.soak
def test_five_access_points_behind_a_gateway_cost_the_backhaul_one_image(tmp_path: Path) -> None:
    with town(tmp_path, 5) as site:
        _crosses_once(site)


def test_a_line_that_is_cut_goes_on_at_the_octet_where_it_was(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW, octets=2_000_000))
        assert site.gateway is not None
        site.gateway.link.cut_after(1_200_000)
        site.begin()
        wait_until("it was tried again", lambda: _confirmed(site))
        cut = next(row for row in site.told if row.state is State.PENDING)
        assert cut.detail.startswith("gw-08019-0: the SSH session ")
        assert site.gateway.link.octets < image.octets * 1.1


def _confirmed(site: Town) -> bool:
    site.go()
    return set(site.states().values()) == {State.CONFIRMED}


@pytest.mark.soak
def test_without_a_gateway_the_image_goes_to_the_device_itself_and_resumes_there(tmp_path: Path) -> None:
    with town(tmp_path, 1, gateway=False) as site:
        image = site.keep(openwrt(NEW, octets=2_000_000))
        [machine] = site.machines.values()
        site.begin()
        machine.link.cut_after(1_200_000)
        wait_until("it was tried again", lambda: _confirmed(site))
        assert State.PENDING in {row.state for row in site.told}
        assert machine.version == NEW
        assert machine.link.octets < image.octets * 1.25


@pytest.mark.soak
def test_an_image_that_arrives_damaged_is_removed_and_flashed_nowhere(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW))
        assert site.gateway is not None
        folder = site.gateway.ap.root / "var/tmp/plaza-firmware"
        folder.mkdir(parents=True, mode=0o700)
        part = folder / f"{image.sha256}.part"
        part.write_bytes(bytes(1000))
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert row.state is State.HELD
        assert "gw-08019-0: the image arrived damaged" in row.detail
        assert not part.exists()
        assert site.machines["ap-08019-1"].begun == 0


@pytest.mark.soak
def test_a_copy_that_was_changed_on_this_machine_is_sent_nowhere(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW))
        site.begin()
        with site.means.images.path(image.sha256).open("r+b") as file:
            file.write(b"other")
        site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, "damaged on this machine" in row.detail) == (State.HELD, True)
        assert site.gateway is not None
        assert site.gateway.link.octets < image.octets / 2


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
def test_too_little_room_on_the_device_is_seen_before_anything_is_sent(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.machines["ap-08019-1"].fill(told=True)
        [row] = site.begin()
        assert row.state is State.HELD
        assert "are needed; make room" in row.detail


def test_nothing_is_flashed_on_battery_and_the_mains_bring_it_on(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW))
        site.hang_on_ups()
        site.power(1)
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, row.detail) == (State.PENDING, "ups-1, which powers it, is on battery")
        assert site.octets < image.octets / 2
        site.power(0)

        def fails_at_the_last_moment(told: Row) -> None:
            if "it fetches it from there" in told.detail:
                site.power(1)

        site.at_tell = fails_at_the_last_moment
        site.tick()
        site.go()
        assert site.states() == {"ap-08019-1": State.PENDING}
        machine = site.machines["ap-08019-1"]
        assert (machine.begun, machine.version) == (0, OLD)
        site.at_tell = lambda _row: None
        site.power(0)
        site.tick()
        site.go()
        assert site.states() == {"ap-08019-1": State.CONFIRMED}
        assert site.gateway is not None
        assert site.gateway.link.octets < image.octets * 1.3


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


@pytest.mark.soak
def test_a_ups_that_says_nothing_is_no_mains(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.hang_on_ups()
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, "does not say" in row.detail) == (State.PENDING, True)


def test_an_abort_takes_back_what_was_sent_and_nothing_was_flashed(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW, octets=2_000_000))
        site.begin()

        def abort(row: Row) -> None:
            if "it fetches it from there" in row.detail:
                site.store.turn(site.store.get(site.rollout), Phase.ABORTED, "wrong image")

        site.at_tell = abort
        site.go()
        machine = site.machines["ap-08019-1"]
        assert site.states() == {"ap-08019-1": State.HELD}
        assert (machine.begun, machine.version, machine.images) == (0, OLD, [])
        assert site.gateway is not None
        assert not (site.gateway.ap.root / "var/tmp/plaza-firmware").exists()
        assert site.means.ledger.all() == ()


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
def test_a_window_that_ended_meanwhile_costs_no_other_one(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.open_window()
        site.begin()
        site.at_tell = lambda row: site.close_window(-60) if "fetches it" in row.detail else None
        stands = site.go()
        assert site.states() == {"ap-08019-1": State.PLANNED}
        assert site.store.now() < stands.until < site.store.now() + 22 * 3600


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
def test_what_sysupgrade_says_against_the_image_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        machine = site.machines["ap-08019-1"]
        program = machine.ap.root / "sbin/sysupgrade"
        program.write_text(
            program.read_text().replace('[ -z "$test" ] ||', '[ -z "$test" ] || echo No; exit 1;')
        )
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert row.state is State.FAILED
        assert "its sysupgrade refuses the image: No; nothing was changed" in row.detail
        assert machine.version == OLD
        cleaning.sweep(site.means)
        assert machine.images == []


@pytest.mark.soak
def test_no_second_upgrade_begins_beside_one_that_has_not_ended(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW))
        machine = site.machines["ap-08019-1"]
        mark = machine.ap.root / f"tmp/plaza-firmware/{image.sha256}.ready"
        mark.mkdir(parents=True)
        (mark / "begun").touch()
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert row.detail == "an upgrade began on it and has not ended; nothing was changed"
        assert (row.state, machine.begun) == (State.FAILED, 0)


@pytest.mark.soak
def test_an_upgrade_that_ends_by_itself_is_a_failure_with_its_words(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        machine = site.machines["ap-08019-1"]
        (machine.ap.root / "flash/refuses").touch()
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, machine.begun, machine.version) == (State.FAILED, 1, OLD)
        assert "its own upgrade ended: ubus call failed: no memory; it runs 23.05.3" in row.detail


@pytest.mark.soak
def test_a_device_that_comes_back_with_the_old_version_has_failed(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.machines["ap-08019-1"].takes = False
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, row.detail) == (State.FAILED, "it has restarted and still runs 23.05.3")


@pytest.mark.soak
def test_settings_that_did_not_survive_the_flash_are_told_and_can_be_restored(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        machine = site.machines["ap-08019-1"]
        machine.forgets = True
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert row.state is State.FAILED
        assert "it runs 24.10.1, but its settings are not as before" in row.detail
        assert "nothing on the device goes back" in row.detail
        versions = site.desk.works.history.versions("ap-08019-1")
        assert [version.reason for version in versions] == ["before"]


@pytest.mark.soak
def test_a_device_that_does_not_come_back_counts_as_lost_and_is_asked_again(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        machine = site.machines["ap-08019-1"]
        site.means = replace(site.means, back_s=1.0)
        machine.boot_s = 12.0
        site.begin()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert row.state is State.APPLIED
        assert row.detail.startswith("out of reach after the change")
        wait_until("it is back and known to be", lambda: _confirmed(site), 120)
        assert machine.version == NEW


@pytest.mark.soak
def test_devices_that_the_image_is_not_for_or_that_run_it_are_left_alone(tmp_path: Path) -> None:
    with town(tmp_path, 2) as site:
        site.keep(openwrt(NEW, ("glinet,gl-mt300n-v2",)))
        rows = site.begin()
        assert {row.state for row in rows} == {State.SKIPPED}
        assert "not for tplink,archer-c7-v2" in rows[0].detail
        site.keep(openwrt(OLD), "old.bin")
        assert {row.detail for row in site.begin()} == {"as intended"}


@pytest.mark.soak
def test_an_image_takes_no_more_of_the_uplink_than_it_may(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW, octets=600_000))
        site.kbps = 1_600
        site.begin()
        begun = monotonic()
        site.go()
        assert monotonic() - begun > image.octets / (1_600 * 125) * 0.9
        assert site.states() == {"ap-08019-1": State.CONFIRMED}


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
def test_the_near_end_of_a_link_is_flashed_only_when_the_far_one_is_back(tmp_path: Path) -> None:
    with town(tmp_path, 2) as site:
        site.keep(openwrt(NEW))
        far, near = site.machines.values()
        (far.ap.root / "flash/refuses").touch()
        rows = site.begin()
        work = Firmware(site.means)
        first, second = work.carry_out(rows, lambda _seconds: True, site.told.append)
        assert (first.state, second.state, near.begun) == (State.FAILED, State.HELD, 0)
        assert "the other end of its link, ap-08019-1: its own upgrade ended" in second.detail
        (far.ap.root / "flash/refuses").unlink()
        both = work.carry_out(rows, lambda _seconds: True, site.told.append)
        assert [row.state for row in both] == [State.CONFIRMED] * 2
        assert (far.version, near.version) == (NEW, NEW)


class Unreadable(dict[str, SshLogin]):
    """Credentials whose file was taken away."""

    def __getitem__(self, name: str) -> SshLogin:
        raise SecretError(f"credential {name}: its file is gone")


@pytest.mark.soak
def test_a_credential_that_cannot_be_read_holds_its_device_and_nobody_else(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW))
        site.begin()
        secrets = site.desk.works.access.secrets
        assert isinstance(secrets, Pocket)
        known, secrets.logins = secrets.logins, Unreadable()
        site.go()
        row = site.rows()["ap-08019-1"]
        assert (row.state, row.detail) == (State.HELD, "credential aps-ssh-1: its file is gone")
        [row] = site.begin()
        assert (row.state, row.detail) == (State.HELD, "credential aps-ssh-1: its file is gone")

        secrets.logins = known
        site.begin()

        def lose(told: Row) -> None:
            if told.state is State.APPLIED:
                secrets.logins = Unreadable()

        site.at_tell = lose
        site.go()
        row = site.rows()["ap-08019-1"]
        assert row.state is State.APPLIED
        assert "its file is gone" in row.detail
        secrets.logins = known
        site.at_tell = lambda _row: None
        site.go()
        assert site.states() == {"ap-08019-1": State.CONFIRMED}
