"""Days and months as they are on the clocks of a zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from metrics.local.levels import DAY_S, Span
from metrics.sink import Window


def slot_at(span: Span, time: int, zone: str) -> int:
    """Which day or month it is there at that moment: the midnight that begins it, as if the zone were UTC."""
    local = datetime.fromtimestamp(time, ZoneInfo(zone)).date()
    return _numbered(local if span is Span.DAY else local.replace(day=1))


def extent(span: Span, slot: int, zone: str) -> Window:
    """From when until when that day or month lasts there."""
    first = datetime.fromtimestamp(slot, UTC).date()
    return Window(_midnight(first, zone), _midnight(_following(span, first), zone))


def slots_of_month(slot: int) -> Window:
    """The slots of its days."""
    first = datetime.fromtimestamp(slot, UTC).date()
    return Window(slot, _numbered(_following(Span.MONTH, first)))


def _following(span: Span, first: date) -> date:
    if span is Span.DAY:
        return date.fromordinal(first.toordinal() + 1)
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _numbered(local: date) -> int:
    return (local.toordinal() - date(1970, 1, 1).toordinal()) * DAY_S


def _midnight(local: date, zone: str) -> int:
    return int(datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone)).timestamp())
