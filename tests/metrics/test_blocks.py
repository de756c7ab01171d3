"""Blocks of rows: what is packed comes back; what a day holds is what was written, whatever came twice."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.catalog import MEASUREMENTS, Kind
from metrics.errors import StoreBroken
from metrics.line_protocol import encode
from metrics.local import blocks, raw_days
from metrics.local.blocks import STRIPE, Block
from metrics.local.journal import ends, following, following_lines
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics.samples import ap, slot
from tests.metrics.shelves import either, servers, where

__all__ = ("either", "servers", "where")

FIELDS = MEASUREMENTS["wifi_ap"].fields
ALL = Window(0, 2**32)
DAY_S = 86_400
LARGEST = 2**63 - 1

whole = st.integers(-LARGEST, LARGEST) | st.integers(-300, 300) | st.booleans()
real = st.floats(allow_nan=False, allow_infinity=False, width=64) | st.integers(-(2**53), 2**53)
members = st.integers(1, 2**STRIPE - 1)


def value_of(field: str) -> st.SearchStrategy[Any]:
    return whole if FIELDS[field].kind is Kind.INTEGER else real


@st.composite
def packed(draw: st.DrawFn) -> tuple[Block, tuple[str, ...], list[tuple[Any, ...]]]:
    fields = tuple(field for field in FIELDS if draw(st.booleans())) or ("up",)
    bits = draw(members)
    rows = [tuple(draw(value_of(field)) for field in fields) for _ in range(min(bits.bit_count(), 5))]
    rows *= -(-bits.bit_count() // len(rows))
    rows = rows[: bits.bit_count()]
    bounds = [(min(column), max(column)) for column in zip(*rows, strict=True)]
    data = blocks.pack(fields, blocks.codes_of("wifi_ap", fields, bounds), rows)
    return Block(3, 60, 1, bits, data), fields, rows


@given(packed())
def test_what_is_packed_comes_back_to_the_last_bit(made: tuple[Block, tuple[str, ...], list[Any]]) -> None:
    block, fields, rows = made
    shape, found = blocks.rows(block)
    assert shape.fields == fields
    assert list(found) == rows
    assert blocks.unsigned(blocks.signed(block.members)) == block.members
    assert -(2**63) <= blocks.signed(block.members) < 2**63


@given(packed(), st.integers(0, 2**STRIPE - 1))
def test_some_rows_are_those_of_their_members(
    made: tuple[Block, tuple[str, ...], list[Any]], wanted: int
) -> None:
    block, _, rows = made
    by_place = dict(zip(blocks.places(block.members), rows, strict=True))
    bits = block.members & wanted
    assert blocks.some(block, bits)[1] == [by_place[place] for place in blocks.places(bits)]
    assert blocks.numbers(block.stripe, bits) == tuple(3 * STRIPE + place for place in blocks.places(bits))


@given(packed(), st.data())
def test_a_bit_that_tipped_over_is_noticed(
    made: tuple[Block, tuple[str, ...], list[Any]], data: st.DataObject
) -> None:
    octets = bytearray(made[0].data)
    at = data.draw(st.integers(0, len(octets) * 8 - 1))
    octets[at // 8] ^= 1 << at % 8
    with pytest.raises(ValueError, match="a block"):
        blocks.rows(made[0]._replace(data=bytes(octets)))


@given(packed(), st.data())
def test_a_block_that_is_cut_off_or_says_other_members_is_noticed(
    made: tuple[Block, tuple[str, ...], list[Any]], data: st.DataObject
) -> None:
    block = made[0]
    with pytest.raises(ValueError, match="a block"):
        blocks.rows(block._replace(data=block.data[: data.draw(st.integers(0, len(block.data) - 1))]))
    more = data.draw(members.filter(lambda bits: bits.bit_count() != block.members.bit_count()))
    with pytest.raises(ValueError, match="other rows than members"):
        blocks.rows(block._replace(members=more))


@given(st.binary(max_size=200))
def test_octets_of_others_are_refused_in_our_words(data: bytes) -> None:
    with pytest.raises(ValueError, match="a block"):
        blocks.some(Block(0, 60, 1, 1, data), 1)


def test_a_fraction_in_a_whole_field_is_cut_off_and_true_is_1(store: LocalStore) -> None:
    store.write("poller", [ap(60, "a", up=True, clients=7.9), ap(60, "b", up=1, clients=-0.5, cpu_pct=39)])
    a, b = store.read("wifi_ap", ALL)
    assert dict(a.fields) == {"up": 1, "clients": 7}
    assert dict(b.fields) == {"up": 1, "clients": 0, "cpu_pct": 39.0}
    assert [type(value) for value in b.fields.values()] == [int, int, float]


written = st.lists(
    st.tuples(
        st.integers(0, 150),  # the access point: over several stripes
        st.sampled_from((60, 120, 180, DAY_S, DAY_S + 60)),
        st.dictionaries(
            st.sampled_from(("up", "clients", "rx_octets", "cpu_pct", "poll_ms")),
            st.integers(0, 70_000),
            min_size=1,
        ),
    ),
    min_size=1,
    max_size=30,
)


def _sample(name: int, time: int, fields: dict[str, int]) -> Sample:
    tags = ap(time, f"ap-{name}").tags
    return Sample("wifi_ap", tags, fields, time)


def _model(batches: Sequence[Sequence[Sample]]) -> dict[tuple[str, int], Sample]:
    found: dict[tuple[str, int], Sample] = {}
    for sample in (sample for batch in batches for sample in batch):
        key = (sample.tags["ap"], sample.time)
        before = found.get(key)
        found[key] = sample if before is None else replace(sample, fields={**before.fields, **sample.fields})
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(written, min_size=1, max_size=6), seen=st.integers(0, 150))
def test_a_day_holds_what_was_written_whatever_came_twice(
    either: LocalStore, batches: list[list[tuple[int, int, dict[str, int]]]], seen: int
) -> None:
    for day in either.days():
        either.drop(day)
    several = [[_sample(*one) for one in batch] for batch in batches]
    for batch in several:
        either.write("poller", batch)
    model = _model(several)

    assert _by_key(either.read("wifi_ap", ALL)) == model
    window = Window(60, 180)
    inside = {key: one for key, one in model.items() if 60 <= one.time < 180}
    assert _by_key(either.read("wifi_ap", window)) == inside
    one = {"ap": f"ap-{seen}"}
    assert _by_key(either.read("wifi_ap", ALL, one)) == {
        key: sample for key, sample in model.items() if key[0] == one["ap"]
    }
    assert either.counts(ALL).get("wifi_ap", 0) == len(model)
    assert sum(either.tally(window).values()) == len(inside)
    newest = {name: max(time for of, time in model if of == name) for name, _ in model}
    assert {one.tags["ap"]: one.time for one in either.latest("wifi_ap", 0)} == newest
    assert _spooled(either) == model
    times = [one.time for one in either.read("wifi_ap", ALL)]
    assert times == sorted(times)


def _by_key(samples: Sequence[Sample]) -> dict[tuple[str, int], Sample]:
    found = {(one.tags["ap"], one.time): one for one in samples}
    assert len(found) == len(samples), "a point is there twice"
    return found


def _spooled(store: LocalStore) -> dict[tuple[str, int], Sample]:
    """What sinks get, batch by batch: each point once, with the batch that wrote it last."""
    found: list[Sample] = []
    for position, end in ends(store).items():
        for seq in range(end):
            batch = following(store, position, seq, 1)
            lines = following_lines(store, position, seq, 1)
            assert sorted(lines.lines) == sorted(filter(None, encode(batch.samples).decode().split("\n")))
            found.extend(batch.samples)
    return _by_key(found)


def test_a_block_that_is_damaged_is_one_clear_line_that_names_the_day_and_what_to_do(
    store: LocalStore,
) -> None:
    store.write("poller", slot(60, 20))
    day = store.day("1970-01-01")
    with day.writing():
        day.execute("UPDATE wifi_ap SET data = x'01020304'")
    with day.reading(), pytest.raises(StoreBroken) as told:
        list(store.samples(day, "wifi_ap", raw_days.blocks(day, "wifi_ap", ALL)))
    assert (
        str(told.value)
        == "raw-1970-01-01: a block that is cut off; plaza store repair saves what can be read"
    )


def test_a_day_with_a_damaged_block_is_set_aside_and_the_next_batch_is_kept(store: LocalStore) -> None:
    store.write("poller", slot(60, 20))
    day = store.day("1970-01-01")
    with day.writing():
        day.execute("UPDATE wifi_ap SET data = x'01020304'")
    assert store.read("wifi_ap", ALL) == []
    store.write("poller", [ap(120)])
    assert len(store.read("wifi_ap", ALL)) == 1
    assert len(list(Path(store.shelf.place).glob("raw-1970-01-01.db.broken-*"))) >= 1
