"""Reads a list of expected devices: a CSV file as a spreadsheet saves it, headings in Spanish or English."""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from controller import inventory, inventory_edit, inventory_words, inventory_yaml
from controller.errors import ControllerError, InventoryError, Problem
from controller.inventory_schema import File
from controller.inventory_splice import Fields
from controller.inventory_yaml import Document, Place
from drivers.model import Device

NEEDED: Final = ("name", "site", "address", "mac")
KEYS: Final = ("site", "address", "platform", "mac", "serial", "role", "parent", "profile")
LABELS: Final = ("model", "where")
_KNOWN: Final = ("name", *KEYS, *LABELS)
HEADINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nombre": "name",
        "sitio": "site",
        "direccion": "address",
        "dirección": "address",
        "ip": "address",
        "plataforma": "platform",
        "serie": "serial",
        "número de serie": "serial",
        "modelo": "model",
        "función": "role",
        "depende de": "parent",
        "perfil": "profile",
        "lugar": "where",
        "dónde": "where",
    }
)
MAX_OCTETS: Final = 4 * 1024 * 1024
_NO_SITE: Final = "-"
_NO_ADDRESS: Final = "198.18.{}.{}"  # RFC 2544: nobody's

Rows = Sequence[tuple[int, Mapping[str, str]]]
"""The lines of a file with their numbers, as column → text without what is empty."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Entries as the inventory will have them, and the line of the file that each comes from."""

    file: str
    entries: Mapping[str, Fields]
    lines: Mapping[str, int]


def read(path: Path, inventory_path: Path) -> Expected:
    """The devices of a file, each `state: expected`, for an inventory.

    Raises InventoryError with every mistake of the file, those too that only the inventory shows; where there
    is none of its own, `add` and `require_fitting` tell the latter.
    """
    rows, problems = _rows(str(path), _text(path))
    names = Counterparts(str(path), inventory_path)
    entries: dict[str, Fields] = {}
    lines: dict[str, int] = {}
    for line, row in rows:
        problems += names.clashes(line, row)
        name = row.get("name", "")
        if name and name not in entries:
            entries[name], lines[name] = _entry(row), line
    expected = Expected(str(path), entries, lines)
    problems += _faults(expected)
    if not rows and not problems:
        problems.append(Problem(str(path), 1, "file", "lists no device", "write one in each line"))
    if problems:
        raise InventoryError(_tidy([*problems, *_unfitting(inventory_path, str(path), rows, problems)]))
    return expected


def _unfitting(path: Path, file: str, rows: Rows, problems: Sequence[Problem]) -> list[Problem]:
    """What the inventory would say of the same lines without what is known to be wrong in them."""
    told = {(problem.line, problem.where) for problem in problems}
    names: dict[str, str] = {}
    entries: dict[str, Fields] = {}
    lines: dict[str, int] = {}
    for line, row in rows:
        wrong = {where for at, where in told if at == line}
        written = row.get("name", "")
        name = f"line-{line}" if not written or {"name", f"devices.{written}"} & wrong else written
        names.setdefault(written, name)
        kept = {key: value for key, value in row.items() if key not in wrong}
        stand_ins = {"site": _NO_SITE, "address": _NO_ADDRESS.format(line >> 8 & 255, line & 255)}
        entries[name], lines[name] = _entry(stand_ins | kept), line
    for name, fields in entries.items():
        parent = str(fields.get("parent", ""))
        entries[name] = {**fields, "parent": names[parent]} if parent in names else fields
    try:
        require_fitting(path, Expected(file, entries, lines))
    except InventoryError as error:
        return [one for one in error.problems if one.file == file and (one.line, one.where) not in told]
    except ControllerError:
        pass  # told when it is to be written
    return []


def require_fitting(path: Path, expected: Expected) -> None:
    """Raises InventoryError, at the lines of the list, when the inventory cannot take these entries."""
    with _at_lines(expected):
        inventory_edit.try_devices(path, expected.entries)


def add(path: Path, expected: Expected) -> None:
    """Write them into the inventory, all or none. Raises like `require_fitting`."""
    with _at_lines(expected):
        inventory_edit.add_devices(path, expected.entries)


class _at_lines:  # noqa: N801  reads as a statement
    """Problems of the inventory become problems of the list where its entries made them."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, InventoryError):
            raise InventoryError(_tidy([self._moved(problem) for problem in error.problems])) from None

    def _moved(self, problem: Problem) -> Problem:
        table, _, rest = problem.where.partition(".")
        name, _, key = rest.partition(".")
        if table != "devices" or name not in self._expected.lines:
            return problem
        line = self._expected.lines[name]
        return Problem(self._expected.file, line, key or name, problem.what, problem.mend)


class Counterparts:
    """What is taken already: names, MACs and serial numbers of the inventory and of the lines before."""

    def __init__(self, file: str, inventory_path: Path) -> None:
        self._file = file
        self._taken: dict[tuple[str, str], str] = {}
        lines = inventory_yaml.read(inventory_path).lines
        for device in inventory.load(inventory_path).devices.values():
            self._take(device, f"{inventory_path}:{lines['devices', device.name]}")

    def _take(self, device: Device, place: str) -> None:
        self._taken["name", device.name] = place
        for key, value in (("mac", device.mac), ("serial", device.serial)):
            if value:
                self._taken[key, value] = f"{place} ({device.name})"

    def clashes(self, line: int, row: Mapping[str, str]) -> Iterator[Problem]:
        """The values of a line that somebody else has; and remembers them."""
        for key in ("name", "mac", "serial"):
            value = row.get(key, "")
            if not value:
                continue
            value = _mac(value) if key == "mac" else value
            here = f"{self._file}:{line}"
            owner = self._taken.setdefault((key, value), here)
            if owner != here:
                yield Problem(
                    self._file, line, key, f"{value} is in {owner} already", "correct one of the two"
                )


def _text(path: Path) -> str:
    try:
        octets = path.read_bytes()
        if len(octets) > MAX_OCTETS:
            raise InventoryError([_whole(path, 1, "is larger than 4 MiB", "split it")])
        return octets.decode("utf-8-sig")
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise InventoryError([_whole(path, 1, what, "name an existing, readable file")]) from None
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise InventoryError([_whole(path, line, "is not UTF-8 text", "save it as CSV UTF-8")]) from None


def _whole(path: Path, line: int, what: str, mend: str) -> Problem:
    return Problem(str(path), line, "file", what, mend)


def _rows(file: str, text: str) -> tuple[list[tuple[int, dict[str, str]]], list[Problem]]:
    """The lines, and what is wrong with them as lines. Raises InventoryError where no column is the name."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    found: list[tuple[int, dict[str, str]]] = []
    problems: list[Problem] = []
    columns: list[str] = []
    try:
        columns, wrong = _columns(file, next(reader, []))
        problems += wrong
        for cells in reader:
            line, texts = reader.line_num, [cell.strip() for cell in cells]
            if not any(texts) or texts[0].startswith("#"):
                continue
            if len(texts) > len(columns) and any(texts[len(columns) :]):
                what = f"has {len(texts)} cells, and there are {len(columns)} headings"
                problems.append(Problem(file, line, "line", what, "put text that holds a comma in quotes"))
            filled = zip(columns, texts, strict=False)
            found.append((line, {key: text for key, text in filled if text and key in _KNOWN}))
    except csv.Error as error:
        problems.append(Problem(file, reader.line_num, "line", str(error), "close the quotes"))
    needed = [key for key in NEEDED if key in columns]
    for line, row in found:
        problems += [Problem(file, line, key, "is empty", "fill it in") for key in needed if key not in row]
    return found, problems


def _columns(file: str, headings: Sequence[str]) -> tuple[list[str], list[Problem]]:
    """What each column holds, and what is wrong with the headings; raises where none is the name."""
    columns = [heading.strip().lower() for heading in headings]
    columns = [HEADINGS.get(column, column) for column in columns]
    problems = [
        Problem(file, 1, column or "heading", "is no heading we know", inventory_words.near(column, _KNOWN))
        for column in columns
        if column not in _KNOWN
    ]
    problems += [
        Problem(file, 1, column, "is missing among the headings", f"add a column {column}")
        for column in NEEDED
        if column not in columns
    ]
    problems += [
        Problem(file, 1, column, "is there twice", "delete one of the two columns")
        for column in sorted(set(columns))
        if columns.count(column) > 1
    ]
    if "name" not in columns:
        raise InventoryError(problems)
    return columns, problems


def _entry(row: Mapping[str, str]) -> Fields:
    fields: dict[str, str | dict[str, str | int | bool]] = {key: row[key] for key in KEYS if key in row}
    if "mac" in row:
        fields["mac"] = _mac(row["mac"])
    fields["state"] = "expected"
    labels: dict[str, str | int | bool] = {key: row[key] for key in LABELS if key in row}
    return fields | ({"labels": labels} if labels else {})


def _mac(written: str) -> str:
    """With colons and in lower case; what is no MAC as it is."""
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}", written):
        return written
    digits = written.lower().replace("-", "").replace(":", "")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def _faults(expected: Expected) -> list[Problem]:
    """What the inventory's own rules say of each value."""
    places: dict[Place, int] = {}
    for name, line in expected.lines.items():
        places |= {("devices", name): line}
        places |= {("devices", name, key): line for key in expected.entries[name]}
    data = {"version": 1, "devices": {name: dict(fields) for name, fields in expected.entries.items()}}
    document = Document(expected.file, data, places, ())
    try:
        File.model_validate(data)
    except ValidationError as error:
        found = [problem for _, problem in inventory_words.problems(document, error) if problem is not None]
        return [_within(problem, expected.lines) for problem in found if "is missing" not in problem.what]
    return []


def _within(problem: Problem, names: Collection[str]) -> Problem:
    """Without `devices.NAME.`, which the line says."""
    name = next((each for each in names if problem.where.startswith(f"devices.{each}.")), "")
    where = problem.where.removeprefix(f"devices.{name}.") if name else problem.where
    return Problem(problem.file, problem.line, where, problem.what, problem.mend)


def _tidy(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line))
