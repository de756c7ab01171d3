"""How long a device takes for a line is measured while it is read; its timer covers all that are typed."""

from dataclasses import replace
from pathlib import Path

import pytest

from drivers import apply
from drivers.apply import Timers
from drivers.timing import listening_s
from tests.configure.ciscobox import aironet

LINE_S = 0.6
TOKEN = "ab12cd34"


def test_the_timer_of_a_device_that_thinks_about_each_line_covers_them_all(tmp_path: Path) -> None:
    with aironet(tmp_path) as peer:
        peer.fake.box.faults.slow_s = LINE_S
        target = peer.target(Timers())
        planned = apply.plan(target, peer.wish())
        traits = replace(target.configurer.traits, timer_most_s=3600)
        needed_s = (
            len(planned.change.lines) * LINE_S + traits.reload_s + listening_s(peer.wish().intent.radios)
        )
        assert planned.line_s >= LINE_S
        assert apply.revert_s(traits, target.timers, planned) > needed_s
        by_distance = apply.revert_s(traits, target.timers, replace(planned, line_s=0.0, round_s=1.0))
        assert by_distance < needed_s, "too quick to tell"


@pytest.mark.soak
def test_a_device_that_thinks_about_each_line_is_changed_within_the_timer_that_was_derived(
    tmp_path: Path,
) -> None:
    with aironet(tmp_path) as peer:
        peer.fake.box.faults.slow_s = LINE_S
        target = peer.target(Timers(settle_s=0.5))
        planned = apply.plan(target, peer.wish())
        apply.carry_out(target, planned, TOKEN, lambda step: None)
        assert not apply.plan(target, peer.wish()).change
