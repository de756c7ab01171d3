"""A page with places for what is one phone's, compressed before anybody asks."""

import gzip
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captive_portal import press
from captive_portal.press import Pressed, place

NAMES = ("token", "taken", "hidden")
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=400)
PRIVATE = st.fixed_dictionaries(dict.fromkeys(NAMES, WORDS))
PAGES = st.lists(st.sampled_from(["<a href='?v=", "'>Ayuda</a>", "ñandú é", *map(place, NAMES)]), max_size=20)
ONE = f"<p>{place('token')}</p><p>{place('taken')}</p><p>{place('token')}</p>"


def filled(html: str, private: Mapping[str, str]) -> bytes:
    for name, text in private.items():
        html = html.replace(place(name), text.replace("zQ7place", ""))
    return html.encode()


@settings(max_examples=150, deadline=None)
@given(PAGES, PRIVATE, PRIVATE)
def test_compressed_or_not_every_phone_gets_its_own_page(
    pieces: list[str], first: Mapping[str, str], second: Mapping[str, str]
) -> None:
    html = "|".join(pieces)
    page = Pressed(html)
    for private in (first, second, first):
        assert page.text(private) == filled(html, private)
        assert gzip.decompress(page.gzip(private)) == filled(html, private)


@pytest.mark.parametrize("length", [0, 1, 2, 257, 258, 259, 260, 65_535, 65_536, 200_000])
def test_a_text_of_any_length_comes_again_whole(length: int) -> None:
    private = {"token": ("abcdefghijk" * length)[:length], "taken": "x" * length}
    assert gzip.decompress(Pressed(ONE).gzip(private)) == filled(ONE, private)


def test_a_text_that_comes_again_costs_next_to_nothing() -> None:
    private = {"token": "".join(map(chr, range(33, 127))) * 3, "taken": ""}
    page, more = Pressed(ONE), Pressed(ONE + f"<p>{place('token')}</p>" * 5)
    assert len(more.gzip(private)) < len(page.gzip(private)) + 20


def test_what_stands_in_for_a_text_is_never_taken_for_the_pages_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two stand-ins the first has letters of the page in it: their stream would be wrong for others."""
    usual, asked = press._noise, list[str]()

    def unlucky(seed: str, length: int) -> bytes:
        asked.append(seed)
        return b"</p><p>"[:length].ljust(length, b"-") if seed[0] == "0" else usual(seed, length)

    monkeypatch.setattr(press, "_noise", unlucky)
    private = {"token": "t" * 30, "taken": "u" * 9}
    assert gzip.decompress(Pressed(ONE).gzip(private)) == filled(ONE, private)
    assert asked == ["0 0", "0 1", "1 0", "1 1"]


@pytest.mark.parametrize("length", [1, 2, 30, 259, 260])
def test_what_proves_a_stream_differs_in_every_letter_from_what_made_it(length: int) -> None:
    for seed in range(300):
        noise = press._noise(str(seed), length)
        unlike = press._unlike(noise)
        assert len(unlike) == length
        assert not any(one == other for one, other in zip(noise, unlike, strict=True))
        assert min(unlike) >= 0x80


@pytest.mark.parametrize("length", range(1, 6))
def test_a_short_text_is_each_phones_own_whatever_its_letters(length: int) -> None:
    page = Pressed(ONE)
    for letter in map(chr, range(32, 127)):
        private = {"token": letter * length, "taken": "x"}
        assert gzip.decompress(page.gzip(private)) == filled(ONE, private)


def test_nothing_is_compressed_for_a_phone_whose_arrival_is_like_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gzip, "compress", lambda *_, **__: pytest.fail("compressed anew"))
    page = Pressed(ONE + "".join(f"<a href='?v={place('token')}&l={word}'>" for word in ("en", "es", "tar")))
    for length in range(32, 1000, 13):
        assert page.gzip({"token": "t" * length, "taken": ""})
