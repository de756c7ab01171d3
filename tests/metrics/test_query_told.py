"""Answers as tables and pictures: unknown is never zero, and nothing has to be believed."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from metrics import plots, tables
from metrics.local.levels import Span
from metrics.plots_words import Picture
from metrics.question import Answer, Question, Row, Statistic, Wanted, wanted
from metrics.sink import Window

ROWS = (
    Row(("08019",), 0, 3_600, (1.5, 7.25, 90, 60, 60), 60, 60),
    Row(("08019",), 3_600, 7_200, (None, None, None, 0, 0), 0, None, over=False),
)
QUESTION = Question(
    "wifi_ap",
    (Wanted("clients", Statistic.MEAN), Wanted("cpu_pct", Statistic.MOST)),
    Window(0, 7_200),
    Span.HOUR,
    ("mun",),
)
ANSWER = Answer(QUESTION, ROWS)
NOTHING = Answer(QUESTION, ())


def test_csv_and_json_say_unknown_and_never_zero_with_what_each_number_rests_on() -> None:
    text = io.StringIO()
    tables.write_csv(ANSWER, text)
    assert text.getvalue().splitlines() == [
        "mun,start,end,clients_mean,cpu_pct_max,clients_sum,clients_count,cpu_pct_count,got,expected,"
        "completeness,over",
        "08019,1970-01-01T00:00:00Z,1970-01-01T01:00:00Z,1.5,7.25,90,60,60,60,60,1.0,true",
        "08019,1970-01-01T01:00:00Z,1970-01-01T02:00:00Z,,,,0,0,0,,,false",
    ]
    text = io.StringIO()
    tables.write_json(ANSWER, text)
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    assert [line["clients_mean"] for line in lines] == [1.5, None]
    assert [line["over"] for line in lines] == [True, False]
    assert '"clients_sum": 90,' in text.getvalue()


def test_a_table_without_rows_has_its_header() -> None:
    text = io.StringIO()
    tables.write_csv(NOTHING, text)
    assert list(csv.DictReader(io.StringIO(text.getvalue()))) == []
    assert text.getvalue().startswith("mun,start,")


def test_parquet_comes_back_as_it_was_with_typed_columns_and_nulls(tmp_path: Path) -> None:
    for answer in (ANSWER, NOTHING):
        tables.write_parquet(answer, tmp_path / "answer.parquet")
        found = parquet.read_table(tmp_path / "answer.parquet")
        assert [str(kind) for kind in found.schema.types] == [
            "string", "timestamp[ms, tz=UTC]", "timestamp[ms, tz=UTC]", "double", "double", "int64", "int64",
            "int64", "int64", "int64", "double", "bool",
        ]  # fmt: skip
        assert tuple(found.column_names) == tables.columns(answer)
        rows = [tuple(row.values()) for row in found.to_pylist()]
        assert [(row[0], *row[3:]) for row in rows] == [
            (*row.tags, *row.values, row.got, row.expected, row.completeness, row.over) for row in answer.rows
        ]
    assert found.schema.metadata[b"measurement"] == b"wifi_ap"


def test_a_sum_beyond_64_bits_is_written_as_a_fraction(tmp_path: Path) -> None:
    row = Row(("08019",), 0, 3_600, (2.0**63, 1.0, 2**64, 2, 2), 2, 2)
    tables.write_parquet(Answer(QUESTION, (row,)), tmp_path / "answer.parquet")
    assert parquet.read_table(tmp_path / "answer.parquet").column("clients_sum").to_pylist() == [2.0**64]


def test_a_png_is_drawn_also_of_nothing(tmp_path: Path) -> None:
    for answer in (ANSWER, NOTHING):
        assert plots.draw(answer, tmp_path / "picture.png") == 0
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_an_svg_has_a_title_and_says_in_words_what_it_shows(tmp_path: Path) -> None:
    words = {}
    for language in ("es", "en"):
        plots.draw(ANSWER, tmp_path / "picture.svg", Picture(language, "America/Chihuahua"))
        root = ET.parse(tmp_path / "picture.svg").getroot()
        named = {one.get("id"): one.text or "" for one in root[:2]}
        assert root.get("role") == "img"
        assert root.get("aria-labelledby") == " ".join(str(name) for name in named)
        assert "wifi_ap" in named["plaza-title"]
        assert "America/Chihuahua" in named["plaza-title"]
        words[language] = named["plaza-desc"], "".join(root.itertext())
    assert words["es"][0].startswith(
        "clients, media: 1 series, 1 de 2 valores conocidos, de 1.5 a 1.5 client."
    )
    assert words["en"][0].startswith("clients, mean: 1 series, 1 of 2 values known, from 1.5 to 1.5 client.")
    assert "aún en curso" in words["es"][1]
    assert "muestras" in words["es"][1]
    assert "still running" in words["en"][1]


def test_a_picture_says_how_many_series_it_left_out(tmp_path: Path) -> None:
    rows = tuple(Row((f"{number:05d}",), 0, 3_600, (1.0, 2.0, 60, 60, 60), 60, 60) for number in range(20))
    assert plots.draw(Answer(QUESTION, rows), tmp_path / "many.svg") == 8
    assert "12 de 20 series, las de mayor promedio" in (tmp_path / "many.svg").read_text()
    with pytest.raises(ValueError, match=r"\*\.png or \*\.svg"):
        plots.draw(ANSWER, tmp_path / "picture.gif")


def test_a_picture_of_many_shows_the_largest(tmp_path: Path) -> None:
    """Not the first by name, and not what has most values either."""
    rows = [
        Row(
            (f"{n:05d}",),
            at,
            at + 3_600,
            (float(n), 2.0, 60, 60, 60) if at or n < 20 else (None,) * 5,
            60,
            60,
        )
        for n in range(30)
        for at in (0, 3_600)
    ]
    plots.draw(Answer(QUESTION, tuple(rows)), tmp_path / "many.svg")
    words = set("".join(ET.parse(tmp_path / "many.svg").getroot().itertext()).split())
    assert {word for word in words if word.startswith("000")} == {f"{n:05d}" for n in range(18, 30)}


def test_a_value_between_two_gaps_has_a_mark_of_its_own_that_no_line_could_show() -> None:
    gap = float("nan")
    values = [*[1.0] * 50, gap, 7.0, gap, *[1.0] * 50]
    assert 51 in plots.marked(values, 0)
    assert len(plots.marked(values, 0)) < 25
    assert plots.marked([1.0, gap, 2.0], 0) == [0, 1, 2]


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=200), st.integers(1, 60))
def test_a_sparkline_has_a_mark_for_each_part_and_a_dot_for_what_is_unknown(
    values: list[float | None], width: int
) -> None:
    drawn = tables.sparkline(values, width)
    assert len(drawn) == min(width, len(values))
    if len(values) <= width:
        assert [mark == "·" for mark in drawn] == [value is None for value in values]


def test_a_sparkline_rises_from_0_to_the_most_and_only_0_has_the_lowest_mark() -> None:
    assert tables.sparkline([0, None, 7, 3.5], 10) == "▁·█▅"
    assert tables.sparkline([5, 5], 10) == "██"
    assert tables.sparkline([0, 0], 10) == "▁▁"
    assert tables.sparkline([0, 0.001, 7], 10) == "▁▂█"
    assert tables.sparkline([-70, -63], 10) == "▁█"
    assert tables.sparkline([-93, None], 10) == "▄·"
    assert tables.sparkline([0, 50, 100], 10, 100) == "▁▅█"


def test_a_share_is_drawn_on_its_whole_scale() -> None:
    up, load = wanted("wifi_ap", "up"), wanted("wifi_ap", "cpu_pct:max")
    assert [tables.whole_of("wifi_ap", one) for one in (up, load)] == [1, 100]
    assert tables.whole_of("wifi_ap", wanted("wifi_ap", "clients")) == 0
    assert tables.whole_of("wifi_ap", wanted("wifi_ap", "cpu_pct:count")) == 0
    assert tables.sparkline([0.5, 0.5], 10, tables.whole_of("wifi_ap", up)) == "▅▅"
