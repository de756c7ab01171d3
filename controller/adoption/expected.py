"""Reads a list of expected devices: a CSV file as a spreadsheet saves it, headings in Spanish or English."""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from controller import inventory_edit, inventory_words
from controller.errors import InventoryError, Problem
from controller.inventory_schema import File
from controller.inventory_splice import Fields
from controller.inventory_yaml import Document, Place
from controller.model import Inventory
from drivers.model import Device

NEEDED: Final = ("name", "site", "address", "mac")
KEYS: Final = ("site", "address", "platform", "mac", "serial", "role", "parent", "profile")
LABELS: Final = ("model", "where")
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


@dataclass(frozen=True, slots=True)
class Expected:
    """Entries as the inventory will have them, and the line of the file that each comes from."""

    file: str
    entries: Mapping[str, Fields]
    lines: Mapping[str, int]


def read(path: Path, inventory: Inventory) -> Expected:
    """The devices of a file, each `state: expected`. Raises InventoryError with every mistake of the file."""
    rows, problems = _rows(str(path), _text(path))
    names = Counterparts(str(path), inventory)
    entries: dict[str, Fields] = {}
    lines: dict[str, int] = {}
    for line, row in rows:
        problems += names.clashes(line, row)
        name = row.get("name", "")
        if name and name not in entries:
            entries[name], lines[name] = _entry(row), line
    expected = Expected(str(path), entries, lines)
    problems += _faults(expected)
    if not entries and not problems:
        problems.append(Problem(str(path), 1, "file", "lists no device", "write one in each line"))
    if problems:
        raise InventoryError(_tidy(problems))
    return expected


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

    def __init__(self, file: str, inventory: Inventory) -> None:
        self._file = file
        self._taken: dict[tuple[str, str], str] = {}
        for device in inventory.devices.values():
            self._take(device)

    def _take(self, device: Device) -> None:
        self._taken["name", device.name] = "the inventory"
        for key, value in (("mac", device.mac), ("serial", device.serial)):
            if value:
                self._taken[key, value] = f"{device.name} of the inventory"

    def clashes(self, line: int, row: Mapping[str, str]) -> Iterator[Problem]:
        """The values of a line that somebody else has; and remembers them."""
        for key in ("name", "mac", "serial"):
            value = row.get(key, "")
            if not value:
                continue
            if key == "mac":
                value = value.lower().replace("-", ":")
            owner = self._taken.setdefault((key, value), f"line {line}")
            if owner != f"line {line}":
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
    """The lines as column → text without what is empty; raises InventoryError for headings nobody knows."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    found: list[tuple[int, dict[str, str]]] = []
    problems: list[Problem] = []
    try:
        columns = _columns(file, next(reader, []))
        for cells in reader:
            line, texts = reader.line_num, [cell.strip() for cell in cells]
            if not any(texts) or texts[0].startswith("#"):
                continue
            if len(texts) > len(columns) and any(texts[len(columns) :]):
                what = f"has {len(texts)} cells, and there are {len(columns)} headings"
                problems.append(Problem(file, line, "line", what, "put text that holds a comma in quotes"))
            found.append((line, {key: cell for key, cell in zip(columns, texts, strict=False) if cell}))
    except csv.Error as error:
        raise InventoryError(
            [*problems, Problem(file, reader.line_num, "line", str(error), "close the quotes")]
        ) from None
    for line, row in found:
        problems += [Problem(file, line, key, "is empty", "fill it in") for key in NEEDED if key not in row]
    return found, problems


def _columns(file: str, headings: Sequence[str]) -> list[str]:
    known = ("name", *KEYS, *LABELS)
    columns = [heading.strip().lower() for heading in headings]
    columns = [HEADINGS.get(column, column) for column in columns]
    problems = [
        Problem(file, 1, column or "heading", "is no heading we know", inventory_words.near(column, known))
        for column in columns
        if column not in known
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
    if problems:
        raise InventoryError(problems)
    return columns


def _entry(row: Mapping[str, str]) -> Fields:
    fields: dict[str, str | dict[str, str | int | bool]] = {key: row[key] for key in KEYS if key in row}
    if "mac" in row and re.fullmatch(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}", row["mac"]):
        digits = row["mac"].lower().replace("-", "").replace(":", "")
        fields["mac"] = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    fields["state"] = "expected"
    labels: dict[str, str | int | bool] = {key: row[key] for key in LABELS if key in row}
    return fields | ({"labels": labels} if labels else {})


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
