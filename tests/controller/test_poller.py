"""The poller: verdicts from two separate facts, and one bad device costs only itself."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from controller.demo import make_secrets
from controller.health import State, assess, polled, unmeasured
from controller.inventory import load
from controller.poller import Polled, Targets, turn
from controller.secrets import FileSecrets
from controller.turns import Turn
from drivers.collect import Collected
from drivers.definition import load_platforms
from drivers.model import Device, Lifecycle, Reach, ReachKind
from drivers.snmp.seam import Failure, PollReply, PollRequest, Reason
from metrics.sample import Sample
from tests.town import town

TAGS = {"ap": "ap-kiosk", "mun": "08027", "site": "08027-plaza", "vendor": "openwrt"}
SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)


@pytest.fixture
def targets(tmp_path: Path) -> Targets:
    with town(tmp_path, "127.74.1"):
        inventory = load(tmp_path / "inventory.yaml")
        make_secrets(inventory, tmp_path / "secrets")
        secrets = FileSecrets(inventory.credentials, tmp_path / "secrets")
        return Targets.of(inventory.devices.values(), load_platforms(), secrets)


@pytest.fixture
def device(targets: Targets) -> Device:
    return targets.devices["ap-kiosk"]


def collected(up: int, works: bool | None, reason: str = "") -> Collected:
    return Collected((Sample("wifi_ap", TAGS, {"up": up}, 0),), {}, works, reason, ())


def test_an_agent_that_answers_while_no_name_is_on_the_air_is_degraded() -> None:
    verdict = assess(None, collected(1, works=False, reason="no name on the air"))
    assert (verdict.state, verdict.agent_answers, verdict.service_works) == (State.DEGRADED, True, False)
    assert verdict.reason == "no name on the air"


def test_a_service_nobody_measured_is_unknown_and_degrades_nothing() -> None:
    verdict = assess(None, collected(1, works=None))
    assert (verdict.state, verdict.service_works) == (State.UP, None)


def test_a_silent_agent_is_down_and_its_service_unknown() -> None:
    verdict = assess(Failure(Reason.TIMEOUT, "no answer"), collected(0, works=None))
    assert (verdict.state, verdict.agent_answers, verdict.service_works) == (State.DOWN, False, None)
    assert verdict.reason == "no answer"


def test_a_device_nobody_could_ask_is_unknown_not_down() -> None:
    verdict = assess(Failure(Reason.UNSUPPORTED, "no host key is pinned"), collected(0, works=None))
    assert (verdict.state, verdict.agent_answers, verdict.reason) == (
        State.UNKNOWN,
        None,
        "no host key is pinned",
    )


def test_a_stop_never_keeps_two_batches_at_once(targets: Targets) -> None:
    busy = threading.Lock()
    kept: list[int] = []

    def keep(batch: Sequence[Polled]) -> None:
        assert busy.acquire(blocking=False), "two batches at once"
        with_what = len(batch)
        time.sleep(0.5 if with_what else 0)  # a slow disk, while the stop comes
        kept.append(with_what)
        busy.release()

    async def stop_in_the_middle() -> None:
        task = asyncio.create_task(turn(targets, Answering(), keep, 1, 100))
        while not busy.locked():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(stop_in_the_middle())
    assert len(kept) >= 2


def test_an_agent_that_refuses_us_is_down_though_it_answers() -> None:
    verdict = assess(Failure(Reason.AUTH, "unknown user"), collected(0, works=None))
    assert (verdict.state, verdict.agent_answers) == (State.DOWN, True)


def test_an_answer_in_part_is_degraded_with_the_reason() -> None:
    verdict = assess(Failure(Reason.TIMEOUT, "stopped half-way"), collected(1, works=True))
    assert verdict.state is State.DEGRADED
    assert "stopped half-way" in verdict.reason


@pytest.mark.parametrize("kind", [ReachKind.TUNNEL, ReachKind.AGENT, ReachKind.VENDOR_API])
def test_what_is_not_polled_from_here_is_unknown_not_down(device: Device, kind: ReachKind) -> None:
    elsewhere = replace(device, reach=Reach(kind, "x"))
    assert not polled(elsewhere)
    assert unmeasured(elsewhere).state is State.UNKNOWN
    assert kind in unmeasured(elsewhere).reason


def test_a_retired_device_is_not_polled(device: Device) -> None:
    retired = replace(device, state=Lifecycle.RETIRED)
    assert not polled(retired)
    assert "retired" in unmeasured(retired).reason


def test_an_answer_no_store_can_hold_costs_only_its_own_device(targets: Targets, device: Device) -> None:
    nameless = replace(targets, devices={**targets.devices, "ap-kiosk": replace(device, site="")})
    understood = nameless.understand(PollReply("ap-kiosk", {SYS_UPTIME: 100}), Turn(0))
    assert understood.samples == ()
    assert understood.verdict.state is State.DEGRADED
    assert understood.problems


class Answering:
    """A poller whose agents all answer at once, with nothing but their uptime."""

    async def poll(self, requests: Sequence[PollRequest]) -> AsyncIterator[PollReply]:
        for request in requests:
            yield PollReply(request.device, {SYS_UPTIME: 100})

    async def close(self) -> None:
        return


def test_what_was_answered_before_a_stop_is_made_durable(targets: Targets) -> None:
    kept: list[Polled] = []

    async def poll_a_while() -> None:
        task = asyncio.create_task(turn(targets, Answering(), kept.extend, 1, 100))
        await asyncio.sleep(1.4)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(poll_a_while())
    assert {one.device.name for one in kept} == {"ap-kiosk", "ap-school"}


def test_an_error_while_keeping_stops_the_poller_loudly(targets: Targets) -> None:
    def keep(batch: Sequence[Polled]) -> None:
        if batch:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        asyncio.run(turn(targets, Answering(), keep, 1, 100))
