"""What is known to be missing: in a sink, or in the store itself."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

from metrics.local.shelf import Layout, Table, Volume

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

_GAPS: Final = Table(
    "gaps",
    {
        "at": "INTEGER NOT NULL",
        "sink": "TEXT NOT NULL",
        "measurement": "TEXT NOT NULL",
        "first": "INTEGER NOT NULL",
        "last": "INTEGER NOT NULL",
        "points": "INTEGER NOT NULL",
        "reason": "TEXT NOT NULL",
    },
    ("at", "sink", "measurement", "first"),
)
_LAYOUT: Final = Layout((_GAPS,))
_MORE: Final = (
    "ON CONFLICT (at, sink, measurement, first) DO UPDATE SET "
    "points = gaps.points + excluded.points, last = excluded.last, reason = excluded.reason"
)


@dataclass(frozen=True, slots=True)
class Gap:
    """About `points` points from `first` to `last`, noticed `at`; all in epoch s.

    They are missing in a sink, or in the store where that is empty; of one measurement, or of any where that
    is empty. 0 points are an unknown number.
    """

    at: int
    sink: str
    measurement: str
    first: int
    last: int
    points: int
    reason: str


def note(store: "LocalStore", gaps: Iterable[Gap]) -> None:
    """Remember them for ever."""
    rows = [astuple(gap) for gap in gaps]
    if rows:
        volume = _open(store)
        with volume.writing():
            volume.load(_GAPS, tuple(_GAPS.columns), rows, _MORE)


def noted(store: "LocalStore") -> list[Gap]:
    """All of them, oldest notice first."""
    select = f"SELECT {', '.join(_GAPS.columns)} FROM gaps ORDER BY at, sink, measurement, first"  # noqa: S608
    return [Gap(*row) for row in _open(store).execute(select)]


def _open(store: "LocalStore") -> Volume:
    return store.shelf.open("gaps", _LAYOUT)
