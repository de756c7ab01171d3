"""Questions to the store: right figures, gaps that are seen, and how much is behind each number."""

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import plots, tables
from metrics.errors import CatalogError, QuestionTooLarge
from metrics.local.levels import Span
from metrics.local.rollup import roll_up
from metrics.local.roster import Roster
from metrics.local.store import LocalStore
from metrics.query import Answer, Question, Row, Statistic, Wanted, ask, bucket_of, wanted
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics.samples import ap
from tests.metrics.shelves import either, servers, where

__all__ = ["either", "servers", "where"]

HOUR = 1_795_388_400 // 3_600 * 3_600
OJINAGA = {"08052": "America/Ojinaga"}


def clients(statistic: str = "mean") -> tuple[Wanted, ...]:
    return (Wanted("clients", Statistic(statistic)),)


def of_minutes(answer: Answer) -> dict[tuple[str, ...], list[object]]:
    return {tags: [row.values[0] for row in rows] for tags, rows in answer.series().items()}


@pytest.fixture
def two_hours(either: LocalStore) -> LocalStore:
    """Two access points of one municipality, one of another that is silent in the second hour."""
    samples: list[Sample] = []
    for minute in range(120):
        at = HOUR + 60 * minute
        samples += [
            ap(at, "a", up=1, clients=4, rx_octets=1_000 * minute, uptime_s=10_000 + 60 * minute),
            ap(at, "b", up=1, clients=8),
        ]
        if minute < 60:
            samples.append(ap(at, "c", mun="08037", up=1, clients=minute))
    either.write("poller", samples)
    tags = {
        tuple(ap(0, name, mun=mun).tags.values())
        for name, mun in (("a", "08019"), ("b", "08019"), ("c", "08037"))
    }
    roll_up(either, HOUR + 60, Roster({"wifi_ap": dict.fromkeys(tags, 60)}))
    roll_up(either, HOUR + 4 * 3_600)
    return either


def test_hours_of_municipalities_have_their_figures_and_how_much_is_behind_them(
    two_hours: LocalStore,
) -> None:
    question = Question(
        "wifi_ap", (*clients(), *clients("max")), Window(HOUR, HOUR + 7_200), Span.HOUR, ("mun",)
    )
    answer = ask(two_hours, question)
    assert {tags: [row.values for row in rows] for tags, rows in answer.series().items()} == {
        ("08019",): [(6.0, 8), (6.0, 8)],
        ("08037",): [(29.5, 59), (None, None)],
    }
    silent = answer.series()["08037",][1]
    assert (silent.got, silent.expected, silent.completeness) == (0, 60, 0.0)
    assert answer.series()["08019",][1].completeness == 1.0


def test_a_bucket_nobody_measured_is_a_row_without_a_value(two_hours: LocalStore) -> None:
    window = Window(HOUR - 3_600, HOUR + 3 * 3_600)
    answer = ask(two_hours, Question("wifi_ap", clients(), window, Span.HOUR, ("ap",), {"ap": "a"}))
    assert of_minutes(answer)["a",] == [None, 4.0, 4.0, None]
    assert [row.start for row in answer.rows] == [HOUR + 3_600 * n for n in (-1, 0, 1, 2)]


def test_samples_as_they_came_answer_what_is_not_rolled_up(two_hours: LocalStore) -> None:
    radio = {**ap(0, "a").tags, "radio": "0"}
    for minute in range(10):
        bands = (("2g4", 1 + minute), ("5g", 10))
        two_hours.write(
            "poller",
            [
                Sample("wifi_radio", {**radio, "band": band}, {"clients": n}, HOUR + 60 * minute)
                for band, n in bands
            ],
        )
    window = Window(HOUR, HOUR + 900)
    question = Question("wifi_radio", clients(), window, 300, ("band",), {"ap": "a"})
    assert of_minutes(ask(two_hours, question)) == {("2g4",): [3.0, 8.0, None], ("5g",): [10.0, 10.0, None]}
    assert {row.expected for row in ask(two_hours, question).rows} == {None}


def test_growth_of_a_counter_is_a_gap_over_a_reset_and_never_a_spike(either: LocalStore) -> None:
    readings = [(0, 1_000, 5_000), (60, 1_060, 6_000), (120, 30, 10), (180, 90, 110)]
    for at, uptime, octets in readings:
        either.write("poller", [ap(HOUR + at, up=1, uptime_s=uptime, rx_octets=octets)])
    grown = (wanted("wifi_ap", "rx_octets"), wanted("wifi_ap", "rx_octets:count"))
    answer = ask(either, Question("wifi_ap", grown, Window(HOUR, HOUR + 240), 60, ("ap",)))
    assert [row.values for row in answer.rows] == [(None, 0), (1_000, 1), (None, 0), (100, 1)]


def test_days_are_a_municipalitys_own_with_23_and_25_hours_on_the_border(either: LocalStore) -> None:
    zone = ZoneInfo(OJINAGA["08052"])
    march, november = (
        int(datetime(2026, month, day, tzinfo=zone).timestamp()) for month, day in ((3, 8), (11, 1))
    )
    for midnight in (march, november):
        hours = range(midnight - 7_200, midnight + 27 * 3_600, 3_600)
        either.write("poller", [ap(hour, mun="08052", up=1, clients=1) for hour in hours])

    class Zones:
        def zone_of(self, mun: str) -> str:
            return OJINAGA[mun]

    roll_up(either, november + 10 * 86_400, places=Zones())
    for midnight, hours in ((march, 23), (november, 25)):
        window = Window(midnight, midnight + 3_600 * hours)
        question = Question("wifi_ap", clients("count"), window, Span.DAY, ("mun",))
        (row,) = ask(either, question, OJINAGA.__getitem__).rows
        assert (row.start, row.end - row.start, row.values) == (midnight, 3_600 * hours, (hours,))


def test_what_the_catalogue_does_not_know_is_refused_in_a_sentence(either: LocalStore) -> None:
    for measurement, field in (("wifi", "clients"), ("wifi_ap", "mac"), ("wifi_ap", "clients:median")):
        with pytest.raises(CatalogError, match="one of"):
            wanted(measurement, field)
    with pytest.raises(CatalogError, match="counter: ask for growth"):
        wanted("wifi_ap", "rx_octets:mean")
    with pytest.raises(CatalogError, match="gauge: ask for mean"):
        wanted("wifi_ap", "clients:growth")
    with pytest.raises(CatalogError, match="no tag 'mac'"):
        ask(either, Question("wifi_ap", clients(), Window(0, 60), 60, ("mac",)))
    with pytest.raises(CatalogError, match="5m, hour, day, month"):
        bucket_of("fortnight")
    assert (bucket_of("60s"), bucket_of("day")) == (60, Span.DAY)


def test_an_answer_that_nobody_could_read_is_refused(either: LocalStore) -> None:
    either.write("poller", [ap(60)])
    with pytest.raises(QuestionTooLarge, match="larger buckets"):
        ask(either, Question("wifi_ap", clients(), Window(0, 10**6), 1, ("ap",)))


ROWS = (
    Row(("08019",), 0, 3_600, (1.5, None), 60, 60),
    Row(("08019",), 3_600, 7_200, (None, None), 0, None),
)
ANSWER = Answer(
    Question(
        "wifi_ap",
        (*clients(), Wanted("cpu_pct", Statistic.MOST)),
        Window(0, 7_200),
        Span.HOUR,
        ("mun",),
    ),
    ROWS,
)


def test_csv_and_json_say_unknown_and_never_zero() -> None:
    text = io.StringIO()
    tables.write_csv(ANSWER, text)
    found = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert found[0]["clients_mean"] == "1.5"
    assert found[1] == {
        "mun": "08019", "start": "1970-01-01T01:00:00Z", "end": "1970-01-01T02:00:00Z", "clients_mean": "",
        "cpu_pct_max": "", "got": "0", "expected": "", "completeness": "",
    }  # fmt: skip
    text = io.StringIO()
    tables.write_json(ANSWER, text)
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    assert [line["clients_mean"] for line in lines] == [1.5, None]
    assert [line["completeness"] for line in lines] == [1.0, None]


def test_parquet_has_typed_columns_and_nulls(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for answer in (ANSWER, Answer(ANSWER.question, ())):
        tables.write_parquet(answer, tmp_path / "answer.parquet")
        found = parquet.read_table(tmp_path / "answer.parquet")
        assert [str(kind) for kind in found.schema.types[:4]] == [
            "string", "timestamp[ms, tz=UTC]", "timestamp[ms, tz=UTC]", "double",
        ]  # fmt: skip
    tables.write_parquet(ANSWER, tmp_path / "answer.parquet")
    found = parquet.read_table(tmp_path / "answer.parquet")
    assert found.column("clients_mean").to_pylist() == [1.5, None]
    assert found.column("expected").to_pylist() == [60, None]


@pytest.mark.parametrize(("suffix", "begin"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_drawn_also_of_nothing(tmp_path: Path, suffix: str, begin: bytes) -> None:
    for answer in (ANSWER, Answer(ANSWER.question, ())):
        assert plots.draw(answer, tmp_path / f"picture{suffix}") == 0
        assert (tmp_path / f"picture{suffix}").read_bytes().startswith(begin)


def test_a_picture_says_how_many_series_it_left_out(tmp_path: Path) -> None:
    rows = tuple(Row((f"{number:05d}",), 0, 3_600, (1.0, 2.0), 60, 60) for number in range(20))
    assert plots.draw(Answer(ANSWER.question, rows), tmp_path / "many.svg") == 8
    with pytest.raises(ValueError, match=r"\*\.png or \*\.svg"):
        plots.draw(ANSWER, tmp_path / "picture.gif")


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=200), st.integers(1, 60))
def test_a_sparkline_has_a_mark_for_each_part_and_a_dot_for_what_is_unknown(
    values: list[float | None], width: int
) -> None:
    drawn = tables.sparkline(values, width)
    assert len(drawn) == min(width, len(values))
    if len(values) <= width:
        assert [mark == "·" for mark in drawn] == [value is None for value in values]


def test_a_sparkline_rises_from_the_least_to_the_most() -> None:
    assert tables.sparkline([0, None, 7, 3.5], 10) == "▁·█▅"
    assert tables.sparkline([5, 5], 10) == "▁▁"
