"""Makes chunks, a column at a time. numpy takes a tenth of a second to load: only who makes them needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.local.chunks import EVERYWHERE, Column, Columns, Value, sealed

_WIDTHS: Final = (1, 2, 4, 8)
_EXPONENTS: Final = (0, 1, 2, 3)
_EXACT: Final = 2.0**53


class Known(NamedTuple):
    """The known values of a field, int64 or float64, and a mask of the rows they are in; None = all rows."""

    values: NDArray[Any]
    rows: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Arrays:
    """Rows of one series: `times` in epoch s, ascending; a field that nobody measured is not there."""

    times: NDArray[np.int64]
    fields: Mapping[str, Known]


def arrays(columns: Columns) -> Arrays:
    """The same as arrays."""
    fields = {name: _known(values) for name, values in columns.fields.items()}
    measured = {name: known for name, known in fields.items() if len(known.values)}
    return Arrays(np.array(columns.times, np.int64), measured)


def _known(values: Sequence[Value]) -> Known:
    known = [value for value in values if value is not None]
    kind = np.int64 if set(map(type, known)) <= {int} else np.float64
    rows = None if len(known) == len(values) else np.array([value is not None for value in values], bool)
    return Known(np.array(known, kind), rows)


def lists(series: Arrays) -> Columns:
    """The same as lists."""
    return Columns(series.times.tolist(), {name: _spread(known) for name, known in series.fields.items()})


def _spread(known: Known) -> list[Value]:
    values: list[Value] = known.values.tolist()
    if known.rows is None:
        return values
    found: list[Value] = [None] * len(known.rows)
    for place, value in zip(np.flatnonzero(known.rows).tolist(), values, strict=True):
        found[place] = value
    return found


def encode(series: Arrays) -> bytes:
    """What `chunks.decode` gives of it is the same to the last bit."""
    column, planes = _integers("", b"i", 0, EVERYWHERE, series.times)
    columns, differences = [column], [planes]
    masks: dict[bytes, int] = {}
    for name, (values, rows) in series.fields.items():
        mask = EVERYWHERE if rows is None else masks.setdefault(rows.tobytes(), len(masks))
        column, planes = _coded(name, mask, values)
        columns.append(column)
        differences.append(planes)
    return sealed(len(series.times), columns, masks, differences)


def _coded(name: str, mask: int, values: NDArray[Any]) -> tuple[Column, bytes]:
    if values.dtype == np.int64:
        return _integers(name, b"i", 0, mask, values)
    largest = float(np.abs(values).max())
    for exponent in _EXPONENTS:
        whole = _decimal(values, largest, 10**exponent)
        if whole is not None:
            return _integers(name, b"d", exponent, mask, whole)
    bits = values.view(np.int64)
    return Column(name, b"f", 0, mask, len(bits), 8, int(bits[0])), _planes(bits[1:] ^ bits[:-1], 8)


def _decimal(doubles: NDArray[np.float64], largest: float, scale: int) -> NDArray[np.int64] | None:
    """The doubles times `scale`, if they are those whole numbers over it to the last bit."""
    if not largest * scale < _EXACT:
        return None
    whole = np.rint(doubles * scale).astype(np.int64)
    again = whole / np.float64(scale)
    return whole if np.array_equal(again.view(np.int64), doubles.view(np.int64)) else None


def _integers(
    name: str, code: bytes, exponent: int, mask: int, values: NDArray[np.int64]
) -> tuple[Column, bytes]:
    after, before = values[1:], values[:-1]
    differences = after - before
    if ((after ^ before) & (after ^ differences) < 0).any():  # it does not fit into 64 bits
        code, differences = b"v", after
    width = 8 if code == b"v" else _width(differences)
    column = Column(name, code, exponent, mask, len(values), width, int(values[0]))
    return column, _planes(differences, width)


def _width(differences: NDArray[np.int64]) -> int:
    if not len(differences):
        return 1
    largest = max(int(differences.max()), -1 - int(differences.min()))
    return next(width for width in _WIDTHS if largest < 1 << (8 * width - 1))


def _planes(numbers: NDArray[np.int64], width: int) -> bytes:
    octets = numbers.astype(f"<i{width}").view(np.uint8)
    return octets.reshape(-1, width).T.tobytes()
