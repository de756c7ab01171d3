"""Reads the text of a PDF that we made."""

import re
import zlib
from pathlib import Path


def texts(octets: bytes) -> list[str]:
    """Every piece of text, in the order in which it was drawn."""
    found: list[str] = []
    for stream in re.findall(rb"FlateDecode.*?>>\s*stream\n(.*?)\nendstream", octets, re.DOTALL):
        drawn = zlib.decompress(stream).decode("latin-1")
        found += [re.sub(r"\\(.)", r"\1", text) for text in re.findall(r"\(((?:[^()\\]|\\.)*)\) Tj", drawn)]
    return found


def codes(file: Path) -> list[str]:
    """The codes on the cards of a file."""
    return [text for text in texts(file.read_bytes()) if re.fullmatch(r"\w{4}-\w{4}-\w{3}", text)]
