"""A virtual RouterOS takes a package from a real gateway, and installs it at its restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller.access import Pinning
from controller.journal import State
from drivers.configurers.seam import Talk
from drivers.errors import ConfigRejected
from drivers.firmware.routeros import RouterOs
from drivers.firmware.seam import Stage, Upload
from tests.configure.desk import utc_now
from tests.configure.device import wait_until
from tests.configure.routerosbox import LOGIN, RouterOsPeer, mikrotik
from tests.firmware import image as made
from tests.firmware.town import TIMERS, Town, town

NAME = "ap-1"


@contextmanager
def mixed(folder: Path, *, gateway: bool = True) -> Iterator[tuple[Town, RouterOsPeer]]:
    """A site with a RouterOS access point, and its package known."""
    with town(folder, 0, gateway=gateway) as site, mikrotik(folder) as peer:
        works = site.desk.works
        Pinning(site.desk.engine, works.journal.audit_key, "tecnica").pin(NAME, peer.host_key, utc_now())
        site.desk.works.access.secrets.logins["aps-ros"] = LOGIN  # type: ignore[attr-defined]
        site.want(replace(peer.device, ssh_credentials="aps-ros", radios=(), ssids=()))
        peer.fake.box.faults.boot_s = 0.5
        site.keep(made.npk(), "routeros-7.18.2-arm64.npk")
        yield site, peer


def test_a_routeros_device_fetches_its_package_and_runs_it_after_its_restart(tmp_path: Path) -> None:
    with mixed(tmp_path) as (site, peer):
        before = peer.settings()
        [row] = site.begin([NAME])
        assert row.state is State.PLANNED, row
        site.go()
        row = site.rows()[NAME]
        assert (row.state, row.detail) == (State.CONFIRMED, "it runs 7.18.2")
        assert (peer.fake.version, peer.settings()) == ("7.18.2", before)
        assert [one["name"] for one in peer.fake.files() if one["name"].endswith(".npk")] == []


@pytest.mark.soak
def test_a_package_that_was_not_installed_is_told(tmp_path: Path) -> None:
    with mixed(tmp_path) as (site, peer):
        peer.fake.refuses_packages = True
        site.begin([NAME])
        site.go()
        row = site.rows()[NAME]
        assert (row.state, row.detail) == (State.FAILED, "it has restarted and still runs 7.16.2")


@pytest.mark.soak
def test_a_package_of_another_architecture_concerns_it_not(tmp_path: Path) -> None:
    with mixed(tmp_path) as (site, _):
        site.keep(made.npk(architecture="mipsbe"), "mips.npk")
        [row] = site.begin([NAME])
        assert (row.state, row.detail) == (State.SKIPPED, "the image is for mipsbe, not for arm64")


@pytest.mark.soak
def test_without_a_gateway_it_is_sent_its_package_over_sftp_and_resumes(tmp_path: Path) -> None:
    with mixed(tmp_path, gateway=False) as (site, peer):
        site.keep(made.npk(octets=2_000_000), "large.npk")
        site.kbps = 50_000
        site.begin([NAME])
        peer.relay.cut_after(1_200_000)

        def confirmed() -> bool:
            site.go()
            return site.states() == {NAME: State.CONFIRMED}

        wait_until("it was tried again", confirmed)
        assert peer.fake.version == "7.18.2"
        image = site.means.images.find(site.means.sha256)
        assert State.PENDING in {row.state for row in site.told}
        assert sum(copy.sent for copy in site.means.ledger.all()) == 0  # forgotten with the package
        assert max(site.sent) < image.octets * 1.5


def test_an_older_version_is_held_for_a_person(tmp_path: Path) -> None:
    with mixed(tmp_path) as (site, _):
        site.keep(made.npk((7, 9, 0)), "older.npk")
        [row] = site.begin([NAME])
        assert (row.state, "older than 7.16.2" in row.detail) == (State.HELD, True)


@pytest.mark.soak
def test_what_it_has_can_be_removed_before_a_restart_takes_it(tmp_path: Path) -> None:
    with mixed(tmp_path) as (site, peer):
        image = site.means.images.find(site.means.sha256)
        flasher = RouterOs()
        with peer.target(TIMERS).connect() as session:
            talk = Talk(session, NAME, 30)
            peer.fake.write_file(f"plaza-{image.sha256[:16]}.part", "x" * image.octets)
            flasher.check(talk, image, "")
            assert flasher.status(talk, image, "").stage is Stage.READY
            peer.lose_power()  # it is no package yet
        with peer.target(TIMERS).connect() as session:
            talk = Talk(session, NAME, 30)
            assert flasher.present(talk, image).version == "7.16.2"
            assert flasher.status(talk, image, "").stage is Stage.READY
            flasher.clear(talk, image)
            assert flasher.status(talk, image, "").stage is Stage.NONE
            with pytest.raises(ConfigRejected, match=f"it has 0 of {image.octets} octets"):
                flasher.flash(talk, image, "")
            peer.fake.box.faults.disk_full = True
            with pytest.raises(ConfigRejected, match="no room"):
                flasher.receive(talk, image, Upload(0, ()))
        assert peer.fake.version == "7.16.2"
