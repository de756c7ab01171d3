"""Part "year": a year of 3,000 access points in 67 municipalities, of which only rollups are left."""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from time import process_time
from typing import Final

from bench.metrics.goals import QUERY_MS
from bench.metrics.places import place
from bench.portal.goals import Figure, Goal
from metrics.local.buckets import buckets
from metrics.local.calendar import extent, slots_of_month
from metrics.local.deriving import lengthened, lifted
from metrics.local.figures import Cells
from metrics.local.keeping import keep
from metrics.local.levels import DAY_S, HOUR_S, LADDERS, Span
from metrics.local.rollup_tables import Sum, stored
from metrics.local.rollup_volume import NAME, opened
from metrics.local.schema import Tags
from metrics.local.store import LocalStore
from metrics.local.sums import Sums
from metrics.sink import Window

APS: Final = 3_000
MUNS: Final = 67
START: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
DAYS: Final = 365
HOURLY_DAYS: Final = 30
WEEK_S: Final = 7 * DAY_S
QUICK_HOURLY_DAYS: Final = 1
QUICK: Final = 2
_ASKED: Final = 5
POLLS: Final = 60
AP, SITE, MUN = LADDERS["wifi_ap"]


def cells(dice: random.Random, hour: int, ap: int) -> Cells:
    """One hour of one access point, 60 polls."""
    busy = 10 + (hour // HOUR_S % 24)

    def gauge(middle: int, spread: int) -> tuple[int, int, int, int]:
        least, most = middle - dice.randrange(spread), middle + dice.randrange(spread)
        return POLLS, dice.randrange(POLLS * least, POLLS * most + 1), least, most

    return {
        "up": (POLLS, POLLS, 1, 1),
        "clients": gauge(busy, busy),
        "rx_octets": (POLLS, dice.randrange(10**8), None, None),
        "tx_octets": (POLLS, dice.randrange(3 * 10**8), None, None),
        "uptime_s": (POLLS, POLLS * (hour - START + 1800), hour - START, hour - START + 3540),
        "cpu_pct": gauge(3000 + ap % 2000, 900),
        "memory_pct": gauge(5000 + ap % 1000, 100),
        "temperature_c": gauge(4500 + ap % 500, 100),
        "poll_ms": gauge(2000 + ap % 3000, 1500),
        "poll_octets": gauge(3800, 40),
    }


def hour_of(dice: random.Random, hour: int) -> Sums:
    """Of every access point."""
    found: dict[Tags, Sum] = {}
    for ap in range(APS):
        mun = f"08{ap % MUNS + 1:03}"
        tags = (f"{mun}-ap-{ap:04}", mun, f"{mun}-site-{ap // 6:04}", "openwrt")
        found[tags] = Sum(POLLS, POLLS, 0, cells(dice, hour, ap))
    return Sums.of(AP.measurement, found)


def make(store: LocalStore, hourly_days: int) -> None:
    """Write hours, days and months of municipalities, and hours of access points for its last days."""
    volume, dice = opened(store), random.Random(1)  # noqa: S311
    since = START + (DAYS - hourly_days) * DAY_S
    for day in range(START, START + DAYS * DAY_S, DAY_S):
        sums = hour_of(dice, day)
        whole = lifted(lifted(sums, AP, SITE), SITE, MUN)
        with volume.writing():
            for hour in range(day, day + DAY_S, HOUR_S):
                if hour >= since:
                    keep(volume, AP, Span.HOUR, hour, hour_of(dice, hour), Window(hour, hour + HOUR_S))
                keep(volume, MUN, Span.HOUR, hour, whole, Window(hour, hour + HOUR_S))
            window = Window(day, day + DAY_S)
            keep(volume, AP, Span.DAY, day, sums, window)
            keep(volume, MUN, Span.DAY, day, lengthened(stored(volume, MUN, Span.HOUR, window), MUN), window)
    for month in (int(datetime(2026, number, 1, tzinfo=UTC).timestamp()) for number in range(1, 13)):
        with volume.writing():
            window = extent(Span.MONTH, month, "UTC")
            rows = stored(volume, MUN, Span.DAY, slots_of_month(month))
            keep(volume, MUN, Span.MONTH, month, lengthened(rows, MUN), window)


def part(rounds: int) -> tuple[Figure, ...]:
    """What is asked of a year, of which only rollups are left."""
    with closing(LocalStore.open(place("metrics-year"))) as store:
        make(store, QUICK_HOURLY_DAYS if rounds <= QUICK else HOURLY_DAYS)
        size = store.shelf.octets(NAME)
        rows, octets = _hours(store)
        return (
            *_answers(store),
            Figure("an hour of an access point", octets, "B", details=f"{rows:,} rows, figures only"),
            Figure("room of the whole year", size / 1e6, "MB"),
        )


def _answers(store: LocalStore) -> Iterator[Figure]:
    """Each reads one figure of every bucket."""
    end = START + DAYS * DAY_S
    month, year = Window(end - 30 * DAY_S, end), Window(START, end)
    one = {"ap": "08008-ap-0007"}
    asked: tuple[tuple[str, Span, Window, str, dict[str, str], Goal | None], ...] = (
        ("municipality by month over a year", Span.MONTH, year, "mun", {}, QUERY_MS),
        ("one access point by hour over 30 days", Span.HOUR, month, "ap", one, None),
        ("one municipality by hour over a year", Span.HOUR, year, "mun", {"mun": "08008"}, None),
    )
    for name, span, window, by, where, goal in asked:
        spent = []
        for _ in range(_ASKED):
            begun = process_time()
            found = buckets(store, "wifi_ap", span, window, (by,), where)
            read = sum(bucket.figures["clients"].known for bucket in found)
            spent.append(process_time() - begun)
        yield Figure(name, min(spent) * 1e3, "CPU ms", goal, f"{len(found):,} buckets of {read:,} values")


def _hours(store: LocalStore) -> tuple[int, float]:
    select = f"SELECT count(*), avg(length(figures)) FROM {AP.name}_{Span.HOUR}"  # noqa: S608
    rows, octets = opened(store).execute(select).fetchone()
    return int(rows), float(octets)
