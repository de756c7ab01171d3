"""What happened at the doors, kept on disk until the controller has it."""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from captive_portal.gateway import files
from captive_portal.gateway.clock import Moment

BY_HAND: Final = "hand-"
"""How a session begins that a technician opened at the gateway's console; the portal never saw it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Live:
    """A session whose door we opened at `at` until `until` (seconds of that boot).

    `octets` caps what is counted at the door, `total` is the cap of the whole session; 0 is none. `longer`:
    the portal said that it may give more time.
    """

    session: str
    boot: str
    at: float
    until: float
    octets: int = 0
    total: int = 0
    longer: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: opened, admitted (by hand, for so many `seconds`), usage or closed.

    Totals are None when nobody counted.
    """

    kind: str
    session: str
    boot: str
    at: float
    seconds: int | None = None
    octets_down: int | None = None
    octets_up: int | None = None
    cause: str = ""

    @property
    def id(self) -> str:
        """The same event always has the same name, so that telling it twice is harmless."""
        identity = f"{self.kind} {self.session} {self.boot} {self.at:.3f}"
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    def age_s(self, now: Moment) -> int:
        """How long ago it happened; of an earlier boot we only know that it was before this one."""
        return max(0, int(now.seconds - self.at)) if self.boot == now.boot else int(now.seconds)


class Journal:
    """One line per event, appended durably; rewritten when the controller has acknowledged some."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a line that a power cut tore is dropped."""
        self._path = path
        self._live: dict[str, Live] = {}
        self._pending: dict[str, Event] = {}
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        for line in text.splitlines():
            self._read(line)
        if text and not text.endswith("\n"):
            self._rewrite()

    @property
    def live(self) -> Mapping[str, Live]:
        """Sessions opened and not closed, as far as is recorded."""
        return dict(self._live)

    def pending(self, at_most: int) -> list[Event]:
        """The oldest events that the controller has not acknowledged."""
        return list(self._pending.values())[:at_most]

    def closing(self, session: str) -> bool:
        """Whether the end of this session is still to be told."""
        return any(event.kind == "closed" and event.session == session for event in self._pending.values())

    def opened(self, live: Live) -> None:
        """Record an open door."""
        event = Event("opened", live.session, live.boot, live.at)
        if live.session.startswith(BY_HAND):
            event = replace(event, kind="admitted", seconds=round(live.until - live.at))
        self._live[live.session] = live
        self._pending[event.id] = event
        self._append({"event": asdict(event), "live": asdict(live)})

    def prolonged(self, live: Live) -> None:
        """Record that an open door stays open on other terms; to the controller this is no event."""
        self._live[live.session] = live
        self._append({"live": asdict(live)})

    def closed(self, event: Event) -> None:
        """Record a shut door."""
        self._live.pop(event.session, None)
        self._pending[event.id] = event
        self._append({"event": asdict(event)})

    def acknowledged(self, ids: Collection[str]) -> None:
        """Forget what the controller has."""
        known = [one for one in ids if self._pending.pop(one, None)]
        if known:
            self._rewrite()

    def _rewrite(self) -> None:
        events = [{"event": asdict(event)} for event in self._pending.values()]
        lives = [{"live": asdict(live)} for live in self._live.values()]
        self._write(files.replace, "".join(f"{json.dumps(line)}\n" for line in [*events, *lives]))

    def _append(self, line: Mapping[str, object]) -> None:
        self._write(files.append, json.dumps(line))

    def _write(self, how: Callable[[Path, str], None], text: str) -> None:
        try:
            how(self._path, text)
        except OSError as error:
            # a full disk keeps nobody offline: the kernel knows who is in, and we hold the events in memory
            log.error("journal not written", extra={"error": error.strerror})

    def _read(self, line: str) -> None:
        try:
            found = json.loads(line)
            event = Event(**found["event"]) if "event" in found else None
            live = Live(**found["live"]) if "live" in found else None
        except (ValueError, TypeError):
            return
        if event:
            self._pending[event.id] = event
            self._live.pop(event.session, None)
        if live:
            self._live[live.session] = live
