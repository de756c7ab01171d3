"""docs/metrics.md is what the catalogue says."""

from pathlib import Path

from metrics.catalog import MEASUREMENTS, TAGS
from metrics.reference import ABOUT, reference

PAGE = Path(__file__).parents[2] / "docs/metrics.md"


def test_the_page_of_measurements_is_made_from_the_catalogue() -> None:
    assert PAGE.read_text() == reference(), "run: python -m metrics.reference > docs/metrics.md"


def test_every_measurement_says_for_whom_it_is_and_how_many_series_it_makes() -> None:
    assert MEASUREMENTS.keys() == ABOUT.keys()
    assert all(about.audience and about.written and about.reckoned for about in ABOUT.values())


def test_the_page_has_every_measurement_tag_and_field_with_its_unit_and_meaning() -> None:
    page = PAGE.read_text()
    assert [tag for tag in TAGS if f"| `{tag}` | {TAGS[tag]} |" not in page] == []
    for name, measurement in MEASUREMENTS.items():
        part = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for field, known in measurement.fields.items():
            [row] = [line for line in part.splitlines() if line.startswith(f"| `{field}` |")]
            assert f"| {known.kind} | `{known.unit}` |" in row
            assert row.endswith(f"| {known.meaning} |")
            assert ("counter" in row.split(" | ")) == known.counter


def test_the_network_of_3000_access_points_stays_below_a_million_series_on_victoriametrics() -> None:
    assert sum(ABOUT[name].series for name in MEASUREMENTS) < 50_000
    assert sum(ABOUT[name].series * len(m.fields) for name, m in MEASUREMENTS.items()) < 1_000_000
