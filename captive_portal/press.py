"""A page written once for everybody, with places for what is one phone's: nothing is compressed for a phone.

In the compressed page (RFC 1951) a private text stands once, in a block that is stored as it is; wherever it
comes again, the stream refers back to it, by a distance that depends on its length and not on its letters. So
all the rest is compressed once for each combination of lengths.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

KEPT: Final = 16
"""Combinations of lengths of a page that are kept; the arrivals of a kind of gateway hardly differ."""

LONGEST: Final = 0xFFFF
"""Octets that one stored block takes."""

TRIES: Final = 4
MEMORY_LEVEL: Final = 9

_GZIP: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
"""RFC 1952: deflate, no name, no time, compressed as far as it goes, by nobody's operating system."""

_PLACE: Final = re.compile("zQ7place([a-z]+)Qz")


def place(name: str) -> str:
    """What a template writes where a private text goes: letters that no quoting changes."""
    return f"zQ7place{name}Qz"


class Pressed:
    """A page in pieces: text, a name, text, …, text."""

    def __init__(self, html: str) -> None:
        """The private texts of `html` are marked by `place`."""
        pieces = _PLACE.split(html)
        self._texts = tuple(one.encode() for one in pieces[::2])
        self._places = tuple(pieces[1::2])
        self._names = tuple(dict.fromkeys(self._places))
        self._streams: dict[tuple[int, ...], tuple[bytes, ...]] = {}

    def text(self, private: Mapping[str, str]) -> bytes:
        """The whole page."""
        return self._filled([private[name].encode() for name in self._names])

    def gzip(self, private: Mapping[str, str]) -> bytes:
        """The whole page, compressed."""
        said = [private[name].encode() for name in self._names]
        whole = self._filled(said)
        fixed = self._stream(tuple(map(len, said)))
        if not fixed:
            return gzip.compress(whole, mtime=0)
        stream = _merged(fixed, said)
        ends = zlib.crc32(whole).to_bytes(4, "little"), len(whole).to_bytes(4, "little")
        return b"".join((_GZIP, *stream, *ends))

    def _stream(self, lengths: tuple[int, ...]) -> tuple[bytes, ...]:
        stream = self._streams.get(lengths)
        if stream is None:
            if len(self._streams) >= KEPT:
                self._streams.clear()
            stream = self._streams[lengths] = self._compressed(lengths)
        return stream

    def _filled(self, said: Sequence[bytes]) -> bytes:
        by_name = dict(zip(self._names, said, strict=True))
        return b"".join(_merged(self._texts, [by_name[name] for name in self._places]))

    def _compressed(self, lengths: tuple[int, ...]) -> tuple[bytes, ...]:
        """The stream, but for the stored texts of these lengths; () where there is none.

        Another text of the same length, unlike it in every letter, has to come out whole. It does unless
        letters of the text that stood in for it went into the stream themselves: one that is too short, or
        too long, to be referred to (258 octets at a time, three or more), or that is like the page's own.
        """
        for attempt in range(TRIES if max(lengths, default=0) <= LONGEST else 0):
            stand_ins = [_noise(f"{attempt} {at}", length) for at, length in enumerate(lengths)]
            stream, others = self._around(stand_ins), [_unlike(one) for one in stand_ins]
            if zlib.decompress(b"".join(_merged(stream, others)), -zlib.MAX_WBITS) == self._filled(others):
                return stream
        return ()

    def _around(self, stand_ins: Sequence[bytes]) -> tuple[bytes, ...]:
        """What goes before, between and after the stored texts: one for each name, where it comes first."""
        by_name = dict(zip(self._names, stand_ins, strict=True))
        found: list[bytes] = []
        before, text = b"", self._texts[0]
        for name, following in zip(self._places, self._texts[1:], strict=True):
            private = by_name[name]
            if len(found) < len(self._names) and name == self._names[len(found)]:
                found.append(_deflated(text, before, zlib.Z_SYNC_FLUSH) + _stored(len(private)))
                before, text = before + text + private, following
            else:
                text += private + following
        return (*found, _deflated(text, before, zlib.Z_FINISH))


def _merged(fixed: Sequence[bytes], said: Sequence[bytes]) -> list[bytes]:
    """Fixed, said, fixed, …, fixed. Raises ValueError where they do not alternate."""
    merged = [b""] * (len(fixed) + len(said))
    merged[::2] = fixed
    merged[1::2] = said
    return merged


def _deflated(text: bytes, before: bytes, end: int) -> bytes:
    """Blocks of `text` that refer back to what came `before`."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, MEMORY_LEVEL, zdict=before)
    return compressor.compress(text) + compressor.flush(end)


def _stored(length: int) -> bytes:
    """The head of a block that is stored (RFC 1951 §3.2.4), not the last one."""
    return b"\x00" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")


def _noise(seed: str, length: int) -> bytes:
    """A text that is like no other, and like no page: none of its octets is ASCII."""
    return bytes(octet | 0x80 for octet in hashlib.shake_128(seed.encode()).digest(length))


def _unlike(noise: bytes) -> bytes:
    """Another, none of whose octets is the same, nor as far from it as the next one is."""
    steps = hashlib.shake_128(noise).digest(len(noise))
    return bytes(0x80 | (octet + 1 + step % 127) & 0x7F for octet, step in zip(noise, steps, strict=True))
