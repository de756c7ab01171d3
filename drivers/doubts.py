"""What a device said and its platform could not use, for who writes that platform: the rows of another index,
values beyond the catalogue's bounds, texts that do not match, bands that are none."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers import readings
from drivers.answers import DEVICE, Answers, Row
from drivers.bands import Spectrum, band_of
from drivers.definition import Platform
from drivers.extend import fit
from drivers.faults import Path
from drivers.labels import printable
from drivers.sheets import TABLES, Column, Extends, Table
from drivers.snmp.seam import Oid
from drivers.tables import parts_of, rows_of
from drivers.units import shown
from drivers.values import Meant, number_of, scaled, text_of, unmatched
from drivers.words import Reading
from metrics.catalog import MEASUREMENTS, Field

_NOTHING: Final = frozenset(
    {-1, -9999, 255, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, 2**64 - 1}
)
"""How agents spell "unknown"; that such a value is dropped is no news."""
_WHOLE: Final = re.compile(r"\^[^()]*\$")
_MOST_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that came to nothing: `path` leads to its word in the YAML."""

    path: Path
    reason: str
    hint: str = ""


@dataclass(slots=True)
class _Heard:
    """What one word came to over all rows: values that count, values beyond, texts that came to nothing."""

    told: int = 0
    beyond: list[tuple[Reading, float]] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    no_numbers: list[str] = field(default_factory=list)


def doubts(platform: Platform, answers: Answers) -> Iterator[Doubt]:
    """Every doubt about these answers, in the order of the words."""
    for name, facts in platform.facts.items():
        yield from _unmatched(("facts", name), _hear(facts, None, answers, [DEVICE]))
    known = MEASUREMENTS["wifi_ap"].fields
    for name, several in platform.measure.items():
        yield from _of_field(("measure", name), several, known[name], answers, [DEVICE])
    for word in TABLES:
        for number, table in enumerate(getattr(platform, word)):
            yield from _of_table((word, number), table, answers)


def _of_table(path: Path, table: Table, answers: Answers) -> Iterator[Doubt]:
    yield from _of_index((*path, "index"), table, answers)
    rows = list(rows_of(table, answers))
    known = MEASUREMENTS[table.measurement].fields
    for name, several in table.fields.items():
        yield from _of_field((*path, name), several, known[name], answers, rows)
    for word in ("name", "ap", "ssid", "port", "band"):
        told_by = getattr(table, word, ())
        yield from _unmatched((*path, word), _hear(told_by, None, answers, rows))
        if word == "band":
            yield from _of_band((*path, word), told_by, answers, rows)


def _of_index(path: Path, table: Table, answers: Answers) -> Iterator[Doubt]:
    """Rows whose index has other parts than `index` names are no rows: the table would be empty."""
    if not table.index or isinstance(table.rows, Extends):
        return
    columns = (table.rows.column,) if isinstance(table.rows, Column) else table.straight
    rows = [(column, index) for column in columns for index in sorted(answers.columns.get(column, ()))]
    if rows and all(parts_of(table, index) is None for _, index in rows):
        column, index = rows[0]
        yield Doubt(path, f"names {_named(table)}, the rows have {len(index)} ({_end_of(column, index)})")


def _named(table: Table) -> str:
    texts = sum(width == "text" for width in table.index.values())
    arcs = sum(width for width in table.index.values() if isinstance(width, int))
    numbers = f"{arcs} number{'s' * (arcs != 1)}"
    return numbers if not texts else f"{texts} text{'s' * (texts != 1)} and {numbers}"


def _end_of(column: Oid, index: Oid) -> str:
    return "…" + ".".join(map(str, (*column[-3:], *index)))


def _of_field(
    path: Path, several: Sequence[Reading], known: Field, answers: Answers, rows: Iterable[Row]
) -> Iterator[Doubt]:
    heard = _hear(several, known, answers, rows)
    yield from _unmatched(path, heard)
    if not heard.told and (text := next(filter(None, heard.no_numbers), "")):
        yield Doubt(path, f'"{text}" is no number', "write a match, a map or absent")
    if heard.beyond:
        reading, number = heard.beyond[0]
        rows_too = f" in {len(heard.beyond)} rows" if len(heard.beyond) > 1 else ""
        plain = reading.scale == 1 and reading.source in ("scalar", "column", "extend")
        hint = "is a scale missing?" if plain else "is the scale right?"
        yield Doubt(path, f"{_shown(number)} is {_bounds(known, number)}, dropped{rows_too}", hint)


def _hear(several: Sequence[Reading], known: Field | None, answers: Answers, rows: Iterable[Row]) -> _Heard:
    heard = _Heard()
    for row in rows:
        beyond = None
        for reading in several:
            value = readings.value(answers, reading, row)
            if value is None:
                heard.unmatched += [text for text in _without_match(reading, answers, row) if text]
                continue
            if known is not None and number_of(value) is None:
                heard.no_numbers.append(_text(value))
                continue
            number = _beyond(reading, value, known)
            if number is None:
                heard.told += 1
                break
            beyond = beyond or (reading, number)
        else:
            heard.beyond += [beyond] if beyond else []
    return heard


def _without_match(reading: Reading, answers: Answers, row: Row) -> Iterator[str]:
    """What a `match` that cuts a value out finds nothing in; one of whole values only says which count."""
    if reading.match is None or _WHOLE.fullmatch(reading.match.pattern):
        return
    for raw in readings.raws(answers, reading, row) or ():
        if unmatched(reading, raw):
            yield _text(raw)


def _beyond(reading: Reading, value: Meant, known: Field | None) -> float | None:
    """The number that a field cannot hold and that does not spell "unknown"."""
    raw = number_of(value)
    if known is None or raw is None:
        return None
    number = scaled(reading, raw)
    nothing = raw in _NOTHING or number in _NOTHING or (known.never_zero and number == 0)
    return None if nothing or fit(known, number) is not None else number


def _unmatched(path: Path, heard: _Heard) -> Iterator[Doubt]:
    """A text without a match is news where no other row or reading has one."""
    if heard.unmatched and not heard.told and not heard.beyond:
        yield Doubt(path, f'match finds nothing in "{heard.unmatched[0]}"')


def _of_band(
    path: Path, told_by: Sequence[Reading], answers: Answers, rows: Iterable[Row]
) -> Iterator[Doubt]:
    for row in rows:
        values = [value for one in told_by if (value := readings.value(answers, one, row)) is not None]
        if values and not any(map(_says_band, values)):
            yield Doubt(path, f'"{_text(values[0])}" is no band', f"map it to one of {', '.join(Spectrum)}")
            return


def _text(value: Meant) -> str:
    return printable(text_of(value)).strip()[:_MOST_SHOWN]


def _says_band(value: Meant) -> bool:
    """A band, or what spells "unknown"."""
    number = number_of(value)
    if number is not None:
        return number <= 0 or number in _NOTHING or band_of(number) is not None
    return text_of(value).strip() in {"", *Spectrum}


def _bounds(known: Field, number: float) -> str:
    unit = shown(known.unit)
    if number < known.least and known.most >= 2**40:
        return f"below {_shown(known.least)} {unit}".rstrip()
    return f"beyond {_shown(known.least)} to {_shown(known.most)} {unit}".rstrip()


def _shown(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:.6g}"
