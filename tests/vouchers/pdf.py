"""Reads the text and the pictures of a PDF that we made."""

import re
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import zxingcpp
from PIL import Image

MM = 72 / 25.4
_FAX_G4, _BLACK_IS_ZERO = 4, 1


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


@dataclass(frozen=True)
class Picture:
    """A QR code as a reader finds it: what it says, what is read aloud for it, and how wide it is."""

    says: str
    alternative: str
    width_mm: float


def pictures(octets: bytes) -> list[Picture]:
    """Every QR code in the order in which it was drawn, as a telephone reads it (zxing-cpp)."""
    objects = dict(re.findall(rb"(\d+) 0 obj\n(.*?)\nendobj", octets, re.DOTALL))
    named = dict(re.findall(rb"/(I\d+) (\d+) 0 R", octets))
    spoken = [bytes.fromhex(text.decode()).decode("utf-16") for text in re.findall(rb"/Alt <(\w+)>", octets)]
    drawn = re.findall(r"q ([\d.]+) 0 0 [\d.]+ [\d. ]+ cm /(I\d+) Do", "".join(_contents(octets)))
    return [
        Picture(_read(objects[named[name.encode()]]), alternative, float(width) / MM)
        for (width, name), alternative in zip(drawn, spoken, strict=True)
    ]


def sizes(octets: bytes) -> dict[str, float]:
    """How large each text is drawn, in points; the smallest where it is drawn twice."""
    found: dict[str, float] = {}
    size_pt = 0.0
    for size, text in re.findall(r"/F\d+ ([\d.]+) Tf|\(((?:[^()\\]|\\.)*)\) Tj", "".join(_contents(octets))):
        size_pt = float(size or size_pt)
        if text:
            found[text] = min(size_pt, found.get(text, size_pt))
    return found


def _contents(octets: bytes) -> list[str]:
    streams = re.findall(rb"/FlateDecode.*?>>\s*stream\n(.*?)\nendstream", octets, re.DOTALL)
    return [zlib.decompress(stream).decode("latin-1") for stream in streams]


def _read(image: bytes) -> str:
    """What the one QR code of an image in facsimile's coding (ITU-T T.6) says; black on white, or nothing."""
    width, height = (int(re.search(rb"/%s (\d+)" % side, image)[1]) for side in (b"Width", b"Height"))
    coded = image.partition(b"stream\n")[2].rpartition(b"\nendstream")[0]
    pixels = Image.open(BytesIO(_tiff(width, height, coded))).convert("L")
    (found,) = zxingcpp.read_barcodes(pixels, formats=zxingcpp.BarcodeFormat.QRCode, try_invert=False)
    return str(found.text)


def _tiff(width: int, height: int, coded: bytes) -> bytes:
    """The octets of an image as a file that Pillow opens (TIFF 6.0)."""
    tags = (
        (256, width),
        (257, height),
        (258, 1),
        (259, _FAX_G4),
        (262, _BLACK_IS_ZERO),
        (273, 8 + 2 + 12 * 8 + 4),
        (278, height),
        (279, len(coded)),
    )
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + directory + bytes(4) + coded
