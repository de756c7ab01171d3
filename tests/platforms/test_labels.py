"""Names that devices give, as tags."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.labels import index_tag, name_tag, printable, pseudonym

SPELLINGS = ["00:0C:42:AA:BB:CC", "00-0c-42-aa-bb-cc", "000c42aabbcc"]


@pytest.mark.parametrize("mac", SPELLINGS)
def test_a_mac_address_in_a_name_becomes_the_same_eight_digits_however_it_is_spelt(mac: str) -> None:
    assert name_tag(f"AP {mac}") == f"AP {pseudonym(SPELLINGS[0])}"
    assert "42" not in name_tag(mac) or len(name_tag(mac)) == 8


@pytest.mark.parametrize("name", ["Plaza de Armas", "abcdefabcdefa", "12:34", "deadbeef"])
def test_a_name_without_a_mac_address_stays(name: str) -> None:
    assert name_tag(name) == name


def test_what_would_break_a_line_is_replaced_and_the_rest_is_cut() -> None:
    assert name_tag(b"a\nb\xff") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert name_tag("x" * 200) == "x" * 64


@given(st.one_of(st.binary(), st.text()))
def test_every_name_is_a_tag_that_prints(name: bytes | str) -> None:
    tag = name_tag(name)

    assert tag == printable(tag)
    assert len(tag) <= 64
    assert not re.search(r"(?i)([0-9a-f]{2}[:-]){5}[0-9a-f]{2}", tag)


def test_an_index_stands_for_a_name_and_tells_no_address() -> None:
    assert re.fullmatch("[0-9a-f]{8}", index_tag((6, 0, 12, 66, 170, 187, 204)))
