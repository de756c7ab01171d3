"""Journal → line protocol → sink, in order, for ever; a cursor moves only past what the sink keeps safe."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final

from metrics.errors import MetricsError, SinkRefused, SinkUnavailable, StoreUnusable
from metrics.line_protocol import halves
from metrics.local.cursors import Cursor, Cursors, DeadLetter
from metrics.local.journal import Lines, Position, ends, following, following_lines
from metrics.local.store import LocalStore
from metrics.sink import Sink

log = logging.getLogger(__name__)

POINTS_PER_WRITE: Final = 5_000
_POINTS_PER_STEP: Final = 20_000  # then the cursor moves
IDLE_S: Final = 1.0
LONGEST_BACK_OFF_S: Final = 60.0
LONGEST_RETRY_AFTER_S: Final = 900.0
_GROUPS_PER_SETTLING: Final = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """`sent_points` are safe in the sink; `lag_batches` wait to be sent or to settle there."""

    sink: str
    sent_points: int
    lag_batches: int
    dead_letters: int


@dataclass(slots=True)
class _Unsettled:
    """Acknowledged, but a kill of the server could still take it back."""

    began_s: float
    sent_s: float
    cursors: dict[Position, Cursor] = field(default_factory=dict)


def progress(store: LocalStore, sink: str) -> Progress:
    """How far a sink is, seen from any process."""
    book = Cursors(store, sink)
    cursors = book.load()
    lag = sum(max(0, seq - _seq(cursors, position)) for position, seq in ends(store).items())
    return Progress(sink, sum(cursor.points for cursor in cursors.values()), lag, book.dead())


def back_off_s(failures: int, retry_after_s: float | None) -> float:
    """How long to leave a sink alone after its n-th failure in a row, n from 1."""
    if retry_after_s is not None:
        return min(max(retry_after_s, 0.0), LONGEST_RETRY_AFTER_S)
    return min(0.5 * 2.0 ** min(failures - 1, 16), LONGEST_BACK_OFF_S)


def oldest_unsent(store: LocalStore, sink: str) -> int | None:
    """The time of the oldest point that is not safe in the sink yet, in epoch seconds; None when all are."""
    cursors = Cursors(store, sink).load()
    behind = [(p, _seq(cursors, p)) for p, end in ends(store).items() if _seq(cursors, p) < end]
    for _, positions in groupby(behind, key=lambda found: found[0].day):
        times = [time for position, seq in positions for time in _first(store, position, seq)]
        if times:
            return min(times)
    return None


def _first(store: LocalStore, position: Position, seq: int) -> list[int]:
    """The oldest time of the next batch that a later one has not written again; empty where there is none."""
    while (batches := following(store, position, seq, 1)).seq > seq:
        if batches.samples:
            return [min(sample.time for sample in batches.samples)]
        seq = batches.seq
    return []


class Forwarder:
    """One sink's feed. Points are idempotent, so whenever in doubt it sends again and never skips.

    A server with `settle_s` > 0 loses what it acknowledged last when it is killed. There the cursor waits
    until the run of the server that took the points is `settle_s` older; after a restart everything since the
    cursor is sent again.
    """

    def __init__(
        self,
        store: LocalStore,
        sink: Sink,
        clock: Callable[[], datetime],
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
        back_off: Callable[[int, float | None], float] = back_off_s,
    ) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._monotonic_s = monotonic_s
        self._back_off = back_off
        self._book = Cursors(store, sink.name)
        self._server = ""
        self._in_doubt = False
        self._begin(self._book.resets())

    def step(self) -> Progress:
        """Settle what is due, send one bounded batch. Raises SinkUnavailable; calling again loses nothing."""
        self._advance()
        return progress(self._store, self._sink.name)

    def run(self, stop: threading.Event) -> None:
        """Step until told to stop, through every failure of the sink and of the store.

        What the store cannot write down (a full disk) is remembered here, and at worst sent again.
        """
        failures = 0
        while not stop.is_set():
            try:
                moved = self._advance()
            except (SinkUnavailable, StoreUnusable) as error:
                failures += 1
                self._report(error, failures)
                stop.wait(self._back_off(failures, getattr(error, "retry_after_s", None)))
                continue
            if failures:
                self._recovered(failures)
                failures = 0
            if not moved:
                stop.wait(IDLE_S)

    def _report(self, error: MetricsError, failures: int) -> None:
        reason = error.reason if isinstance(error, SinkUnavailable) else str(error)
        what = "sink unavailable" if isinstance(error, SinkUnavailable) else "cursor of a sink not kept"
        if failures == 1:
            log.warning(what, extra={"sink": self._sink.name, "reason": reason})
        with suppress(StoreUnusable):  # the log has it
            self._book.note(reason, self._clock())

    def _recovered(self, failures: int) -> None:
        log.info("sink is back", extra={"sink": self._sink.name, "failures": failures})
        with suppress(StoreUnusable):
            self._book.recovered(self._clock())

    def _begin(self, resets: int) -> None:
        """Take up at the durable cursors, forgetting what was sent after them."""
        self._resets = resets
        self._sent = self._book.load()
        self._unsettled: deque[_Unsettled] = deque()
        self._owed: dict[Position, Cursor] = {}

    def _advance(self) -> bool:
        """Answer whether anything was sent or settled."""
        resets = self._book.resets()
        if resets != self._resets:
            self._begin(resets)
        try:
            settled = self._settle()
            batches = self._next()
            if batches is not None:
                self._deliver(batches)
        except SinkUnavailable:
            self._in_doubt = True
            raise
        self._write_down()
        return settled or batches is not None

    def _write_down(self) -> None:
        """What is safe becomes durable; on a full disk it is owed until there is room again."""
        if self._owed:
            self._book.advance(self._owed, self._resets)
            self._owed = {}

    def _next(self) -> Lines | None:
        for position, end in ends(self._store).items():
            reached = _seq(self._sent, position)
            if reached < end:
                return following_lines(self._store, position, reached, _POINTS_PER_STEP)
        return None

    def _deliver(self, batches: Lines) -> None:
        for start in range(0, len(batches.lines), POINTS_PER_WRITE):
            part = "\n".join(batches.lines[start : start + POINTS_PER_WRITE]).encode()
            refused = list(self._send(part))
            if refused:
                self._bury(refused)
        before = self._sent.get(batches.position, Cursor(0, 0))
        cursor = Cursor(batches.seq, before.points + len(batches.lines))
        self._sent[batches.position] = cursor
        if self._sink.settle_s > 0:
            self._hold(batches.position, cursor)
        else:
            self._owed[batches.position] = cursor

    def _send(self, lines: bytes) -> Iterator[DeadLetter]:
        """Halve what the server refuses until the bad lines stand alone."""
        try:
            self._sink.write(lines)
        except SinkRefused as error:
            parts = halves(lines)
            if not parts:
                yield DeadLetter(lines.decode(), error.reason, self._clock())
            for part in parts:
                yield from self._send(part)

    def _bury(self, letters: Sequence[DeadLetter]) -> None:
        told = {"sink": self._sink.name, "points": len(letters), "reason": letters[0].reason}
        log.error("sink refused points", extra=told)
        self._book.bury(letters)

    def _hold(self, position: Position, cursor: Cursor) -> None:
        """Batches sent at about the same time settle together."""
        now_s = self._monotonic_s()
        newest = self._unsettled[-1] if self._unsettled else None
        if newest is None or now_s - newest.began_s > self._sink.settle_s / _GROUPS_PER_SETTLING:
            newest = _Unsettled(now_s, now_s)
            self._unsettled.append(newest)
        newest.sent_s = now_s
        newest.cursors[position] = cursor

    def _settle(self) -> bool:
        """Move the durable cursors past what the server can no longer lose, or go back to them."""
        if self._sink.settle_s <= 0:
            return False
        due_s = self._monotonic_s() - self._sink.settle_s
        due = bool(self._unsettled) and self._unsettled[0].sent_s <= due_s
        if self._server and not due and not self._in_doubt:
            return False
        server = self._sink.started()
        self._in_doubt = False
        if server != self._server:
            if self._server and self._unsettled:
                log.warning("sink was restarted, sending again", extra={"sink": self._sink.name})
            self._server = server
            self._begin(self._resets)
            return False
        while self._unsettled and self._unsettled[0].sent_s <= due_s:
            self._owed |= self._unsettled.popleft().cursors
        return due


def _seq(cursors: dict[Position, Cursor], position: Position) -> int:
    cursor = cursors.get(position)
    return cursor.seq if cursor else 0
