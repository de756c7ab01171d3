"""The languages of citizens' pages: Spanish is the source, every other is a gettext catalogue."""

import gettext
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

SOURCE: Final = "es"
TRANSLATIONS: Final = Path(__file__).parent / "translations"

ENDONYMS: Final[Mapping[str, str]] = MappingProxyType({"es": "Español", "en": "English"})
"""Each language by its own name. A language without a complete, reviewed catalogue is not here."""


def catalogues(
    directory: Path = TRANSLATIONS, codes: Iterable[str] = tuple(ENDONYMS)
) -> Mapping[str, gettext.NullTranslations]:
    """The catalogue of every language we speak, by ISO 639 code.

    gettext itself and not flask-babel, whose Locale refuses codes that CLDR does not know: rarámuri has one.
    """
    spoken: dict[str, gettext.NullTranslations] = {SOURCE: gettext.NullTranslations()}
    for code in codes:
        if code != SOURCE:
            spoken[code] = gettext.translation("messages", directory, [code])
    return MappingProxyType(spoken)


def choose(offered: Sequence[str], asked: str) -> str:
    """The language asked for, or the first of those offered.

    A browser's own preference is not asked: second-hand phones from across the border speak English to people
    who do not.
    """
    spoken = [code for code in offered if code in ENDONYMS] or [SOURCE]
    return asked if asked in spoken else spoken[0]


def others(offered: Sequence[str], chosen: str) -> list[str]:
    """The languages to switch to, in the order the site offers them."""
    return [code for code in offered if code in ENDONYMS and code != chosen]
