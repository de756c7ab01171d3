"""Codes that people copy from paper."""

from hypothesis import given
from hypothesis import strategies as st

from captive_portal import voucher_codes
from captive_portal.voucher_codes import ALPHABET, SYMBOLS, hashed, normalised, printed, pseudonym

codes = st.text(ALPHABET, min_size=SYMBOLS, max_size=SYMBOLS)
LOOKALIKES = {"0": "0Oo", "1": "1IiLl", "V": "VvUu"}


@given(codes)
def test_a_printed_code_is_read_back(code: str) -> None:
    assert normalised(printed(code)) == code


@given(codes, st.data())
def test_case_spaces_hyphens_and_lookalikes_do_not_matter(code: str, data: st.DataObject) -> None:
    typed = ""
    for symbol in code:
        typed += data.draw(st.sampled_from(LOOKALIKES.get(symbol, symbol + symbol.lower())))
        typed += data.draw(st.sampled_from(["", " ", "-", "–"]))
    assert normalised(typed) == code


@given(st.text(max_size=80))
def test_what_is_no_code_is_never_read_as_one(typed: str) -> None:
    read = normalised(typed)
    assert read == "" or (len(read) == SYMBOLS and set(read) <= set(ALPHABET))


def test_of_letters_that_look_alike_only_one_is_ever_printed() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("OILU") & set(ALPHABET)


def test_made_codes_are_codes_in_three_groups_and_differ() -> None:
    made = {voucher_codes.make() for _ in range(500)}
    assert len(made) == 500
    assert all(normalised(code) == code for code in made)
    assert [len(group) for group in printed(made.pop()).split("-")] == [4, 4, 3]


@given(codes)
def test_hashes_and_pseudonyms_are_of_their_key_and_code(code: str) -> None:
    other = ("1" if code[0] == "0" else "0") + code[1:]
    assert len({hashed(b"a", code), hashed(b"b", code), hashed(b"a", other)}) == 3
    assert len({pseudonym(b"a", code, "x"), pseudonym(b"a", other, "x"), pseudonym(b"a", code, "y")}) == 3
