"""What happened at the doors, kept on disk until the controller has it."""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final

from captive_portal.gateway.clock import Moment
from captive_portal.gateway.memory import PULSE, ROOM, TROUBLE, Memory, Room
from captive_portal.gateway.state import Row

BY_HAND: Final = "hand-"
"""How a session begins that a technician opened at the gateway's console; the portal never saw it."""

AWAY: Final = "away-"
"""How a session begins that we gave ourselves while the portal was out of reach."""

KINDS: Final = {BY_HAND: "admitted", AWAY: "continued"}

ALARM: Final = "alarm"
FORGOTTEN: Final = "forgotten"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Live:
    """A session whose door we opened at `at` until `until` (seconds of that boot).

    `octets` caps what is counted at the door, `total` is the cap of the whole session; 0 is none. `longer`:
    the portal said that it may give more time. `binding` and `device` are pseudonyms of its phone. `down`,
    `up` and `before_s` are octets and seconds that were used before this boot.
    """

    session: str
    boot: str
    at: float
    until: float
    octets: int = 0
    total: int = 0
    longer: bool = False
    binding: str = ""
    down: int = 0
    up: int = 0
    before_s: int = 0
    down_kbps: int = 0
    up_kbps: int = 0
    device: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Of a session: opened, admitted (by hand) or continued (while the portal was away) for so many `seconds`,
    usage, closed; totals are None when nobody counted. Of the whole site: pulse, whose `values` are numbers,
    and alarm, whose `cause` is a word. `device` is a pseudonym. `seq` is its number for the controller, once
    it has one.
    """

    kind: str
    session: str
    boot: str
    at: float
    seconds: int | None = None
    octets_down: int | None = None
    octets_up: int | None = None
    cause: str = ""
    values: Mapping[str, int] | None = None
    device: str = ""
    seq: int = field(default=0, compare=False)


class Journal:
    """One per gateway; safe from several threads, and the innermost of their locks.

    Each record is durable on return; where the disk takes none it is held in memory and written later, so
    that a full disk keeps nobody offline.
    """

    def __init__(
        self, path: Path, room: Room = ROOM, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Read what is there; a file that cannot be read is set aside."""
        self._lock = threading.RLock()
        self._memory = Memory(path, room, monotonic)
        self._live: dict[str, Live] = {}
        self._loads = 0
        self._made = "" if self.fact("box") else secrets.token_hex(16)
        if self._made:
            self._memory.put_fact("box", self._made)
        self._is_heard = bool(self._made)  # of a new box nobody can know more than we do
        self._write()

    @property
    def live(self) -> Mapping[str, Live]:
        """Sessions opened and not closed, as far as is recorded."""
        return dict(self._live)

    @property
    def box(self) -> str:
        """The random name of this box, made once: 32 hex digits."""
        return self.fact("box")

    @property
    def waiting(self) -> int:
        """How many events the controller has not."""
        with self._lock:
            return self._memory.count()

    @property
    def urgent(self) -> bool:
        """Whether something waits that is no pulse."""
        with self._lock:
            return self._memory.holds_other_than(PULSE)

    def opened(self, live: Live) -> None:
        """Record an open door."""
        kind = next((kind for begins, kind in KINDS.items() if live.session.startswith(begins)), "opened")
        event = Event(kind, live.session, live.boot, live.at, device=live.device)
        if kind != "opened":
            event = replace(event, seconds=round(live.until - live.at))
        with self._lock:
            self._put_live(live)
            self._put(event)
            self._write()

    def prolonged(self, *lives: Live) -> None:
        """Record that doors stay open on other terms, all in one step; to the controller this is no event."""
        with self._lock:
            for live in lives:
                self._put_live(live)
            self._write()

    def closed(self, event: Event) -> None:
        """Record a shut door."""
        with self._lock:
            if self._live.pop(event.session, None):
                self._memory.put_live(event.session, None)
            self._put(event)
            self._write()

    def note(self, event: Event) -> None:
        """Record what else happened."""
        with self._lock:
            self._put(event)
            self._write()

    def closing(self, session: str) -> bool:
        """Whether the end of this session is still to be told."""
        with self._lock:
            return self._memory.ends(session)

    def fact(self, name: str) -> str:
        """What was kept under this name; empty when nothing was."""
        return self._memory.facts.get(name, "")

    def keep(self, name: str, value: str) -> None:
        """Keep a fact, in the place of what had its name."""
        with self._lock:
            self._memory.put_fact(name, value)
            self._write()

    def pending(self, at_most: int) -> list[Event]:
        """The oldest events that the controller has not."""
        with self._lock:
            return [event for _, event in self._read(at_most)]

    def next(self, at_most: int) -> list[Event]:
        """The same, to be told now: each has its number, with no gap between, and keeps it.

        Until the controller was heard these are only what an earlier process told already: of what that told,
        the disk may have lost some, and the controller would take other events for those.
        """
        with self._lock:
            self._write()
            told: list[Event] = []
            for row, event in self._read(at_most):
                if row.seq is None and not self._is_heard:
                    break
                seq = row.seq or self._told + 1
                if row.seq is None:
                    self._memory.number(row, seq)
                    self._memory.put_fact("told", str(seq))
                told.append(replace(event, seq=seq))
            self._write()
            return told

    def have(self, seq: int) -> None:
        """The controller has all up to this number. Less than it had, or more than we told, is an alarm."""
        with self._lock:
            told, had, self._is_heard = self._told, self._memory.have, True
            if seq > told or seq < had:
                log.error("the controller remembers otherwise", extra={"had": had, "told": told, "has": seq})
                self._memory.trouble(FORGOTTEN, forgotten=max(0, had - seq), unknown=max(0, seq - told))
                self._memory.put_fact("told", str(max(seq, told)))
            if seq != had:
                self._memory.done(seq)
                self._write()
                if seq >= told:
                    self._memory.shrink()

    def confess(self, now: Moment) -> None:
        """Make an alarm of what was lost: events that found no room, a file that was damaged."""
        with self._lock:
            if not (trouble := self.fact(TROUBLE)):
                return
            for cause, values in json.loads(trouble).items():
                self._put(Event(ALARM, "", now.boot, now.seconds, cause=cause, values=values))
            self.keep(TROUBLE, "")

    def age_s(self, event: Event, now: Moment) -> int:
        """How long ago it was at least: the time without power between two boots nobody knows."""
        with self._lock:
            boots = self._memory.boots
            since = [boot for boot in boots if boot != now.boot]
            if event.boot in since:
                lived = sum(boots[boot] for boot in since[since.index(event.boot) :])
                return max(0, int(now.seconds + lived - event.at))
        return max(0, int(now.seconds - event.at)) if event.boot == now.boot else int(now.seconds)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._memory.close()

    @property
    def _told(self) -> int:
        return int(self.fact("told") or 0)

    def _put_live(self, live: Live) -> None:
        self._live[live.session] = live
        self._memory.put_live(live.session, _slim(live))
        self._memory.put_boot(live.boot, live.at)

    def _put(self, event: Event) -> None:
        self._memory.put_event(event.kind, event.session, _slim(event))
        self._memory.put_boot(event.boot, event.at)

    def _write(self) -> None:
        self._memory.write()
        if self._loads != self._memory.loads:
            self._loads = self._memory.loads
            self._is_heard = self.box == self._made
            for session, told in list(self._memory.lives.items()):
                live = _live(told)
                if live is None:
                    self._memory.put_live(session, None)
                else:
                    self._live.setdefault(session, live)

    def _read(self, at_most: int) -> list[tuple[Row, Event]]:
        found = [(row, _event(row)) for row in self._memory.rows(at_most)]
        for row, event in found:
            if event is None:
                self._memory.forget(row)
        return [(row, event) for row, event in found if event is not None]


def _slim(one: Live | Event) -> str:
    """As JSON, without what is as it would be anyway."""
    told = {part.name: (getattr(one, part.name), part.default) for part in fields(one) if part.compare}
    return json.dumps({name: value for name, (value, usual) in told.items() if value != usual})


def _live(told: str) -> Live | None:
    try:
        return Live(**json.loads(told))
    except (ValueError, TypeError):
        return None


def _event(row: Row) -> Event | None:
    try:
        return Event(**json.loads(row.told), seq=row.seq or 0)
    except (ValueError, TypeError):
        return None
