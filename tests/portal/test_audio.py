"""Recordings are short, light, and only what is listed is ever served."""

import re
from html import unescape
from pathlib import Path

import pytest

from captive_portal import audio, languages
from tests.portal.conftest import GUACHOCHI, World

CONSTANT_RATE = 24000  # bit/s
HEADER_24_KBIT = (0xFF, 0xF3, 0x30)  # ISO/IEC 13818-3: sync, MPEG-2 layer III, bitrate index 3


@pytest.mark.parametrize("language", languages.OURS)
@pytest.mark.parametrize("page", audio.PAGES)
def test_our_own_languages_are_recorded_short_and_light(language: str, page: str) -> None:
    file = audio.path(language, page)
    assert file is not None
    octets = file.read_bytes()
    assert (octets[0], octets[1], octets[2] & 0xF0) == HEADER_24_KBIT
    assert octets[3] >> 6 == 3  # one channel
    assert len(octets) <= 60_000
    assert 10 <= len(octets) * 8 / CONSTANT_RATE <= 20


@pytest.mark.parametrize("language", languages.OURS)
@pytest.mark.parametrize("page", audio.PAGES)
def test_what_is_spoken_is_what_the_page_says(language: str, page: str, world: World) -> None:
    """But for its first sentence, by which the voice introduces itself; a changed page wants another."""
    shown = f"/p/{GUACHOCHI}/help?" if page == "help" else f"/p/{GUACHOCHI}?a={world.token()}&"
    html = world.phone.get(f"{shown}lang={language}").text
    written = " ".join(unescape(re.sub(r"<[^>]*>", "\n", html)).split())
    _, *spoken = (audio.RECORDINGS / language / f"{page}.txt").read_text().splitlines()
    assert len(spoken) > 3
    assert [one for one in spoken if one not in written and one.removesuffix(".") not in written] == []


def test_no_computer_speaks_a_language_that_is_not_ours() -> None:
    assert {language for language, _ in audio.RECORDED} == set(languages.OURS)


@pytest.mark.parametrize("asked", ["../es", "es/../es", "", "tar", "/etc", "ES"])
def test_nothing_but_a_listed_recording_is_found(asked: str) -> None:
    assert audio.path(asked, "help") is None
    assert not audio.has(asked, "help")
    assert audio.path("es", f"{asked}help.mp3") is None


def test_a_file_of_a_page_that_has_no_recording_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "tar").mkdir()
    for name in ("welcome.mp3", "other.mp3", "help.wav"):
        (tmp_path / "tar" / name).touch()
    assert list(audio.found(tmp_path)) == [("tar", "welcome")]
