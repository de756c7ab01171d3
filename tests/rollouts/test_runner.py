"""A rollout goes wave by wave, waits for what it must, and stops by itself or when a person says so."""

import io
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from controller.cli.rollout_show import Bars
from controller.errors import NotBegun
from controller.journal import State
from controller.model import Hours, Opening
from controller.rollouts import starting
from controller.rollouts.runner import Standing, advance
from controller.rollouts.seam import Asked, Phase, Policy
from tests.rollouts.village import (
    ANSWER_LOST,
    GONE,
    NOON,
    REFUSES,
    Village,
    Work,
    inventory_of,
    town,
    village,
)

EASY = Policy(soak_s=0, patience_s=0, parallel=3)


@pytest.fixture
def at(tmp_path: Path) -> Village:
    """A village without a rollout."""
    return village(tmp_path)


def go(at: Village, name: str = "r1") -> Standing:
    """What the worker does at its turn."""
    return advance(at.fleet(Work(at)), name)


def to_its_end(at: Village) -> Standing:
    """As long as it runs, at the moments that it waits for."""
    for _ in range(200):
        standing = go(at)
        if standing.phase is not Phase.RUNNING:
            return standing
        at.tick(max(standing.until - at.now, 1))
    raise AssertionError(f"it comes to no end: {standing}")


def states(at: Village) -> dict[str, State]:
    """Where every device stands."""
    return {row.device: row.state for row in at.store.rows("r1")}


def test_all_devices_are_changed_wave_by_wave_leaves_first(at: Village) -> None:
    at.start(EASY)
    assert go(at) == Standing(Phase.DONE, at.store.get("r1").reason)
    assert set(states(at).values()) == {State.CONFIRMED}
    order = {name: at.begun.index(name) for name in at.begun}
    assert order["ap-c1"] < order["link-far"] < order["link-near"] < order["gw-a"]
    assert len(at.begun) == len(at.boxes)


def test_a_wave_soaks_before_the_next_one_begins(at: Village) -> None:
    at.start(replace(EASY, soak_s=600))
    standing = go(at)
    assert standing.until == NOON + 600
    assert "soaking" in standing.said
    assert at.begun == [row.device for row in at.store.rows("r1") if row.wave == 0]
    at.tick(599)
    assert go(at).until == NOON + 600
    at.tick(1)
    go(at)
    assert len(at.begun) > 1


def test_no_evidence_is_held_and_not_success_until_a_person_goes_on_without_it(at: Village) -> None:
    at.start(replace(EASY, patience_s=120))
    at.good = None
    standing = go(at)
    assert (standing.phase, standing.until) == (Phase.RUNNING, NOON + 60)
    at.tick(120)
    standing = go(at)
    assert standing.phase is Phase.HALTED
    assert "held, for there is no evidence" in standing.said
    begun = list(at.begun)
    now = at.store.get("r1")
    at.store.turn(now, Phase.RUNNING, "nobody is there", policy=replace(now.policy, without=frozenset(Asked)))
    assert go(at).phase is Phase.DONE
    assert len(at.begun) > len(begun)


def test_bad_evidence_halts_at_once_and_the_rest_is_held(at: Village) -> None:
    at.start(EASY)
    at.good = False
    standing = go(at)
    assert standing.phase is Phase.HALTED
    assert "as set" in standing.said
    assert sorted(set(states(at).values())) == [State.CONFIRMED, State.PLANNED]


def test_a_bad_canary_halts_whatever_the_numbers_say(tmp_path: Path) -> None:
    at = town(tmp_path, 10)
    for box in at.boxes.values():
        box.fate = REFUSES
    at.start(EASY)
    standing = go(at)
    assert standing.phase is Phase.HALTED
    assert standing.said == f"{at.begun[0]}, a canary, failed: it refused"
    assert len(at.begun) == 1


def test_who_was_not_reached_at_the_beginning_is_no_canary(tmp_path: Path) -> None:
    at = town(tmp_path, 10)
    for name in ("ap-000-1", "ap-000-2", "ap-001-1"):
        at.boxes[name].online = False
    at.start(EASY)
    first = next(row.device for row in at.store.rows("r1") if row.wave == 0 and row.state is State.PLANNED)
    assert at.boxes[first].online
    assert go(at).said == "those that were out of reach: ap-000-1, ap-000-2, ap-001-1 out of reach"


def test_a_rollout_stops_at_so_many_failures_and_goes_on_once_a_person_has_looked(tmp_path: Path) -> None:
    at = town(tmp_path, 10)
    for box in at.boxes.values():
        box.fate = REFUSES
    at.boxes["ap-000-1"].fate = "good"
    at.start(replace(EASY, stop_number=3, stop_percent=0, parallel=1))
    standing = go(at)
    assert standing.phase is Phase.HALTED
    assert "it stops at 3" in standing.said
    assert len(at.begun) == 4
    now = at.store.get("r1")
    failed = frozenset(name for name, state in states(at).items() if state is State.ROLLED_BACK)
    for box in at.boxes.values():
        box.fate = "good"
    at.store.turn(now, Phase.RUNNING, "bad cables, mended", seen=failed)
    assert go(at).phase is Phase.DONE
    at.retry("r1")
    assert go(at).phase is Phase.DONE
    assert set(states(at).values()) == {State.CONFIRMED}


def test_those_out_of_reach_are_tried_again_for_days_while_the_waves_go_on(at: Village) -> None:
    at.boxes["ap-b2"].online = False
    at.start(EASY)
    standing = go(at)
    assert standing.phase is Phase.RUNNING
    assert standing.said == "those that were out of reach: ap-b2 out of reach"
    assert NOON + 500 < standing.until <= NOON + 600
    waits = []
    for _ in range(9):
        at.tick(standing.until - at.now)
        before, standing = at.now, go(at)
        waits.append(standing.until - before)
    assert waits[0] > 1000
    assert 38_000 < waits[-1] <= 43_200
    at.boxes["ap-b2"].online = True
    at.tick(standing.until - at.now)
    assert go(at).phase is Phase.DONE
    assert states(at)["ap-b2"] is State.CONFIRMED


def test_who_stays_away_too_long_is_held(at: Village) -> None:
    at.boxes["ap-b2"].online = False
    at.start(replace(EASY, give_up_s=3600))
    standing = to_its_end(at)
    assert standing.phase is Phase.DONE
    assert states(at)["ap-b2"] is State.HELD


def test_nothing_is_begun_outside_the_window_nor_what_would_pass_its_end(tmp_path: Path) -> None:
    week = ((Opening(time(13, 0), time(13, 10)),),) * 7
    plain = village(tmp_path).inventory
    devices = list(plain.devices.values())
    (tmp_path / "two").mkdir()
    at = Village(inventory_of(devices, Hours("America/Chihuahua", week)), tmp_path / "two")
    at.start(replace(EASY, parallel=1))
    standing = go(at)
    assert (at.begun, standing.until) == ([], NOON + 3600)
    at.tick(3600 + 301)
    standing = go(at)
    assert at.begun == []
    assert standing.until == NOON + 3600 + 86_400
    at.tick(standing.until - at.now)
    assert go(at).phase is Phase.DONE


def test_a_paused_or_aborted_rollout_begins_nothing_also_from_one_device_to_the_next(at: Village) -> None:
    at.start(replace(EASY, parallel=1))

    def stop() -> None:
        if at.begun and at.store.phase("r1") is Phase.RUNNING:
            at.store.turn(at.store.get("r1"), Phase.ABORTED, "wrong name")

    at.at_event = stop
    standing = go(at)
    assert standing == Standing(Phase.ABORTED, "wrong name")
    assert len(at.begun) == 1
    assert sorted(set(states(at).values())) == [State.CONFIRMED, State.HELD]
    at.at_event = None
    at.retry("r1")
    assert go(at).phase is Phase.DONE
    assert set(states(at).values()) == {State.CONFIRMED}


def test_a_device_that_its_change_cut_off_counts_double_and_comes_back(tmp_path: Path) -> None:
    at = town(tmp_path, 2)
    at.boxes["ap-000-1"].fate = GONE
    at.start(replace(EASY, stop_number=2, stop_percent=0, parallel=1))
    standing = go(at)
    assert standing.phase is Phase.HALTED
    assert "which counts double" in standing.said
    assert "on trial still: ap-000-1" in standing.said
    at.boxes["ap-000-1"].online = True
    at.tick(standing.until - at.now + 300)
    assert go(at).until == 0
    assert states(at)["ap-000-1"] is State.ROLLED_BACK


def test_an_answer_that_was_lost_is_found_at_the_next_turn(at: Village) -> None:
    at.boxes["ap-b1"].fate = ANSWER_LOST
    at.start(replace(EASY, stop_number=0, stop_percent=0))
    standing = to_its_end(at)
    assert standing.phase is Phase.DONE
    assert set(states(at).values()) == {State.CONFIRMED}


def test_a_terminal_shows_a_bar_for_each_wave(at: Village) -> None:
    at.start(EASY)
    seen = io.StringIO()
    rows = at.store.rows("r1")
    with Progress(console=Console(file=seen, force_terminal=True, width=100)) as shown:
        bars = Bars(shown, at.store.get("r1"), rows)
        bars.tell(replace(rows[0], state=State.APPLIED))
        shown.refresh()
        assert "wave 1, canary, 1 under way" in seen.getvalue()
        bars.tell(replace(rows[0], state=State.FAILED, detail="a bad cable"))
        assert [task.completed for task in shown.tasks] == [1] + [0] * (len(shown.tasks) - 1)
    assert f"{rows[0].device}: failed: a bad cable" in seen.getvalue()


def test_the_journal_itself_refuses_to_begin_a_device_of_a_rollout_that_was_stopped(at: Village) -> None:
    at.start(EASY)
    first, second = at.store.rows("r1")[:2]
    at.store.journal.write(replace(first, state=State.ARMED, token="t"))
    at.store.turn(at.store.get("r1"), Phase.PAUSED, "wait")
    at.store.journal.write(replace(first, state=State.APPLIED, token="t"))
    with pytest.raises(NotBegun, match="goes on no more"):
        at.store.journal.write(replace(second, state=State.ARMED, token="u"))
    assert [states(at)[row.device] for row in (first, second)] == [State.APPLIED, State.PLANNED]


def test_a_site_waits_while_another_rollout_has_one_of_it_on_trial(at: Village) -> None:
    at.start(EASY)
    other = replace(at.store.get("r1"), name="r0", phase=Phase.PAUSED)
    at.store.begin(
        other, [replace(at.store.rows("r1")[0], rollout="r0", device="ap-b2", state=State.APPLIED)]
    )
    standing = go(at)
    assert standing.phase is Phase.RUNNING
    assert {"ap-b1", "ap-b2", "ap-b3"}.isdisjoint(at.begun)


def test_a_retry_while_a_wave_soaks_still_waits_for_its_evidence(tmp_path: Path) -> None:
    at = town(tmp_path, 20)
    at.boxes["ap-019-2"].online = False
    at.start(replace(EASY, soak_s=600))
    assert go(at).until == NOON + 600
    begun = list(at.begun)
    at.tick(100)
    at.retry("r1")
    standing = go(at)
    assert ("soaking" in standing.said, standing.until) == (True, NOON + 600)
    assert at.begun == begun
    at.good = False
    at.tick(500)
    assert go(at).phase is Phase.HALTED
    assert at.begun == begun


def test_a_retry_before_a_wave_soaked_has_what_it_changed_judged_first(tmp_path: Path) -> None:
    at = town(tmp_path, 40)
    at.start(replace(EASY, soak_s=600, stop_number=1, parallel=1))
    go(at)
    at.tick(600)
    second = [row.device for row in at.store.rows("r1") if row.wave == 1]
    for name in second:
        at.boxes[name].fate = "good" if name == second[0] else REFUSES
    assert go(at).phase is Phase.HALTED
    begun = list(at.begun)
    assert second[0] in begun
    for box in at.boxes.values():
        box.fate = "good"
    at.retry("r1")
    assert "soaking" in go(at).said
    assert at.begun == begun
    at.good = False
    at.tick(600)
    assert go(at).phase is Phase.HALTED
    assert at.begun == begun


def test_a_retry_after_bad_evidence_needs_the_same_look_again(tmp_path: Path) -> None:
    at = town(tmp_path, 20)
    at.boxes["ap-019-2"].online = False
    at.start(replace(EASY, soak_s=600))
    go(at)
    at.tick(600)
    at.good = False
    assert go(at).phase is Phase.HALTED
    begun = list(at.begun)
    at.retry("r1")
    assert "soaking" in go(at).said
    at.tick(600)
    assert go(at).phase is Phase.HALTED
    assert at.begun == begun
    at.good = True
    at.retry("r1")
    at.tick(600)
    go(at)
    at.tick(600)
    go(at)
    assert len(at.begun) > len(begun)


def test_those_that_come_back_late_go_through_waves_and_wait_for_evidence(tmp_path: Path) -> None:
    at = town(tmp_path, 50)
    for name in list(at.boxes)[20:]:
        at.boxes[name].online = False
    at.start(replace(EASY, soak_s=600, parallel=16))
    for box in at.boxes.values():
        box.online = True
    steps = []
    for _ in range(12):
        before = len(at.begun)
        standing = go(at)
        steps.append(len(at.begun) - before)
        at.tick(max(standing.until - at.now, 0))
    assert standing.phase is Phase.DONE
    assert set(states(at).values()) == {State.CONFIRMED}
    assert at.store.get("r1").names == ("canary", "25 %", "all")
    assert [number for number in steps if number] == [1, 4 + 1, 15 + 15, 36, 28]


def test_the_first_of_a_model_that_comes_back_late_is_its_canary(tmp_path: Path) -> None:
    at = town(tmp_path, 20)
    late = list(at.boxes)[20:]
    for name in late:
        at.boxes[name].online = False
    at.start(replace(EASY, soak_s=600, parallel=16, stop_percent=0))
    for name in late:
        at.boxes[name].online = True
        at.boxes[name].fate = REFUSES
    standing = to_its_end(at)
    assert standing.phase is Phase.HALTED
    assert "a canary, failed" in standing.said
    assert len([name for name in at.begun if name in late]) == 1


def test_bad_evidence_of_those_that_came_back_late_halts_the_others(tmp_path: Path) -> None:
    at = town(tmp_path, 10)
    late = list(at.boxes)
    for name in late:
        at.boxes[name].online = False
    at.start(replace(EASY, soak_s=600, parallel=16))
    for name in late:
        at.boxes[name].online = True
    at.tick(1300)
    standing = go(at)
    assert "soaking" in standing.said
    assert len(at.begun) == 1
    at.good = False
    at.tick(600)
    assert go(at).phase is Phase.HALTED
    assert len(at.begun) == 1


def test_what_lies_behind_a_device_is_named_to_the_person(at: Village) -> None:
    at.start(EASY)
    said = starting.warnings(at.store.rows("r1"), at.inventory)
    names = "ap-a1, ap-a2, ap-c1, link-far, link-near"
    assert said["gw-a"] == f"behind gw-a: 5 devices of 2 sites: {names}"
    gateway = at.inventory.devices["gw-a"]
    many = {f"ap-{n:02}": replace(gateway, name=f"ap-{n:02}", parent="gw-a") for n in range(12)}
    wide = replace(at.inventory, devices={"gw-a": gateway, **many})
    said = starting.warnings(at.store.rows("r1"), wide)
    assert said["gw-a"].endswith("of 1 site: " + ", ".join(sorted(many)[:10]) + " and 2 more")
