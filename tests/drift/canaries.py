"""Secrets that must come out nowhere, in every place of a platform's text that can hold one."""

import base64
import re
from collections.abc import Iterator
from typing import Final

from drivers.configurers.cisco_ios.config import _XLAT

STEM: Final = "c4n4rY"
"""Begins each of them, so that one that is cut or escaped behind is found, too."""


class Aviary:
    """Gives out canaries, each another."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, more: str = "") -> str:
        """The next one, of 17 letters and `more`."""
        self.given += 1
        return f"{STEM}-{self.given:03}-secret{more}"

    def planted(self, text: str) -> str:
        """Each @ of a text is a canary, each ~ an @."""
        return re.sub("@", lambda _: self(), text).replace("~", "@")

    def seven(self) -> str:
        """One as Cisco's type 7."""
        return type_7(self(), 2)


def type_7(word: str, seed: int) -> str:
    """As IOS writes it."""
    octets = word.encode()
    return f"{seed:02}" + "".join(
        f"{one ^ _XLAT[(seed + at) % len(_XLAT)]:02X}" for at, one in enumerate(octets)
    )


def songs() -> Iterator[str]:
    """What a canary may look like: plain, hex, base64 in any alignment, type 7 of any seed."""
    yield STEM
    yield STEM.encode().hex()
    yield STEM.encode().hex().upper()
    for before in range(3):
        octets = b"\0" * before + STEM.encode()
        whole = base64.b64encode(octets).decode().rstrip("=")
        yield whole[-(-before * 4 // 3) : len(octets) * 4 // 3]
    yield from (type_7(STEM, seed)[2:] for seed in range(len(_XLAT)))


def heard(text: str) -> list[str]:
    """Where in a text a canary sings, with what stands around it."""
    found = []
    for song in songs():
        for match in re.finditer(re.escape(song), text):
            found.append(text[max(0, match.start() - 60) : match.end() + 20])
    return found
