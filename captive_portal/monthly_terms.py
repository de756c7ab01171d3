"""The months and days by which devices are counted: those of a municipality's own zone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Term:
    """A month (YYYY-MM) or a day (YYYY-MM-DD), which is over at `ends_at` (UTC epoch seconds)."""

    name: str
    ends_at: int


def month_of(zone: str, now: datetime) -> Term:
    """The month that it is in this zone."""
    return _terms(zone, now.astimezone(ZoneInfo(zone)).date())[0]


def day_of(zone: str, now: datetime) -> Term:
    """The day that it is in this zone; of 23 or 25 hours where clocks are set."""
    return _terms(zone, now.astimezone(ZoneInfo(zone)).date())[1]


@lru_cache(maxsize=64)
def _terms(zone: str, today: date) -> tuple[Term, Term]:
    later = today.replace(day=28) + timedelta(days=4)
    ends = later.replace(day=1), today + timedelta(days=1)
    month, day = (_midnight(zone, end) for end in ends)
    return Term(f"{today:%Y-%m}", month), Term(today.isoformat(), day)


def _midnight(zone: str, day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp())
