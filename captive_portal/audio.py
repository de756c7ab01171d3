"""Recordings of pages, for who would rather listen: one MP3 per language and page."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

RECORDINGS: Final = Path(__file__).parent / "recordings"
PAGES: Final = ("help", "welcome")


def found(folder: Path) -> Mapping[tuple[str, str], Path]:
    """The recordings `<language>/<page>.mp3` of a folder, by language and page."""
    files = sorted(folder.glob("*/*.mp3"))
    return MappingProxyType({(one.parent.name, one.stem): one for one in files if one.stem in PAGES})


RECORDED: Final = found(RECORDINGS)


def has(language: str, page: str) -> bool:
    """Whether this page was recorded in this language."""
    return (language, page) in RECORDED


def path(language: str, page: str) -> Path | None:
    """The recording, looked up and never put together from what was asked for; None where there is none."""
    return RECORDED.get((language, page))
