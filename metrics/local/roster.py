"""How many samples there should have been: who was asked when, and how often, remembered as it was then."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from metrics.catalog import MEASUREMENTS
from metrics.local.levels import HOUR_S
from metrics.local.schema import Tags
from metrics.local.shelf import Table, Volume
from metrics.sink import Window

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
"""Of the roster as it was told last: mostly it is the same again."""
_BETWEEN: Final = "\x1f"
_PLACES: Final = frozenset({"mun", "site", "vendor"})


def _nobody_knows(_measurement: str, _tags: Tags) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is asked now: `asked[measurement][tags in the catalogue's order]` is how many samples an hour.

    None where the caller does not know: then it stays as it was. `otherwise` says it of series of which the
    roster never had one and that have samples all the same; 0 = nobody knows.
    """

    asked: Mapping[str, Mapping[Tags, int]] | None = None
    otherwise: Callable[[str, Tags], int] = _nobody_knows


class Turn(NamedTuple):
    """A series is asked so often from one moment until another."""

    since: int
    until: int
    hourly: int


def remember(volume: Volume, roster: Roster, now: int) -> None:
    """From now on these are asked, and those that are no longer in it are not. Within a write transaction."""
    if roster.asked is None:
        return
    present = {
        (measurement, _BETWEEN.join(tags)): hourly
        for measurement, several in roster.asked.items()
        for tags, hourly in several.items()
    }
    told = "\n".join(sorted([f"{name}{_BETWEEN}{tags} {number}" for (name, tags), number in present.items()]))
    digest = blake2b(told.encode(), digest_size=16).hexdigest()
    if volume.execute("SELECT digest FROM roster").fetchall() == [(digest,)]:
        return
    rows = volume.execute("SELECT measurement, tags, hourly FROM asked WHERE until IS NULL").fetchall()
    before = {(measurement, tags): hourly for measurement, tags, hourly in rows}
    ended = [(now, *key) for key, hourly in before.items() if present.get(key) != hourly]
    volume.executemany(
        "UPDATE asked SET until = ? WHERE measurement = ? AND tags = ? AND until IS NULL", ended
    )
    begun = [(*key, now, None, hourly) for key, hourly in present.items() if before.get(key) != hourly]
    anew = "ON CONFLICT (measurement, tags, since) DO UPDATE SET until = NULL, hourly = excluded.hourly"
    volume.load(ASKED, tuple(ASKED.columns), begun, anew)
    volume.execute("DELETE FROM roster")
    volume.execute("INSERT INTO roster (digest) VALUES (?)", (digest,))


def forget(volume: Volume, before: int) -> None:
    """Of hours before this nobody reckons any more."""
    volume.execute("DELETE FROM asked WHERE until < ?", (before,))


def turns(volume: Volume, measurement: str, window: Window) -> dict[Tags, list[Turn]]:
    """Who was asked in the window, or in some of it."""
    found: dict[Tags, list[Turn]] = {}
    whole: dict[int, list[Turn]] = {}
    rows = volume.execute(
        "SELECT tags, since, coalesce(until, ?), hourly FROM asked "
        "WHERE measurement = ? AND since < ? AND coalesce(until, ?) > ?",
        (window.end, measurement, window.end, window.end, window.start),
    )
    for tags, since, until, hourly in rows:
        key = _split(tags)
        if since <= window.start and until >= window.end:
            if hourly not in whole:
                whole[hourly] = [Turn(window.start, window.end, hourly)]
            found[key] = whole[hourly]
        else:
            turn = Turn(max(since, window.start), min(until, window.end), hourly)
            found.setdefault(key, []).append(turn)
    return found


@lru_cache(maxsize=2**16)
def _split(tags: str) -> Tags:
    """Remembered: the same ones come again every five minutes."""
    return tuple(tags.split(_BETWEEN))


def expected(
    volume: Volume, roster: Roster, measurement: str, window: Window, first: Mapping[Tags, int]
) -> dict[Tags, int]:
    """Samples that each series should have in the window, by its turns.

    `first` is when each series that has samples gave its first one in the window. One without a turn should
    have what `otherwise` says, from its first sample on where another series of the same thing came before it
    (it was moved meanwhile), and until the first of the next one.
    """
    asked = turns(volume, measurement, window)
    numbers = {id(several): sum(map(_number, several)) for several in asked.values()}
    found = {tags: numbers[id(several)] for tags, several in asked.items()}
    if first.keys() <= found.keys():
        return found
    for several in _same(measurement, first):
        begins = [window.start, *(first[tags] for tags in several[1:]), window.end]
        for tags, since, until in zip(several, begins, begins[1:]):  # noqa: B905
            if tags not in found:
                found[tags] = _number(Turn(since, until, roster.otherwise(measurement, tags)))
    return found


def _number(turn: Turn) -> int:
    """Reckoned from the epoch: the parts of an hour, each rounded, add up to the hour."""
    return turn.until * turn.hourly // HOUR_S - turn.since * turn.hourly // HOUR_S


def _same(measurement: str, first: Mapping[Tags, int]) -> Iterable[list[Tags]]:
    """The series that differ only by where the thing is, in the order of their first samples."""
    tags = MEASUREMENTS[measurement].tags
    own = [at for at, tag in enumerate(tags) if tag not in _PLACES] if "ap" in tags else range(len(tags))
    found: dict[Tags, list[Tags]] = {}
    for series in sorted(first, key=lambda series: (first[series], series)):
        found.setdefault(tuple(series[at] for at in own), []).append(series)
    return found.values()
