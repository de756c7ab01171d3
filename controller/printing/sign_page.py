"""Draws a site's sign on one letter page."""

from typing import Final

from fpdf import FPDF
from fpdf.enums import Align, RenderStyle

from controller.printing import networks, paper
from controller.printing.paper import Box
from controller.printing.sign import PROMISE, TITLE, VOUCHER, Sign
from controller.printing.words import Said

_MARGIN_MM: Final = 16.0
_WIDE_MM: Final = paper.WIDTH_MM - 2 * _MARGIN_MM
_HEAD_MM: Final = 62.0
_QR_MM: Final = 72.0
_FEW_HOURS: Final = 3
_HALF_MM: Final = _WIDE_MM / 2 - 4
_JOIN: Final = Said("1. Conéctate a esta red", "1. Join this network")
_OPEN: Final = Said("2. Abre esta página", "2. Open this page")
_HOURS: Final = Said("Horario", "Hours")
_HELP: Final = Said("Ayuda", "Help")
_RESPONSIBLE: Final = Said("Responsable", "Responsible")


def drawn(sign: Sign) -> bytes:
    """The PDF."""
    pdf = paper.opened(f"{TITLE.es}: {sign.place}")
    pdf.add_page()
    _head(pdf, sign)
    pdf.set_text_color(0)
    y = max(_join(pdf, sign), _open(pdf, sign))
    address = sign.url.partition("://")[2]
    y = _fitted(pdf, Box(_MARGIN_MM, y + 3, _WIDE_MM), address, 24)
    _foot(pdf, sign, _promise(pdf, y + 4) + 5)
    return paper.octets(pdf)


def _head(pdf: FPDF, sign: Sign) -> None:
    pdf.set_fill_color(sign.theme.sky)
    pdf.rect(0, 0, paper.WIDTH_MM, _HEAD_MM, style=RenderStyle.F)
    pdf.set_text_color(sign.theme.on_sky)
    y = paper.write(pdf, Box(_MARGIN_MM, 8, _WIDE_MM), TITLE.es, 60, "B", Align.C)
    y = paper.write(pdf, Box(_MARGIN_MM, y - 1, _WIDE_MM), TITLE.en, 18, align=Align.C)
    for text, most_pt in ((sign.place, 20), (sign.theme.slogan, 13)):
        size_pt = paper.fitting(pdf, text, _WIDE_MM, most_pt)
        y = paper.write(pdf, Box(_MARGIN_MM, y + 0.5, _WIDE_MM), text, size_pt, "B", Align.C) if text else y


def _join(pdf: FPDF, sign: Sign) -> float:
    first, *others = sign.networks
    alternative = f"Código QR para conectarse a la red {first}"
    y = _half(pdf, _MARGIN_MM, _JOIN, networks.code(first), alternative)
    y = _fitted(pdf, Box(_MARGIN_MM, y, _HALF_MM), first, 24)
    for other in others[:3]:
        y = _fitted(pdf, Box(_MARGIN_MM, y, _HALF_MM), other, 16)
    return y


def _open(pdf: FPDF, sign: Sign) -> float:
    left = _MARGIN_MM + _WIDE_MM - _HALF_MM
    y = _half(pdf, left, _OPEN, sign.url, "Código QR de la página")
    return _pair(pdf, Box(left, y, _HALF_MM), VOUCHER, 13, Align.C) if sign.vouchers else y


def _half(pdf: FPDF, left: float, what: Said, code: str, alternative: str) -> float:
    """One step with its QR code; returns the y below it."""
    y = _pair(pdf, Box(left, _HEAD_MM + 4, _HALF_MM), what, 19, Align.C)
    paper.qr(pdf, Box(left + (_HALF_MM - _QR_MM) / 2, y, _QR_MM), code, alternative)
    return y + _QR_MM


def _promise(pdf: FPDF, top: float) -> float:
    y = _pair(pdf, Box(_MARGIN_MM + 3, top + 3, _WIDE_MM - 6), PROMISE, 20, Align.C) + 3
    pdf.set_line_width(0.8)
    pdf.set_draw_color(0)
    pdf.rect(_MARGIN_MM, top, _WIDE_MM, y - top)
    return y


def _foot(pdf: FPDF, sign: Sign, top: float) -> None:
    y, size_pt = top, 14 if len(sign.hours) <= _FEW_HOURS else 10
    for what, lines in _foot_lines(sign):
        said = Said("; ".join(line.es for line in lines), "; ".join(line.en for line in lines))
        line = Said(f"{what.es}: {said.es}", f"{what.en}: {said.en}")
        y = _pair(pdf, Box(_MARGIN_MM, y, _WIDE_MM), line, size_pt) + 1.5


def _foot_lines(sign: Sign) -> list[tuple[Said, list[Said]]]:
    """What stands below, without what nobody filled in."""
    facts = (sign.help.phone, sign.help.hours, sign.help.place)
    helping = [Said(fact, fact) for fact in facts if fact]
    answering = [Said(sign.responsible, sign.responsible)] if sign.responsible else []
    said = ((_HOURS, list(sign.hours)), (_HELP, helping), (_RESPONSIBLE, answering))
    return [(what, lines) for what, lines in said if lines]


def _fitted(pdf: FPDF, box: Box, text: str, most_pt: float) -> float:
    return paper.write(pdf, box, text, paper.fitting(pdf, text, box.width, most_pt), "B", Align.C)


def _pair(pdf: FPDF, box: Box, said: Said, size_pt: float, align: Align = Align.L) -> float:
    """Spanish, and English smaller below it."""
    y = paper.write(pdf, box, said.es, size_pt, "B", align)
    return paper.write(pdf, Box(box.x, y, box.width), said.en, max(9.0, size_pt * 0.55), align=align)
