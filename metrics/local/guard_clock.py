"""Whether the clock can be believed: a wrong one must not make everything old."""

import logging
from typing import TYPE_CHECKING, Final

from metrics.local.shelf import Layout, Table

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

log = logging.getLogger(__name__)

_LEAP_S: Final = 2 * 86_400
_PAUSE_S: Final = 86_400
_RUNS: Final = Table(
    "runs",
    {"name": "TEXT NOT NULL", "last": "INTEGER NOT NULL", "dropping": "INTEGER NOT NULL"},
    ("name",),
)
_LAYOUT: Final = Layout((_RUNS,))
_NAME: Final = "retention"
_REMEMBER: Final = "ON CONFLICT (name) DO UPDATE SET last = excluded.last, dropping = excluded.dropping"


def may_drop(store: "LocalStore", now: int) -> bool:
    """False for a day after the clock went back, or on by more than two days since the last call."""
    volume = store.shelf.open(_NAME, _LAYOUT)
    row = volume.execute("SELECT last, dropping FROM runs WHERE name = ?", (_NAME,)).fetchone()
    last, dropping = row if row is not None else (now, now)
    if not last - _PAUSE_S <= now <= last + _LEAP_S:
        dropping = now + _PAUSE_S
        log.warning(
            "the clock leapt, nothing old is dropped for a day", extra={"days": (now - last) // 86_400}
        )
    with volume.writing():
        volume.load(_RUNS, tuple(_RUNS.columns), [(_NAME, now, dropping)], _REMEMBER)
    return bool(now >= dropping)
