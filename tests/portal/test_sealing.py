"""What the portal seals for itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.sealing import Unsealed, seal, unseal

KEY = b"k" * 32
FIELDS = st.dictionaries(st.text(max_size=12), st.text(max_size=40) | st.integers(), max_size=6)


@given(FIELDS)
def test_what_was_sealed_comes_back(fields: dict[str, object]) -> None:
    assert unseal(KEY, "arrival", seal(KEY, "arrival", fields)) == fields


@given(st.integers(min_value=0), st.sampled_from("Az09-_"))
def test_no_character_of_a_sealed_text_can_be_changed(place: int, other: str) -> None:
    text = seal(KEY, "arrival", {"mac": "02:ca:fe:00:00:01"})
    at = place % (len(text) - 1)  # the last may hold unused bits
    changed = text[:at] + other + text[at + 1 :]
    if changed != text:
        with pytest.raises(Unsealed):
            unseal(KEY, "arrival", changed)


@given(st.text(max_size=200))
def test_whatever_else_comes_is_not_believed(text: str) -> None:
    with pytest.raises(Unsealed):
        unseal(KEY, "arrival", text)


@pytest.mark.parametrize(("key", "purpose"), [(b"j" * 32, "arrival"), (KEY, "session")])
def test_nothing_sealed_for_one_site_or_purpose_serves_another(key: bytes, purpose: str) -> None:
    with pytest.raises(Unsealed):
        unseal(key, purpose, seal(KEY, "arrival", {}))


def test_two_seals_of_the_same_fields_differ_and_neither_shows_them() -> None:
    one, two = (seal(KEY, "arrival", {"mac": "02:ca:fe:00:00:01"}) for _ in range(2))
    assert one != two
    assert "ca:fe" not in one
