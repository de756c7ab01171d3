"""Questions to the store: right figures, gaps that are seen, and how much is behind each number."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from metrics import query
from metrics.errors import CatalogError, QuestionEmpty, QuestionTooLarge
from metrics.local import cold_making
from metrics.local.levels import Span
from metrics.local.rollup import roll_up
from metrics.local.roster import Roster
from metrics.local.store import LocalStore
from metrics.query_samples import came_lately
from metrics.question import Answer, Question, Row, Statistic, Wanted, bucket_of, wanted
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics.samples import ap
from tests.metrics.shelves import either, servers, where

__all__ = ["either", "servers", "where"]

HOUR = 1_795_388_400 // 3_600 * 3_600
LATER = HOUR + 10**8
ZONES = {"08019": "America/Chihuahua", "08027": "America/Chihuahua", "08052": "America/Ojinaga"}


class Border:
    """Municipalities of two zones."""

    def zone_of(self, mun: str) -> str:
        return ZONES[mun]


def ask(store: LocalStore, question: Question, now: int = LATER) -> Answer:
    return query.ask(store, question, now, ZONES.__getitem__)


def clients(statistic: str = "mean") -> tuple[Wanted, ...]:
    return (Wanted("clients", Statistic(statistic)),)


def firsts(answer: Answer) -> dict[tuple[str, ...], list[object]]:
    return {tags: [row.values[0] for row in rows] for tags, rows in answer.series().items()}


def midnight(zone: str, month: int, day: int) -> int:
    return int(datetime(2026, month, day, tzinfo=ZoneInfo(zone)).timestamp())


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LocalStore]:
    store = LocalStore.open(tmp_path / "metrics")
    yield store
    store.close()


def two_hours(store: LocalStore) -> LocalStore:
    """Two access points of one municipality, one of another that is silent in the second hour."""
    samples: list[Sample] = []
    for minute in range(120):
        at = HOUR + 60 * minute
        samples += [
            ap(at, "a", up=1, clients=4, rx_octets=1_000 * minute, uptime_s=10_000 + 60 * minute),
            ap(at, "b", up=1, clients=8),
        ]
        if minute < 60:
            samples.append(ap(at, "c", mun="08027", up=1, clients=minute))
    store.write("poller", samples)
    tags = {
        tuple(ap(0, name, mun=mun).tags.values())
        for name, mun in (("a", "08019"), ("b", "08019"), ("c", "08027"))
    }
    roll_up(store, HOUR + 60, Roster({"wifi_ap": dict.fromkeys(tags, 60)}))
    roll_up(store, HOUR + 4 * 3_600)
    return store


def test_hours_of_municipalities_have_their_figures_and_how_much_is_behind_them(
    either: LocalStore,
) -> None:
    wishes = (*clients(), *clients("max"))
    question = Question("wifi_ap", wishes, Window(HOUR, HOUR + 7_200), Span.HOUR, ("mun",))
    assert [one.column for one in question.told] == [
        "clients_mean", "clients_max", "clients_sum", "clients_count",
    ]  # fmt: skip
    answer = ask(two_hours(either), question)
    assert {tags: [row.values for row in rows] for tags, rows in answer.series().items()} == {
        ("08019",): [(6.0, 8, 720, 120), (6.0, 8, 720, 120)],
        ("08027",): [(29.5, 59, 1_770, 60), (None, None, None, 0)],
    }
    silent = answer.series()["08027",][1]
    assert (silent.got, silent.expected, silent.completeness) == (0, 60, 0.0)
    assert answer.series()["08019",][1].completeness == 1.0


def test_every_bucket_that_the_window_touches_is_told_whole_and_one_that_runs_says_so(
    files: LocalStore,
) -> None:
    begin, now = HOUR + 1_200, HOUR + 7_200 + 600
    question = Question("wifi_ap", clients(), Window(begin, begin + 10**6), Span.HOUR, ("ap",), {"ap": "a"})
    answer = ask(two_hours(files), question, now)
    assert [(row.start, row.values[0], row.over) for row in answer.rows] == [
        (HOUR, 4.0, True), (HOUR + 3_600, 4.0, True), (HOUR + 7_200, None, False),
    ]  # fmt: skip


def test_a_bucket_nobody_measured_is_a_row_without_a_value(files: LocalStore) -> None:
    window = Window(HOUR - 3_600, HOUR + 3 * 3_600)
    answer = ask(two_hours(files), Question("wifi_ap", clients(), window, Span.HOUR, ("ap",), {"ap": "a"}))
    assert firsts(answer)["a",] == [None, 4.0, 4.0, None]
    assert [row.start for row in answer.rows] == [HOUR + 3_600 * n for n in (-1, 0, 1, 2)]


def of_radios(minutes: range, **fields: int) -> list[Sample]:
    tags = {**ap(0, "a").tags, "radio": "0"}
    return [
        Sample("wifi_radio", {**tags, "band": band}, {"clients": n + minute, **fields}, HOUR + 60 * minute)
        for minute in minutes
        for band, n in (("2g4", 1), ("5g", 10))
    ]


def test_samples_as_they_came_answer_by_band_from_raw_days_and_from_chunks(either: LocalStore) -> None:
    either.write("poller", of_radios(range(10)))
    question = Question("wifi_radio", clients(), Window(HOUR, HOUR + 3_600), 300, ("band",), {"mun": "08019"})
    raw = ask(either, question)
    nothing = [None] * 10
    assert firsts(raw) == {("2g4",): [3.0, 8.0, *nothing], ("5g",): [12.0, 17.0, *nothing]}
    assert {row.expected for row in raw.rows} == {None}
    day = datetime.fromtimestamp(HOUR, UTC).date().isoformat()
    cold_making.make(either, day, 1)
    either.drop(day)
    assert ask(either, question) == raw


def test_rollups_answer_by_band_and_by_network_name(files: LocalStore) -> None:
    files.write("poller", of_radios(range(60)))
    tags = {**ap(0, "a").tags, "band": "5g"}
    names = [("Chihuahua Gratis", 5), ("Escuela", 7)]
    files.write("poller", [Sample("wifi_ssid", {**tags, "ssid": n}, {"clients": c}, HOUR) for n, c in names])
    roll_up(files, HOUR + 2 * 3_600)
    window = Window(HOUR, HOUR + 3_600)
    by_band = ask(files, Question("wifi_radio", clients("max"), window, Span.HOUR, ("mun", "band")))
    assert firsts(by_band) == {("08019", "2g4"): [60], ("08019", "5g"): [69]}
    by_name = ask(files, Question("wifi_ssid", clients(), window, Span.HOUR, ("ssid",)))
    assert firsts(by_name) == {("Chihuahua Gratis",): [5.0], ("Escuela",): [7.0]}


def test_growth_is_a_gap_over_a_reset_never_a_spike_and_counts_what_began_before_the_window(
    files: LocalStore,
) -> None:
    readings = [(-60, 940, 4_000), (0, 1_000, 5_000), (60, 1_060, 6_000), (120, 30, 10), (180, 90, 110)]
    for at, uptime, octets in readings:
        files.write("poller", [ap(HOUR + at, up=1, uptime_s=uptime, rx_octets=octets)])
    grown = (wanted("wifi_ap", "rx_octets"),)
    answer = ask(files, Question("wifi_ap", grown, Window(HOUR, HOUR + 240), 60, ("ap",)))
    assert [row.values for row in answer.rows] == [(1_000, 1), (1_000, 1), (None, 0), (100, 1)]


def test_a_radio_that_began_anew_and_overtook_its_counter_is_a_gap(files: LocalStore) -> None:
    for at, uptime, octets in ((0, 1_000, 100), (60, 1_060, 200), (120, 30, 900), (180, 90, 950)):
        files.write("poller", [ap(HOUR + at, "a", up=1, uptime_s=uptime)])
        files.write("poller", of_radios(range(at // 60, at // 60 + 1), rx_octets=octets))
    grown = (wanted("wifi_radio", "rx_octets"),)
    question = Question("wifi_radio", grown, Window(HOUR, HOUR + 240), 60, ("band",), {"band": "5g"})
    assert firsts(ask(files, question)) == {("5g",): [None, 100, None, 50]}


def test_days_are_a_municipalitys_own_with_23_and_25_hours_on_the_border(files: LocalStore) -> None:
    march, november = (midnight(ZONES["08052"], month, day) for month, day in ((3, 8), (11, 1)))
    for begin in (march, november):
        hours = range(begin - 7_200, begin + 27 * 3_600, 3_600)
        files.write("poller", [ap(hour, mun="08052", up=1, clients=1) for hour in hours])
    roll_up(files, november + 10 * 86_400, places=Border())
    for begin, length in ((march, 23), (november, 25)):
        window = Window(begin, begin + 3_600 * length)
        (row,) = ask(files, Question("wifi_ap", clients("count"), window, Span.DAY, ("mun",))).rows
        assert (row.start, row.end - row.start, row.values) == (begin, 3_600 * length, (length,))


@pytest.fixture(scope="module")
def four_days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    """1 to 4 July of two municipalities in two zones, an access point each; nothing on the third."""
    begin = midnight(ZONES["08052"], 7, 1)
    hours = [begin + 3_600 * n for n in range(97)]
    files = LocalStore.open(tmp_path_factory.mktemp("four-days"))
    away = range(midnight(ZONES["08052"], 7, 3), midnight(ZONES["08019"], 7, 4))
    files.write(
        "poller",
        [
            ap(hour, f"of-{mun}", mun=mun, up=1, clients=2)
            for hour in hours
            for mun in ("08019", "08052")
            if hour not in away
        ],
    )
    roll_up(files, midnight(ZONES["08019"], 9, 1) + 7_200, places=Border())
    yield files
    files.close()


def test_a_date_of_the_state_is_told_of_all_its_zones_or_not_at_all(four_days: LocalStore) -> None:
    """Whenever the window begins: local noon is 17:00 UTC in one of the two zones, 18:00 in the other."""
    full = {1: 48, 2: 47, 3: 0, 4: 47}
    for hour in (0, 11, 12, 13, 17, 18, 23):
        begin = int(datetime(2026, 7, 1, hour, tzinfo=UTC).timestamp())
        window = Window(begin, begin + 3 * 86_400)
        first = 1 if hour <= 18 else 2
        found = ask(four_days, Question("wifi_ap", clients("count"), window, Span.DAY)).rows
        assert [row.values[0] for row in found] == [full[first + n] for n in range(3)]
        edges = midnight(ZONES["08052"], 7, first), midnight(ZONES["08019"], 7, first + 1)
        assert (found[0].start, found[0].end) == edges
    by_site = ask(four_days, Question("wifi_ap", clients("count"), window, Span.DAY, ("site",))).series()
    assert [row.start for row in by_site["08019-plaza",]] == [
        midnight(ZONES["08019"], 7, 2 + n) for n in range(3)
    ]


def test_who_measured_only_beside_the_window_is_not_told(four_days: LocalStore) -> None:
    begin = int(datetime(2026, 7, 3, 12, tzinfo=UTC).timestamp())
    window = Window(begin, begin + 86_400)
    assert ask(four_days, Question("wifi_ap", clients(), window, Span.DAY, ("mun",))).rows == ()


def test_months_of_the_state_add_up_its_municipalities_and_a_month_without_any_is_a_gap(
    four_days: LocalStore,
) -> None:
    begin, end = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) for month in (7, 9))
    found = ask(four_days, Question("wifi_ap", clients(), Window(begin, end), Span.MONTH)).rows
    assert [row.values for row in found] == [(2.0, 286, 143), (None, None, 0)]
    assert found[1].start == midnight(ZONES["08052"], 8, 1)


@pytest.mark.parametrize(
    ("window", "bucket"),
    [
        (Window(HOUR, HOUR), Span.HOUR),
        (Window(HOUR + 60, HOUR), 60),
        (Window(LATER + 3_600, LATER + 7_200), Span.HOUR),
        (Window(HOUR, HOUR + 60), Span.MONTH),
    ],
)
def test_a_window_in_which_no_bucket_lies_is_refused_in_a_sentence(
    files: LocalStore, window: Window, bucket: Span | int
) -> None:
    with pytest.raises(QuestionEmpty, match="lies in that time"):
        ask(files, Question("wifi_ap", clients(), window, bucket))


def test_what_the_catalogue_does_not_know_is_refused_in_a_sentence(files: LocalStore) -> None:
    for measurement, field in (("wifi", "clients"), ("wifi_ap", "mac"), ("wifi_ap", "clients:median")):
        with pytest.raises(CatalogError, match="one of"):
            wanted(measurement, field)
    with pytest.raises(CatalogError, match="counter: ask for growth"):
        wanted("wifi_ap", "rx_octets:mean")
    with pytest.raises(CatalogError, match="gauge: ask for mean"):
        wanted("wifi_ap", "clients:growth")
    with pytest.raises(CatalogError, match="no tag 'mac'"):
        ask(files, Question("wifi_ap", clients(), Window(0, 60), 60, ("mac",)))
    for text in ("fortnight", "0s", "²s", f"{10**12}s"):
        with pytest.raises(CatalogError, match="5m, hour, day, month"):
            bucket_of(text)
    assert (bucket_of("60s"), bucket_of("day")) == (60, Span.DAY)


def test_a_field_that_is_written_wrong_is_told_the_nearest_first() -> None:
    with pytest.raises(CatalogError, match="no field 'klients': nearest is clients; one of up, "):
        wanted("wifi_ap", "klients")


def test_spans_are_known_by_their_other_names_too() -> None:
    said = {text: bucket_of(text) for text in ("5min", "1h", "60m", "60min", "1d")}
    assert list(said.values()) == [Span.SLOT, Span.HOUR, Span.HOUR, Span.HOUR, Span.DAY]


@pytest.mark.parametrize("bucket", [Span.SLOT, Span.HOUR, Span.DAY, Span.MONTH])
def test_samples_of_a_running_bucket_are_told_from_none(files: LocalStore, bucket: Span) -> None:
    now = HOUR + 200
    files.write("poller", [ap(HOUR + 60, clients=3)])

    def came(start: int, **tags: str) -> bool:
        return came_lately(files, Question("wifi_ap", clients(), Window(start, now), bucket, (), tags), now)

    assert came(HOUR - 7 * 86_400)
    assert came(HOUR - 7 * 86_400, mun="08019")
    assert not came(HOUR - 7 * 86_400, mun="08027")
    assert not came(HOUR + 61)


def test_what_is_made_of_other_samples_waits_for_them(files: LocalStore) -> None:
    files.write("poller", [ap(HOUR + 60, clients=3)])
    wanted_ = (wanted("hotspot_mun", "clients"),)
    for bucket in (60, Span.SLOT, Span.HOUR, Span.DAY):
        question = Question("hotspot_mun", wanted_, Window(HOUR, HOUR + 90), bucket)
        assert came_lately(files, question, HOUR + 90)
        assert not came_lately(files, question, HOUR + 3 * 86_400)


def test_buckets_of_seconds_have_all_there_is(files: LocalStore) -> None:
    files.write("poller", [ap(HOUR + 60, clients=3)])
    assert not came_lately(files, Question("wifi_ap", clients(), Window(HOUR, HOUR + 90), 60), HOUR + 90)


def test_what_is_not_rolled_up_says_what_is_and_how_to_ask(files: LocalStore) -> None:
    window = Window(HOUR, HOUR + 3_600)
    with pytest.raises(CatalogError, match=r"wifi_radio by hour is only by .*\(mun, band\); .*3600s"):
        ask(files, Question("wifi_radio", clients(), window, Span.HOUR, ("ap",)))
    with pytest.raises(CatalogError, match="uplink by day is not kept; "):
        ask(files, Question("uplink", (wanted("uplink", "connected"),), window, Span.DAY))
    with pytest.raises(CatalogError, match="cpu_pct is not kept by 5m, only up, clients"):
        ask(files, Question("wifi_ap", (wanted("wifi_ap", "cpu_pct"),), window, Span.SLOT, ("mun",)))


def test_an_answer_that_nobody_could_read_is_refused(files: LocalStore) -> None:
    files.write("poller", [ap(HOUR)])
    with pytest.raises(QuestionTooLarge, match="larger buckets"):
        ask(files, Question("wifi_ap", clients(), Window(HOUR, HOUR + 10**6), 1, ("ap",)))
    months = Window(HOUR - 10**8 * 4, HOUR)
    assert ask(files, Question("wifi_ap", clients(), months, Span.MONTH, ("ap",))).rows == ()


def test_days_of_samples_are_read_device_by_device(files: LocalStore) -> None:
    """30 devices for 4 hours are 7,200 samples, of which some 5 MB would be held at once."""
    files.write("poller", [ap(HOUR + 60 * n, f"ap-{ap_}") for n in range(240) for ap_ in range(30)])
    ask(files, Question("wifi_ap", clients(), Window(HOUR, HOUR + 60), 60, ("mun",)))
    tracemalloc.start()
    rows = ask(files, Question("wifi_ap", clients(), Window(HOUR, HOUR + 4 * 3_600), 3_600, ("mun",))).rows
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [row.values[-1] for row in rows] == [1_800] * 4
    assert peak < 1_500_000


def test_a_row_of_which_nobody_said_how_much_there_should_be_has_no_completeness() -> None:
    assert Row((), 0, 60, (), 5, None).completeness is None
    assert Row((), 0, 60, (), 61, 60).completeness == 1.0


def test_a_bucket_that_has_just_ended_and_is_not_derived_yet_is_not_told_as_a_gap(files: LocalStore) -> None:
    ended = HOUR + 8 * 3_600
    question = Question("wifi_ap", clients(), Window(HOUR, ended), Span.HOUR, ("ap",), {"ap": "a"})
    store = two_hours(files)
    assert [row.over for row in ask(store, question, ended + 60).rows][-2:] == [True, False]
    assert [row.over for row in ask(store, question, ended + 300).rows][-2:] == [True, True]
