"""Who is asked, and how often, remembered as it was then."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from metrics.local.schema import Tags
from metrics.local.shelf import Table, Volume
from metrics.sink import Window

Asked = Mapping[str, Mapping[Tags, int]]

ASKED: Final = Table(
    "asked",
    {
        "measurement": "TEXT NOT NULL",
        "tags": "TEXT NOT NULL",
        "since": "INTEGER NOT NULL",
        "until": "INTEGER",  # NULL = still
        "hourly": "INTEGER NOT NULL",
    },
    ("measurement", "tags", "since"),
)
ROSTER: Final = Table("roster", {"digest": "TEXT NOT NULL"}, ("digest",))
"""Of the roster as it was told last, and a mark that no other change of ASKED has."""
_BETWEEN: Final = "\x1f"
_MARK: Final = "-"


def _nobody_knows(_measurement: str, _tags: Tags) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is asked now: `asked[measurement][tags in the catalogue's order]` is how many samples an hour.

    None where the caller does not know: then it stays as it was. `otherwise` says it of series of which the
    roster never had one and that have samples all the same; 0 = nobody knows.
    """

    asked: Asked | None = None
    otherwise: Callable[[str, Tags], int] = _nobody_knows


def remember(volume: Volume, roster: Roster, now: int) -> None:
    """From now on these are asked, and those that are no longer in it are not. Within a write transaction."""
    if roster.asked is None:
        return
    token = told(volume)
    if token and roster.asked in _last(token):
        return
    present = {
        (measurement, _BETWEEN.join(tags)): hourly
        for measurement, several in roster.asked.items()
        for tags, hourly in several.items()
    }
    lines = sorted([f"{name}{_BETWEEN}{tags} {number}" for (name, tags), number in present.items()])
    digest = blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()
    if not token.startswith(f"{digest}{_MARK}"):
        _change(volume, present, now)
        token = _mark(volume, digest)
    _last(token)[:] = [{measurement: dict(several) for measurement, several in roster.asked.items()}]


def _change(volume: Volume, present: Mapping[tuple[str, str], int], now: int) -> None:
    rows = volume.execute("SELECT measurement, tags, hourly FROM asked WHERE until IS NULL").fetchall()
    before = {(measurement, tags): hourly for measurement, tags, hourly in rows}
    ended = [(now, *key) for key, hourly in before.items() if present.get(key) != hourly]
    volume.executemany(
        "UPDATE asked SET until = ? WHERE measurement = ? AND tags = ? AND until IS NULL", ended
    )
    begun = [(*key, now, None, hourly) for key, hourly in present.items() if before.get(key) != hourly]
    anew = "ON CONFLICT (measurement, tags, since) DO UPDATE SET until = NULL, hourly = excluded.hourly"
    volume.load(ASKED, tuple(ASKED.columns), begun, anew)


def _mark(volume: Volume, digest: str) -> str:
    token = f"{digest}{_MARK}{os.urandom(8).hex()}"
    volume.execute("DELETE FROM roster")
    volume.execute("INSERT INTO roster (digest) VALUES (?)", (token,))
    return token


@lru_cache(maxsize=8)
def _last(_token: str) -> list[Asked]:
    """The roster that was told as this; none as long as this process has not told it."""
    return []


def told(volume: Volume) -> str:
    """What is another one after every change of who was asked; empty where nobody can know."""
    row = volume.execute("SELECT digest FROM roster").fetchone()
    return row[0] if row and _MARK in row[0] else ""


def forget(volume: Volume, before: int) -> None:
    """Of hours before this nobody reckons any more."""
    volume.execute("DELETE FROM asked WHERE until < ?", (before,))


def anybody(volume: Volume, measurement: str, window: Window) -> bool:
    """Whether somebody was asked in the window, or in some of it."""
    row = volume.execute(
        "SELECT 1 FROM asked WHERE measurement = ? AND since < ? AND coalesce(until, ?) > ? LIMIT 1",
        (measurement, window.end, window.end, window.start),
    ).fetchone()
    return row is not None


def turns(volume: Volume, measurement: str) -> Iterator[tuple[Tags, int, int | None, int]]:
    """Who was asked, since when, until when (None = still) and how often an hour."""
    rows = volume.execute(
        "SELECT tags, since, until, hourly FROM asked WHERE measurement = ?", (measurement,)
    )
    for tags, since, until, hourly in rows:
        yield tuple(tags.split(_BETWEEN)), since, until, hourly
