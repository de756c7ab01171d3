"""A page written once for everybody, with places for what is one phone's: most of its work is done before."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GZIP: Final = 16
WINDOW_BITS: Final = 12
"""4 KiB, which reaches from one link to the next: a small compressor is copied in microseconds."""
MEMORY_LEVEL: Final = 5

_PLACE: Final = re.compile("zQ7place([a-z]+)Qz")


def place(name: str) -> str:
    """What a template writes where a private text goes: letters that no quoting changes."""
    return f"zQ7place{name}Qz"


@dataclass(frozen=True, slots=True)
class Pressed:
    """A page in pieces: text, a name, text, …, text. `begun` is its beginning, compressed already."""

    pieces: tuple[str, ...]
    begun: bytes
    compressor: Any

    def text(self, private: Mapping[str, str]) -> bytes:
        """The whole page."""
        return (self.pieces[0] + self._rest(private)).encode()

    def gzip(self, private: Mapping[str, str]) -> bytes:
        """The whole page, compressed."""
        compressor = self.compressor.copy()
        return (
            self.begun + bytes(compressor.compress(self._rest(private).encode())) + bytes(compressor.flush())
        )

    def _rest(self, private: Mapping[str, str]) -> str:
        pieces = list(self.pieces[1:])
        pieces[::2] = [private[name] for name in pieces[::2]]
        return "".join(pieces)


def pressed(html: str) -> Pressed:
    """A page whose private texts are marked by `place`."""
    pieces = tuple(_PLACE.split(html))
    compressor = zlib.compressobj(9, zlib.DEFLATED, GZIP + WINDOW_BITS, MEMORY_LEVEL)
    begun = compressor.compress(pieces[0].encode()) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return Pressed(pieces, begun, compressor)
