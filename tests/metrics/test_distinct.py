"""Sketches of distinct names: small sets exactly, large ones within bounds, whatever comes how often."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.distinct import LG_K, BadSketch, Estimate, Sketch

NAMES = st.lists(st.text(alphabet="0123456789abcdef", min_size=1, max_size=16), max_size=300)
EXACT = pytest.approx


def sketch_of(names: list[str]) -> Sketch:
    made = Sketch()
    for name in names:
        made.add(name)
    return made


@given(NAMES)
@settings(max_examples=60, deadline=None)
def test_a_small_set_is_counted_exactly_and_its_bounds_say_so(names: list[str]) -> None:
    found = sketch_of(names).estimate()
    assert (found.names, found.low, found.high) == EXACT((len(set(names)),) * 3, abs=0.05)


@given(NAMES.flatmap(lambda names: st.tuples(st.just(names), st.permutations(names + names))))
@settings(max_examples=40, deadline=None)
def test_neither_order_nor_repetition_matters(drawn: tuple[list[str], list[str]]) -> None:
    once, again = drawn
    assert sketch_of(again).estimate().names == EXACT(sketch_of(once).estimate().names, abs=0.05)


@given(NAMES.flatmap(lambda names: st.tuples(st.just(names), st.permutations(names))))
@settings(max_examples=60, deadline=None)
def test_what_is_written_does_not_tell_in_which_order_names_came(drawn: tuple[list[str], list[str]]) -> None:
    one, other = drawn
    assert sketch_of(one).octets == sketch_of(other).octets
    assert Sketch.read(sketch_of(one).octets).octets == sketch_of(one).octets


@given(NAMES, NAMES)
@settings(max_examples=40, deadline=None)
def test_what_was_written_is_read_and_goes_on_as_if_nothing_had_been(
    before: list[str], after: list[str]
) -> None:
    resumed = Sketch.read(sketch_of(before).octets)
    for name in after:
        resumed.add(name)
    assert resumed.estimate().names == EXACT(len({*before, *after}), rel=0.05, abs=0.05)


@given(NAMES)
@settings(max_examples=40, deadline=None)
def test_it_says_whether_a_name_was_new(names: list[str]) -> None:
    made, seen = Sketch(), set[str]()
    for name in names:
        assert made.add(name) == (name not in seen)
        seen.add(name)
    assert not any(map(Sketch.read(made.octets).add, names))


@pytest.mark.parametrize("many", [1_000, 20_000])
def test_a_large_set_is_within_five_deviations_and_takes_two_kilobytes(many: int) -> None:
    made = sketch_of([f"{number:016x}" for number in range(many)])
    found = made.estimate()
    assert found.names == EXACT(many, rel=5 * 1.04 / 2 ** (LG_K / 2))
    assert found.low < found.names < found.high
    assert len(made.octets) < 2_300


def test_of_two_sets_without_a_common_name_everything_adds_up() -> None:
    assert Estimate(3, 2, 5) + Estimate(4, 4, 4) == Estimate(7, 6, 9)
    assert sum([Estimate(1, 1, 1)], Estimate()) == Estimate(1, 1, 1)


def test_no_octets_are_an_empty_sketch() -> None:
    assert Sketch.read(b"").estimate() == Estimate(0, 0, 0)


@given(st.binary(min_size=1, max_size=80), st.integers(1, 500), st.integers(0, 2_200))
@settings(max_examples=100, deadline=None)
def test_damaged_octets_are_refused_or_read_and_never_end_the_process(
    noise: bytes, many: int, at: int
) -> None:
    sound = sketch_of([str(number) for number in range(many)]).octets
    for octets in (noise, sound[: at % len(sound)] + noise):
        with suppress(BadSketch):
            Sketch.read(octets).estimate()
    with pytest.raises(BadSketch):
        Sketch.read(sound[:-1])


def test_a_sketch_of_another_size_is_refused() -> None:
    import datasketches  # noqa: PLC0415  to make what ours never makes

    other = datasketches.hll_sketch(LG_K + 1)
    other.update("a")
    with pytest.raises(BadSketch, match="2\\^13 registers"):
        Sketch.read(bytes(other.serialize_compact()))
