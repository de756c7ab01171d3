"""The controller is killed in the middle of a flash; whoever goes on asks the device, and flashes it once."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from controller.journal import State
from tests.configure.device import wait_until
from tests.firmware.image import openwrt
from tests.firmware.machine import NEW
from tests.firmware.town import Town, town

MOMENTS = {
    "while it sends": ("after", " % of the image"),
    "once the image is at the gateway": ("after", "it fetches it from there"),
    "before the journal has the flash": ("before", "applied"),
    "between the journal and the flash": ("after", "applied"),
    "as the flash has begun": ("once there is", "begun"),
    "before the journal has the end": ("before", "confirmed"),
    "after the end": ("after", "confirmed"),
}


def _killed(site: Town, moment: str) -> None:
    """A process of its own carries the rollout on, and dies then."""
    when, said = MOMENTS[moment]
    [machine] = site.machines.values()
    assert site.gateway is not None
    places = [each.place for each in (machine, site.gateway)]
    spec = site.folder / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "folder": str(site.folder),
                "rollout": site.rollout,
                "devices": [(each.ap.name, str(each.ap.root), each.ap.port, each.port) for each in places],
                "when": when,
                "said": str(machine.ap.root / "flash/begun") if said == "begun" else said,
            }
        )
    )
    done = subprocess.run([sys.executable, "-m", "tests.firmware.dying", str(spec)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL


def _goes_on(tmp_path: Path, moment: str) -> None:
    with town(tmp_path, 1) as site:
        image = site.keep(openwrt(NEW, octets=1_000_000))
        [machine] = site.machines.values()
        before = machine.ap.configuration()
        site.begin()
        _killed(site, moment)

        def confirmed() -> bool:
            site.go()
            return site.states() == {"ap-08019-1": State.CONFIRMED}

        wait_until("it is flashed", confirmed)
        assert (machine.version, machine.begun, machine.restarts) == (NEW, 1, 1)
        assert machine.ap.configuration() == before
        assert site.gateway is not None
        assert site.gateway.link.octets < image.octets * 1.3
        assert machine.link.octets < image.octets / 2


def test_a_controller_killed_between_the_journal_and_the_flash_flashes_once(tmp_path: Path) -> None:
    _goes_on(tmp_path, "between the journal and the flash")


@pytest.mark.soak
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_controller_killed_at_any_moment_leaves_a_device_that_is_flashed_once(
    tmp_path: Path, moment: str
) -> None:
    _goes_on(tmp_path, moment)
