"""Reads YAML 1.2 text into plain values that remember their lines.

Plain scalars follow the core schema of YAML 1.2 (only `true`, `false`, `null`, decimal, 0o and 0x numbers and
floats are not text) with one difference: a number with leading zeros stays text, because 08019 is INEGI's key
of a municipality. So `on`, `yes`, 02:00:00:00:00:01, 22:30 and 2026-12-25 are text, and every key is text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from controller.errors import InventoryError, Problem

Place = tuple[str | int, ...]
"""Where a value stands: ("devices", "ap-08019-1", "ssids", 0, "name")."""

# libyaml is ten times faster; both give the same events and lines.
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_OCTETS: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 24

_CONSTANTS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_BASED: Final = re.compile(r"0o[0-7]{1,21}|0x[0-9a-fA-F]{1,16}")
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)

# What libyaml says → what a technician does.
_MENDING: Final = (
    ("cannot start any token", "replace a tab by spaces, and put text that begins with @, ` or % in quotes"),
    ("expected ',' or", "close the bracket or brace, or put a comma between the entries"),
    (
        "mapping values are not allowed",
        "indent this line like its neighbours, or put text holding ': ' in quotes",
    ),
    ("unexpected end of stream", "close the quotation mark"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("did not find expected", "indent this line like its neighbours"),
    ("unknown escape character", "use 'single quotes' where a backslash is meant"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A file's plain values, the line of every key and list item, and what was stepped over.

    A value that had to be left out of `data` still has its line in `lines`.
    """

    file: str
    data: Any
    lines: Mapping[Place, int]
    problems: tuple[Problem, ...]

    def problem(self, place: Place, what: str, mend: str) -> Problem:
        """A problem at a place, or at the nearest written place around it."""
        nearest = place
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        return Problem(self.file, self.lines.get(nearest, 1), dotted(place), what, mend)


def dotted(place: Place) -> str:
    """`devices.ap-08019-1.ssids[0].name`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") or "file"


def read(path: Path) -> Document:
    """Read a file. Raises InventoryError when it cannot be opened or is not YAML."""
    return parse(str(path), _text(path))


def parse(file: str, text: str, loader: Any = LOADER) -> Document:
    """Read text that came from `file`. Raises InventoryError when it is not YAML."""
    tree = _Tree(file)
    try:
        for event in yaml.parse(text, Loader=loader):
            tree.take(event)
    except yaml.YAMLError as error:
        raise InventoryError([*tree.problems, _syntax(file, text, error)]) from None
    return Document(file, tree.root, tree.lines, tuple(tree.problems))


@lru_cache(maxsize=4096)
def scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain (unquoted) scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text if text[-1].isdigit() or text[-1] == "." else text.replace(".", ""))
    return text


def _text(path: Path) -> str:
    try:
        octets = path.read_bytes()
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise _whole(path, what, "name an existing, readable file") from error
    if len(octets) > MAX_OCTETS:
        raise _whole(path, "is larger than 64 MiB", "name the inventory, not another file")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        problem = Problem(
            str(path), line, "file", "is not UTF-8 text", "save the file with the encoding UTF-8"
        )
        raise InventoryError([problem]) from None


def _whole(path: Path, what: str, mend: str) -> InventoryError:
    return InventoryError([Problem(str(path), 1, "file", what, mend)])


def _syntax(file: str, text: str, error: yaml.YAMLError) -> Problem:
    """libyaml's complaint as one line. Its quotation of the file is left out: it may hold a secret."""
    if isinstance(error, yaml.reader.ReaderError):
        line = 1 + next(
            (i for i, row in enumerate(text.split("\n")) if yaml.reader.Reader.NON_PRINTABLE.search(row)), 0
        )
        return Problem(
            file,
            line,
            "syntax",
            "holds a control character",
            "delete it, or write it as \\xNN in double quotes",
        )
    mark = getattr(error, "problem_mark", None)
    begun = getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or "this is not YAML"
    if begun is not None and "end of stream" in said:
        mark = begun
    line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1
    what = said if begun is None or begun.line + 1 >= line else f"{said} (it began in line {begun.line + 1})"
    mend = next((advice for sign, advice in _MENDING if sign in said), "write it as YAML 1.2")
    return Problem(file, line, "syntax", what, mend)


@dataclass(slots=True)
class _Frame:
    """An open map or list. A frame that is not `kept` belongs to a duplicate key or a tag we do not read."""

    container: dict[str, Any] | list[Any]
    place: Place
    kept: bool
    key: str | None = None
    key_kept: bool = True
    keys: dict[str, int] = field(default_factory=dict)


class _Tree:
    """Grows plain values from parser events: no recursion, aliases never expanded."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Any = None
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._open: list[_Frame] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event. Raises InventoryError when nothing after it could be understood."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.MappingStartEvent():
                self._begin({}, event, line)
            case yaml.SequenceStartEvent():
                self._begin([], event, line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
            case yaml.AliasEvent():
                self._alias(line)
            case yaml.DocumentStartEvent():
                self._document(line)

    def _alias(self, line: int) -> None:
        if self._awaits_key():
            self._stop(self._open[-1].place, line, "a key must be plain text", "write the key out")
        place, kept = self._next(line)
        if kept:
            self._skip(place, line, "aliases (*name) are not read", "write the value out, or use a profile")

    def _document(self, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(
                (), line, "a second document begins", "keep everything in one document: delete the ---"
            )

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].container, dict) and self._open[-1].key is None

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if self._awaits_key():
            self._key(self._open[-1], event.value, line)
            return
        place, kept = self._next(line)
        if not kept:
            return
        if event.tag is not None:
            self._skip(place, line, "tags (!name) are not read", "write text in quotes and numbers without")
        else:
            self._put(place, scalar(event.value) if event.implicit[0] else event.value)

    def _key(self, top: _Frame, key: str, line: int) -> None:
        top.key = key
        top.key_kept = top.kept and key not in top.keys
        if top.key_kept:
            self.lines[(*top.place, key)] = line
        elif top.kept:
            what = f"is written twice, in lines {top.keys[key]} and {line}"
            self.problems.append(
                Problem(self.file, line, dotted((*top.place, key)), what, "delete one of the two")
            )
        top.keys.setdefault(key, line)

    def _begin(self, container: dict[str, Any] | list[Any], event: Any, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop(self._open[-1].place, line, "is nested too deeply", "remove the surplus brackets")
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.container, dict) and top.key is None:
            self._stop(
                top.place, line, "a key must be plain text", "put text that begins with { or [ in quotes"
            )
        place, kept = self._next(line)
        if kept and event.tag is not None:
            self._skip(place, line, "tags (!name) are not read", "delete the tag")
            kept = False
        if kept:
            self._put(place, container)
        self._open.append(_Frame(container, place, kept))

    def _next(self, line: int) -> tuple[Place, bool]:
        """The place of the value that begins here, and whether it is kept."""
        if not self._open:
            return (), True
        top = self._open[-1]
        if isinstance(top.container, list):
            place: Place = (*top.place, len(top.keys))
            top.keys[str(len(top.keys))] = line
            if top.kept:
                self.lines[place] = line
            return place, top.kept
        key, top.key = top.key or "", None
        return (*top.place, key), top.key_kept

    def _put(self, place: Place, value: Any) -> None:
        if not self._open:
            self.root = value
            return
        container = self._open[-1].container
        if isinstance(container, list):
            container.append(value)
        else:
            container[str(place[-1])] = value

    def _skip(self, place: Place, line: int, what: str, mend: str) -> None:
        """Note a value that is stepped over; in a list its place stays taken."""
        self.problems.append(Problem(self.file, line, dotted(place), what, mend))
        if place and isinstance(place[-1], int):
            self._put(place, None)

    def _stop(self, place: Place, line: int, what: str, mend: str) -> None:
        raise InventoryError([*self.problems, Problem(self.file, line, dotted(place), what, mend)])
