"""Carries a rollout on: all that can be done now, then what it waits for."""

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final

from controller import rollout as one_device
from controller.journal import OPEN, Row, State
from controller.model import Hours, Inventory
from controller.rollouts import judging, stop, waves, windows
from controller.rollouts.judging import Verdict
from controller.rollouts.order import Network, network, ready, stands_in_the_way
from controller.rollouts.seam import Fits, Group, Look, Phase, Tell, Work
from controller.rollouts.stop import Count
from controller.rollouts.store import Rollout, Store

_UNBEGUN: Final = frozenset({State.PLANNED, State.PENDING})
_CHANGED: Final = OPEN | {State.PLANNED, State.CONFIRMED, State.ROLLED_BACK, State.FAILED}
_BAD: Final = OPEN | {State.ROLLED_BACK, State.FAILED}
_FIRST: Final = 8  # so many times as many groups as can be started are looked at first
_ASK_AGAIN_S: Final = 20
_LOOK_AGAIN_S: Final = 60
_DAYS_AHEAD: Final = timedelta(days=15)

PER_GROUP: Final = 2
"""Places of a group: `place // PER_GROUP` is the same for both ends of a link, the far end's is even."""


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
        turn = _Turn(fleet, fleet.store.get(name))
        if turn.rollout.phase is not Phase.RUNNING:
            return turn.stopped()
        if why := turn.why_stop():
            fleet.store.turn(turn.rollout, Phase.HALTED, why)
            continue
        if not turn.rollout.soaking_since:
            turn.change_all()
        if (standing := turn.go_on()) is not None:
            return standing


def _end_open(fleet: Fleet, name: str) -> None:
    """Ask once after every trial that is open in the journal, side by side."""
    rows = sorted(fleet.store.rows(name), key=lambda row: row.place)
    every = [list(group) for _, group in groupby(rows, key=_group_of)]
    groups = [group for group in every if any(row.state in OPEN for row in group)]
    if not groups:
        return
    with ThreadPoolExecutor(min(len(groups), fleet.store.get(name).policy.parallel)) as pool:
        for done in [pool.submit(fleet.work.resume, group, fleet.tell) for group in groups]:
            done.result()


def _group_of(row: Row) -> int:
    return row.place // PER_GROUP


@dataclass(slots=True)
class _Turn:
    """A rollout as it was read, its rows, and what was given to be changed.

    `elsewhere` are devices on trial of another rollout; `leaves` those that another of this one leads to.
    """

    fleet: Fleet
    rollout: Rollout
    rows: dict[str, Row] = field(init=False)
    of: Network = field(init=False)
    elsewhere: frozenset[str] = field(init=False)
    leaves: frozenset[str] = field(init=False)
    running: dict[Future[tuple[Row, ...]], tuple[Row, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        store = self.fleet.store
        self.rows = {row.device: row for row in store.rows(self.rollout.name)}
        self.of = network(self.fleet.inventory)
        others = (row for row in store.journal.on_trial() if row.rollout != self.rollout.name)
        self.elsewhere = frozenset(row.device for row in others)
        self.leaves = frozenset(
            name for name in self.rows if any(above in self.rows for above in self.of.above(name))
        )

    def why_stop(self) -> str:
        """By the stop rule; "" to go on."""
        now = self.fleet.store.now()
        rows = [row for row in self.rows.values() if row.device not in self.rollout.seen]
        if not any(row.state in _BAD for row in rows):
            return ""
        counts = [Count(row.device, row.state, is_lost(row, now)) for row in rows]
        return stop.why(counts, self.rollout.policy) or self._bad_canary(counts)

    def _bad_canary(self, counts: Iterable[Count]) -> str:
        """One is too many where its model was never changed before, unless nothing is to stop it at all."""
        policy, names = self.rollout.policy, self.rollout.names
        canaries = {number for number, name in enumerate(names) if name.startswith(waves.CANARY)}
        failed = [self.rows[count.device] for count in counts if count.weight]
        known = {row.model for row in self.rows.values() if row.state is State.CONFIRMED}
        bad = [row for row in failed if row.wave in canaries or (row.attempts and row.model not in known)]
        if not bad or not (policy.stop_number or policy.stop_percent):
            return ""
        return "; ".join(f"{row.device}, a canary, failed: {row.detail or row.state.value}" for row in bad)

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
        return not self.why_stop() and self.fleet.store.phase(self.rollout.name) is Phase.RUNNING

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        free = self.rollout.policy.parallel - len(self.running)
        for group in self._ready(free):
            given = tuple(
                replace(self.rows[name], wave=self.rollout.wave, next_at=0, detail="")
                for name in group.devices
            )
            job = pool.submit(self.fleet.work.carry_out, given, self._fits(group), self.fleet.tell)
            self.running[job] = given

    def _ready(self, free: int) -> tuple[Group, ...]:
        """So many groups that may start now; the first ones suffice, as a rule."""
        waiting, busy = self._waiting(), self._busy()
        unended = [name for name in self.leaves if stands_in_the_way(*_place_of(self.rows[name]))]
        found = ready(waiting[: _FIRST * free], busy, unended, self.of)
        if len(found) < free:
            found = ready(waiting, busy, unended, self.of)
        return found[:free]

    def _busy(self) -> set[str]:
        """Who is being changed, or may be on trial since an earlier turn, or for another rollout."""
        under_way = {row.device for given in self.running.values() for row in given}
        on_trial = {row.device for row in self.rows.values() if row.state in OPEN}
        return under_way | on_trial | self.elsewhere

    def _waiting(self) -> list[Group]:
        """The groups of this wave and of earlier ones whose time has come, in their turn."""
        now, moment, busy = self.fleet.store.now(), self._moment(), self._busy()
        due = [
            row
            for row in self._of_wave()
            if row.state in _UNBEGUN
            and row.next_at <= now
            and row.device not in busy
            and windows.open_now(self._hours(row.device), moment)
        ]
        every = [list(group) for _, group in groupby(due, key=_group_of)]
        planned = [rows for rows in every if not all(map(_is_late, rows))]
        late = self._within_share([rows for rows in every if all(map(_is_late, rows))])
        chosen = sorted((*planned, *late), key=lambda rows: rows[0].place)
        return [self._group(rows) for rows in chosen]

    def _within_share(self, late: list[list[Row]]) -> list[list[Row]]:
        """Of those that were out of reach as many as the wave itself has, and one where a model is new.

        After the last wave: as many as were changed and judged before.
        """
        here = [row for row in self._under_way() if row.wave == self.rollout.wave]
        before = [row for row in self.rows.values() if row.wave < self.rollout.wave]
        judged = [row for row in before if row.state is State.CONFIRMED]
        planned = sum(not row.attempts for row in here)
        most = planned if self.rollout.wave < len(self.rollout.names) else len(judged)
        used = len(here) - planned
        known, begun = {row.model for row in judged}, {row.model for row in here}
        chosen: list[list[Row]] = []
        for rows in late:
            new = {row.model for row in rows} - known
            if (used and used + len(rows) > most) or new & begun:
                continue
            chosen.append(rows)
            used += len(rows)
            begun |= new
        return chosen

    def _under_way(self) -> list[Row]:
        """Those that are or were changed, or will be in their wave, as they were given."""
        given = {row.device: row for rows in self.running.values() for row in rows}
        return [row for row in (self.rows | given).values() if row.device in given or row.state in _CHANGED]

    def _group(self, rows: list[Row]) -> Group:
        names = tuple(row.device for row in rows)
        return Group(names, self.of.sites.get(names[0], ""))

    def _of_wave(self) -> list[Row]:
        """Rows of this wave and of those before, in their turn."""
        rows = (row for row in self.rows.values() if row.wave <= self.rollout.wave)
        return sorted(rows, key=lambda row: row.place)

    def _hours(self, device: str) -> Hours | None:
        site = self.fleet.inventory.sites.get(self.of.sites.get(device, ""))
        return site.maintenance if site is not None else None

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.fleet.store.now(), UTC)

    def _fits(self, group: Group) -> Fits:
        def fits(seconds: float) -> bool:
            moment = self._moment()
            return all(windows.fits(self._hours(name), moment, seconds) for name in group.devices)

        return fits

    def _ended(self, given: tuple[Row, ...], rows: Iterable[Row]) -> None:
        """What came of a group; who has to wait is told until when."""
        for row in rows:
            self.rows[row.device] = row
            if row in given:
                continue  # the rollout was stopped before it was begun
            if row.state is State.PENDING:
                self.rows[row.device] = self._later(row)
            elif row.state is State.PLANNED:
                self.rows[row.device] = replace(row, next_at=self._after_window(given))
            if self.rows[row.device] != row:
                self.fleet.store.note(self.rows[row.device])

    def _later(self, row: Row) -> Row:
        """Out of reach: tried again later, or not at all any more."""
        policy, now = self.rollout.policy, self._moment()
        row = replace(row, attempts=row.attempts + 1)
        at = int(windows.next_try(policy, row.attempts, now, row.device).timestamp())
        if at < self.rollout.created_at + policy.give_up_s:
            return replace(row, next_at=at)
        days = policy.give_up_s // 86_400
        said = f"out of reach for {days} days ({row.detail}); plaza rollout retry tries it again"
        held = replace(row, state=State.HELD, detail=said)
        return one_device.write(self.fleet.store.journal, held, self.fleet.tell)

    def _after_window(self, given: tuple[Row, ...]) -> int:
        """When the window that is too short now is over."""
        moment = self._moment()
        ends = [
            spans[0][1]
            for row in given
            if (hours := self._hours(row.device)) is not None
            and windows.open_now(hours, moment)  # else it is over already
            and (spans := windows.spans(hours, moment, moment + _DAYS_AHEAD))
        ]
        return int(max(ends, default=moment).timestamp())

    def stopped(self) -> Standing:
        """It does not go on: all it can do is end what is on trial."""
        if self.rollout.phase is Phase.ABORTED:
            self.fleet.store.hold_rest(self.rollout.name)
        said = self.rollout.reason
        on_trial = sorted(row.device for row in self.rows.values() if row.state in OPEN)
        if on_trial:
            until = self.fleet.store.now() + _ASK_AGAIN_S
            return Standing(self.rollout.phase, f"{said}; on trial still: {', '.join(on_trial)}", until)
        return Standing(self.rollout.phase, said)

    def go_on(self) -> Standing | None:
        """What the wave waits for; None once that has changed and there may be more to do."""
        rollout = self.rollout
        if not self._goes_on():
            return None
        if not rollout.soaking_since:
            if (waits := self._waits()) is not None:
                return waits
            if self._changed_sites():
                self.fleet.store.soak(rollout, f"waits {rollout.policy.soak_s} s before its evidence counts")
                return None
            self._next("nothing was changed in it")
            return None
        return self._judge()

    def _waits(self) -> Standing | None:
        """For whom the wave waits; None when all of it is done."""
        now = self.fleet.store.now()
        rows = self._of_wave()
        open_ones = [row for row in rows if row.state in OPEN]
        waiting = [row for row in rows if row.state is State.PLANNED or _untried(row)]
        last = self.rollout.wave >= len(self.rollout.names)
        begun = any(row.wave == self.rollout.wave for row in self._under_way())
        late = last and not begun  # else those that were changed are judged first
        pending = [row for row in rows if late and row.state is State.PENDING and row not in waiting]
        if not (waiting or open_ones or pending):
            return None
        if open_ones and not waiting and not last and all(is_lost(row, now) for row in open_ones):
            return None  # who does not answer since its change has counted as failed
        until = [now + _ASK_AGAIN_S for _ in open_ones]
        until += [opens for row in (*waiting, *pending) if (opens := self._may_begin(row)) > now]
        said = [_named(open_ones, "on trial"), _named(waiting, "to begin"), _named(pending, "out of reach")]
        return Standing(
            Phase.RUNNING,
            f"{self.rollout.wave_said}: {'; '.join(filter(None, said))}",
            min(until, default=now + _ASK_AGAIN_S),
        )

    def _may_begin(self, row: Row) -> int:
        """When its time has come and its window is open; a day from now where no window opens for weeks."""
        now = self.fleet.store.now()
        moment = datetime.fromtimestamp(max(row.next_at, now), UTC)
        opens = windows.next_open(self._hours(row.device), moment)
        return int(opens.timestamp()) if opens is not None else now + 86_400

    def _changed_sites(self) -> list[str]:
        rows = (row for row in self.rows.values() if row.wave == self.rollout.wave)
        changed = {row.device for row in rows if row.state is State.CONFIRMED}
        return sorted({self.of.sites[name] for name in changed if name in self.of.sites})

    def _judge(self) -> Standing | None:
        """Go on when the evidence is good, halt when it is bad or stays away."""
        rollout, now = self.rollout, self.fleet.store.now()
        if now < (ready_at := judging.counts_from(rollout)):
            return Standing(Phase.RUNNING, f"{rollout.wave_said}: soaking", ready_at)
        found = judging.look_at(self._changed_sites(), rollout, self.fleet.look)
        judged = judging.judge(found, rollout, now)
        match judged.verdict:
            case Verdict.WAIT:
                until = min(judging.patient_until(rollout), now + _LOOK_AGAIN_S)
                return Standing(Phase.RUNNING, judged.said, until)
            case Verdict.HALT:
                self.fleet.store.turn(rollout, Phase.HALTED, judged.said)
            case Verdict.GO_ON:
                self._next(judged.said)
        return None

    def _next(self, said: str) -> None:
        rows, rollout = self.rows.values(), self.rollout
        if any(row.wave > rollout.wave or row.state in _UNBEGUN or row.state in OPEN for row in rows):
            self.fleet.store.next_wave(rollout, said)
        else:
            self.fleet.store.turn(rollout, Phase.DONE, said)


def _place_of(row: Row) -> tuple[State, int]:
    return row.state, row.attempts


def _is_late(row: Row) -> bool:
    """It was out of reach when it was tried."""
    return row.state is State.PENDING and row.attempts > 0


def _untried(row: Row) -> bool:
    return row.state is State.PENDING and row.attempts == 0


def is_lost(row: Row, now: int) -> bool:
    """Whether it was out of reach once its change was applied; its timer is waited for first."""
    if row.state in OPEN and one_device.was_interrupted(row):
        return now > row.deadline_at
    return row.state in OPEN or one_device.was_lost(row)


def _named(rows: list[Row], what: str) -> str:
    names = [row.device for row in rows]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more} {what}" if names else ""
