"""Whatever happens in whatever order: kill -9, silence, pause, abort, two technicians: our promises hold."""

import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Part
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from controller import audit
from controller.errors import StoreBusy
from controller.journal import OPEN, Row, State
from controller.rollout import alone
from controller.rollouts import board, stop
from controller.rollouts.board import is_lost
from controller.rollouts.runner import Standing, advance
from controller.rollouts.seam import Phase, Policy, Tell
from controller.rollouts.stop import Count
from tests.rollouts.village import ANSWER_LOST, GONE, GOOD, REFUSES, Killed, Village, Work, village

FEW = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
BUG = settings(FEW, max_examples=300, phases=[Part.generate], report_multiple_bugs=False, database=None)
MANY = settings(FEW, max_examples=2000, stateful_step_count=50)
FAILED = {State.FAILED, State.ROLLED_BACK}
NAMES = ("ap-a1", "ap-a2", "gw-a", "ap-b1", "ap-b2", "ap-b3", "ap-c1", "link-far", "link-near")


class RolloutMachine(RuleBasedStateMachine):
    """One rollout over the village, carried on by whoever comes."""

    work: type[Work] = Work

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.at: Village = village(Path(self.folder.name))

    def teardown(self) -> None:
        """However it stands, a person who mends everything brings it to its end."""
        try:
            if self.at.inventory and self._begun():
                self._to_its_end()
        finally:
            self.at.store.journal.engine.dispose()
            self.folder.cleanup()

    def _begun(self) -> bool:
        return bool(self.at.store.to_carry_on()) or hasattr(self, "policy")

    @initialize(
        parallel=st.sampled_from([1, 3]),
        number=st.sampled_from([0, 1, 3]),
        soak_s=st.sampled_from([0, 600]),
        offline=st.sets(st.sampled_from(NAMES), max_size=3),
        bad=st.sets(st.sampled_from(NAMES), max_size=4),
    )
    def start(self, parallel: int, number: int, soak_s: int, offline: set[str], bad: set[str]) -> None:
        """A technician begins it."""
        self.policy = Policy(
            parallel=parallel, stop_number=number, stop_percent=0, soak_s=soak_s, patience_s=120
        )
        for name in offline:
            self.at.boxes[name].online = False
        for name in bad:
            self.at.boxes[name].fate = REFUSES
        self.at.at_begin = self._may_begin
        self.at.start(self.policy)

    @rule()
    def carry_on(self) -> None:
        """The worker's turn, or a technician's."""
        self._go()

    @rule(fuse=st.integers(1, 60))
    def carry_on_and_be_killed(self, fuse: int) -> None:
        """kill -9 at any row, any act, anything told."""
        self.at.fuse = fuse
        self._go()
        self.at.fuse = 0

    @rule()
    def two_technicians(self) -> None:
        """At once; the lock lets one of them."""
        threads = [threading.Thread(target=self._catching, daemon=True) for _ in range(2)]
        self.trouble: list[BaseException] = []
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
        assert not self.trouble, self.trouble

    @rule(seconds=st.sampled_from([1, 61, 301, 700, 45_000]))
    def time_passes(self, seconds: int) -> None:
        """Timers, soaks and pauses end."""
        self.at.tick(seconds)

    @rule(name=st.sampled_from(NAMES), fate=st.sampled_from([GOOD, REFUSES, GONE, ANSWER_LOST]))
    def a_device_will(self, name: str, fate: str) -> None:
        """What its next change comes to."""
        self.at.boxes[name].fate = fate

    @rule(name=st.sampled_from(NAMES))
    def power(self, name: str) -> None:
        """It goes off, or comes back."""
        self.at.boxes[name].online = not self.at.boxes[name].online

    @rule(good=st.sampled_from([True, False, None]))
    def the_evidence_is(self, good: bool | None) -> None:
        """Good, bad or none."""
        self.at.good = good

    @rule(name=st.sampled_from(NAMES))
    def somebody_edits_the_inventory(self, name: str) -> None:
        """What the device is to be is not what the rollout was planned for."""
        self.at.boxes[name].wanted = "newer"

    @rule(to=st.sampled_from([Phase.PAUSED, Phase.ABORTED]))
    def a_person_stops_it(self, to: Phase) -> None:
        """From another terminal."""
        now = self.at.store.get("r1")
        if now.phase in {Phase.RUNNING, Phase.PAUSED, Phase.HALTED} and now.phase is not to:
            self.at.store.turn(now, to, "a person")

    @rule(after=st.integers(1, 8), to=st.sampled_from([Phase.PAUSED, Phase.ABORTED]))
    def a_person_stops_it_in_the_middle(self, after: int, to: Phase) -> None:
        """While devices are being changed."""
        left = [after]

        def hand() -> None:
            left[0] -= 1
            now = self.at.store.get("r1")
            if left[0] == 0 and now.phase is Phase.RUNNING:
                self.at.store.turn(now, to, "a person")

        self.at.at_event = hand
        self._go()
        self.at.at_event = None

    @rule()
    def a_person_goes_on(self) -> None:
        """After a look at what failed."""
        if self.at.store.phase("r1") in {Phase.PAUSED, Phase.HALTED}:
            self._resume()

    @rule()
    def a_person_tries_again(self) -> None:
        """What failed or was held is planned anew."""
        if self.at.store.phase("r1") is not Phase.RUNNING:
            self.at.retry("r1")

    @invariant()
    def nothing_is_mixed(self) -> None:
        """A device that is not on trial is wholly old or wholly new."""
        for name, box in self.at.boxes.items():
            assert box.trial or box.halves[0] == box.halves[1], name

    @invariant()
    def the_journal_knows_every_trial(self) -> None:
        """Nobody is on trial without a row that says so."""
        rows = {row.device: row for row in self.at.store.rows("r1")} if hasattr(self, "policy") else {}
        for name, box in self.at.boxes.items():
            assert not box.trial or rows[name].state in OPEN, (name, rows[name])

    def _may_begin(self, row: Row) -> None:
        """With one at a time no device is begun after the one too many."""
        limit = self.policy.stop_number
        if limit and self.policy.parallel == 1:
            failures = self._failures(self.at.inventory.devices[row.device].link)
            assert failures < limit, f"{row.device} is begun after {failures} failures"

    def _failures(self, link: str = "") -> int:
        """Those of the other end of a link belong to the same change."""
        rows = [row for row in self._unseen() if row.device != link]
        return sum(Count(row.device, row.state, is_lost(row, self.at.now)).weight for row in rows)

    def _failures_that_stay(self) -> int:
        """Without those on trial that answer: they are asked first, and may turn out well."""
        rows = [row for row in self._unseen() if row.state in FAILED or not self.at.boxes[row.device].online]
        return sum(Count(row.device, row.state, is_lost(row, self.at.now)).weight for row in rows)

    def _unseen(self) -> list[Row]:
        now = self.at.store.get("r1")
        rows = self.at.store.rows("r1")
        return [row for row in rows if row.device not in now.seen and row.state in FAILED | OPEN]

    def _go(self) -> Standing | None:
        before, failures = list(self.at.begun), self._failures_that_stay()
        phase = self.at.store.phase("r1")
        try:
            with suppress(StoreBusy, Killed), alone(Path(self.folder.name)):
                return advance(self.at.fleet(self.work(self.at)), "r1")
        finally:
            self.at.dead, self.at.fuse = False, 0
            begun = self.at.begun[len(before) :]
            assert not begun or phase is Phase.RUNNING, f"{begun} begun though it is {phase}"
            limit = self.policy.stop_number
            assert not (begun and limit and failures >= limit), f"{begun} begun after {failures} failures"
        return None

    def _catching(self) -> None:
        try:
            with suppress(StoreBusy), alone(Path(self.folder.name)):
                advance(self.at.fleet(self.work(self.at)), "r1")
        except BaseException as error:  # noqa: BLE001  a thread's assertion belongs to the test
            self.trouble.append(error)

    def _resume(self) -> None:
        now = self.at.store.get("r1")
        seen = now.seen | {row.device for row in self.at.store.rows("r1") if row.state in FAILED | OPEN}
        self.at.store.turn(now, Phase.RUNNING, "looked at it", seen=frozenset(seen))

    def _to_its_end(self) -> None:
        self.at.good = True
        for box in self.at.boxes.values():
            box.online, box.fate = True, GOOD
        for _ in range(60):
            if self.at.store.phase("r1") in {Phase.PAUSED, Phase.HALTED}:
                self._resume()
            standing = self._go()
            assert standing is not None
            if standing.phase in {Phase.DONE, Phase.ABORTED} and not standing.until:
                break
            self.at.tick(max(standing.until - self.at.now, 1))
        else:
            raise AssertionError(f"it comes to no end: {standing}")
        self._is_as_its_rows_say()

    def _is_as_its_rows_say(self) -> None:
        for row in self.at.store.rows("r1"):
            box = self.at.boxes[row.device]
            assert row.state not in OPEN | {State.PLANNED, State.PENDING}, row
            assert not box.trial
            assert box.halves in (["old"] * 2, ["new"] * 2, ["newer"] * 2)
            if row.state is State.CONFIRMED:
                assert box.halves[0] == row.intent_hash, row
        journal = self.at.store.journal
        assert not audit.verify(journal.engine, journal.audit_key).broken_at


class ActsBeforeItWrites(Work):
    """A planted bug."""

    def act_after(self, row: Row, what: str, tell: Tell) -> None:
        """The wrong way round."""
        self.village.act(row, what)
        self.write(row, tell)


def machine(base: type[RolloutMachine], **changed: Any) -> type[RolloutMachine]:
    """A machine of its own, so that hypothesis shares nothing between them."""
    return type("Machine", (base,), changed)


def test_whatever_happens_the_promises_hold() -> None:
    run_state_machine_as_test(machine(RolloutMachine), settings=FEW)


@pytest.mark.soak
def test_whatever_happens_the_promises_hold_for_long() -> None:
    run_state_machine_as_test(machine(RolloutMachine), settings=MANY)


def test_the_machine_finds_a_journal_that_is_written_after_the_act() -> None:
    with pytest.raises(AssertionError, match="though it is"):
        run_state_machine_as_test(machine(RolloutMachine, work=ActsBeforeItWrites), settings=BUG)


def test_the_machine_finds_a_stop_rule_that_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_counts: Sequence[Count], _policy: Policy) -> str:
        return ""

    monkeypatch.setattr(stop, "why", never)
    with pytest.raises(AssertionError, match="failures"):
        run_state_machine_as_test(machine(RolloutMachine), settings=BUG)


def test_the_machine_finds_two_of_a_site_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "ready", lambda waiting, *_rest: tuple(waiting))
    with pytest.raises(AssertionError, match=r"of its site are on trial|behind it"):
        run_state_machine_as_test(machine(RolloutMachine), settings=BUG)
