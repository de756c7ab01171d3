"""A rollout as it was read: who may be changed now, and what it waits for. Changes nothing."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final

from controller import rollout as one_device
from controller.journal import OPEN, Row, State
from controller.model import Hours, Inventory
from controller.rollouts import judging, stop, waves, windows
from controller.rollouts.order import Network, network, ready, stands_in_the_way
from controller.rollouts.seam import Fits, Group
from controller.rollouts.stop import Count
from controller.rollouts.store import Rollout, Store

UNBEGUN: Final = frozenset({State.PLANNED, State.PENDING})
ASK_AGAIN_S: Final = 20
_CHANGED: Final = OPEN | {State.PLANNED, State.CONFIRMED, State.ROLLED_BACK, State.FAILED}
_BAD: Final = OPEN | {State.ROLLED_BACK, State.FAILED}
_FIRST: Final = 8  # so many times as many groups as can be started are looked at first
_DAYS_AHEAD: Final = timedelta(days=15)

PER_GROUP: Final = 2
"""Places of a group: `place // PER_GROUP` is the same for both ends of a link, the far end's is even."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What a rollout waits for, for a person, and until when (epoch seconds)."""

    said: str
    until: int


def group_of(row: Row) -> int:
    """The number that the rows of one group share."""
    return row.place // PER_GROUP


@dataclass(slots=True)
class Board:
    """`rows` by device, which its owner keeps as they come to stand; `given` are those being changed now.

    `of` is the whole network, `elsewhere` are devices on trial of another rollout, `_leaves` those that
    another device of this one leads to.
    """

    rollout: Rollout
    rows: dict[str, Row]
    inventory: Inventory
    of: Network
    elsewhere: frozenset[str]
    clock: Callable[[], int]
    given: dict[str, Row] = field(default_factory=dict)
    _leaves: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._leaves = frozenset(
            name for name in self.rows if any(above in self.rows for above in self.of.above(name))
        )

    @property
    def now(self) -> int:
        """Epoch seconds."""
        return self.clock()

    @property
    def moment(self) -> datetime:
        """Now."""
        return datetime.fromtimestamp(self.now, UTC)

    def hours(self, device: str) -> Hours | None:
        """The maintenance window of its site."""
        site = self.inventory.sites.get(self.of.sites.get(device, ""))
        return site.maintenance if site is not None else None

    # Whether it goes on

    def why_stop(self) -> str:
        """By the stop rule; "" to go on."""
        now = self.now
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

    # Who may be changed now

    def ready(self, free: int) -> tuple[Group, ...]:
        """So many groups that may start now; the first ones suffice, as a rule."""
        waiting, busy = self._due(), self._busy()
        unended = [name for name in self._leaves if stands_in_the_way(*_place_of(self.rows[name]))]
        found = ready(waiting[: _FIRST * free], busy, unended, self.of)
        if len(found) < free:
            found = ready(waiting, busy, unended, self.of)
        return found[:free]

    def fits(self, group: Group) -> Fits:
        """Of what begins at that moment, with these devices."""

        def fits(seconds: float) -> bool:
            moment = self.moment
            return all(windows.fits(self.hours(name), moment, seconds) for name in group.devices)

        return fits

    def after_window(self, devices: Collection[str]) -> int:
        """When the window that is too short now is over, epoch seconds."""
        moment = self.moment
        ends = [
            spans[0][1]
            for device in devices
            if (hours := self.hours(device)) is not None
            and windows.open_now(hours, moment)  # else it is over already
            and (spans := windows.spans(hours, moment, moment + _DAYS_AHEAD))
        ]
        return int(max(ends, default=moment).timestamp())

    def _busy(self) -> set[str]:
        """Who is being changed, or may be on trial since an earlier turn, or for another rollout."""
        return self.given.keys() | {row.device for row in self._open()} | self.elsewhere

    def _open(self) -> list[Row]:
        return [row for row in self.rows.values() if row.state in OPEN]

    def _due(self) -> list[Group]:
        """The groups of this wave and of earlier ones whose time has come, in their turn."""
        now, moment, busy = self.now, self.moment, self._busy()
        due = [
            row
            for row in self._of_wave()
            if row.state in UNBEGUN
            and row.next_at <= now
            and row.device not in busy
            and windows.open_now(self.hours(row.device), moment)
        ]
        every = [list(group) for _, group in groupby(due, key=group_of)]
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
        rows = (self.rows | self.given).values()
        return [row for row in rows if row.device in self.given or row.state in _CHANGED]

    def _group(self, rows: list[Row]) -> Group:
        names = tuple(row.device for row in rows)
        return Group(names, self.of.sites.get(names[0], ""))

    def _of_wave(self) -> list[Row]:
        """Rows of this wave and of those before, in their turn."""
        rows = (row for row in self.rows.values() if row.wave <= self.rollout.wave)
        return sorted(rows, key=lambda row: row.place)

    # What it waits for

    def waits(self) -> Wait | None:
        """What the wave under way waits for; None when all of it is done and has soaked."""
        rollout = self.rollout
        if not rollout.soaking_since:
            return self._waits_for_devices()
        if self.now < (ready_at := judging.counts_from(rollout)):
            return Wait(f"{rollout.wave_said}: soaking", ready_at)
        return None

    def changed_sites(self) -> list[str]:
        """Those at which the wave under way changed something."""
        rows = (row for row in self.rows.values() if row.wave == self.rollout.wave)
        changed = {row.device for row in rows if row.state is State.CONFIRMED}
        return sorted({self.of.sites[name] for name in changed if name in self.of.sites})

    def _waits_for_devices(self) -> Wait | None:
        now = self.now
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
        until = [now + ASK_AGAIN_S for _ in open_ones]
        until += [opens for row in (*waiting, *pending) if (opens := self._may_begin(row)) > now]
        said = [named(open_ones, "on trial"), named(waiting, "to begin"), named(pending, "out of reach")]
        return Wait(
            f"{self.rollout.wave_said}: {'; '.join(filter(None, said))}",
            min(until, default=now + ASK_AGAIN_S),
        )

    def _may_begin(self, row: Row) -> int:
        """When its time has come and its window is open; a day from now where no window opens for weeks."""
        now = self.now
        moment = datetime.fromtimestamp(max(row.next_at, now), UTC)
        opens = windows.next_open(self.hours(row.device), moment)
        return int(opens.timestamp()) if opens is not None else now + 86_400


def board_of(store: Store, inventory: Inventory, name: str) -> Board:
    """A rollout as it stands in the store."""
    rollout = store.get(name)
    rows = {row.device: row for row in store.rows(name)}
    others = (row for row in store.journal.on_trial() if row.rollout != name)
    elsewhere = frozenset(row.device for row in others)
    return Board(rollout, rows, inventory, network(inventory), elsewhere, store.now)


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


def named(rows: Sequence[Row], what: str) -> str:
    """The first few devices, for a person."""
    names = [row.device for row in rows]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more} {what}" if names else ""
