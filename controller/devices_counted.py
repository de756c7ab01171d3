"""How many different devices there were, per municipality: by day, by month, and in the State. Numbers only.

The headline is the mean of the days. A phone makes up another MAC for each network, and some do so again
after a while: a month's figure is an upper bound.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, func, select

from captive_portal.monthly import Kind
from captive_portal.monthly_tables import device_counts
from captive_portal.tables import portal_counts
from controller.app import App
from controller.store.engine import READ_ONLY
from metrics.distinct import BadSketch, Estimate, Sketch

log = logging.getLogger(__name__)

STATE: Final = ""
"""The key under which the sum of all municipalities stands."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """The devices of a municipality on one day (YYYY-MM-DD) of its zone; `local` made up their MAC."""

    municipality: str
    day: str
    devices: Estimate
    local: Estimate


@dataclass(frozen=True, slots=True)
class DeviceCount:
    """The devices of a municipality in one month (YYYY-MM); None is unknown, never zero.

    `daily` is the mean of the days that are over and on which any device was let in; there were `days` of
    them, of `of_days` that are over. `monthly` is how many different ones, with bounds of 95 %; `local` the
    share of them, 0 to 1, that made their MAC up. `coverage` is the share of grants, 0 to 1, whose device
    was counted. The State has the sums of the municipalities: their keys differ, so a device that was in two
    of them counts twice; its days are those of the municipality with the fewest.
    """

    municipality: str
    name: str
    month: str
    daily: float | None
    days: int
    of_days: int
    monthly: Estimate | None
    local: float | None
    coverage: float | None


Kinds = Mapping[Kind, Estimate]
Grants = tuple[int, int]
"""How many of them with a device that was counted, and without."""


def days(app: App, municipality: str, month: str) -> list[DayCount]:
    """The days of a month on which any device was let in, the running one included, in order."""
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        found = _terms(connection, month).get(municipality, {})
    return [
        DayCount(municipality, term, _all(kinds), kinds.get(Kind.LOCAL, Estimate()))
        for term, kinds in sorted(found.items())
        if term != month
    ]


def devices(app: App, month: str, now: datetime | None = None) -> list[DeviceCount]:
    """Every municipality of the inventory by its key, last the State. Raises ValueError for no YYYY-MM."""
    first = _first(month)
    at = now or datetime.now(UTC)
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        terms = _terms(connection, month)
        grants = _grants(app, connection, first)
    rows = []
    for key, one in sorted(app.inventory.municipalities.items()):
        today = at.astimezone(ZoneInfo(one.zone)).date()
        over = [day.isoformat() for day in _days(first) if day < today]
        rows.append(_count((key, one.name, month), terms.get(key, {}), over, grants.get(key, (0, 0))))
    return [*rows, _state(month, rows, terms, grants)]


def _count(
    whose: tuple[str, str, str], terms: Mapping[str, Kinds], over: Sequence[str], grants: Grants
) -> DeviceCount:
    month = terms.get(whose[2])
    of_days = [_all(terms[day]).names for day in over if day in terms]
    return DeviceCount(
        *whose,
        daily=sum(of_days) / len(of_days) if of_days else None,
        days=len(of_days),
        of_days=len(over),
        monthly=None if month is None else _all(month),
        local=None if month is None else _share(month),
        coverage=_coverage(grants),
    )


def _state(
    month: str,
    rows: Sequence[DeviceCount],
    terms: Mapping[str, Mapping[str, Kinds]],
    grants: Mapping[str, Grants],
) -> DeviceCount:
    known = [row for row in rows if row.daily is not None]
    months = [row.monthly for row in rows if row.monthly is not None]
    kinds = [terms[row.municipality][month] for row in rows if row.monthly is not None]
    whole = {kind: sum((one.get(kind, Estimate()) for one in kinds), Estimate()) for kind in Kind}
    marked, unmarked = (sum(one[at] for one in grants.values()) for at in (0, 1))
    return DeviceCount(
        STATE,
        STATE,
        month,
        daily=sum(row.daily or 0.0 for row in known) if known else None,
        days=min((row.days for row in known), default=0),
        of_days=max((row.of_days for row in rows), default=0),
        monthly=sum(months, Estimate()) if months else None,
        local=_share(whole) if months else None,
        coverage=_coverage((marked, unmarked)),
    )


def _terms(connection: Connection, month: str) -> dict[str, dict[str, Kinds]]:
    """By municipality and term, the month's own and its days'."""
    row = device_counts.c
    wanted = select(device_counts).where(row.term.startswith(month, autoescape=True))
    found: dict[str, dict[str, dict[Kind, Estimate]]] = defaultdict(lambda: defaultdict(dict))
    for one in connection.execute(wanted):
        try:
            found[one.municipality][one.term][Kind(one.kind)] = _estimate(one)
        except BadSketch as error:
            lost = {"municipality": one.municipality, "term": one.term, "error": str(error)}
            log.error("sketch is damaged: the devices of this term are unknown", extra=lost)
    return {municipality: dict(terms) for municipality, terms in found.items()}


def _estimate(row: Row[Any]) -> Estimate:
    """Raises BadSketch."""
    if row.devices is not None:
        return Estimate(row.devices, row.devices_low, row.devices_high)
    return Sketch.read(row.sketch).estimate()


def _all(kinds: Kinds) -> Estimate:
    return sum(kinds.values(), Estimate())


def _share(kinds: Kinds) -> float | None:
    whole = _all(kinds).names
    return kinds.get(Kind.LOCAL, Estimate()).names / whole if whole else None


def _coverage(grants: Grants) -> float | None:
    return grants[0] / sum(grants) if sum(grants) else None


def _grants(app: App, connection: Connection, first: date) -> dict[str, Grants]:
    """By municipality, of the month by its own zone."""
    row, inventory = portal_counts.c, app.inventory
    zone_of = {key: inventory.municipalities[one.municipality].zone for key, one in inventory.sites.items()}
    found: dict[str, Grants] = {}
    for zone in set(zone_of.values()):
        ends = (first, _next(first))
        start, end = (datetime(day.year, day.month, 1, tzinfo=ZoneInfo(zone)).timestamp() for day in ends)
        wanted = (
            select(row.site, func.sum(row.marked), func.sum(row.unmarked))
            .where(row.site.in_([key for key, one in zone_of.items() if one == zone]))
            .where(row.slot >= int(start), row.slot < int(end))
            .group_by(row.site)
        )
        for site, marked, unmarked in connection.execute(wanted):
            here = inventory.sites[site].municipality
            before = found.get(here, (0, 0))
            found[here] = (before[0] + int(marked), before[1] + int(unmarked))
    return found


def _first(month: str) -> date:
    """Raises ValueError."""
    return date.fromisoformat(f"{month}-01")


def _next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _days(first: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((_next(first) - first).days)]
