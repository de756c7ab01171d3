"""A PDF of letter size: text in the reader's own Helvetica, QR codes, nothing else. Owns fpdf2.

The fonts that every reader has know Latin-1 alone: a letter outside it loses its accent, and what has no
plain letter becomes a question mark. A QR code always carries the exact text.
"""

import unicodedata
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import segno
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

WIDTH_MM: Final = 215.9
HEIGHT_MM: Final = 279.4
_POINT_MM: Final = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Box:
    """A place on a page, in mm from its upper left corner."""

    x: float
    y: float
    width: float


def opened(title: str) -> FPDF:
    """An empty document in Spanish with a title; what is drawn goes to pages added to it."""
    pdf = FPDF(unit="mm", format="letter")
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title(title)
    pdf.set_lang("es-MX")
    pdf.set_creator("Plaza")
    return pdf


def octets(pdf: FPDF) -> bytes:
    """The finished document."""
    return bytes(pdf.output())


def write(pdf: FPDF, box: Box, text: str, size_pt: float, style: str = "", align: Align = Align.L) -> float:
    """Write wrapped text from the box's top; returns the y below it. `style` is "", "B" or "M" (fixed)."""
    family, face = ("Courier", "B") if style == "M" else ("Helvetica", style)
    pdf.set_font(family, face, size_pt)
    pdf.set_xy(box.x, box.y)
    line_mm = size_pt * _POINT_MM * 1.2
    pdf.multi_cell(
        box.width, line_mm, printable(text), align=align, new_x=XPos.LEFT, new_y=YPos.NEXT, padding=0
    )
    return float(pdf.get_y())


def fitting(pdf: FPDF, text: str, width: float, most_pt: float) -> float:
    """The largest size from 8 to `most_pt` at which bold text is one line of this width (mm)."""
    pdf.set_font("Helvetica", "B", most_pt)
    wide = pdf.get_string_width(printable(text))
    return max(8.0, min(most_pt, most_pt * width / wide * 0.96)) if wide else most_pt


def qr(pdf: FPDF, box: Box, text: str, alternative: str) -> None:
    """Draw a QR code of level M, as wide as the box with its quiet zone; `alternative` is read aloud."""
    drawn = BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="png", scale=6, border=4)
    pdf.image(drawn, box.x, box.y, box.width, box.width, alt_text=alternative)


def printable(text: str) -> str:
    """The text in the letters that the fonts have."""
    return "".join(_letter(one) for one in unicodedata.normalize("NFC", text))


def _letter(one: str) -> str:
    if one.encode("latin-1", "ignore"):
        return one if one.isprintable() else " "
    plain = unicodedata.normalize("NFKD", one).encode("latin-1", "ignore").decode("latin-1")
    return plain or _PLAIN.get(one, "?")


_PLAIN: Final = {"‘": "'", "’": "'", "ʼ": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"}
