"""Compares files as they are with files as wished; what a person sees of it holds no secret."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from drivers.change import Change, Line
from drivers.configurers.linux import owned
from drivers.configurers.linux.quoting import escaped
from drivers.configurers.linux.state import Entry, File, Link
from drivers.model import Secret
from drivers.redact import HIDDEN, redact, visible

_MARK: Final = re.compile(r"[ +-]?")


def diff(device: str, running: Mapping[str, Entry], wanted: Mapping[str, Entry]) -> Change:
    """From running to wanted entries; what is not in `wanted` is left alone."""
    changed = {path: entry for path, entry in wanted.items() if running.get(path) != entry}
    lines = tuple(_line(path, entry) for path, entry in changed.items())
    text = "".join(_text(device, path, running.get(path), entry) for path, entry in changed.items())
    return Change(device, lines, text, tuple(_secrets(changed.values())))


def hidden(text: str) -> str:
    """Text of our files, or a unified difference of them, with the secret rest of lines hidden."""
    return "".join(map(_hidden, text.splitlines(keepends=True)))


def shown(entries: Mapping[str, Entry]) -> str:
    """All entries for a person and for the history, without secrets."""
    return "".join(f"{path}\n{_indented(entry)}" for path, entry in sorted(entries.items()))


def _line(path: str, entry: Entry) -> Line:
    """One command of the script's batch: verb, mode, path, and a word for `printf %b` or a link's target."""
    match entry:
        case File(content):
            command = f"file {owned.part(path).mode} {path} {escaped(content)}"
            told = f"write {path}"
        case Link(target):
            command = f"link - {path} {escaped(target)}"
            told = f"link {path} to {visible(target)}"
        case None:
            command = f"gone - {path} -"
            told = f"remove {path}"
    return Line(Secret(command), told, path)


def _text(device: str, path: str, before: Entry, after: Entry) -> str:
    names = f"{device}{path}", f"{device}{path} (wanted)"
    lines = difflib.unified_diff(_lines(before), _lines(after), *names)
    return hidden("".join(lines))


def _lines(entry: Entry) -> list[str]:
    match entry:
        case File(content):
            return [f"{one}\n" for one in content.split("\n")[:-1]] + _open_end(content)
        case Link(target):
            return [f"-> {target}\n"]
        case None:
            return []


def _open_end(content: str) -> list[str]:
    last = content.rpartition("\n")[2]
    return [f"{last} (no line end)\n"] if last else []


def _indented(entry: Entry) -> str:
    return "".join(f"\t{_hidden(line)}" for line in _lines(entry)) or "\t(not there)\n"


def _hidden(line: str) -> str:
    mark = _MARK.match(line)
    start = mark.end() if mark and not line.startswith(owned.SECRETS) else 0
    for begin in owned.SECRETS:
        if line.startswith(begin, start):
            return f"{line[:start]}{begin}{HIDDEN}\n"
    return redact(line)


def _secrets(entries: Iterable[Entry]) -> Iterator[Secret]:
    for entry in entries:
        for line in entry.content.split("\n") if isinstance(entry, File) else ():
            yield from (Secret(line.removeprefix(one)) for one in owned.SECRETS if line.startswith(one))
