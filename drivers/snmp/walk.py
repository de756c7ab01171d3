"""Walking columns of tables side by side, believing no agent that goes backwards or never ends."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.snmp.ber import Tag
from drivers.snmp.seam import Oid, Value

_NOTHING_MORE: Final = frozenset({Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW})


@dataclass(slots=True)
class _Column:
    root: Oid
    last: Oid
    rows: dict[Oid, Value] = field(default_factory=dict)
    odd: int = 0
    open: bool = True


class Walk:
    """The columns of one poll. A column ends at the end of its subtree, or where its agent misbehaves."""

    def __init__(self, roots: Iterable[Oid], max_rows: int) -> None:
        self._columns = {root: _Column(root, root) for root in roots}
        self._max_rows = max_rows
        self.problems: list[str] = []

    @property
    def columns(self) -> dict[Oid, dict[Oid, Value]]:
        """What was found: root → suffix → value, only columns with a row."""
        return {root: column.rows for root, column in self._columns.items() if column.rows}

    @property
    def whole(self) -> bool:
        """Whether every column came to its end in good order, with a value in every row."""
        return not self.problems and not any(column.open or column.odd for column in self._columns.values())

    @property
    def longest(self) -> int:
        """Rows of the longest column."""
        return max((len(column.rows) for column in self._columns.values()), default=0)

    def open(self, at_most: int) -> tuple[Oid, ...]:
        """Roots of columns that go on."""
        return tuple(root for root, column in self._columns.items() if column.open)[:at_most]

    def last(self, roots: Sequence[Oid]) -> tuple[Oid, ...]:
        """The names to ask for the successors of."""
        return tuple(self._columns[root].last for root in roots)

    def take(self, roots: Sequence[Oid], varbinds: Sequence[tuple[Oid, int, Value | None]]) -> None:
        """Successors in the order of RFC 3416 §4.2.3: one per column, row by row, possibly cut short."""
        columns = itertools.cycle([self._columns[root] for root in roots])
        for column, (name, tag, value) in zip(columns, varbinds, strict=False):
            if column.open:
                self._step(column, name, None if tag in _NOTHING_MORE else (value,))
        if not varbinds:
            self.end(roots, "an answer with nothing in it")

    def end(self, roots: Iterable[Oid], problem: str = "") -> None:
        """Stop these columns; what they brought stays."""
        for root in roots:
            self._columns[root].open = False
            if problem:
                self.problems.append(f"{problem} at {_dotted(root)}")

    def _step(self, column: _Column, name: Oid, said: tuple[Value | None] | None) -> None:
        """`said` is None at the end of the view, and holds None for a value that nobody can read."""
        depth = len(column.root)
        if said is None:
            column.open = False
        elif name <= column.last:
            self.end([column.root], "object names do not increase")
        elif name[:depth] != column.root:
            column.open = False
        elif len(column.rows) + column.odd >= self._max_rows:
            self.end([column.root], f"more than {self._max_rows} rows")
        else:
            column.last = name
            if said[0] is None:
                column.odd += 1
            else:
                column.rows[name[depth:]] = said[0]


def _dotted(oid: Oid) -> str:
    return ".".join(map(str, oid))
