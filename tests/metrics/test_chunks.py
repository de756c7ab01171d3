"""A chunk gives back what was put in, to the last bit, or says that it cannot."""

import struct
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.local import chunk_making
from metrics.local.chunks import Columns, Value, check, decode

LIMIT = 2**63 - 1
INTEGERS = st.integers(-LIMIT, LIMIT) | st.integers(-3, 3)
FLOATS = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(10**6), 10**6).map(lambda number: number / 1000)
    | st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 2.0**53])
)


def column(
    rows: int, values: st.SearchStrategy[int] | st.SearchStrategy[float]
) -> st.SearchStrategy[list[Value]]:
    return st.lists(st.none() | values, min_size=rows, max_size=rows) | st.lists(
        values, min_size=rows, max_size=rows
    )


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    steps = st.integers(1, 3) | st.sampled_from([60, 86_400]) | st.integers(1, 2**31)
    times = list(
        accumulate(draw(st.lists(steps, min_size=1, max_size=30)), initial=draw(st.integers(0, 2**40)))
    )
    kinds = draw(st.lists(st.sampled_from([INTEGERS, FLOATS]), max_size=4))
    return Columns(times, {f"field_{at}": draw(column(len(times), kind)) for at, kind in enumerate(kinds)})


def bits(values: list[Value]) -> list[bytes | int | None]:
    return [struct.pack("d", value) if isinstance(value, float) else value for value in values]


def encode(given_columns: Columns) -> bytes:
    return chunk_making.encode(chunk_making.arrays(given_columns))


@given(columns())
def test_what_comes_out_is_what_went_in_to_the_last_bit(given_columns: Columns) -> None:
    found = decode(encode(given_columns))
    assert found.times == given_columns.times
    known = {
        name: values for name, values in given_columns.fields.items() if values.count(None) < len(values)
    }
    assert found.fields.keys() == known.keys()
    for name, values in known.items():
        assert bits(found.fields[name]) == bits(values)


@given(columns(), st.data())
def test_a_chunk_of_which_any_bit_is_wrong_or_the_end_is_missing_is_refused(
    given_columns: Columns, data: st.DataObject
) -> None:
    whole = bytearray(encode(given_columns))
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = bytes(whole[:at])
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    for damaged in (bytes(whole), cut):
        with pytest.raises(ValueError, match="chunk"):
            check(damaged)
        with pytest.raises(ValueError, match="chunk"):
            decode(damaged)


def test_only_the_wanted_fields_are_unpacked() -> None:
    whole = Columns([60, 120], {"up": [1, 0], "clients": [None, 7], "cpu_pct": [1.5, 2.5]})
    assert decode(encode(whole), ("clients",)) == Columns([60, 120], {"clients": [None, 7]})
    assert decode(encode(whole), ()) == Columns([60, 120], {})


def test_a_day_in_which_little_happens_costs_next_to_nothing() -> None:
    times = list(range(0, 86_400, 60))
    still: dict[str, list[Value]] = {
        "up": [1 for _ in times],
        "uptime_s": [time + 1000 for time in times],
        "temperature_c": [41.5 for _ in times],
    }
    assert len(encode(Columns(times, still))) < 200


def test_decimals_are_kept_as_whole_numbers() -> None:
    times = list(range(1440))
    tenths: list[Value] = [number * number % 101 / 10 for number in times]
    sevenths: list[Value] = [number * number % 101 / 7 for number in times]
    assert len(encode(Columns(times, {"a": tenths}))) * 3 < len(encode(Columns(times, {"a": sevenths})))
