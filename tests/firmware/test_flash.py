"""The flash of a site: once over the backhaul, one device after the other, and nothing lost on the way."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from controller.errors import SecretError
from controller.firmware import cleaning
from controller.firmware.work import Firmware
from controller.journal import Row, State
from controller.rollouts.seam import Phase
from drivers.model import SshLogin
from tests.configure.desk import Pocket
from tests.configure.device import wait_until
from tests.firmware.image import openwrt
from tests.firmware.machine import NEW, OLD
from tests.firmware.town import Town, town


def _crosses_once(site: Town, octets: int) -> None:
    image = site.keep(openwrt(NEW, octets=octets))
    before = {name: each.ap.configuration() for name, each in site.machines.items()}
    for number, machine in enumerate(site.machines.values()):
        machine.call(f"Modelo {number}")  # so that all are canaries, whom only their site keeps apart
    site.begin()
    site.go()
    assert site.states() == dict.fromkeys(site.machines, State.CONFIRMED), site.rows()
    assert {each.version for each in site.machines.values()} == {NEW}
    assert {name: each.ap.configuration() for name, each in site.machines.items()} == before
    one_after_the_other = [name for name, _ in groupby(row.device for row in site.told)]
    assert sorted(one_after_the_other) == sorted(site.machines)
    assert site.gateway is not None
    assert image.octets < site.gateway.link.octets < image.octets + 50_000 * len(site.machines)
    assert site.octets < image.octets + 240_000 * len(site.machines)
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
        _crosses_once(site, 2_000_000)


@pytest.mark.soak
def test_five_access_points_behind_a_gateway_cost_the_backhaul_one_image(tmp_path: Path) -> None:
    with town(tmp_path, 5) as site:
        _crosses_once(site, 8_000_000)


@pytest.mark.soak
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


def test_an_abort_ends_a_transfer_takes_back_what_was_sent_and_nothing_was_flashed(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW, octets=2_000_000))
        site.kbps = 4_000
        _abort(site, " % of the image")
        assert site.gateway is not None
        assert site.gateway.link.octets < image.octets


@pytest.mark.soak
def test_an_abort_when_the_image_is_there_takes_it_back(tmp_path: Path) -> None:
    with town(tmp_path, 1) as site:
        site.keep(openwrt(NEW, octets=2_000_000))
        _abort(site, "it fetches it from there")


def _abort(site: Town, said: str) -> None:
    """As a person does when that is told."""
    site.begin()

    def abort(row: Row) -> None:
        if said in row.detail:
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
        wait_until("it is back and known to be", site.confirmed, 120)
        assert machine.version == NEW


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
