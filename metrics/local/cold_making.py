"""Makes a past day cold."""

from typing import TYPE_CHECKING

from metrics.local import cold
from metrics.local.cold_days import Kept, looking
from metrics.local.shelf import Volume

if TYPE_CHECKING:
    from metrics.local.store import LocalStore


def make(store: "LocalStore", day: str, now: int) -> str:
    """Put what the newest generation lacks into a new one beside it; answer its name.

    "" when it lacks nothing. Nothing is dropped. Raises StoreUnusable.
    """
    with looking(store, day) as kept:
        if kept.raw is None:
            return ""
        before = int(kept.cold.facts.name.rpartition("-")[2]) if kept.cold else 0
        # A day that was dropped may begin again: by the clock its names are others than before.
        name = cold.name_of(day, max(now, before + 1))
        store.shelf.open(name, cold.layout(lambda volume: _fill(kept, volume)))
    return name


def _fill(kept: Kept, volume: Volume) -> None:
    from metrics.local.cold_filling import fill  # noqa: PLC0415  numpy is for who makes days cold

    fill(kept, volume)
