"""Carries a rollout on: all that can be done now, then what it waits for."""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from controller import rollout as one_device
from controller.journal import OPEN, Row, State
from controller.model import Inventory
from controller.rollouts import judging, windows
from controller.rollouts.board import ASK_AGAIN_S, UNBEGUN, Board, board_of, group_of
from controller.rollouts.judging import Verdict
from controller.rollouts.seam import Look, Phase, Tell, Work
from controller.rollouts.store import Rollout, Store

_LOOK_AGAIN_S: Final = 60


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a rollout is carried on with."""

    inventory: Inventory
    store: Store
    work: Work
    look: Look
    tell: Tell


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rollout stands: `said` is for a person; it waits until `until` (epoch seconds).

    `until` 0: it has ended, or waits for a person.
    """

    phase: Phase
    said: str
    until: int = 0


def advance(fleet: Fleet, name: str) -> Standing:
    """Do all that can be done now. The caller holds `controller.rollout.alone`.

    What another process left open is ended first, also of a rollout that does not go on. Raises RolloutError
    for an unknown name, and nothing of a device's faults.
    """
    _end_open(fleet, name)
    while True:
        turn = _Turn(fleet, board_of(fleet.store, fleet.inventory, name))
        if turn.rollout.phase is not Phase.RUNNING:
            return turn.stopped()
        if why := turn.board.why_stop():
            fleet.store.turn(turn.rollout, Phase.HALTED, why)
            continue
        if not turn.rollout.soaking_since:
            turn.change_all()
        if (standing := turn.go_on()) is not None:
            return standing


def _end_open(fleet: Fleet, name: str) -> None:
    """Ask once after every trial that is open in the journal, side by side."""
    rows = sorted(fleet.store.rows(name), key=lambda row: row.place)
    every = [list(group) for _, group in groupby(rows, key=group_of)]
    groups = [group for group in every if any(row.state in OPEN for row in group)]
    if not groups:
        return
    with ThreadPoolExecutor(min(len(groups), fleet.store.get(name).policy.parallel)) as pool:
        for done in [pool.submit(fleet.work.resume, group, fleet.tell) for group in groups]:
            done.result()


@dataclass(slots=True)
class _Turn:
    """What is done with a rollout as it was read, and the groups that are being changed."""

    fleet: Fleet
    board: Board
    running: dict[Future[tuple[Row, ...]], tuple[Row, ...]] = field(default_factory=dict)

    @property
    def rollout(self) -> Rollout:
        """As it was read."""
        return self.board.rollout

    def change_all(self) -> None:
        """Change all that may be begun now; returns when none is under way any more."""
        with ThreadPoolExecutor(self.rollout.policy.parallel) as pool:
            while True:
                if self._goes_on():
                    self._begin(pool)
                if not self.running:
                    return
                done, _ = wait(self.running, return_when=FIRST_COMPLETED)
                for each in done:
                    self._ended(self.running.pop(each), each.result())

    def _goes_on(self) -> bool:
        return not self.board.why_stop() and self.fleet.store.phase(self.rollout.name) is Phase.RUNNING

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        free = self.rollout.policy.parallel - len(self.running)
        for group in self.board.ready(free):
            given = tuple(
                replace(self.board.rows[name], wave=self.rollout.wave, next_at=0, detail="")
                for name in group.devices
            )
            job = pool.submit(self.fleet.work.carry_out, given, self.board.fits(group), self.fleet.tell)
            self.running[job] = given
            self.board.given |= {row.device: row for row in given}

    def _ended(self, given: tuple[Row, ...], rows: Iterable[Row]) -> None:
        """What came of a group; who has to wait is told until when."""
        for row in given:
            del self.board.given[row.device]
        for row in rows:
            after = row if row in given else self._told_to_wait(row, given)  # else it was stopped before
            self.board.rows[row.device] = after
            if after != row:
                self.fleet.store.note(after)

    def _told_to_wait(self, row: Row, given: Sequence[Row]) -> Row:
        if row.state is State.PENDING:
            return self._later(row)
        if row.state is State.PLANNED:
            return replace(row, next_at=self.board.after_window([each.device for each in given]))
        return row

    def _later(self, row: Row) -> Row:
        """Out of reach: tried again later, or not at all any more."""
        policy = self.rollout.policy
        row = replace(row, attempts=row.attempts + 1)
        at = int(windows.next_try(policy, row.attempts, self.board.moment, row.device).timestamp())
        if at < self.rollout.created_at + policy.give_up_s:
            return replace(row, next_at=at)
        days = policy.give_up_s // 86_400
        said = f"out of reach for {days} days ({row.detail}); plaza rollout retry tries it again"
        held = replace(row, state=State.HELD, detail=said)
        return one_device.write(self.fleet.store.journal, held, self.fleet.tell)

    def stopped(self) -> Standing:
        """It does not go on: all it can do is end what is on trial."""
        if self.rollout.phase is Phase.ABORTED:
            self.fleet.store.hold_rest(self.rollout.name)
        said = self.rollout.reason
        on_trial = sorted(row.device for row in self.board.rows.values() if row.state in OPEN)
        if on_trial:
            until = self.board.now + ASK_AGAIN_S
            return Standing(self.rollout.phase, f"{said}; on trial still: {', '.join(on_trial)}", until)
        return Standing(self.rollout.phase, said)

    def go_on(self) -> Standing | None:
        """What the wave waits for; None once that has changed and there may be more to do."""
        rollout, store = self.rollout, self.fleet.store
        if not self._goes_on():
            return None
        if (waits := self.board.waits()) is not None:
            return Standing(Phase.RUNNING, waits.said, waits.until)
        if rollout.soaking_since:
            return self._judge()
        if self.board.changed_sites():
            store.soak(rollout, f"waits {rollout.policy.soak_s} s before its evidence counts")
        else:
            self._next("")
        return None

    def _judge(self) -> Standing | None:
        """Go on when the evidence is good, halt when it is bad or stays away."""
        rollout, now = self.rollout, self.board.now
        found = judging.look_at(self.board.changed_sites(), rollout, self.fleet.look)
        judged = judging.judge(found, rollout, now)
        match judged.verdict:
            case Verdict.WAIT:
                self.fleet.store.note_wait(rollout, judged.said)
                until = min(judging.patient_until(rollout), now + _LOOK_AGAIN_S)
                return Standing(Phase.RUNNING, judged.said, until)
            case Verdict.HALT:
                self.fleet.store.turn(rollout, Phase.HALTED, judged.said)
            case Verdict.GO_ON:
                self._next(judged.said)
        return None

    def _next(self, evidence: str) -> None:
        """The next wave, or the end; `evidence` "" where this wave changed nothing."""
        rows, rollout = self.board.rows.values(), self.rollout
        if any(row.wave > rollout.wave or row.state in UNBEGUN or row.state in OPEN for row in rows):
            self.fleet.store.next_wave(rollout, evidence or "nothing was changed in it")
            return
        changed = sum(row.state is State.CONFIRMED for row in rows)
        after = f"; after {rollout.wave_said}: {evidence}" if evidence else ""
        self.fleet.store.turn(rollout, Phase.DONE, f"{changed} of {len(rows)} changed{after}")
