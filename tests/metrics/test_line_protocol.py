"""Our line protocol says what influxdb-client's Point says, in the catalogue's types."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from influxdb_client import Point

from metrics.catalog import MEASUREMENTS, Kind
from metrics.line_protocol import encode, halves
from metrics.sample import Sample
from tests.metrics.samples import ap, ssid

Parsed = tuple[str, dict[str, str], dict[str, int | float], int]

# Text that needs care; a backslash that touches an escape has its own test.
text = st.text(
    st.one_of(st.sampled_from(" ,=\\\"'%#\n\r\tñ/"), st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=32,
).filter(lambda value: not re.search(r"\\([,= \\\n\r\t]|\Z)", value))
integers = st.integers(-(2**63) + 1, 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    measurement = MEASUREMENTS[draw(st.sampled_from(sorted(MEASUREMENTS)))]
    names = draw(st.lists(st.sampled_from(sorted(measurement.fields)), min_size=1, unique=True))
    fields: dict[str, int | float] = {}
    for name in names:
        whole = measurement.fields[name].kind is Kind.INTEGER
        exact = integers if whole else st.one_of(floats, st.integers(-(2**50), 2**50))
        fields[name] = draw(st.one_of(exact, st.booleans(), st.integers(-100, 100).map(float)))
    tags = {tag: draw(text) for tag in measurement.tags}
    return Sample(measurement.name, tags, fields, draw(st.integers(0, 2**33)))


def point(sample: Sample) -> str:
    """The same in the library's words, with the catalogue's types."""
    found = Point(sample.measurement)
    for tag, value in sample.tags.items():
        found.tag(tag, value)
    for name, measured in sample.fields.items():
        whole = MEASUREMENTS[sample.measurement].fields[name].kind is Kind.INTEGER
        found.field(name, int(measured) if whole else float(measured))
    return str(found.time(sample.time, "s").to_line_protocol())


def split(line: str, mark: str) -> list[str]:
    return re.split(rf"(?<!\\){re.escape(mark)}", line)


def parsed(line: str) -> Parsed:
    head, fields, time = split(line, " ")
    name, *tags = split(head, ",")
    values = dict(split(field, "=") for field in split(fields, ","))
    numbers = {key: int(value[:-1]) if value.endswith("i") else float(value) for key, value in values.items()}
    return name, dict(split(tag, "=") for tag in tags), numbers, int(time)


@given(samples())
def test_a_line_means_the_same_as_the_librarys_point(sample: Sample) -> None:
    ours, theirs = parsed(encode([sample]).decode()), parsed(point(sample))
    assert ours == theirs
    assert {name: type(value) for name, value in ours[2].items()} == {
        name: type(value) for name, value in theirs[2].items()
    }


def test_types_come_from_the_catalogue_and_never_from_the_value() -> None:
    line = encode([ap(60, up=True, clients=7.0, cpu_pct=3, memory_pct=True)]).decode()
    assert line.split(" ")[1] == "up=1i,clients=7i,cpu_pct=3.0,memory_pct=1.0"


def test_tags_come_in_the_catalogues_order_whatever_the_samples() -> None:
    sample = ap(60, up=1)
    shuffled = Sample(
        sample.measurement, dict(reversed(list(sample.tags.items()))), sample.fields, sample.time
    )
    assert encode([sample]) == encode([shuffled])
    assert encode([sample]) == b"wifi_ap,ap=ap-1,mun=08019,site=08019-plaza,vendor=openwrt up=1i 60"


def test_fields_that_come_and_go_are_written_each_time_and_only_then() -> None:
    """The form of a series' last line is tried first: it must never leave out or invent a field."""
    slots: list[dict[str, int | float]] = [
        {"up": 1, "clients": 2},
        {"up": 0, "poll_ms": 2.5},
        {"up": 0},
        {"poll_ms": 1, "aps": 3, "up": 1},
    ]
    for fields in (*slots, *reversed(slots)):
        line = encode([replace(ap(60), fields=fields)]).decode()
        assert parsed(line)[2] == fields


@settings(max_examples=25)
@given(st.lists(samples(), max_size=20))
def test_many_lines_are_what_each_is_alone(several: list[Sample]) -> None:
    assert encode(several) == b"\n".join(encode([sample]) for sample in several)


def test_a_field_that_the_catalogue_does_not_know_is_never_left_out_silently() -> None:
    with pytest.raises(KeyError, match="citizen"):
        encode([ap(60, up=1, citizen=1)])


def test_a_backslash_that_would_touch_an_escape_is_written_so_that_every_server_reads_one_line() -> None:
    for name in ("end\\", "a\\,b", "a\\=b", "a\\ b", "a\\\\b", "a\\\nb"):
        line = encode([ssid(60, name)]).decode()
        tags = parsed(line)[1]
        assert "\\\\" not in tags["ssid"]
        assert "＼" in tags["ssid"]
    assert encode([ssid(60, "a\\b")]).decode().split("ssid=")[1].startswith("a\\b ")


def test_one_line_per_sample_and_halves_lose_none() -> None:
    lines = encode([ap(time, "a\nb") for time in range(60, 720, 60)])
    assert lines.count(b"\n") == 10
    first, second = halves(lines)
    assert b"\n".join([first, second]) == lines
    assert halves(lines.split(b"\n")[0]) == []
