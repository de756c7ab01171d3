"""What one agent answered, as the readings of a platform look at it: by row, by a part of it, by a pair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.notation import Step
from drivers.snmp.seam import Oid, PollReply, Value
from drivers.values import text_of
from drivers.words import ANY, extend_index

IndexPart = Oid | str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its index, and the parts of it that the table names."""

    index: Oid
    parts: Mapping[str, IndexPart] = field(default_factory=dict)


DEVICE: Final = Row(())
"""The device itself: its readings take scalars, and of a column the first row."""


@dataclass(slots=True)
class Answers:
    """One reply. `complete` is False when the poll broke off: what is not there may only not have arrived."""

    scalars: Mapping[Oid, Value]
    columns: Mapping[Oid, Mapping[Oid, Value]]
    complete: bool
    _pairs: dict[Oid, dict[str, list[Oid]]] = field(default_factory=dict)
    _parts: dict[tuple[Oid, int], dict[Oid, list[Value]]] = field(default_factory=dict)

    @classmethod
    def of(cls, reply: PollReply) -> "Answers":
        """The answers of a reply."""
        return cls(reply.scalars, reply.columns, reply.failure is None)

    def paired(self, theirs: Oid, key: str) -> list[Oid]:
        """Indexes of the rows where this column says `key`."""
        if theirs not in self._pairs:
            found: dict[str, list[Oid]] = {}
            for index, value in self.columns.get(theirs, {}).items():
                found.setdefault(text_of(value), []).append(index)
            self._pairs[theirs] = found
        return self._pairs[theirs].get(key, [])

    def within(self, column: Oid, part: Oid, *, last: bool) -> list[Value]:
        """Values whose index begins, or with `last` ends, with this part; all of them when it is empty."""
        if not part:
            return list(self.columns.get(column, {}).values())
        size = -len(part) if last else len(part)
        if (column, size) not in self._parts:
            found: dict[Oid, list[Value]] = {}
            for index, value in self.columns.get(column, {}).items():
                found.setdefault(index[size:] if last else index[:size], []).append(value)
            self._parts[column, size] = found
        return self._parts[column, size].get(part, [])

    def place(self, steps: Sequence[Step], row: Row) -> Oid | None:
        """The index that `at` spells out in this row; None when an object that it names is not there."""
        arcs: list[int] = []
        for step in steps:
            if step == ANY:
                continue
            more = self.arcs(step, row)
            if more is None:
                return None
            arcs += more
        return tuple(arcs)

    def arcs(self, step: Step, row: Row) -> Oid | None:
        """One step of `at`."""
        if isinstance(step, int):
            return (step,)
        if isinstance(step, str):
            part = row.parts.get(step)
            return extend_index(part) if isinstance(part, str) else part
        value = self.columns.get(step, {}).get(row.index)
        if isinstance(value, bytes):
            return tuple(value)
        return (value,) if isinstance(value, int) else value

    def object(self, oid: Oid, row: Row) -> Value | None:
        """Of the device an instance, of a row the object in it."""
        return self.scalars.get(oid) if row is DEVICE else self.columns.get(oid, {}).get(row.index)
