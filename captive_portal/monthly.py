"""Counts distinct devices per municipality, day and month; what is kept of a device is its trace in a sketch.

A device counts on the days, and in the months, in which its citizen asked to be let in: a tap that opened a
session or found one running, or more time. In a month it is named by its mark under the month's key; on a day
by a name made of that under the day's, so that no two days can be joined.
"""

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, Engine

from captive_portal import monthly_sketches as shelf
from captive_portal import own_probe
from captive_portal.gateway import monthly as marks
from captive_portal.gateway.monthly import Mark, MonthKey
from captive_portal.model import Arrival, PortalSite
from captive_portal.monthly_keys import key_of
from captive_portal.monthly_sketches import EMPTY, Stored
from captive_portal.monthly_terms import Term, day_of, month_of


class Kind(StrEnum):
    """Whose making a device's MAC is: its own, for this network, or its maker's."""

    LOCAL = "local"
    MAKER = "maker"


@dataclass(frozen=True, slots=True)
class Noted:
    """A device that was let in, for its municipality to count: by its MAC, or the mark that stands for it."""

    municipality: str
    zone: str
    at: datetime
    mac: str = field(default="", repr=False)
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Counting:
    """A term as the store had it at the end of a transaction: its key, and the sketch of each kind."""

    ends_at: int
    key: bytes = field(repr=False)
    sketches: Mapping[Kind, Stored] = field(default_factory=lambda: MappingProxyType({}), repr=False)


Names = Mapping[Kind, Sequence[str]]
Place = tuple[str, str]
"""A municipality and the name of a term."""


def noted(site: PortalSite, arrival: Arrival, now: datetime) -> Noted | None:
    """What there is to count of an arrival; None where its gateway names no MAC, nor a mark of this month.

    Our own probe is nobody.
    """
    if own_probe.is_ours(site, arrival.device, now):
        return None
    if arrival.mark is not None and arrival.mark.month == month_of(site.zone, now).name:
        return Noted(site.municipality, site.zone, now, mark=arrival.mark)
    if arrival.phone is not None:
        return Noted(site.municipality, site.zone, now, mac=arrival.phone.mac)
    return None


class Devices:
    """Behind an engine whose write blocks exclude each other; for any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[Place, Counting] = {}

    def add(self, connection: Connection, many: Iterable[Noted | None]) -> Callable[[], None]:
        """Count them in the caller's transaction; to be called after its commit, which is what it returns.

        What this process knows to be in a sketch costs no look into the store.
        """
        by_municipality: dict[str, list[Noted]] = defaultdict(list)
        for one in many:
            if one is not None:
                by_municipality[one.municipality].append(one)
        after: dict[Place, Counting] = {}
        for municipality in sorted(by_municipality):  # in one order: no two processes wait in a ring
            after |= self._counted(connection, municipality, by_municipality[municipality])
        return lambda: self._kept.update(after)

    def month(self, municipality: str, zone: str, now: datetime) -> MonthKey | None:
        """The key of the month, for a gateway that makes its marks by itself; None once it is destroyed."""
        term = month_of(zone, now)
        self.forget(now)
        found = self._kept.get((municipality, term.name))
        if found is None:
            with self._engine.begin() as connection:
                found = self._term(connection, municipality, term, now)
            if found is None:
                return None
            self._kept.setdefault((municipality, term.name), found)
        return MonthKey(term.name, found.key, term.ends_at)

    def forget(self, now: datetime) -> None:
        """Forget what this process remembers of terms that are over."""
        at = now.timestamp()
        for place in [place for place, one in list(self._kept.items()) if one.ends_at <= at]:
            self._kept.pop(place, None)

    def _counted(
        self, connection: Connection, municipality: str, many: Sequence[Noted]
    ) -> dict[Place, Counting]:
        after: dict[Place, Counting] = {}
        for day, of_day in _by_day(many).items():
            now = of_day[0].at
            month = month_of(of_day[0].zone, now)
            months = after.get((municipality, month.name)) or self._term(connection, municipality, month, now)
            days = self._term(connection, municipality, day, now)
            if months is None or days is None:
                continue
            names = _names(months.key, of_day)
            of_today = {kind: [_daily(days.key, one) for one in some] for kind, some in names.items()}
            after[municipality, day.name] = _grown(connection, (municipality, day.name), days, of_today)
            after[municipality, month.name] = _grown(connection, (municipality, month.name), months, names)
        return after

    def _term(self, connection: Connection, municipality: str, term: Term, now: datetime) -> Counting | None:
        known = self._kept.get((municipality, term.name))
        if known is not None:
            return known
        self.forget(now)
        key = key_of(connection, municipality, term, now)
        return None if key is None else Counting(term.ends_at, key)


def _by_day(many: Sequence[Noted]) -> dict[Term, list[Noted]]:
    """In one order: the day that ends first comes first."""
    found: dict[Term, list[Noted]] = defaultdict(list)
    for one in many:
        found[day_of(one.zone, one.at)].append(one)
    return dict(sorted(found.items(), key=lambda item: item[0].name))


def _names(key: bytes, many: Sequence[Noted]) -> Names:
    found: dict[Kind, list[str]] = defaultdict(list)
    for one in many:
        value = one.mark.value if one.mark else marks.value_of(key, one.mac)
        is_local = one.mark.is_local if one.mark else marks.is_local(one.mac)
        found[Kind.LOCAL if is_local else Kind.MAKER].append(value)
    return found


def _daily(key: bytes, value: str) -> str:
    return hmac.digest(key, value.encode(), "sha256")[:8].hex()


def _grown(connection: Connection, place: Place, known: Counting, names: Names) -> Counting:
    """The term with these names in its sketches."""
    sketches = dict(known.sketches)
    for kind in sorted(names):
        sketches[kind] = shelf.added(connection, (*place, kind.value), sketches.get(kind, EMPTY), names[kind])
    return Counting(known.ends_at, known.key, sketches)
