"""What we say to PostgreSQL: our statements, types and rows in its words."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from metrics.local.shelf import Table

_TYPES: Final = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA"}
_TYPE: Final = re.compile(r"\b(INTEGER|REAL|BLOB)\b")
# COPY, text format: these would end a value or a row, or begin an escape.
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def created(table: Table) -> str:
    """The statement that makes the table, with 64 bits where SQLite has them by itself."""
    return typed(table.create)


def typed(declaration: str) -> str:
    """A declaration with PostgreSQL's names of the types."""
    return _TYPE.sub(lambda found: _TYPES[found[1]], declaration)


@lru_cache(maxsize=2**12)
def marked(statement: str) -> str:
    """`?` as psycopg wants it. Our statements never have one in a text."""
    return statement.replace("%", "%%").replace("?", "%s")


def values_of(table: Table, columns: Sequence[str]) -> list[Callable[[Any], Any]]:
    """How a value takes the type of each column."""
    return [_whole if table.columns[column].startswith("INTEGER") else _as_it_is for column in columns]


def copied(table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterable[str]:
    """The rows in the text format of COPY, some thousand at a time."""
    ways = [_WAYS[table.columns[column].split(" ")[0]] for column in columns]
    lines: list[str] = []
    for row in rows:
        lines.append(
            "\t".join([r"\N" if value is None else way(value) for way, value in zip(ways, row, strict=True)])
        )
        if len(lines) == _LINES:
            yield "\n".join(lines) + "\n"
            lines.clear()
    if lines:
        yield "\n".join(lines) + "\n"


def _whole(value: Any) -> Any:
    return None if value is None else int(value)


def _as_it_is(value: Any) -> Any:
    return value


def _integer(value: Any) -> str:
    return str(int(value))


def _real(value: Any) -> str:
    return repr(float(value))


def _text(value: Any) -> str:
    return str(value).translate(_ESCAPES)


def _octets(value: Any) -> str:
    return r"\\x" + bytes(value).hex()


_LINES: Final = 5_000
_WAYS: Final = {"INTEGER": _integer, "REAL": _real, "TEXT": _text, "BLOB": _octets}
