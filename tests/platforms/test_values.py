"""From an agent's spelling to a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.values import Meant, meant, number_of, reduced, scaled, text_of
from drivers.words import Reduction
from tests.platforms.small import reading

RAW = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40), st.lists(st.integers(0, 2**32 - 1)).map(tuple)
)


@pytest.mark.parametrize(
    ("words", "raw", "value"),
    [
        ("", 7, 7),
        ("absent: 0", 0, None),
        ("absent: [0, n/a]", b"n/a", None),
        ("absent: 0", b"0", None),
        ("absent: -1", 0, 0),
        ('match: "^([0-9]+) dBm"', b"17 dBm", "17"),
        ('match: "[0-9]+"', b"ch 11", "11"),
        ('match: "(a)|(b)"', b"b", "b"),
        ('match: "^x"', b"17", None),
        ("map: {1: 1, 2: 0}", 2, 0),
        ("map: {1: 1, 2: 0}", b"2", 0),
        ("map: {1: 1}", 3, None),
        ('map: {1: 1, "*": 0}', 3, 0),
        ("map: {Run: 1}", b"Run\0", 1),
        ("map: {1.3.6.1: 4}", (1, 3, 6, 1), 4),
        ("base: 16", b"ff", 255),
        ("base: 16", b"none", "none"),
        ("modulo: 256", 16545, 161),
        ("signed: 32", 4294967201, -95),
        ("signed: 16", 65535, -1),
        ("signed: 8", 127, 127),
        ('match: "^([0-9a-f]+)", base: 16, signed: 8', b"a1 hex", -95),
        ("signed: 8", b"text", None),
    ],
)
def test_a_word_reads_a_value(words: str, raw: Meant, value: Meant | None) -> None:
    assert meant(reading(f"{{scalar: T.0{', ' if words else ''}{words}}}"), raw) == value


@pytest.mark.parametrize(
    ("raw", "number"),
    [(5, 5), (b"5", 5), (b" -5 ", -5), (b"2.50", 2.5), (b"5\0", 5), (b"5 dBm", None), (b"", None),
     (b"1e9", None), ((1, 3), None), (None, None), (b"\xd9\xa3", None), (2**70, None), (float("nan"), None)],
)  # fmt: skip
def test_only_what_is_a_number_through_and_through_is_one(raw: Meant | None, number: float | None) -> None:
    assert number_of(raw) == number


@pytest.mark.parametrize(
    ("how", "value"), [("sum", 9), ("mean", 3), ("max", 5), ("min", 1), ("first", b"3"), ("count", 4)]
)
def test_several_values_become_one(how: str, value: Meant) -> None:
    assert reduced(Reduction(how), [b"3", 1, b"n/a", 5]) == value


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min", "first"])
def test_no_value_becomes_no_value_and_never_a_zero(how: str) -> None:
    assert reduced(Reduction(how), []) is None


def test_a_counter_of_64_bits_stays_whole_when_it_is_scaled() -> None:
    assert scaled(reading("{scalar: T.0, scale: 8}"), 2**60 + 1) == 8 * (2**60 + 1)


def test_the_offset_comes_after_the_scale() -> None:
    assert scaled(reading("{scalar: T.0, scale: -1, offset: 100}"), 30) == 70


@given(
    RAW, st.sampled_from(["base: 16", "modulo: 7", "signed: 32", 'match: ".*"', "map: {0: 1}", "absent: 0"])
)
def test_nothing_that_an_agent_may_send_breaks_a_word(raw: Meant, words: str) -> None:
    one = reading(f"{{scalar: T.0, {words}, scale: 0.1, offset: -3}}")
    number = number_of(meant(one, raw))

    assert number is None or isinstance(scaled(one, number), int | float)


@given(RAW)
def test_every_value_has_a_text(raw: Meant) -> None:
    assert isinstance(text_of(raw), str)
