"""Whole numbers by columns, exact however large: of 64 bits where they fit, otherwise Python's own."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
"""Of int64, or of Python's int where one of them, or what they add up to, might not fit."""
Places = NDArray[np.intp]
Mask = NDArray[np.bool_]

LIMIT: Final = 2**62


def extent(values: Numbers) -> int:
    """How far the farthest of them is from 0."""
    return max(abs(int(values.min())), abs(int(values.max()))) if len(values) else 0


def wide(values: Numbers, times: int = 1) -> Numbers:
    """The same, of a kind that takes so many times the farthest of them."""
    if values.dtype == object or extent(values) * times < LIMIT:
        return values
    return values.astype(object)


def narrow(values: Numbers) -> Numbers:
    """The same as int64 again where they fit."""
    return values.astype(np.int64) if values.dtype == object and extent(values) < LIMIT else values


def summed(at: Places, values: Numbers, size: int) -> Numbers:
    """What comes together at each of so many places."""
    values = wide(values, len(values))
    found = np.zeros(size, values.dtype)
    np.add.at(found, at, values)
    return narrow(found)


def rounded(values: NDArray[np.float64], times: int) -> Numbers:
    """The nearest whole numbers, of a kind that takes so many times the farthest; halves go to the even."""
    if len(values) and float(np.abs(values).max()) * times >= LIMIT:
        return np.array([round(value) for value in values.tolist()], object)
    return np.rint(values).astype(np.int64)
