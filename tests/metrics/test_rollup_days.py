"""Days and months as they are on the clocks of each municipality, and what becomes of late hours."""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.local.buckets import Bucket, buckets
from metrics.local.calendar import extent, slot_at
from metrics.local.figures import Figure
from metrics.local.levels import HOUR_S, Span
from metrics.local.rollup import roll_up
from metrics.local.roster import Roster
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics import samples

OJINAGA, JUAREZ, CHIHUAHUA = "America/Ojinaga", "America/Ciudad_Juarez", "America/Chihuahua"
MUNS: Mapping[str, str] = {"08052": OJINAGA, "08037": JUAREZ, "08019": CHIHUAHUA}
ALL = Window(0, 2**33)


class Border:
    """Three municipalities, three zones."""

    def zone_of(self, mun: str) -> str:
        return MUNS[mun]


def at(zone: str, *moment: int) -> int:
    return int(datetime(*moment, tzinfo=ZoneInfo(zone)).timestamp())  # type: ignore[arg-type,misc]


def hourly(store: LocalStore, mun: str, window: Window) -> None:
    """A sample in the middle of every hour, with the number of the hour's day in UTC as clients."""
    store.write(
        "poller",
        [
            samples.ap(time + 1800, f"ap-{mun}", mun=mun, clients=datetime.fromtimestamp(time, UTC).day)
            for time in range(window.start, window.end, HOUR_S)
        ],
    )


def days(store: LocalStore, mun: str, span: Span = Span.DAY) -> list[Bucket]:
    return buckets(store, "wifi_ap", span, ALL, ["mun"], {"mun": mun})


@pytest.mark.parametrize(
    ("mun", "month", "day", "length"),
    [
        ("08052", 3, 8, 23),
        ("08037", 3, 8, 23),
        ("08019", 3, 8, 24),
        ("08052", 11, 1, 25),
        ("08037", 11, 1, 25),
        ("08019", 11, 1, 24),
    ],
)
def test_on_the_border_a_day_may_have_23_or_25_hours_and_inland_never(
    store: LocalStore, mun: str, month: int, day: int, length: int
) -> None:
    zone = MUNS[mun]
    start, end = at(zone, 2026, month, day), at(zone, 2026, month, day + 1)
    hourly(store, mun, Window(start - 2 * HOUR_S, end + 2 * HOUR_S))
    roll_up(store, end, places=Border())
    _, found = days(store, mun)
    assert ((found.end - found.start) // HOUR_S, found.got) == (length, length)
    assert (found.start, found.end) == (start, end)


def test_a_day_has_no_bucket_until_it_is_over_there(store: LocalStore) -> None:
    start, end = at(JUAREZ, 2026, 7, 1), at(JUAREZ, 2026, 7, 2)
    for mun in MUNS:
        hourly(store, mun, Window(start, end))
    roll_up(store, end - HOUR_S, places=Border())
    assert [len(days(store, mun)) for mun in MUNS] == [1, 0, 0], "in Ojinaga it is an hour later"
    roll_up(store, end, places=Border())
    assert [len(days(store, mun)) for mun in MUNS] == [1, 1, 1]


def test_the_same_date_of_three_zones_is_one_bucket_of_the_state(store: LocalStore) -> None:
    window = Window(at(OJINAGA, 2026, 7, 1), at(CHIHUAHUA, 2026, 7, 2))
    for mun in MUNS:
        hourly(store, mun, Window(at(MUNS[mun], 2026, 7, 1), at(MUNS[mun], 2026, 7, 2)))
    roll_up(store, window.end, places=Border())
    (state,) = buckets(store, "wifi_ap", Span.DAY, ALL, [])
    assert (state.start, state.end, state.got) == (window.start, window.end, 72)
    for zone in MUNS.values():
        asked = Window(at(zone, 2026, 7, 1), at(zone, 2026, 7, 2))
        (found,) = buckets(store, "wifi_ap", Span.DAY, asked, [])
        assert found.got == 72, f"the midnights of {zone} take in its neighbours"


def test_a_month_is_the_sum_of_its_days_and_no_mean_of_means(store: LocalStore) -> None:
    start, end = at(OJINAGA, 2026, 2, 1), at(OJINAGA, 2026, 3, 1)
    hourly(store, "08052", Window(start, start + HOUR_S))
    crowded = [samples.ap(end - HOUR_S + 60 * n, "ap-08052", mun="08052", clients=30) for n in range(9)]
    store.write("poller", crowded)
    roll_up(store, end - 1, places=Border())
    assert days(store, "08052", Span.MONTH) == []
    roll_up(store, end, places=Border())
    (month,) = days(store, "08052", Span.MONTH)
    assert (month.start, month.end, month.got) == (start, end, 10)
    assert month.figures["clients"] == Figure(10, 271, 30, 1)
    assert month.figures["clients"].mean == 27.1


def test_a_late_sample_mends_its_hour_its_day_and_its_month(store: LocalStore) -> None:
    start, end = at(CHIHUAHUA, 2026, 6, 1), at(CHIHUAHUA, 2026, 7, 1)
    hourly(store, "08019", Window(start, start + HOUR_S))
    roll_up(store, end, places=Border())
    store.write("remote", [samples.ap(start + 60, "ap-08019", mun="08019", clients=99)])
    roll_up(store, end, places=Border())
    for span in (Span.HOUR, Span.DAY, Span.MONTH):
        (found,) = days(store, "08019", span)
        assert (found.got, found.figures["clients"].largest) == (2, 99), span


def test_a_poller_that_is_dead_leaves_hours_that_expected_and_got_nothing(store: LocalStore) -> None:
    roster = Roster(
        {"wifi_ap": {("a", "08019", "08019-plaza", "x"): 60, ("b", "08019", "08019-plaza", "x"): 12}}
    )
    start = at(CHIHUAHUA, 2026, 6, 1)
    roll_up(store, start, roster, Border())
    roll_up(store, start + 24 * HOUR_S, roster, Border())
    found = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    assert {(b.tags["ap"], b.expected, b.got) for b in found} == {("a", 60, 0), ("b", 12, 0)}
    assert len(found) == 48
    assert found[0].figures == {}
    (day,) = days(store, "08019")
    assert (day.expected, day.got) == (24 * 72, 0)


def test_hours_before_anybody_asked_are_nobodys_fault(store: LocalStore) -> None:
    start = at(CHIHUAHUA, 2026, 6, 1)
    roll_up(store, start, Roster({"wifi_ap": {}}), Border())
    asked: dict[tuple[str, ...], int] = {("a", "08019", "08019-plaza", "x"): 60}
    roll_up(store, start + 2 * HOUR_S + 1800, Roster({"wifi_ap": asked}), Border())
    roll_up(store, start + 4 * HOUR_S, Roster({"wifi_ap": asked}), Border())
    found = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    assert [(b.start - start, b.expected) for b in found] == [(2 * HOUR_S, 30), (3 * HOUR_S, 60)]


def test_who_is_asked_no_more_is_expected_no_more(store: LocalStore) -> None:
    start = at(CHIHUAHUA, 2026, 6, 1)
    roll_up(store, start, Roster({"wifi_ap": {("a", "08019", "08019-plaza", "x"): 60}}), Border())
    roll_up(store, start + 600, Roster({"wifi_ap": {}}), Border())
    roll_up(store, start + 2 * HOUR_S, Roster({"wifi_ap": {}}), Border())
    roll_up(store, start + 3 * HOUR_S, Roster(), Border())
    (found,) = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    assert (found.expected, found.got) == (10, 0)


def moved(time: int, mun: str) -> Sample:
    return samples.ap(time, "kiosk", mun=mun, clients=4)


@pytest.mark.parametrize("known", [True, False])
def test_an_access_point_that_moves_keeps_its_history_and_is_expected_once(
    store: LocalStore, known: bool
) -> None:
    start = at(CHIHUAHUA, 2026, 6, 1)
    old, new = (tuple(moved(0, mun).tags.values()) for mun in ("08019", "08037"))

    def roster(*tags: tuple[str, ...]) -> Roster:
        return Roster({"wifi_ap": dict.fromkeys(tags, 60)} if known else None, lambda *_: 60)

    roll_up(store, start, roster(old), Border())
    store.write("poller", [moved(start + 60 * n, "08019" if n < 20 else "08037") for n in range(60)])
    roll_up(store, start + 1200, roster(new), Border())
    roll_up(store, start + HOUR_S, roster(new), Border())
    found = buckets(store, "wifi_ap", Span.HOUR, ALL, ["mun"])
    assert {b.tags["mun"]: (b.expected, b.got) for b in found} == {"08019": (20, 20), "08037": (40, 40)}
    (whole,) = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    assert (whole.expected, whole.got, whole.figures["clients"].known) == (60, 60, 60)


def test_a_renamed_access_point_is_two_and_expected_once(store: LocalStore) -> None:
    start = at(CHIHUAHUA, 2026, 6, 1)
    names = [("old", "08019", "08019-plaza", "x"), ("new", "08019", "08019-plaza", "x")]
    for time, asked in ((0, names[:1]), (1800, names[1:]), (HOUR_S, names[1:])):
        roll_up(store, start + time, Roster({"wifi_ap": dict.fromkeys(asked, 61)}), Border())
    found = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    assert sum(b.expected for b in found) == 61
    assert {b.tags["ap"] for b in found} == {"old", "new"}


def everything(store: LocalStore) -> list[tuple[object, ...]]:
    found = [
        (span, by, b.tags, b.start, b.end, b.expected, b.got, dict(b.figures))
        for span in (Span.HOUR, Span.DAY, Span.MONTH)
        for by in (["ap", "mun"], ["site"], ["mun"])
        for b in buckets(store, "wifi_ap", span, ALL, by)
    ]
    return sorted(found, key=repr)


def test_in_whatever_order_samples_come_the_rollups_are_the_same(tmp_path: Path) -> None:
    start = at(OJINAGA, 2026, 11, 1)
    dice = random.Random(7)
    whole = [
        samples.ap(
            start + 1500 * slot,
            f"ap-{mun}",
            mun=mun,
            up=1,
            clients=dice.randrange(40),
            cpu_pct=dice.random() * 100,
            rx_octets=slot * 1000 + dice.randrange(900),
            uptime_s=dice.choice((slot * 1500 + 500, slot * 1500 + 500, 30)),
        )
        for slot in range(40)
        for mun in MUNS
    ]
    end = start + 40 * 86_400
    found = []
    for shuffled in (False, True):
        store = LocalStore.open(tmp_path / str(shuffled))
        if shuffled:
            dice.shuffle(whole)
        for first in range(0, len(whole), 40):
            store.write("poller", whole[first : first + 40])
            if shuffled:
                roll_up(store, end, places=Border())
        roll_up(store, end, places=Border())
        found.append(everything(store))
        store.close()
    assert found[0] == found[1]
    assert len(found[0]) > 150


_READINGS = st.lists(
    st.tuples(
        st.integers(0, 1),  # up
        st.none() | st.integers(0, 50),  # clients
        st.none() | st.integers(0, 10**6).map(lambda number: number / 1000),  # cpu_pct
        st.none() | st.integers(0, 500),  # rx_octets
        st.none() | st.integers(0, 9000),  # uptime_s
    ),
    max_size=24,
)


@settings(max_examples=12, deadline=None)
@given(_READINGS, st.integers(1, 900))
def test_rollups_are_what_a_naive_reckoning_gives(
    tmp_path_factory: pytest.TempPathFactory, readings: list[tuple[float | None, ...]], every_s: int
) -> None:
    start = at(CHIHUAHUA, 2026, 6, 1)
    names = ("up", "clients", "cpu_pct", "rx_octets", "uptime_s")
    known = [
        (start + number * every_s, {n: v for n, v in zip(names, row, strict=True) if v is not None})
        for number, row in enumerate(readings)
    ]
    store = LocalStore.open(tmp_path_factory.mktemp("store"))
    store.write("poller", [samples.ap(time, "ap-1", mun="08019", **fields) for time, fields in known])
    roll_up(store, start + 86_400, places=Border())
    for found in buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"]):
        mine = [fields for time, fields in known if found.start <= time < found.end]
        assert found.got == len(mine)
        for name in ("up", "clients", "cpu_pct"):
            values = [fields[name] for fields in mine if name in fields]
            _same(found.figures.get(name), values)
    grown = naive_growth(known)
    for span in (Span.HOUR, Span.DAY):
        total = [b.figures["rx_octets"] for b in days(store, "08019", span) if "rx_octets" in b.figures]
        assert (sum(f.known for f in total), sum(f.total for f in total)) == grown
    store.close()


def _same(figure: Figure | None, values: list[float]) -> None:
    assert (figure is None) == (not values)
    if figure is not None:
        assert figure.known == len(values)
        assert figure.total == pytest.approx(sum(values), abs=0.006 * len(values))
        assert figure.largest == pytest.approx(max(values), abs=0.006)
        assert figure.least == pytest.approx(min(values), abs=0.006)


def naive_growth(readings: Iterable[tuple[int, Mapping[str, float]]]) -> tuple[int, float]:
    """Interval by interval, over the readings that have the counter."""
    number, total, before = 0, 0.0, None
    for time, fields in readings:
        if "rx_octets" not in fields:
            continue
        if before is not None:
            elapsed = time - before[0]
            missing = (
                before[1]["uptime_s"] + elapsed - fields["uptime_s"]
                if "uptime_s" in fields and "uptime_s" in before[1]
                else 0
            )
            if elapsed <= 3600 and missing <= 60 and fields["rx_octets"] >= before[1]["rx_octets"]:
                number, total = number + 1, total + fields["rx_octets"] - before[1]["rx_octets"]
        before = (time, fields)
    return number, total


@given(st.integers(1_700_000_000, 1_900_000_000), st.sampled_from(sorted(MUNS.values())))
def test_every_moment_lies_in_its_day_and_in_its_month(time: int, zone: str) -> None:
    for span in (Span.DAY, Span.MONTH):
        window = extent(span, slot_at(span, time, zone), zone)
        assert window.start <= time < window.end
        assert window.start % HOUR_S == window.end % HOUR_S == 0, "no hour is cut in two"
