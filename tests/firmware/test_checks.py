"""What is looked at before a flash: at the beginning, when its turn comes, and at the last moment."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from controller.firmware import cleaning, versions
from controller.firmware.delivery import ENDING_S
from controller.firmware.work import Firmware
from controller.journal import Row, State
from controller.rollouts.seam import Phase
from drivers.configurers.seam import Talk
from drivers.firmware.openwrt import OpenWrt
from tests.firmware.image import BOARD, openwrt
from tests.firmware.machine import NEW, OLD, SYSUPGRADE, Machine
from tests.firmware.town import TIMERS, Town, town

NAME = "ap-08019-1"
LITTLE_KIB = 4096


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A gateway and one access point."""
    with town(tmp_path_factory.mktemp("checks"), 1) as site:
        yield site


@pytest.fixture
def site(shared: Town) -> Iterator[Town]:
    """The same, with the image known, and as it was again afterwards."""
    shared.keep(openwrt(NEW))
    works, means = shared.desk.works, shared.means
    yield shared
    shared.desk.works, shared.means = works, means
    shared.at_tell = lambda _row: None
    shared.told.clear()
    _as_before(shared.machines[NAME])
    shared.store.turn(shared.store.get(shared.rollout), Phase.ABORTED, "the test is over")
    shared.go()
    assert cleaning.sweep(means) == []


def _as_before(machine: Machine) -> None:
    machine.remember(None)
    machine.be(BOARD)
    machine.install(OLD)
    machine.finish()
    (machine.ap.root / "flash/begun").unlink(missing_ok=True)


def _row(site: Town) -> Row:
    return site.rows()[NAME]


def test_an_image_of_another_board_and_one_that_it_runs_are_left_alone(site: Town) -> None:
    machine = site.machines[NAME]
    machine.be("glinet,gl-mt300n-v2")
    [row] = site.begin()
    assert (row.state, row.detail) == (
        State.SKIPPED,
        f"the image is for {BOARD}, not for glinet,gl-mt300n-v2",
    )
    machine.be(BOARD)
    machine.install(NEW)
    [row] = site.begin()
    assert (row.state, row.detail) == (State.SKIPPED, "as intended")


def test_too_little_room_holds_a_device_at_the_beginning_and_at_its_turn(site: Town) -> None:
    machine = site.machines[NAME]
    machine.remember(LITTLE_KIB)
    [row] = site.begin()
    assert (row.state, "are needed; make room" in row.detail) == (State.HELD, True)
    machine.remember(None)
    [row] = site.begin()
    assert row.state is State.PLANNED
    machine.remember(LITTLE_KIB)
    site.go()
    assert (_row(site).state, "are needed; make room" in _row(site).detail) == (State.HELD, True)
    assert site.means.ledger.all() == ()


def test_what_of_the_image_is_there_already_needs_no_room(site: Town) -> None:
    image = site.means.images.find(site.means.sha256)
    machine = site.machines[NAME]
    machine.remember(LITTLE_KIB)
    with site.means.target(site.device(NAME)).connect() as session:
        talk = Talk(session, NAME, TIMERS.command_s)
        assert OpenWrt().present(talk, image).room_octets == LITTLE_KIB * 1024
        folder = machine.ap.root / "tmp/plaza-firmware"
        folder.mkdir()
        for name in (f"{image.sha256}.part", f"{image.sha256}.bin"):
            (folder / name).write_bytes(bytes(200 * 1024))
            assert OpenWrt().present(talk, image).room_octets == (LITTLE_KIB + 200) * 1024
            (folder / name).unlink()
        folder.rmdir()


LATE: dict[str, tuple[Callable[[Machine], None], State, str]] = {
    "somebody changes it": (Machine.edit, State.HELD, "somebody else is changing it"),
    "a trial is open": (Machine.try_out, State.HELD, "a trial is open on it"),
    "off the air": (Machine.silence, State.HELD, "'Chihuahua Gratis' is not on the air; mend that first"),
    "no room": (lambda machine: machine.remember(LITTLE_KIB), State.HELD, "are needed; make room"),
    "newer": (lambda machine: machine.install("25.12.0"), State.HELD, "nobody agreed to that"),
    "the same": (lambda machine: machine.install(NEW), State.SKIPPED, f"it runs {NEW} already"),
    "another board": (lambda machine: machine.be("a,b"), State.SKIPPED, f"is for {BOARD}, not for a,b"),
    "nothing": (lambda _machine: None, State.PENDING, f"only now known as {BOARD}"),
}


def test_who_was_off_at_the_beginning_is_asked_all_of_it_when_it_is_back(site: Town) -> None:
    machine = site.machines[NAME]
    machine.off()
    [row] = site.begin()
    assert (row.state, row.attempts, row.diff) == (State.PENDING, 1, "")
    machine.on()
    for name, (change, state, said) in LATE.items():
        change(machine)
        [after] = Firmware(site.means).carry_out([row], lambda _seconds: True, site.told.append)
        assert (after.state, said in after.detail) == (state, True), (name, after)
        _as_before(machine)
    site.hang_on_ups()
    for said in ("does not say whether it is on battery", "is on battery"):
        [after] = Firmware(site.means).carry_out([row], lambda _seconds: True, site.told.append)
        assert (after.state, after.detail) == (State.PENDING, f"ups-1, which powers it, {said}")
        site.power(1)
    assert (site.means.ledger.all(), machine.begun) == ((), 0)
    assert versions.told(site.desk.engine)[NAME].model == BOARD


def test_a_person_is_told_of_the_power_and_the_way_of_one_that_is_off(site: Town) -> None:
    site.machines[NAME].off()
    site.begin()
    site.want(replace(site.device("gw-08019-0"), ssh_credentials=""))
    found = Firmware(site.means).preflight(site.device(NAME))
    site.machines[NAME].on()
    assert found.facts is None
    assert [caution.partition(",")[0] for caution in found.cautions] == [
        "no UPS is known to power it (powered_by)",
        "no gateway of its site can keep the image",
    ]


def test_all_of_it_is_asked_again_once_the_image_is_there_and_only_then_a_late_device_is_flashed(
    site: Town,
) -> None:
    machine, image = site.machines[NAME], site.means.images.find(site.means.sha256)
    site.hang_on_ups()
    site.power(0)
    machine.off()
    [planned] = site.begin()
    machine.on()
    row = replace(planned, model=BOARD)

    def carry(meanwhile: Callable[[], None], fits_s: float = 3600) -> Row:
        def tell(told: Row) -> None:
            if "it fetches it from there" in told.detail:
                meanwhile()

        [after] = Firmware(site.means).carry_out([row], lambda seconds: seconds < fits_s, tell)
        return after

    after = carry(machine.edit)
    assert (after.state, "somebody else is changing it" in after.detail) == (State.HELD, True)
    assert len(site.means.ledger.all()) == 2
    _as_before(machine)
    (machine.ap.root / f"tmp/plaza-firmware/{image.sha256}.bin").unlink()
    after = carry(lambda: site.power(1))
    assert (after.state, after.detail) == (State.PENDING, "ups-1, which powers it, is on battery")
    site.power(0)
    after = carry(_nothing, ENDING_S + 1)
    assert (after.state, "window is too short now for a flash" in after.detail) == (State.PLANNED, True)
    after = carry(_nothing, ENDING_S)
    assert (after.state, "the maintenance window ends" in after.detail) == (State.PLANNED, True)
    machine.have("sbin/sysupgrade", "#!/bin/sh\necho No\nexit 1\n")
    after = carry(_nothing)
    assert (after.state, "its sysupgrade refuses the image: No" in after.detail) == (State.FAILED, True)
    machine.have("sbin/sysupgrade", SYSUPGRADE)
    assert machine.begun == 0
    after = carry(_nothing)
    assert (after.state, machine.begun, machine.version) == (State.CONFIRMED, 1, NEW), after
    assert versions.told(site.desk.engine)[NAME].version == NEW


def _nothing() -> None:
    pass


def test_an_image_that_arrives_damaged_is_removed_and_flashed_nowhere(site: Town) -> None:
    assert site.gateway is not None
    folder = site.gateway.ap.root / "var/tmp/plaza-firmware"
    folder.mkdir(parents=True, mode=0o700)
    part = folder / f"{site.means.sha256}.part"
    part.write_bytes(bytes(1000))
    site.begin()
    site.go()
    assert _row(site).state is State.HELD
    assert "gw-08019-0: the image arrived damaged" in _row(site).detail
    assert not part.exists()
    assert site.machines[NAME].begun == 0


def test_a_copy_that_was_changed_or_lost_on_this_machine_is_sent_nowhere(site: Town) -> None:
    image = site.keep(openwrt("24.10.2"), "other.bin")
    kept = site.means.images.path(image.sha256)
    assert site.gateway is not None
    before = site.gateway.link.octets
    site.begin()
    with kept.open("r+b") as file:
        file.write(b"other")
    site.go()
    assert (_row(site).state, "damaged on this machine" in _row(site).detail) == (State.HELD, True)
    assert site.gateway.link.octets - before < image.octets / 2
    kept.unlink()
    [row] = site.begin()
    assert (row.state, row.detail) == (State.HELD, "image other.bin: its file is gone; add it again")


def test_an_image_that_is_damaged_at_the_device_is_removed_there_and_not_flashed(site: Town) -> None:
    machine = site.machines[NAME]
    image = site.means.images.find(site.means.sha256)
    folder = machine.ap.root / "tmp/plaza-firmware"
    folder.mkdir(mode=0o700)
    (folder / f"{image.sha256}.part").write_bytes(bytes(image.octets))
    site.begin()
    site.go()
    assert (_row(site).state, "the image arrived damaged" in _row(site).detail) == (State.FAILED, True)
    assert (machine.images, machine.begun) == ([], 0)
