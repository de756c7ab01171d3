"""From the tables of a platform and one agent's answers to rows of fields."""

from collections.abc import Iterable, Iterator, Mapping

from drivers import readings
from drivers.answers import DEVICE, Answers, IndexPart, Row
from drivers.extend import fit
from drivers.sheets import ROW, Column, Extends, Table
from drivers.snmp.seam import Oid
from drivers.values import text_of
from drivers.words import Reading, extend_column
from metrics.catalog import MEASUREMENTS, Field

Fields = dict[str, int | float]


def rows_of(table: Table, answers: Answers) -> Iterator[Row]:
    """The rows of a table that count, in the order of their index."""
    if table.unless is not None and answers.columns.get(table.unless):
        return
    if table.single:
        yield DEVICE
        return
    seen: set[str] = set()
    for row in _all_rows(table, answers):
        if all(readings.value(answers, reading, row) is not None for reading in table.where):
            if table.unique is not None and _seen(answers, table.unique, row, seen):
                continue
            yield row


def fields_of(table: Table, answers: Answers, row: Row) -> Fields:
    """The fields of one row; what the device does not have or does not know is absent."""
    return measured(MEASUREMENTS[table.measurement].fields, table.fields, answers, row)


def measured(
    known: Mapping[str, Field], wanted: Mapping[str, Iterable[Reading]], answers: Answers, row: Row = DEVICE
) -> Fields:
    """Of each field the first reading that the device has."""
    found: Fields = {}
    for name, several in wanted.items():
        for reading in several:
            number = readings.number(answers, reading, row)
            fitted = None if number is None else fit(known[name], number)
            if fitted is not None:
                found[name] = fitted
                break
    return found


def _all_rows(table: Table, answers: Answers) -> Iterator[Row]:
    if isinstance(table.rows, Extends):
        yield from _extends(table.rows, answers)
        return
    columns = (table.rows.column,) if isinstance(table.rows, Column) else table.straight
    for index in sorted({index for column in columns for index in answers.columns.get(column, ())}):
        parts = parts_of(table, index)
        if parts is not None:
            yield Row(index, parts)


def _extends(rows: Extends, answers: Answers) -> Iterator[Row]:
    for index in sorted(answers.columns.get(extend_column(), {})):
        name = bytes(arc & 0xFF for arc in index[1:]).decode("utf-8", "replace")
        found = rows.pattern.fullmatch(name)
        if found is not None:
            yield Row(index, found.groupdict())


def parts_of(table: Table, index: Oid) -> Mapping[str, IndexPart] | None:
    """The parts of an index; None when it is not made so."""
    found: dict[str, IndexPart] = {ROW: index}
    if not table.index:
        return found
    rest = index
    for name, width in table.index.items():
        if not rest and width != "rest":
            return None
        if width == "text":
            size = rest[0]
            found[name], rest = (
                bytes(arc & 0xFF for arc in rest[1 : size + 1]).decode("utf-8", "replace"),
                rest[size + 1 :],
            )
        else:
            size = len(rest) if width == "rest" else int(width)
            found[name], rest = rest[:size], rest[size:]
    return found if not rest else None


def _seen(answers: Answers, column: Oid, row: Row, seen: set[str]) -> bool:
    value = answers.columns.get(column, {}).get(row.index)
    key = "" if value is None else text_of(value)
    if key in seen:
        return True
    seen.add(key)
    return False
