"""Whether the rollups are done with a raw day: only then may it become cold."""

from typing import TYPE_CHECKING, Final

from metrics.local.levels import Span
from metrics.local.retention import RolledUp, end_of
from metrics.local.rollup_volume import opened

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

_DAY_S: Final = 86_400
_SHORT: Final = (str(Span.HOUR), str(Span.SLOT))  # days and months are made of these


def rolled_up(store: "LocalStore") -> RolledUp:
    """What `retain` asks: nothing of the day is still to be looked at or derived."""

    def done(day: str, token: str, batch: int) -> bool:
        volume = opened(store)
        row = volume.execute("SELECT batch FROM seen WHERE origin = ?", (token,)).fetchone()
        due = "SELECT count(*) FROM due WHERE span IN (?, ?) AND slot >= ? AND slot < ?"
        end = end_of(day)
        (left,) = volume.execute(due, (*_SHORT, end - _DAY_S, end)).fetchone()
        return row is not None and row[0] >= batch and not left

    return done
