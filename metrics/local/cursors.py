"""How far each sink has come with each writer's days, and the lines it refused."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from metrics.local.journal import Position
from metrics.local.shelf import Layout, Table, Volume
from metrics.local.store import LocalStore

_NAME: Final = "cursors"
MOST_LETTERS: Final = 100_000
"""Of a sink: a server that refuses a whole measurement for days would fill the disk with them."""

_GONE: Final = Position("", "", "")  # of all volumes that are no more
_AGAIN: Final = (
    "INSERT INTO sinks (sink, resets) VALUES (?, 1) "
    "ON CONFLICT (sink) DO UPDATE SET resets = sinks.resets + 1"
)
_ADVANCE: Final = (
    "INSERT INTO cursors (sink, day, origin, writer, seq, points) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (sink, day, origin, writer) DO UPDATE "
    "SET seq = excluded.seq, points = excluded.points WHERE excluded.seq > cursors.seq"
)
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
        Table(
            "troubles",
            {
                "sink": "TEXT NOT NULL",
                "reason": "TEXT NOT NULL",
                "since": "TEXT NOT NULL",
                "last": "TEXT NOT NULL",
                "over": "TEXT NOT NULL",
            },
            ("sink",),
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


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a sink last failed: from `since`, the newest time at `last`, until `over`, None while it lasts."""

    reason: str
    since: datetime
    last: datetime
    over: datetime | None


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
        volume = self._open()
        with volume.writing():
            if self.resets() == resets:
                volume.executemany(_ADVANCE, rows)

    def reset(self, days: Collection[str] | None = None) -> None:
        """Send everything that is kept again, or these UTC days: the back-fill of a new server."""
        volume = self._open()
        with volume.writing():
            volume.execute(_AGAIN, (self._sink,))
            if days is None:
                volume.execute("DELETE FROM cursors WHERE sink = ?", (self._sink,))
            for day in days or ():
                volume.execute("DELETE FROM cursors WHERE sink = ? AND day = ?", (self._sink, day))

    def known(self) -> list[str]:
        """Every sink that has ever got anything."""
        rows = self._open().execute("SELECT DISTINCT sink FROM cursors ORDER BY sink").fetchall()
        return [row[0] for row in rows]

    def cover(self, position: Position, seq: int, parts: Mapping[Position, int]) -> bool:
        """A sink that has all of `parts` has all of `position` too, which was made of them; answer whether.

        A running forwarder looks at its cursors again.
        """
        volume = self._open()
        with volume.writing():
            here = self.load()
            if not parts or any(part not in here or here[part].seq < end for part, end in parts.items()):
                return False
            if position not in here or here[position].seq < seq:
                volume.execute(_AGAIN, (self._sink,))
                volume.execute(_ADVANCE, (self._sink, position.day, position.origin, position.writer, seq, 0))
        return True

    def tidy(self, positions: Collection[Position]) -> None:
        """Forget the cursors of volumes that are gone, all but the number of points that they stand for."""
        volume = self._open()
        with volume.writing():
            gone = {p: cursor for p, cursor in self.load().items() if p not in positions and p != _GONE}
            if not gone:
                return
            before = self.load().get(_GONE, Cursor(0, 0))
            points = before.points + sum(cursor.points for cursor in gone.values())
            delete = "DELETE FROM cursors WHERE sink = ? AND day = ? AND origin = ? AND writer = ?"
            volume.executemany(delete, [(self._sink, p.day, p.origin, p.writer) for p in gone])
            row = (_GONE.day, _GONE.origin, _GONE.writer, before.seq + 1, points)
            volume.execute(_ADVANCE, (self._sink, *row))

    def bury(self, letters: Iterable[DeadLetter]) -> None:
        """Keep refused lines, the newest MOST_LETTERS; the same line again only renews its reason.

        Their points stay in the store, whatever becomes of the letters.
        """
        rows = [(self._sink, letter.line, letter.reason, letter.refused_at.isoformat()) for letter in letters]
        replace = (
            "INSERT INTO dead_letters (sink, line, reason, refused_at) VALUES (?, ?, ?, ?) ON CONFLICT "
            "(sink, line) DO UPDATE SET reason = excluded.reason, refused_at = excluded.refused_at"
        )
        volume = self._open()
        with volume.writing():
            volume.executemany(replace, rows)
            if self.dead() > MOST_LETTERS:
                volume.execute(
                    "DELETE FROM dead_letters WHERE sink = ? AND refused_at < (SELECT refused_at FROM "
                    "dead_letters WHERE sink = ? ORDER BY refused_at DESC LIMIT 1 OFFSET ?)",
                    (self._sink, self._sink, MOST_LETTERS * 9 // 10),
                )

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Every line this sink refused, oldest refusal first."""
        select = "SELECT line, reason, refused_at FROM dead_letters WHERE sink = ? ORDER BY refused_at, line"
        rows = self._open().execute(select, (self._sink,)).fetchall()
        return [DeadLetter(line, reason, datetime.fromisoformat(at)) for line, reason, at in rows]

    def dead(self) -> int:
        """How many lines this sink refused."""
        count = "SELECT count(*) FROM dead_letters WHERE sink = ?"
        return int(self._open().execute(count, (self._sink,)).fetchone()[0])

    def note(self, reason: str, at: datetime) -> None:
        """The sink fails, or still does."""
        upsert = (
            "INSERT INTO troubles (sink, reason, since, last, over) VALUES (?, ?, ?, ?, '') "
            "ON CONFLICT (sink) DO UPDATE SET reason = excluded.reason, last = excluded.last, over = '', "
            "since = CASE WHEN troubles.over = '' THEN troubles.since ELSE excluded.since END"
        )
        volume = self._open()
        with volume.writing():
            volume.execute(upsert, (self._sink, reason, at.isoformat(), at.isoformat()))

    def recovered(self, at: datetime) -> None:
        """The sink works again."""
        volume = self._open()
        with volume.writing():
            volume.execute("UPDATE troubles SET over = ? WHERE sink = ?", (at.isoformat(), self._sink))

    def trouble(self) -> Trouble | None:
        """The sink's last failure; None when it never had one."""
        select = "SELECT reason, since, last, over FROM troubles WHERE sink = ?"
        row = self._open().execute(select, (self._sink,)).fetchone()
        if row is None:
            return None
        since, last = datetime.fromisoformat(row[1]), datetime.fromisoformat(row[2])
        return Trouble(row[0], since, last, datetime.fromisoformat(row[3]) if row[3] else None)
