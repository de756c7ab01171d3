"""Tells which catalogues people have signed: words that nobody answers for are never shown to a citizen.

A catalogue says in its own header who answers for it: `X-State` draft or reviewed, `X-Endonym`, `X-Speaker`,
`X-Reader`, `X-Signed`. docs/languages.md is for the people who fill these in.
"""

import gettext
import re
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Final

from jinja2 import Environment
from jinja2.ext import extract_from_ast

FIELDS: Final = ("X-State", "X-Endonym", "X-Speaker", "X-Reader", "X-Signed")

# How gettext says that a file is cut short, or no catalogue at all.
_BROKEN: Final = (OSError, ValueError, struct.error)
_NUMBERS: Final = range(1000)
_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s|%%")


@dataclass(frozen=True, slots=True)
class Text:
    """A Spanish text of the pages; `many` is how it counts, "" where it does not."""

    one: str
    many: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A compiled catalogue; `unserved` tells staff why no citizen is offered it, "" when it may be."""

    endonym: str
    spoken: gettext.NullTranslations
    unserved: str


class _Silence(gettext.NullTranslations):
    """Answers "" to what a catalogue does not hold, where gettext would answer the source itself."""

    def gettext(self, message: str) -> str:
        return ""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return ""


def texts(templates: Path) -> frozenset[Text]:
    """Every text that the templates of a folder translate."""
    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    trees = (environment.parse(template.read_text("utf-8")) for template in templates.glob("**/*.html"))
    found = (words for tree in trees for _, _, words in extract_from_ast(tree, babel_style=False))
    return frozenset(Text(*(str(word) for word in words or ())) for words in found)


def read(directory: Path, wanted: Collection[Text]) -> Mapping[str, Catalogue]:
    """The compiled catalogues of a folder by code, each judged by its header and by the texts it lacks."""
    files = sorted(directory.glob("*/LC_MESSAGES/messages.mo"))
    return {file.parts[-3]: _judged(file.read_bytes(), wanted) for file in files}


def _judged(octets: bytes, wanted: Collection[Text]) -> Catalogue:
    try:
        spoken, examined = gettext.GNUTranslations(BytesIO(octets)), gettext.GNUTranslations(BytesIO(octets))
    except _BROKEN:
        return Catalogue("", gettext.NullTranslations(), "its messages.mo cannot be read")
    examined.add_fallback(_Silence())
    header = spoken.info()
    return Catalogue(header.get("x-endonym", ""), spoken, _unsigned(header) or _unfinished(examined, wanted))


def _unsigned(header: Mapping[str, str]) -> str:
    """What is missing of the signatures. gettext gives the names of a header in lower case."""
    if header.get("x-state") != "reviewed":
        return "it is a draft"
    for field in ("X-Endonym", "X-Speaker", "X-Reader"):
        if not any(mark.isalpha() for mark in header.get(field.lower(), "")):
            return f"its {field} names nobody" if field != "X-Endonym" else "its X-Endonym is empty"
    if _person(header["x-speaker"]) == _person(header["x-reader"]):
        return "its speaker and its reader are the same person"
    try:
        date.fromisoformat(header.get("x-signed", ""))
    except ValueError:
        return "its X-Signed is no date like 2027-03-31"
    return ""


def _person(name: str) -> str:
    return " ".join(name.casefold().split())


def _unfinished(examined: gettext.NullTranslations, wanted: Collection[Text]) -> str:
    """What keeps its texts from being shown: missing ones, and such as do not take what the page puts in."""
    missing = [text for text in wanted if "" in _said(examined, text)]
    if missing:
        return f"{len(missing)} of its {len(wanted)} texts are not translated"
    unfit = sorted(
        text.one for text in wanted if not all(_fits(said, text) for said in _said(examined, text))
    )
    return f"the placeholders of {unfit[0]!r} are not those of the source" if unfit else ""


def _said(examined: gettext.NullTranslations, text: Text) -> set[str]:
    if not text.many:
        return {examined.gettext(text.one)}
    return {examined.ngettext(text.one, text.many, number) for number in _NUMBERS}


def _fits(said: str, text: Text) -> bool:
    """Whether a page can be made of it. A text that counts may leave its number out: `one hour`."""
    known, used = set(_names(text.many or text.one)), set(_names(said))
    bare = _PLACEHOLDER.sub("", said)
    return "%" not in bare and (used <= known if text.many else used == known)


def _names(text: str) -> Iterator[str]:
    return (name for name in _PLACEHOLDER.findall(text) if name)
