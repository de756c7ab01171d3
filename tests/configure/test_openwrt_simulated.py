"""The configurer at the simulator's own access point, which has rpcd, an account of its air, and a boot."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers import apply, ssh
from drivers.apply import Ending, Step, Target, Timers
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Wish
from drivers.errors import DriverError, VerifyFailed
from drivers.host_key import HostKey
from drivers.model import (
    Band,
    Device,
    Endpoint,
    Intent,
    Manage,
    OnAir,
    Radio,
    Role,
    Secret,
    SshLogin,
    Ssid,
    Syslog,
)
from tests.configure.device import keygen
from tests.configure.openwrt import KEY, OTHER, TOKEN
from tests.simulator.lab import Simulator

TIMERS = Timers(revert_s=120, settle_s=0.1, grace_s=60, command_s=60, longest_pause_s=0.5)
HOURS = (OnAir(0, 480, 1320),)


class Town:
    """A simulator with one access point of the inventory."""

    def __init__(self, simulator: Simulator, entry: dict[str, Any]) -> None:
        self.simulator = simulator
        self.entry = entry
        self.root = Path(simulator.spec["state_dir"]) / "ap-1"
        place = Endpoint(entry["ssh"]["host"], entry["ssh"]["port"])
        self.device = Device("ap-1", Role.AP, "08019", "s", "openwrt", place.host, place, place, place)
        self.login = SshLogin("root", private_key=Secret(simulator.key.read_text()))
        self.host_key: HostKey = ssh.fetch_host_key(self.device)

    def target(self, timers: Timers = TIMERS) -> Target:
        """Over SSH."""
        return Target("ap-1", OpenWrt(), lambda: ssh.connect(self.device, self.login, self.host_key), timers)

    def on_air(self) -> set[str]:
        """The SSIDs that its netifd reports."""
        said = self.simulator.ssh(self.entry, "ubus call network.wireless status").stdout
        radios = json.loads(said).values()
        return {interface["config"]["ssid"] for radio in radios for interface in radio["interfaces"]}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Fresh from its box: it sends an open network called OpenWrt."""
    keygen(tmp_path / "id")
    simulator = Simulator(tmp_path, (tmp_path / "id.pub").read_text().strip())
    entry = simulator.ap("ap-1")
    simulator.start()
    try:
        yield Town(simulator, entry)
    finally:
        simulator.stop()


def wish() -> Wish:
    """Clock, log, keys, hours and two networks."""
    keep = Manage("America/Chihuahua", ("10.8.0.5",), Syslog("10.8.0.6"), ssh_keys=(KEY,))
    ssids = (Ssid("Wi-Fi Público ñ 😀"), Ssid("De día", schedule=HOURS))
    radios = (Radio(Band.GHZ_2, 6), Radio(Band.GHZ_5, 149, 40))
    return Wish(Intent("ap-1", "ap-1", "MX", radios, ssids, keep))


def test_a_device_from_its_box_becomes_as_wished_and_stays_so(town: Town) -> None:
    target = town.target()
    planned = apply.plan(target, wish())
    with target.connect() as session:
        said = target.configurer.preview(target.talk(session), planned.change)
    assert "wireless.plaza_2g4_1.ssid='Wi-Fi Público ñ 😀'" in said
    steps: list[Step] = []
    apply.carry_out(target, planned, TOKEN, steps.append)
    assert steps == [Step.ARMED, Step.APPLIED, Step.VERIFIED]
    assert apply.finish(target, TOKEN, None) is Ending.CONFIRMED
    assert not apply.plan(target, wish()).change
    assert {"Wi-Fi Público ñ 😀", "De día"} <= town.on_air()
    assert KEY in (town.root / "etc/dropbear/authorized_keys").read_text()
    assert not (town.root / "tmp/run/rpcd/pending").exists()
    town.simulator.stop()
    town.simulator.start()
    assert not apply.plan(target, wish()).change


def test_it_tells_of_itself_as_its_ubus_does(town: Town) -> None:
    target = town.target()
    with target.connect() as session:
        found = target.configurer.facts(target.talk(session))
    board = json.loads(town.simulator.ssh(town.entry, "ubus call system board").stdout)
    assert found.model == f"{board['model']} ({board['board_name']})"
    assert found.version == board["release"]["version"]
    assert found.serial.startswith("EX")
    assert found.free_octets
    assert found.foreign == ""


def test_power_that_goes_inside_the_trial_brings_back_what_was_on_the_air(town: Town) -> None:
    target = town.target()
    planned = apply.plan(target, wish())
    before = town.on_air()

    def lose_power(step: Step) -> None:
        if step is Step.VERIFIED:
            town.simulator.stop()
            town.simulator.start()

    with pytest.raises(DriverError):
        apply.carry_out(target, planned, TOKEN, lose_power)
    assert apply.await_end(target, TOKEN, 60) is Ending.REVERTED
    assert apply.is_as_before(target, planned)
    assert town.on_air() == before


def test_what_is_not_liked_is_taken_back_at_once(town: Town) -> None:
    target = town.target()
    planned = apply.plan(target, wish())

    def dislike(step: Step) -> None:
        if step is Step.VERIFIED:
            raise VerifyFailed("ap-1", "somebody looked and did not like it")

    with pytest.raises(VerifyFailed):
        apply.carry_out(target, planned, OTHER, dislike)
    apply.take_back(target, OTHER)
    assert apply.await_end(target, OTHER, 60) is Ending.REVERTED
    assert apply.is_as_before(target, planned)
