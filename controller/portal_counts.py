"""What the portal did at each site between two days: numbers only, for staff."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from captive_portal import counts
from captive_portal.counts import PortalCounts
from captive_portal.model import FailureReason, RefusalReason
from controller.app import App
from controller.errors import SelectorError
from controller.store.engine import READ_ONLY


@dataclass(frozen=True, slots=True)
class Days:
    """From the first midnight to the last one of a site's own zone; both days count."""

    since: date
    until: date

    def seconds(self, zone: tzinfo) -> tuple[int, int]:
        """UTC epoch seconds, the last not included."""
        ends = (self.since, self.until + timedelta(days=1))
        start, end = (datetime(day.year, day.month, day.day, tzinfo=zone) for day in ends)
        return int(start.timestamp()), int(end.timestamp())


def count(app: App, days: Days, *, site: str = "", municipality: str = "") -> list[PortalCounts]:
    """The sites where the portal did anything, by their keys: all, those of a municipality, or one.

    A site that left the inventory has its days in UTC, and is counted where all are. Raises SelectorError.
    """
    wanted = _wanted(app, site, municipality)
    zones = {key: ZoneInfo(one.hours.zone) for key, one in app.inventory.sites.items()}
    found: list[PortalCounts] = []
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        for zone in {UTC, *zones.values()}:
            rows = counts.of_portal(connection, *days.seconds(zone))
            found += (row for row in rows if zones.get(row.site, UTC) == zone)
    return sorted((row for row in found if wanted is None or row.site in wanted), key=lambda row: row.site)


def total(rows: Sequence[PortalCounts]) -> PortalCounts:
    """Their sum."""
    reasons: Counter[str] = Counter()
    for row in rows:
        reasons.update(row.reasons)
    names = ("arrivals", "taps", "grants", "refusals", "failures", "online", "online_s")
    sums = {name: sum(getattr(row, name) for row in rows) for name in names}
    return PortalCounts(site="total", reasons=reasons, **sums)


def told(row: PortalCounts, why: Iterable[RefusalReason] | Iterable[FailureReason]) -> dict[str, int]:
    """How often each of these reasons was told there, those never told left out."""
    return {str(one): row.reasons[one] for one in why if row.reasons.get(one)}


def _wanted(app: App, site: str, municipality: str) -> set[str] | None:
    inventory = app.inventory
    if site and site not in inventory.sites:
        raise SelectorError(
            f"no site {site!r} in the inventory; its key is like {next(iter(inventory.sites), '')}"
        )
    if municipality and municipality not in inventory.municipalities:
        known = next(iter(inventory.municipalities), "")
        raise SelectorError(f"no municipality {municipality!r} in the inventory; its key is like {known}")
    if site:
        return {site}
    if not municipality:
        return None
    return {key for key, one in inventory.sites.items() if one.municipality == municipality}
