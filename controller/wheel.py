"""Who is polled when: every device at its own phase of the interval, and at once when it is in a hurry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heapify, heapreplace

HURRY_S = 5.0


def phase_s(name: str, interval_s: float) -> float:
    """When in its interval a device is polled: spread by a hash, the same after every restart."""
    digest = blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 * interval_s


def slot(wall_s: float, name: str, interval_s: int) -> int:
    """The start of the interval that a poll at `wall_s` belongs to: its samples' timestamp."""
    return int((wall_s - phase_s(name, interval_s) + interval_s / 2) // interval_s * interval_s)


@dataclass(slots=True)
class Wheel:
    """Who is due, on the monotonic clock. A device still in flight at its turn is skipped and counted.

    `intervals` are each device's own, in seconds; `calm` is how long one that has hurried does not again,
    where that is not HURRY_S. `hurried` says from when on a device may come out of turn, `hurried_at` when
    each last did.
    """

    intervals: Mapping[str, float]
    turns: list[tuple[float, str]]
    in_flight: set[str] = field(default_factory=set)
    skipped: int = 0
    hurried: dict[str, float] = field(default_factory=dict)
    hurried_at: dict[str, float] = field(default_factory=dict)
    calm: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def start(cls, intervals: Mapping[str, float], now_s: float, wall_s: float) -> "Wheel":
        """Every device first comes when the wall clock reaches its phase within its interval."""
        turns = [(now_s + (phase_s(name, own_s) - wall_s) % own_s, name) for name, own_s in intervals.items()]
        heapify(turns)
        return cls(intervals, turns)

    def welcome(self, within_s: float, now_s: float) -> None:
        """Those whose interval is longer come once before their first turn: nobody is unknown for long."""
        for name, own_s in self.intervals.items():
            if own_s > within_s:
                self.hurried[name] = now_s + phase_s(name, within_s)

    def hurry(self, name: str, now_s: float) -> None:
        """One of ours comes now, or when it has been calm for long enough, or is no more in flight.

        Its turns stay as they are.
        """
        if name in self.intervals:
            calm_s = self.calm.get(name, HURRY_S)
            self.hurried.setdefault(name, max(now_s, self.hurried_at.get(name, float("-inf")) + calm_s))

    def due(self, now_s: float, room: int) -> list[str]:
        """Take out at most `room` devices whose turn has come; the others keep their turn.

        Those in a hurry get half of the room at most: a storm of notices never holds up the turns.
        """
        taken = self._hurrying(now_s, (room + 1) // 2)
        while self.turns and self.turns[0][0] <= now_s and len(taken) < room:
            at, name = self.turns[0]
            own_s = self.intervals[name]
            missed = (now_s - at) // own_s
            heapreplace(self.turns, (at + (missed + 1) * own_s, name))
            if name in self.in_flight:
                self.skipped += 1
            else:
                self.hurried.pop(name, None)
                self.in_flight.add(name)
                taken.append(name)
        return taken

    def _hurrying(self, now_s: float, room: int) -> list[str]:
        ready = [name for name, at in self.hurried.items() if at <= now_s and name not in self.in_flight]
        taken = ready[:room]
        for name in taken:
            del self.hurried[name]
            self.hurried_at[name] = now_s
        self.in_flight.update(taken)
        return taken

    def done(self, name: str) -> None:
        """The device may be asked again."""
        self.in_flight.discard(name)
