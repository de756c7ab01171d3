"""Part "store": a day of 3,000 access points written, rolled up, asked, and put into the cold."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from bench.metrics.goals import COLD_OCTETS, INGEST_OVER_ROWID, INGEST_S, QUERY_MS, ROLLUP_OVER_RAW
from bench.metrics.places import place
from bench.metrics.plain import PlainStore
from bench.metrics.town import START, Town
from bench.portal.goals import Figure
from metrics.local.buckets import buckets
from metrics.local.cold_making import make
from metrics.local.deriving import measured_of
from metrics.local.levels import LADDERS, Span
from metrics.local.rollup import roll_up
from metrics.local.rollup_volume import opened
from metrics.local.roster import Roster
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window

_APS: Final = 3_000
_HOURS: Final = 24
_HOURS_QUICK: Final = 4
_QUICK: Final = 2
_ASKED: Final = 5
_DAY: Final = "2026-11-22"

_RAW: Final = (
    "SELECT mun, time / 3600, count(*), sum(up), sum(clients), max(clients) FROM wifi_ap "
    "WHERE time >= ? AND time < ? GROUP BY 1, 2"
)
"""What the first question is answered with where there is one table of rows, and nothing was rolled up."""


def part(rounds: int) -> tuple[Figure, ...]:
    """Ours and one table with a rowid and an index take turns, an hour each."""
    hours = _HOURS_QUICK if rounds <= _QUICK else _HOURS
    directory = place("metrics-store")
    store, plain = LocalStore.open(directory / "ours"), PlainStore(directory / "plain.db")
    town = Town(_APS)
    roster = Roster({"wifi_ap": {tuple(tags.values()): 60 for tags in town.tags}})
    roll_up(store, START, roster)
    writing, rolling, theirs = [], [], []
    for hour in range(hours):
        minutes = [town.minute() for _ in range(60)]
        writing.append(_cpu_s(partial(_each, partial(store.write, "poller"), minutes)))
        rolling.append(_cpu_s(partial(roll_up, store, START + (hour + 1) * 3_600)))
        theirs.append(_cpu_s(partial(_each, plain.write, minutes)))
    rows = _APS * 60 * hours
    ours, other = sum(writing) + sum(rolling), sum(theirs)
    figures = (
        Figure(
            "ingest with rollups, 100,000 rows",
            ours / rows * 1e5,
            "CPU s",
            INGEST_S,
            _split(writing, rolling),
        ),
        Figure(
            "one table with a rowid and an index, the same", other / rows * 1e5, "CPU s", details="no rollups"
        ),
        Figure("ours over that", ours / other, "x", INGEST_OVER_ROWID, f"{rows:,} rows"),
        Figure("room of a row as it came", store.shelf.octets(f"raw-{_DAY}") / rows, "B"),
        *_asked(store, plain, town, hours),
        *_cold(store, town, rows, hours),
    )
    plain.close()
    store.close()
    return figures


def _each(write: Callable[[list[Sample]], None], minutes: Sequence[list[Sample]]) -> None:
    for minute in minutes:
        write(minute)


def _split(writing: list[float], rolling: list[float]) -> str:
    share = sum(rolling) / (sum(writing) + sum(rolling))
    return f"of which rollups {100 * share:.0f} %"


def _asked(store: LocalStore, plain: PlainStore, town: Town, hours: int) -> tuple[Figure, ...]:
    """What is asked most, with the day's samples there."""
    window = Window(START, START + hours * 3_600)
    rolled_up = _least_s(lambda: buckets(store, "wifi_ap", Span.HOUR, window, ("mun",)))
    found = buckets(store, "wifi_ap", Span.HOUR, window, ("mun",))
    span = (window.start, window.end)
    raw = _cpu_s(lambda: plain.connection.execute(_RAW, span).fetchall())
    counted = len(plain.connection.execute(_RAW, span).fetchall())
    if len(found) != counted:
        raise AssertionError(
            f"{len(found)} hours of municipalities were derived, {counted} are in the samples"
        )
    derived = _cpu_s(partial(_derived, store, window))
    latest = _least_s(lambda: store.latest("wifi_ap", window.end - 600))
    one = {"ap": town.tags[7]["ap"]}
    single = _least_s(lambda: store.read("wifi_ap", window, one))
    return (
        Figure(
            f"municipality by hour over {hours} h",
            rolled_up * 1e3,
            "CPU ms",
            QUERY_MS,
            f"{len(found)} buckets",
        ),
        Figure("the same from the rows of the one table", raw * 1e3, "CPU ms"),
        Figure("rows over rollups", raw / rolled_up, "x", ROLLUP_OVER_RAW),
        Figure("the same from our own samples", derived * 1e3, "CPU ms", details="up and clients"),
        Figure("latest of all access points", latest * 1e3, "CPU ms", QUERY_MS),
        Figure(f"one access point, {hours} h of samples", single * 1e3, "CPU ms", QUERY_MS),
    )


def _derived(store: LocalStore, window: Window) -> None:
    """The same figures, hour by hour, from the blocks of the day."""
    for start in range(window.start, window.end, 3_600):
        hour = Window(start, start + 3_600)
        measured_of(("up", "clients"), store, opened(store), LADDERS["wifi_ap"][-1], hour, Roster())


def _cold(store: LocalStore, town: Town, rows: int, hours: int) -> tuple[Figure, ...]:
    """The same day as chunks."""
    made_s = _cpu_s(lambda: make(store, _DAY, START + 3 * 86_400))
    (name,) = (name for name in store.shelf.names() if name.startswith("cold-"))
    store.drop(_DAY)
    window, one = Window(START, START + hours * 3_600), {"ap": town.tags[7]["ap"]}
    single = _least_s(lambda: store.read("wifi_ap", window, one))
    counted = store.counts(window)["wifi_ap"]
    if counted != rows:
        raise AssertionError(f"{counted} rows are in the cold, not {rows}")
    return (
        Figure("cold, a row", store.shelf.octets(name) / rows, "B", COLD_OCTETS),
        Figure("made cold, 100,000 rows", made_s / rows * 1e5, "CPU s"),
        Figure(f"one access point, {hours} h from the cold", single * 1e3, "CPU ms", QUERY_MS),
    )


def _least_s(work: Callable[[], object]) -> float:
    return min(_cpu_s(work) for _ in range(_ASKED))


def _cpu_s(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
