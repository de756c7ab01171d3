"""Says in the reader's language what is stored in English: why a poll or probe failed, why it is expected.

The stores, and whoever reads them as a program, keep the machine's words. A sentence that has none here, such
as what a device said itself, stays as it is.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from flask_babel import gettext

from controller.console import login_sentences, poll_sentences, probe_sentences

SENTENCES: Final[Mapping[str, str]] = {
    **poll_sentences.SENTENCES,
    **login_sentences.SENTENCES,
    **probe_sentences.SENTENCES,
}
"""By what is stored: the text for the catalogue. Both have the same `%(slots)s`."""
AND: Final = "; "
"""Between sentences: what is wrong, and what to do."""

_SLOT: Final = re.compile(r"%\((\w+)\)s")
_ABOUT: Final = ((re.compile(r"(.+) \((.+)\)"), "%s (%s)"), (re.compile(r"(.+?): (.+)"), "%s: %s"))
"""What the operating system said beside a sentence, or of a thing."""
_SAID: Final = "said"
"""The slot that may hold a sentence itself."""


class _Form(NamedTuple):
    """How a stored sentence looks: `word` is its longest part that never changes."""

    stored: str
    word: str
    looks: re.Pattern[str]


class Spoken(NamedTuple):
    """A text for a person; `foreign`: it is the machine's own, in English."""

    text: str
    foreign: bool


def spoken(stored: str) -> Spoken:
    """What is stored, in the language of the request."""
    told = [_one(part) for part in stored.split(AND)]
    return Spoken(AND.join(text for text, _ in told), not any(known for _, known in told))


def is_known(sentence: str) -> bool:
    """Whether there are words for one sentence."""
    return _found(sentence) is not None


def _one(sentence: str) -> tuple[str, bool]:
    """A sentence, and whether there are words for it."""
    found = _found(sentence)
    if found is not None:
        text, slots = found
        told = {name: _one(value)[0] if name == _SAID else value for name, value in slots.items()}
        return gettext(text) % told, True
    for looks, whole in _ABOUT:
        if (match := looks.fullmatch(sentence)) is not None:
            (first, known), (second, known_too) = _one(match[1]), _one(match[2])
            if known or known_too:
                return whole % (first, second), True
    return sentence, False


@lru_cache(maxsize=8192)
def _found(sentence: str) -> tuple[str, Mapping[str, str]] | None:
    for form in _FORMS:
        if form.word in sentence and (match := form.looks.fullmatch(sentence)):
            return SENTENCES[form.stored], match.groupdict()
    return None


def _form(stored: str) -> _Form:
    parts = _SLOT.split(stored)
    fixed = parts[::2]
    looks = "".join(
        re.escape(part)
        if place % 2 == 0
        else f"(?P<{part}>{_value(part, first=place == 1 and not fixed[0])})"
        for place, part in enumerate(parts)
    )
    return _Form(stored, max(fixed, key=len), re.compile(looks, re.DOTALL))


def _value(slot: str, *, first: bool) -> str:
    """What may stand there. What begins with a thing begins with one word, unless that is a command."""
    return r"\S+?" if first and slot != "command" else ".+?"


def _own_words(form: _Form) -> tuple[bool, int]:
    return form.stored.startswith("%("), -len(_SLOT.sub("", form.stored))


_FORMS: Final = sorted(map(_form, SENTENCES), key=_own_words)
"""What begins with words of its own, and has most of them, first: it fits best."""
