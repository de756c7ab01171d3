"""The languages of citizens' pages: Spanish is the source, every other is a gettext catalogue."""

import gettext
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from captive_portal import signatures

SOURCE: Final = "es"
TRANSLATIONS: Final = Path(__file__).parent / "translations"
TEXTS: Final = signatures.texts(Path(__file__).parent / "templates")
CATALOGUES: Final = signatures.read(TRANSLATIONS, TEXTS)

OURS: Final[Mapping[str, str]] = MappingProxyType({SOURCE: "Español", "en": "English"})
"""What Plaza's authors answer for themselves; every other language waits for its speakers' signatures."""

ENDONYMS: Final[Mapping[str, str]] = MappingProxyType(
    dict(OURS)
    | {code: one.endonym for code, one in CATALOGUES.items() if code not in OURS and not one.unserved}
)
"""Each language that citizens may read, by its own name. Nothing that is not here is ever served."""


def catalogues(directory: Path = TRANSLATIONS) -> Mapping[str, gettext.NullTranslations]:
    """The catalogue of every language of a folder that may be served, by ISO 639 code.

    gettext itself and not flask-babel, whose Locale refuses codes that CLDR does not know: rarámuri has one.
    """
    read = CATALOGUES if directory == TRANSLATIONS else signatures.read(directory, TEXTS)
    served = {code: one.spoken for code, one in read.items() if code in OURS or not one.unserved}
    return MappingProxyType({SOURCE: gettext.NullTranslations(), **served})


def unserved(code: str) -> str:
    """Why no citizen is offered this language, in words for staff; "" when it is served."""
    if code in ENDONYMS:
        return ""
    return CATALOGUES[code].unserved if code in CATALOGUES else "there is no catalogue of it"


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
