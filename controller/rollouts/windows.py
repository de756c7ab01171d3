"""When a device may be changed: in its site's maintenance windows, and not too soon after it was away."""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from controller.model import Hours
from controller.rollouts.seam import Policy

Span = tuple[datetime, datetime]
"""From the first moment until just before the second, both UTC."""

_DAY: Final = timedelta(days=1)
_AHEAD: Final = timedelta(days=15)  # a weekly hour that the clock leaps over is there a week later
_SPREAD: Final = 0.1


def open_now(maintenance: Hours | None, moment: datetime) -> bool:
    """Whether devices may be changed at an aware moment; None is always."""
    return maintenance is None or maintenance.open_at(moment)


def next_open(maintenance: Hours | None, moment: datetime) -> datetime | None:
    """The first moment (UTC) from this one on at which devices may be changed, None when there is none."""
    moment = moment.astimezone(UTC)
    if maintenance is None:
        return moment
    return next((start for start, _ in spans(maintenance, moment, moment + _AHEAD)), None)


def fits(maintenance: Hours | None, moment: datetime, seconds: float) -> bool:
    """Whether what begins at a moment and may last so long ends before the window does."""
    moment = moment.astimezone(UTC)
    if maintenance is None or not maintenance.open_at(moment):
        return maintenance is None
    until = moment + timedelta(seconds=seconds)
    return seconds <= 0 or spans(maintenance, moment, until) == [(moment, until)]


def next_try(policy: Policy, attempts: int, now: datetime, device: str) -> datetime:
    """When to try a device again that could not be reached `attempts` (≥ 1) times.

    Up to a tenth earlier than the policy says, by the device's name: not all at once after an outage.
    """
    wait_s = min(policy.retry_first_s * 2.0 ** min(attempts - 1, 32), policy.retry_most_s)
    share = zlib.crc32(f"{device} {attempts}".encode()) / 2**32
    return now + timedelta(seconds=wait_s * (1 - _SPREAD * share))


def spans(hours: Hours, since: datetime, until: datetime) -> list[Span]:
    """When the site's clock shows an open hour; spans that touch, at midnight too, are one.

    An hour that the clock shows twice is open twice, one that it leaps over not at all.
    """
    found: list[Span] = []
    for start, end in sorted(_pieces(hours, since.astimezone(UTC), until.astimezone(UTC))):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _pieces(hours: Hours, since: datetime, until: datetime) -> Iterator[Span]:
    for first, last, offset in _steady(ZoneInfo(hours.zone), since, until):
        day = (first + offset).date()
        while day <= (last + offset).date():
            for opening in hours.openings(day):
                start = datetime.combine(day, opening.start, UTC) - offset
                end = datetime.combine(day, opening.end, UTC) - offset
                end += _DAY if end <= start else timedelta(0)
                if start < last and end > first:
                    yield max(start, first), min(end, last)
            day += _DAY


def _steady(
    zone: ZoneInfo, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The parts of a time in which the zone's clock does not leap, each with how far it is ahead of UTC."""
    while since < until:
        offset = _ahead(zone, since)
        end = min(since + _DAY, until)
        if _ahead(zone, end) != offset:
            end = _leap(zone, since, end)
        yield since, end, offset
        since = end


def _leap(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second with another offset than before, of the two."""
    steady, leapt = int(before.timestamp()), -int(-after.timestamp() // 1)
    offset = _ahead(zone, before)
    while leapt - steady > 1:
        middle = (steady + leapt) // 2
        if _ahead(zone, datetime.fromtimestamp(middle, UTC)) == offset:
            steady = middle
        else:
            leapt = middle
    return min(datetime.fromtimestamp(leapt, UTC), after)


def _ahead(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
