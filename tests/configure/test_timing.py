"""The dead-man timer is derived from the change: radar and a slow or far device make it longer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.change import Change, Line
from drivers.configurers.seam import Safety, Traits
from drivers.model import Band, Intent, Radio, Secret
from drivers.timing import listening_s, revert_after, within

PLAIN = Traits(Safety.A, verified=False, dangerous=("network.*",), reload_s=10)
MINUTES = Traits(Safety.B, verified=False, dangerous=(), timer_step_s=60, timer_least_s=60, timer_most_s=7200)


def change(*paths: str) -> Change:
    """Something that touches these paths."""
    return Change("ap", tuple(Line(Secret("x"), "x", path) for path in paths), "")


def wanted(*radios: Radio) -> Intent:
    """A device with these radios."""
    return Intent("ap", "ap", "MX", radios, ())


@pytest.mark.parametrize(
    ("radio", "seconds"),
    [
        (Radio(Band.GHZ_2, 6), 0),
        (Radio(Band.GHZ_5, 36, 80), 0),
        (Radio(Band.GHZ_5, 149, 80), 0),
        (Radio(Band.GHZ_5, 165, 20), 0),
        (Radio(Band.GHZ_5, 52, 20), 60),
        (Radio(Band.GHZ_5, 48, 160), 60),  # its block of 160 MHz reaches 5330
        (Radio(Band.GHZ_5, 0, 40), 60),
        (Radio(Band.GHZ_5, 120, 20), 600),
        (Radio(Band.GHZ_5, 116, 80), 600),  # its block of 80 MHz reaches 5610
        (Radio(Band.GHZ_5, 116, 20), 60),
        (Radio(Band.GHZ_5, 132, 20), 60),
        (Radio(Band.GHZ_6, 37, 80), 0),
    ],
)
def test_a_radio_listens_for_radar_before_it_sends(radio: Radio, seconds: float) -> None:
    assert listening_s((radio,)) == seconds
    assert listening_s((Radio(Band.GHZ_2, 1), radio)) == seconds


def test_what_makes_a_change_slow_makes_its_timer_longer() -> None:
    quick = revert_after(change("system.hostname"), PLAIN, wanted(Radio(Band.GHZ_2)), 1.0)
    radar = revert_after(change("system.hostname"), PLAIN, wanted(Radio(Band.GHZ_5, 52)), 1.0)
    satellite = revert_after(change("system.hostname"), PLAIN, wanted(Radio(Band.GHZ_2)), 12.0)
    assert quick == 30
    assert radar == 78  # 60 of listening, 10 to reload, four rounds twice as slow as measured
    assert satellite == 106
    assert revert_after(change("x"), PLAIN, None, 1.0) == 78  # what is restored may use any channel


def test_lines_that_are_typed_one_by_one_take_their_time_far_away() -> None:
    lines = change(*(f"menu.{number}" for number in range(60)))
    typed = replace(PLAIN, chunk_octets=1)
    assert revert_after(lines, typed, wanted(Radio(Band.GHZ_2)), 0.1) == 30
    assert (
        revert_after(lines, typed, wanted(Radio(Band.GHZ_2)), 6.0) == 178
    )  # 60 answers, a second each, twice
    assert revert_after(lines, replace(PLAIN, chunk_octets=2048), wanted(Radio(Band.GHZ_2)), 6.0) == 60
    assert revert_after(lines, PLAIN, wanted(Radio(Band.GHZ_2)), 6.0) == 58


def test_lines_that_a_slow_device_thinks_about_take_that_time_however_many_are_typed_ahead() -> None:
    lines = change(*(f"interface.{number}" for number in range(60)))
    ahead = replace(PLAIN, chunk_octets=2048)
    assert revert_after(lines, ahead, wanted(Radio(Band.GHZ_2)), 6.0, 0.01) == 60
    assert revert_after(lines, ahead, wanted(Radio(Band.GHZ_2)), 6.0, 1.0) == 178  # a second each, twice
    assert revert_after(lines, PLAIN, wanted(Radio(Band.GHZ_2)), 6.0, 1.0) == 58  # one script, no lines


def test_a_timer_that_counts_minutes_is_never_shorter_than_what_is_needed() -> None:
    assert within(MINUTES, 1) == 60
    assert within(MINUTES, 61) == 120
    assert within(MINUTES, 100_000) == 7200


@given(seconds=st.floats(min_value=0, max_value=7200), step=st.integers(1, 60))
def test_steps_are_whole_and_cover_what_is_asked_for(seconds: float, step: int) -> None:
    traits = Traits(
        Safety.B, verified=False, dangerous=(), timer_step_s=step, timer_least_s=step, timer_most_s=7260
    )
    found = within(traits, seconds)
    assert found >= min(seconds, 7260)
    assert found % step == 0 or found == 7260
    assert found - max(seconds, step) < step + 1


def test_paths_that_may_take_the_management_away_are_named() -> None:
    assert change("network.lan.ipaddr", "system.hostname").dangerous(PLAIN.dangerous) == (
        "network.lan.ipaddr",
    )
