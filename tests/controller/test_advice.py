"""What a technician is told to try next."""

from dataclasses import replace

import pytest

from controller.advice import next_steps, steps_over_snmp
from controller.inventory import load
from drivers.model import Device, PollBy
from drivers.snmp.seam import Reason
from tests.town import town


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    directory = tmp_path_factory.mktemp("town")
    with town(directory, "127.77.1") as made:
        return load(made.directory / "inventory.yaml").devices["ap-kiosk"]


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("by", PollBy)
def test_every_reason_has_a_next_step_without_gaps(device: Device, reason: Reason, by: PollBy) -> None:
    for steps in (next_steps(replace(device, poll=by), reason), steps_over_snmp(device, reason)):
        assert steps
        assert not [step for step in steps if "{" in step or not step.strip()]


def test_a_silent_agent_is_looked_at_from_its_lamps_up(device: Device) -> None:
    first, second, third = next_steps(device, Reason.TIMEOUT)
    assert "power" in first
    assert f"ping {device.snmp.host}" in second
    assert device.snmp_credentials in third


def test_an_unknown_host_key_is_adopted(device: Device) -> None:
    [step] = next_steps(replace(device, poll=PollBy.SSH), Reason.UNSUPPORTED)
    assert step.endswith("plaza adopt ap-kiosk")
