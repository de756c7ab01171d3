"""A synthetic year of rollups: `python -m bench.metrics.year DIRECTORY` makes it and tells sizes and times.

3,000 access points in 67 municipalities: hours of access points for 30 days, of municipalities for the year,
days and months of both. The figures are those of 12 fields that a real access point gives.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Final

from metrics.local.buckets import buckets
from metrics.local.calendar import extent, slots_of_month
from metrics.local.deriving import lengthened, lifted
from metrics.local.figures import Cells
from metrics.local.levels import DAY_S, HOUR_S, LADDERS, Level, Span
from metrics.local.rollup_tables import Sum, keep, stored
from metrics.local.rollup_volume import NAME, opened
from metrics.local.schema import Tags
from metrics.local.store import LocalStore
from metrics.sink import Window

APS: Final = 3_000
MUNS: Final = 67
START: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
DAYS: Final = 365
HOURLY_DAYS: Final = 30
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


def hour_of(dice: random.Random, hour: int) -> dict[Tags, Sum]:
    """Of every access point."""
    found: dict[Tags, Sum] = {}
    for ap in range(APS):
        mun = f"08{ap % MUNS + 1:03}"
        tags = (f"{mun}-ap-{ap:04}", mun, f"{mun}-site-{ap // 6:04}", "openwrt")
        found[tags] = Sum(POLLS, POLLS, 0, cells(dice, hour, ap))
    return found


def make(store: LocalStore) -> None:
    """Write the year."""
    volume, dice = opened(store), random.Random(1)  # noqa: S311
    since = START + (DAYS - HOURLY_DAYS) * DAY_S
    for day in range(START, START + DAYS * DAY_S, DAY_S):
        with volume.writing():
            for hour in range(day, day + DAY_S, HOUR_S):
                if hour >= since or hour == day:
                    sums = hour_of(dice, hour)
                if hour >= since:
                    keep(volume, AP, Span.HOUR, hour, _within(sums, hour))
                whole = lifted(lifted(sums, AP, SITE), SITE, MUN)
                keep(volume, MUN, Span.HOUR, hour, _within(whole, hour))
            keep(volume, AP, Span.DAY, day, _within(sums, day, Window(day, day + DAY_S)))
            rows = lengthened(stored(volume, MUN, Span.HOUR, Window(day, day + DAY_S)), MUN)
            keep(volume, MUN, Span.DAY, day, _within(rows, day, Window(day, day + DAY_S)))
    for month in (int(datetime(2026, number, 1, tzinfo=UTC).timestamp()) for number in range(1, 13)):
        with volume.writing():
            window = extent(Span.MONTH, month, "UTC")
            rows = lengthened(stored(volume, MUN, Span.DAY, slots_of_month(month)), MUN)
            keep(volume, MUN, Span.MONTH, month, _within(rows, month, window))


def _within(
    sums: dict[Tags, Sum], slot: int, window: Window | None = None
) -> Iterator[tuple[Tags, Sum, Window]]:
    return ((tags, one, window or Window(slot, slot)) for tags, one in sums.items())


def cpu_ms(work: Callable[[], object]) -> float:
    """The least of seven turns."""
    spent: list[float] = []
    for _ in range(7):
        before = process_time()
        work()
        spent.append((process_time() - before) * 1000)
    return min(spent)


def questions(store: LocalStore) -> dict[str, Callable[[], object]]:
    """What people ask, each reading one figure of every bucket."""
    end = START + DAYS * DAY_S
    day, month, year = Window(end - DAY_S, end), Window(end - 30 * DAY_S, end), Window(START, end)
    ap = "08008-ap-0007"

    def means(span: Span, window: Window, by: list[str], where: dict[str, str] | None = None) -> int:
        found = buckets(store, "wifi_ap", span, window, by, where)
        return len([bucket.figures["clients"].mean for bucket in found])

    return {
        "municipality x hour, 24 h": lambda: means(Span.HOUR, day, ["mun"]),
        "municipality x month, a year": lambda: means(Span.MONTH, year, ["mun"]),
        "one access point, hours of 30 days": lambda: means(Span.HOUR, month, ["ap"], {"ap": ap}),
        "one access point, days of a year": lambda: means(Span.DAY, year, ["ap"], {"ap": ap}),
        "one municipality, hours of a year": lambda: means(Span.HOUR, year, ["mun"], {"mun": "08008"}),
    }


def main() -> None:
    """Make the year where there is none, and ask."""
    with closing(LocalStore.open(Path(sys.argv[1]))) as store:
        volume = opened(store)
        if not volume.execute("SELECT count(*) FROM wifi_ap_mun_month").fetchone()[0]:
            make(store)
        for level, span in ((AP, Span.HOUR), (AP, Span.DAY), (MUN, Span.HOUR)):
            _tell(store, level, span)
        sys.stdout.write(f"all of it: {store.shelf.octets(NAME) / 1e6:.1f} MB\n")
        for name, work in questions(store).items():
            sys.stdout.write(f"{name}: {work()} buckets, {cpu_ms(work):.1f} ms CPU\n")


def _tell(store: LocalStore, level: Level, span: Span) -> None:
    table = f"{level.name}_{span}"
    select = f"SELECT count(*), avg(length(figures)) FROM {table}"  # noqa: S608
    rows, octets = opened(store).execute(select).fetchone()
    sys.stdout.write(f"{table}: {rows} rows, {octets:.1f} B of figures each\n")


if __name__ == "__main__":
    main()
