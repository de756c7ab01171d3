"""How far each sink has come with each writer's days, and the lines it refused."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from metrics.local.journal import Position
from metrics.local.shelf import Layout, Table, Volume
from metrics.local.store import LocalStore

_NAME: Final = "cursors"
_LAYOUT: Final = Layout(
    (
        Table("sinks", {"sink": "TEXT NOT NULL", "resets": "INTEGER NOT NULL"}, ("sink",)),
        Table(
            "cursors",
            {
                "sink": "TEXT NOT NULL",
                "day": "TEXT NOT NULL",
                "origin": "TEXT NOT NULL",
                "writer": "TEXT NOT NULL",
                "seq": "INTEGER NOT NULL",
                "points": "INTEGER NOT NULL",
            },
            ("sink", "day", "origin", "writer"),
        ),
        Table(
            "dead_letters",
            {
                "sink": "TEXT NOT NULL",
                "line": "TEXT NOT NULL",
                "reason": "TEXT NOT NULL",
                "refused_at": "TEXT NOT NULL",
            },
            ("sink", "line"),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything up to `seq` is safe in the sink; `points` is how many points that took."""

    seq: int
    points: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line of line protocol that the server refuses for ever, in its own words."""

    line: str
    reason: str
    refused_at: datetime


class Cursors:
    """The durable bookkeeping of one sink, beside the store."""

    def __init__(self, store: LocalStore, sink: str) -> None:
        self._store = store
        self._sink = sink

    def _open(self) -> Volume:
        return self._store.shelf.open(_NAME, _LAYOUT)

    def resets(self) -> int:
        """How often the sink was told to start again; a running forwarder notices by this."""
        row = self._open().execute("SELECT resets FROM sinks WHERE sink = ?", (self._sink,)).fetchone()
        return int(row[0]) if row else 0

    def load(self) -> dict[Position, Cursor]:
        """Where the sink is; a position it never reached is absent."""
        select = "SELECT day, origin, writer, seq, points FROM cursors WHERE sink = ?"
        rows = self._open().execute(select, (self._sink,)).fetchall()
        return {Position(*place): Cursor(seq, points) for *place, seq, points in rows}

    def advance(self, cursors: Mapping[Position, Cursor], resets: int) -> None:
        """Cursors only grow; those of before a reset are not written."""
        rows = [
            (self._sink, p.day, p.origin, p.writer, cursor.seq, cursor.points)
            for p, cursor in cursors.items()
        ]
        upsert = (
            "INSERT INTO cursors (sink, day, origin, writer, seq, points) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (sink, day, origin, writer) DO UPDATE "
            "SET seq = excluded.seq, points = excluded.points WHERE excluded.seq > cursors.seq"
        )
        volume = self._open()
        with volume.writing():
            if self.resets() == resets:
                volume.executemany(upsert, rows)

    def reset(self, days: Collection[str] | None = None) -> None:
        """Send everything that is kept again, or these UTC days: the back-fill of a new server."""
        again = (
            "INSERT INTO sinks (sink, resets) VALUES (?, 1) "
            "ON CONFLICT (sink) DO UPDATE SET resets = sinks.resets + 1"
        )
        volume = self._open()
        with volume.writing():
            volume.execute(again, (self._sink,))
            if days is None:
                volume.execute("DELETE FROM cursors WHERE sink = ?", (self._sink,))
            for day in days or ():
                volume.execute("DELETE FROM cursors WHERE sink = ? AND day = ?", (self._sink, day))

    def bury(self, letters: Iterable[DeadLetter]) -> None:
        """Keep refused lines; the same line again only renews its reason."""
        rows = [(self._sink, letter.line, letter.reason, letter.refused_at.isoformat()) for letter in letters]
        replace = (
            "INSERT INTO dead_letters (sink, line, reason, refused_at) VALUES (?, ?, ?, ?) ON CONFLICT "
            "(sink, line) DO UPDATE SET reason = excluded.reason, refused_at = excluded.refused_at"
        )
        volume = self._open()
        with volume.writing():
            volume.executemany(replace, rows)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Every line this sink refused, oldest refusal first."""
        select = "SELECT line, reason, refused_at FROM dead_letters WHERE sink = ? ORDER BY refused_at, line"
        rows = self._open().execute(select, (self._sink,)).fetchall()
        return [DeadLetter(line, reason, datetime.fromisoformat(at)) for line, reason, at in rows]

    def dead(self) -> int:
        """How many lines this sink refused."""
        count = "SELECT count(*) FROM dead_letters WHERE sink = ?"
        return int(self._open().execute(count, (self._sink,)).fetchone()[0])
