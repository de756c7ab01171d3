"""What a gateway remembers: what its disk does not take is held in memory and written later."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from captive_portal.gateway.state import Changes, Row, State, StateDamaged, StateFailed

PULSE: Final = "pulse"
TROUBLE: Final = "trouble"
NUMBERS: Final = ("box", "told", "have")
"""The facts that go together: whose numbers these are, the last that was told, the last that is done with."""

DROPPED: Final = "dropped"
DAMAGED: Final = "damaged"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """How many events are kept on the disk (some 30 MB, a month of a busy square), and held in memory.

    What is over is dropped `at_once`. A disk that failed is tried again after `retry_s`.
    """

    kept: int = 100_000
    held: int = 20_000
    at_once: int = 1_000
    retry_s: float = 5.0


ROOM: Final = Room()


class Memory:
    """Sessions and facts by their names, as text, and events in a row. The caller's lock keeps threads apart.

    Nothing here raises for a disk that is full, absent or damaged. `loads` grows when more was found than was
    put. `trouble` is what was lost so far, kept as a fact until it is told.
    """

    def __init__(self, path: Path, room: Room, monotonic: Callable[[], float]) -> None:
        self.lives: dict[str, str] = {}
        self.facts: dict[str, str] = {}
        self.boots: dict[str, float] = {}
        self.loads = 0
        self._state = State(path)
        self._room = room
        self._monotonic = monotonic
        self._held = Changes()
        self._last = self._done = 0
        self._new: set[int] = set()  # which events are not on the disk
        self._kept = 0
        self._is_failing = False
        self._again_at = 0.0
        self._try(self._load)

    @property
    def have(self) -> int:
        """Events up to this number are done with."""
        return int(self.facts.get("have", 0))

    def put_live(self, session: str, told: str | None) -> None:
        """A session, or None when it is over."""
        self._held.lives[session] = told
        if told is None:
            self.lives.pop(session, None)
        else:
            self.lives[session] = told

    def put_fact(self, name: str, value: str) -> None:
        """A fact, in the place of what had its name."""
        self.facts[name] = self._held.facts[name] = value

    def put_boot(self, boot: str, seconds: float) -> None:
        """This boot has lasted so long."""
        if seconds > self.boots.get(boot, -1.0):
            self.boots[boot] = self._held.boots[boot] = seconds

    def put_event(self, kind: str, session: str, told: str) -> None:
        """One more event."""
        self._last += 1
        self._new.add(self._last)
        self._held.rows[self._last] = Row(self._last, None, kind, session, told)

    def number(self, row: Row, seq: int) -> None:
        """The event has this number from now on."""
        self._held.rows[row.n] = replace(row, seq=seq)

    def done(self, have: int) -> None:
        """Events up to this number are done with."""
        found = [row.n for row in self._held.rows.values() if row.seq is not None and row.seq <= have]
        if self._state.is_open:
            self._ask(lambda: found.append(self._state.numbered(have)))
        self._done = self._held.done = max([self._done, *found])
        self._held.rows = {n: row for n, row in self._held.rows.items() if n > self._done}
        self.put_fact("have", str(have))

    def trouble(self, cause: str, **numbers: int) -> None:
        """Something was lost: to be told as an alarm, its numbers added to those of before."""
        told = json.loads(self.facts.get(TROUBLE) or "{}")
        before = told.get(cause, {})
        told[cause] = before | {name: before.get(name, 0) + number for name, number in numbers.items()}
        self.put_fact(TROUBLE, json.dumps(told))

    def write(self) -> None:
        """Everything that was put is on the disk on return, if the disk takes it."""
        if self._held and (self._try(self._write) or self._try(self._write)):
            # tried twice, because a damaged file is replaced the first time
            while self._kept > self._room.kept and self._try(self._thin):
                pass

    def rows(self, at_most: int) -> list[Row]:
        """The oldest events that are not done with."""
        found: list[Row] = []
        if self._state.is_open and not self._ask(lambda: found.extend(self._state.rows(self._done, at_most))):
            # whatever is in memory is younger: it waits until the disk can be read
            return []
        rows = {row.n: row for row in found} | self._held.rows
        return [rows[n] for n in sorted(rows)[:at_most]]

    def count(self) -> int:
        """How many events are not done with."""
        counted: list[int] = [0]
        new = self._new & self._held.rows.keys()
        if self._state.is_open:
            self._ask(lambda: counted.append(self._state.count(self._done)))
        return counted[-1] + len(new)

    def holds_other_than(self, kind: str) -> bool:
        """Whether an event of another kind is not done with."""
        found = [row.kind != kind for row in self._held.rows.values()]
        if not any(found) and self._state.is_open:
            self._ask(lambda: found.append(self._state.has_other_than(kind, self._done)))
        return any(found)

    def ends(self, session: str) -> bool:
        """Whether the end of this session is not done with."""
        found = [row.kind == "closed" and row.session == session for row in self._held.rows.values()]
        if not any(found) and self._state.is_open:
            self._ask(lambda: found.append(self._state.ends(session, self._done)))
        return any(found)

    def forget(self, row: Row) -> None:
        """An event that cannot be read is lost."""
        self._held.rows.pop(row.n, None)
        self._try(lambda: self._state.forget(row))
        self.trouble(DAMAGED, unreadable=1)

    def shrink(self) -> None:
        """Give back what room the disk need not keep."""
        if self._state.is_open and not self._held:
            self._try(self._state.shrink)

    def close(self) -> None:
        """Let go of the file."""
        self._state.close()

    def _try(self, write: Callable[[], None]) -> bool:
        """Whether it could be written; after a failure nothing is tried for some seconds."""
        if self._is_failing and self._monotonic() < self._again_at:
            self._bound()
            return False
        if not self._ask(write):
            return False
        if self._is_failing:
            log.info("state is written again")
        self._is_failing = False
        return True

    def _ask(self, work: Callable[[], None]) -> bool:
        """Whether it could be done."""
        try:
            work()
        except StateDamaged as error:
            self._begin_anew(str(error))
            return False
        except StateFailed as error:
            if not self._is_failing:
                log.error("state not written, held in memory", extra={"error": str(error)})
            self._is_failing, self._again_at = True, self._monotonic() + self._room.retry_s
            self._bound()
            return False
        return True

    def _load(self) -> None:
        """Raises StateFailed. What came while the file could not be opened is younger than what is in it."""
        found, held = self._state.open(), self._held
        if self.facts.get("told") and "box" in found.facts:
            self._kept = found.events
            raise StateDamaged("found too late: other numbers were told since")
        if "box" in found.facts:
            for name in NUMBERS:
                self.facts.pop(name, None)
                held.facts.pop(name, None)
        held.rows = {n + found.last: replace(row, n=n + found.last) for n, row in held.rows.items()}
        self._new = set(held.rows)
        self._last += found.last
        self._kept = found.events
        ended = {session for session, told in held.lives.items() if told is None}
        self.lives = {name: one for name, one in found.lives.items() if name not in ended} | self.lives
        self.facts = {**found.facts, **self.facts}
        self.boots = {**found.boots, **self.boots}
        self.loads += 1

    def _write(self) -> None:
        """Raises StateFailed."""
        if not self._state.is_open:
            self._load()
        self._state.write(self._held)
        self._kept += len(self._new & self._held.rows.keys())
        if self._held.done or self._is_failing:
            self._kept = self._state.count(self._done)
        self._held, self._new = Changes(), set()

    def _begin_anew(self, why: str) -> None:
        """Put a damaged file away; the next write makes another of what is in memory."""
        log.error("state damaged, set aside, begun anew", extra={"error": why})
        self.trouble(DAMAGED, damaged=1, lost=self._kept)
        self._kept = 0
        self._held = Changes(self._held.rows, dict(self.lives), dict(self.facts), dict(self.boots))
        self._new = set(self._held.rows)
        self._is_failing, self._again_at = True, 0.0
        try:
            self._state.set_aside()
        except StateFailed as error:
            log.error("state cannot be set aside", extra={"error": str(error)})
            self._again_at = self._monotonic() + self._room.retry_s

    def _thin(self) -> None:
        """Raises StateFailed. Pulses go first."""
        pulses = self._state.drop(PULSE, self._room.at_once)
        others = 0 if pulses else self._state.drop("*", self._room.at_once)
        self._kept = self._kept - pulses - others if pulses + others else 0
        self._dropped(pulses, others)

    def _bound(self) -> None:
        """The same in memory."""
        rows = self._held.rows
        if len(rows) <= self._room.held:
            return
        untold = [n for n in sorted(rows) if rows[n].seq is None]
        pulses = [n for n in untold if rows[n].kind == PULSE][: self._room.at_once]
        gone = pulses or untold[: self._room.at_once]
        for n in gone:
            del rows[n]
        self._dropped(len(pulses), len(gone) - len(pulses))

    def _dropped(self, pulses: int, others: int) -> None:
        log.error("no room for events", extra={"pulses_dropped": pulses, "others_dropped": others})
        self.trouble(DROPPED, pulses=pulses, others=others)
