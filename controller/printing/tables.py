"""A batch of vouchers as CSV, for who prints it with a program of their own."""

import csv
from collections.abc import Sequence
from io import StringIO

from captive_portal.voucher_codes import printed
from controller.printing.sheets import Sheet


def drawn(sheet: Sheet, codes: Sequence[str]) -> bytes:
    """RFC 4180, UTF-8: a header, then a row for each normalised code, numbered from 1."""
    text = StringIO()
    rows = csv.writer(text)
    rows.writerow(("batch", "number", "code", "link", "last_day"))
    for number, code in enumerate(codes, 1):
        rows.writerow((sheet.batch, number, printed(code), sheet.address(code), sheet.last_day.isoformat()))
    return text.getvalue().encode()
