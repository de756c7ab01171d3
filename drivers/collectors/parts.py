"""Parts of a JSON answer that may be anything: what is not there, or is something else, is nothing."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]


def row(value: object) -> Row:
    """An object; empty when it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Row]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text that is not empty; a number as it is written."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return (
        str(value).strip().encode("utf-8", "replace").decode("utf-8")
    )  # JSON may hold half a surrogate pair
