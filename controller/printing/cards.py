"""Voucher cards, eight on a letter page, to be cut along the dashed lines."""

from collections.abc import Sequence
from typing import Final

from fpdf import FPDF
from fpdf.enums import Align

from captive_portal.model import Plan
from captive_portal.voucher_codes import printed
from controller.printing import paper, words
from controller.printing.paper import Box
from controller.printing.sheets import Sheet
from controller.printing.words import Said

COLUMNS: Final = 2
ROWS: Final = 4
CODE_PT: Final = 28
_TEXT_PT: Final = 8
_EDGE_MM: Final = 7.0
_PAD_MM: Final = 4.0
_QR_MM: Final = 33.0
_CARD_MM: Final = (
    (paper.WIDTH_MM - 2 * _EDGE_MM) / COLUMNS,
    (paper.HEIGHT_MM - 2 * _EDGE_MM) / ROWS,
)


def drawn(sheet: Sheet, codes: Sequence[str]) -> bytes:
    """The PDF of a batch: cards in the order of its normalised codes, numbered from 1."""
    pdf = paper.opened(f"Vales de internet {sheet.batch}")
    for at, code in enumerate(codes):
        place = at % (COLUMNS * ROWS)
        if place == 0:
            pdf.add_page()
            _cut_lines(pdf)
        row, column = divmod(place, COLUMNS)
        corner = (_EDGE_MM + column * _CARD_MM[0], _EDGE_MM + row * _CARD_MM[1])
        _card(pdf, corner, sheet, at + 1, code)
    return paper.octets(pdf)


def gives(plan: Plan, devices: int) -> list[Said]:
    """What a voucher gives, a short sentence a line."""
    time = words.duration(plan.duration)
    lines = [Said(f"{time.es} de internet.", f"{time.en} of internet.")]
    if plan.octets:
        data = words.amount(plan.octets)
        lines.append(Said(f"Hasta {data} de datos.", f"Up to {data} of data."))
    if plan.down_kbps:
        down = words.rate(plan.down_kbps)
        lines.append(Said(f"Baja hasta a {down}.", f"Download up to {down}."))
    if plan.up_kbps:
        up = words.rate(plan.up_kbps)
        lines.append(Said(f"Sube hasta a {up}.", f"Upload up to {up}."))
    if devices == 1:
        return [*lines, Said("Sirve en un solo aparato.", "For one device.")]
    return [*lines, Said(f"Sirve en {devices} aparatos.", f"For {devices} devices.")]


def steps(sheet: Sheet) -> list[Said]:
    """How it is used."""
    if sheet.network:
        first = Said(f"1. Conéctate a la red {sheet.network}.", f"1. Join the network {sheet.network}.")
    else:
        first = Said("1. Conéctate al internet gratis.", "1. Join the free Wi-Fi.")
    if sheet.link:
        return [
            first,
            Said("2. Escribe el código, o escanea y cópialo.", "2. Type the code, or scan and copy it."),
        ]
    return [first, Said("2. Escribe el código en la página.", "2. Type the code on the page.")]


def _card(pdf: FPDF, corner: tuple[float, float], sheet: Sheet, number: int, code: str) -> None:
    left, top = corner[0] + _PAD_MM, corner[1] + _PAD_MM
    wide = _CARD_MM[0] - 2 * _PAD_MM
    title = f"Internet gratis - {sheet.place}"
    paper.write(pdf, Box(left, top, wide), title, paper.fitting(pdf, title, wide, 11), "B")
    below = paper.write(pdf, Box(left, top + 6, wide), printed(code), CODE_PT, "M", Align.C)
    facts = Box(left, below + 1, wide)
    if sheet.link:
        paper.qr(pdf, Box(left - 2, below, _QR_MM), sheet.address(code), f"Código QR del vale {number}")
        facts = Box(left + _QR_MM, below + 1, wide - _QR_MM)
    below = max(below + _QR_MM, _facts(pdf, facts, sheet))
    paper.write(pdf, Box(left, below, wide), f"{_english(sheet)} - Lote {sheet.batch}, vale {number}", 6)


def _facts(pdf: FPDF, box: Box, sheet: Sheet) -> float:
    """How and what, in Spanish, and until when; returns the y below it."""
    y = box.y
    for line in (*steps(sheet), *gives(sheet.plan, sheet.devices)):
        y = paper.write(pdf, Box(box.x, y, box.width), line.es, _TEXT_PT)
    last = words.day(sheet.last_day).es
    return paper.write(pdf, Box(box.x, y, box.width), f"Úsalo hasta el {last}.", _TEXT_PT, "B")


def _english(sheet: Sheet) -> str:
    said = [line.en for line in (*steps(sheet), *gives(sheet.plan, sheet.devices))]
    return " ".join([*said, f"Use it until {words.day(sheet.last_day).en}."])


def _cut_lines(pdf: FPDF) -> None:
    pdf.set_draw_color(120)
    pdf.set_line_width(0.2)
    pdf.set_dash_pattern(dash=1.5, gap=1.5)
    for column in range(COLUMNS + 1):
        x = _EDGE_MM + column * _CARD_MM[0]
        pdf.line(x, _EDGE_MM, x, paper.HEIGHT_MM - _EDGE_MM)
    for row in range(ROWS + 1):
        y = _EDGE_MM + row * _CARD_MM[1]
        pdf.line(_EDGE_MM, y, paper.WIDTH_MM - _EDGE_MM, y)
    pdf.set_dash_pattern()
