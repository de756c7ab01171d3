"""What a poller without a store writes into a frame, and what the centre reads out of it."""

import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.catalog import MEASUREMENTS
from metrics.errors import CatalogError, FrameUnknown, FrameUnreadable
from metrics.sample import Sample
from metrics.segments_batch import LARGEST_OCTETS, decode, encode
from tests.metrics.samples import ap, slot

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(
    allow_nan=False, allow_infinity=False, width=64
).filter(lambda value: abs(value) < 2**63)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    measurement = MEASUREMENTS[draw(st.sampled_from(sorted(MEASUREMENTS)))]
    tags = {tag: draw(WORDS) for tag in measurement.tags}
    names = draw(st.lists(st.sampled_from(sorted(measurement.fields)), min_size=1, max_size=5, unique=True))
    fields = {name: draw(NUMBERS) for name in names}
    return Sample(measurement.name, tags, fields, draw(st.integers(0, 2**33)))


def exact(sample: Sample) -> tuple[object, ...]:
    """Types count too: 1 and 1.0 are equal."""
    fields = sorted((name, repr(value)) for name, value in sample.fields.items())
    return sample.measurement, sorted(sample.tags.items()), fields, sample.time


@settings(max_examples=80, deadline=None)
@given(st.lists(samples(), max_size=12))
def test_every_sample_comes_back_as_it_was_to_the_last_bit(given_samples: list[Sample]) -> None:
    batch = decode(encode(given_samples, {"epoch": 3}))
    assert sorted(map(exact, batch.samples)) == sorted(map(exact, given_samples))
    assert (batch.refused, batch.more) == ((), {"epoch": 3})


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 255))
def test_garbage_is_unreadable_and_nothing_worse(octets: bytes, at: int, octet: int) -> None:
    good = bytearray(encode(slot(60, 4), {}))
    good[at % len(good)] = octet
    for payload in (octets, b"\x01" + octets, b"\x01" + zlib.compress(octets), bytes(good)):
        with suppress(FrameUnknown, FrameUnreadable):
            decode(payload)


def said(payload: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(zlib.decompress(payload[1:]))
    return found


def framed(text: str) -> bytes:
    return b"\x01" + zlib.compress(text.encode())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda group: group[5][0].__setitem__(1, None), "a field is no number"),
        (lambda group: group[5][0].__setitem__(1, "7"), "a field is no number"),
        (lambda group: group[5][0].__setitem__(1, True), "a field is no number"),
        (lambda group: group[5][0].__setitem__(1, 2**63), "not numbers of 64 bits"),
        (lambda group: group[5][0].__setitem__(1, float("nan")), "not numbers of 64 bits"),
        (lambda group: group[3].__setitem__(1, "60"), "its time is no slot"),
        (lambda group: group[3].__setitem__(1, -60), "its time is no slot"),
    ],
)
def test_one_bad_sample_costs_no_other(change: object, why: str) -> None:
    found = said(encode([ap(60, f"ap-{number}") for number in range(3)], {}))
    change(found["groups"][0])  # type: ignore[operator,index]
    batch = decode(framed(json.dumps(found)))
    assert [sample.tags["ap"] for sample in batch.samples] == ["ap-0", "ap-2"]
    assert len(batch.refused) == 1
    assert why in batch.refused[0]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "7",
        '{"words":[],"groups":[["wifi_ap"]],"more":{}}',
        '{"words":[],"groups":[["wifi_ap",[],["up"],[60],[],[[1],[2]]]],"more":{}}',
        '{"words":["x"],"groups":[["wifi_ap",["ap"],["up"],[60],[[9]],[[1]]]],"more":{}}',
        '{"words":[],"groups":[],"more":[]}',
        '{"words":[],"groups":[["wifi_ap",[],["up"],[60,61],[],[[1]]]],"more":{}}',
        "[" * 100_000,
    ],
)
def test_what_no_poller_writes_is_unreadable(text: str) -> None:
    with pytest.raises(FrameUnreadable):
        decode(framed(text))


def test_a_frame_of_another_version_says_which_one_is_known() -> None:
    payload = encode([ap(60)], {})
    with pytest.raises(FrameUnknown, match="a frame of version 2, this Plaza knows version 1"):
        decode(b"\x02" + payload[1:])


def test_a_frame_that_unpacks_without_end_is_refused_before_it_does() -> None:
    bomb = b"\x01" + zlib.compress(b'"' + b"0" * (LARGEST_OCTETS * 20) + b'"', 9)
    assert len(bomb) < 60_000
    with pytest.raises(FrameUnreadable, match="unpacks to more than"):
        decode(bomb)
    with pytest.raises(FrameUnreadable):
        encode([ap(60, f"{number:0200}") for number in range(LARGEST_OCTETS // 200)], {})


def test_a_sample_without_its_tags_is_a_bug_that_is_named() -> None:
    with pytest.raises(CatalogError, match="wifi_ap: no tag 'vendor'"):
        encode([Sample("wifi_ap", {"ap": "x", "mun": "08019", "site": "y"}, {"up": 1}, 60)], {})
