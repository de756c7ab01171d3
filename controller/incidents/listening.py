"""Counts the looks at pollers without a store: one that lands nothing for long enough is silent.

A turn of the worker is a look, so no clock that is set makes a poller silent. Where all is well a look writes
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, select

from captive_portal.tables import insert
from controller.incidents.model import POLLER, UNSEEN, Fact, Seen
from controller.incidents.seeing import SLACK_S, Look, Pace, carried_on
from controller.store.pollers import Landed, landed
from controller.store.tables import poller_runs

EVERY_S: Final = 30
"""So often the worker looks."""
_CALM_S: Final = 60
_TWICE_S: Final = 20
"""Two looks so near each other are those of two workers, and one look."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What the looks at one poller found: `quiet` looks in a row without anything new.

    `counted` is how often it had landed something at the last look.
    """

    counted: int
    quiet: int
    look: Look

    def seen(self, told: Landed, pace: Pace, now: int) -> Seen:
        """What to believe of it."""
        look = self.look
        if look.works is None:
            return UNSEEN
        if look.works:
            sure_at = now + max(0, pace.up - look.run) * pace.interval_s
            return Seen(Fact.GOOD, look.run >= pace.up, look.run_since, now, sure_at=sure_at)
        return Seen(Fact.BAD, True, self._silent_since(told, now), now, "it lands nothing", sure_at=now)

    def _silent_since(self, told: Landed, now: int) -> int:
        """When it landed something last, unless the number of looks shows that the clock was set."""
        by_looks_s = (self.quiet + 1) * EVERY_S
        agrees = 0 <= now - told.at <= 2 * by_looks_s + SLACK_S
        return told.at if agrees else now - by_looks_s


def listened(before: Ear | None, told: Landed, pace: Pace, now: int) -> Ear:
    """One more look. What is heard ends a silence at once, but is believed only after some looks."""
    if before is None:
        return Ear(told.times, 0, carried_on(None, True, now))
    moved = told.times != before.counted
    quiet = 0 if moved else before.quiet + 1
    silent = (quiet + 1) * EVERY_S >= pace.patience_s
    look = carried_on(before.look, True if moved else False if silent else None, now)
    return Ear(told.times, quiet, replace(look, run=min(look.run, pace.up)) if look.works else look)


def news(
    connection: Connection, asked_by: Mapping[str, Sequence[str]], paces: Mapping[str, Pace], now: int
) -> dict[str, Ear]:
    """What a look at the pollers of an inventory finds that is not written yet."""
    if not asked_by:
        return {}
    before, told = _ears(connection), landed(connection)
    return {
        name: listened(before.get(name), told[name], paces[name], now)
        for name in asked_by
        if name in told and not _is_known(before.get(name), told[name], paces[name], now)
    }


def note(connection: Connection, found: Mapping[str, Ear]) -> None:
    """Write a look down."""
    rows = [
        {
            "poller": name,
            "counted": ear.counted,
            "quiet": ear.quiet,
            "works": None if ear.look.works is None else int(ear.look.works),
            "run": ear.look.run,
            "run_since": ear.look.run_since,
            "checked_at": ear.look.checked_at,
        }
        for name, ear in found.items()
    ]
    if not rows:
        return
    statement = insert(connection, poller_runs)
    changed = {c.name: statement.excluded[c.name] for c in poller_runs.c if c.name != "poller"}
    connection.execute(statement.on_conflict_do_update(index_elements=["poller"], set_=changed), rows)


def facts(
    connection: Connection, asked_by: Mapping[str, Sequence[str]], paces: Mapping[str, Pace], now: int
) -> dict[str, Seen]:
    """What is to be believed of each poller, by its key; of one that never landed anything, nothing."""
    if not asked_by:
        return {}
    ears, told = _ears(connection), landed(connection)
    return {
        POLLER + name: ears[name].seen(told[name], paces[name], now)
        if name in ears and name in told
        else UNSEEN
        for name in asked_by
    }


def silent(connection: Connection, names: Sequence[str]) -> list[str]:
    """Those of these pollers that are surely silent."""
    found = _ears(connection)
    return [name for name in names if name in found and found[name].look.works is False]


def _is_known(before: Ear | None, told: Landed, pace: Pace, now: int) -> bool:
    """Whether a look would tell nothing new: all is well, or another worker has just looked."""
    if before is None:
        return False
    look = before.look
    if 0 <= now - look.checked_at < _TWICE_S:
        return True
    return look.works is True and look.run >= pace.up and 0 <= now - told.at < _CALM_S


def _ears(connection: Connection) -> dict[str, Ear]:
    return {
        row.poller: Ear(
            row.counted,
            row.quiet,
            Look(None if row.works is None else bool(row.works), row.run, row.run_since, row.checked_at),
        )
        for row in connection.execute(select(poller_runs))
    }
