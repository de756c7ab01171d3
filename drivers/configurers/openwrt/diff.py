"""Compares the running configuration with the wanted one, in the keys we own and no others."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from drivers.change import Change, Line
from drivers.configurers.openwrt import files, revoking, uci
from drivers.configurers.openwrt.dialect import Dialect
from drivers.configurers.openwrt.uci import Config, Option, Section, Value
from drivers.model import Secret
from drivers.redact import HIDDEN, visible


class Op(NamedTuple):
    """One uci command: set, delete or add_list; `value` is None for delete.

    Or `write`, which is none of uci's: `value` are then all our lines of a file.
    """

    verb: str
    path: str
    value: Value | None = None

    def line(self) -> str:
        """For `uci batch`, secrets in clear; the lines themselves of `write`.

        Raises ValueError for control characters.
        """
        if self.value is None:
            return f"{self.verb} {self.path}"
        text = _plain(self.value)
        if self.verb == "write":
            return text
        return f"{self.verb} {self.path}={uci.quote(text)}"


def diff(dialect: Dialect, device: str, running: Config, wanted: Config) -> Change:
    """From `running` to `wanted`: sections that are not ours and options we do not own are never in it."""
    sides = _Sides(dialect, device, running, wanted)
    settings, written = tuple(_ops(sides)), tuple(_file_ops(sides))
    ops = settings + written
    secrets = (*(op.value for op in settings if isinstance(op.value, Secret)), *_file_secrets(sides))
    return Change(device, tuple(map(_line, ops)), "".join(_text(sides)) if ops else "", secrets)


def ours(dialect: Dialect, running: Config, earlier: Config) -> Config:
    """What of an earlier configuration is ours, as wanted of a device that runs another one now.

    A section of the device's own that is no longer there cannot be wanted back.
    """
    sections = {}
    for path, section in earlier.sections.items():
        if section.package not in dialect.written:
            continue
        if dialect.owns(section.name):
            sections[path] = section
        elif path in running.sections and dialect.options(section):
            owned = dialect.options(section)
            kept = {name: value for name, value in section.options.items() if name in owned}
            sections[path] = section._replace(options=kept)
    for file in dialect.files:
        empty = Section(files.PACKAGE, file.name, files.KIND)
        sections[empty.path] = earlier.sections.get(empty.path, empty)
    return Config(sections)


def blocks(change: Change) -> dict[str, str]:
    """Of a change, all our lines of each file that it writes, by the file's name."""
    lines = (line for line in change.lines if line.path.startswith(f"{files.PACKAGE}."))
    return {line.path.partition(".")[2]: line.command.reveal() for line in lines}


def batch(change: Change) -> str:
    """Of a change, what `uci batch` reads."""
    lines = (line for line in change.lines if not line.path.startswith(f"{files.PACKAGE}."))
    return "".join(f"{line.command.reveal()}\n" for line in lines)


def _line(op: Op) -> Line:
    command = op.line()
    if op.verb == "write":
        verb = "take out" if op.path.endswith(revoking.OTHERS) else "write"
        shown = f"{verb} {command.count(chr(10))} lines of {op.path}"
    else:
        shown = visible(op._replace(value=HIDDEN).line() if isinstance(op.value, Secret) else command)
    return Line(Secret(command), shown, op.path)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is compared."""

    dialect: Dialect
    device: str
    running: Config
    wanted: Config

    def owned(self, section: Section) -> Set[str]:
        """The options of a section that are ours, wished for or not."""
        return section.options.keys() if self.dialect.owns(section.name) else self.dialect.options(section)


def compared(dialect: Dialect, device: str, running: Config, wanted: Config) -> tuple[Op, ...]:
    """The uci commands from `running` to `wanted`, and nothing for a person to read."""
    return tuple(_ops(_Sides(dialect, device, running, wanted)))


def _ops(sides: _Sides) -> list[Op]:
    ours: list[Op] = []
    theirs: list[Op] = []
    for path, section in sides.wanted.sections.items():
        if section.package != files.PACKAGE:
            ops = ours if sides.dialect.owns(section.name) else theirs
            ops += _section_ops(sides, path, section)
    gone = [
        Op("delete", path)
        for path, section in sides.running.sections.items()
        if sides.dialect.owns(section.name) and not _same_kind(section, sides.wanted.sections.get(path))
    ]
    # The device's own sections first: @kind[n] no longer names the same once one of that kind is deleted.
    return theirs + gone + ours


def _file_ops(sides: _Sides) -> Iterator[Op]:
    for section in sides.wanted.sections.values():
        if section.package == files.PACKAGE:
            before = sides.running.sections.get(section.path)
            known, lines = _file_lines(before) if before else (), _file_lines(section)
            if section.name == revoking.OTHERS:  # of what is not ours it is told what goes
                lines, known = tuple(line for line in known if line not in lines), ()
            if lines != known:
                text = "".join(f"{_plain(line)}\n" for line in lines)
                yield Op("write", section.path, Secret(text))


def _file_lines(section: Section) -> tuple[Value, ...]:
    """The lines of a file, which are a list, whatever it is called."""
    lists = (value for value in section.options.values() if isinstance(value, tuple))
    return tuple(line for value in lists for line in value)


def _plain(value: Value) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _file_secrets(sides: _Sides) -> Iterator[Secret]:
    for section in sides.wanted.sections.values():
        if section.package == files.PACKAGE:
            yield from (line for line in _file_lines(section) if isinstance(line, Secret))


def _section_ops(sides: _Sides, at: str, section: Section) -> list[Op]:
    before = sides.running.sections.get(at)
    if before is None or before.kind != section.kind:
        return [Op("set", at, section.kind), *_option_ops(at, section.options, {})]
    if before.options == section.options:
        return []
    dropped = (before.options.keys() & sides.owned(before)) - section.options.keys()
    deleted = [Op("delete", f"{at}.{name}") for name in sorted(dropped)]
    return deleted + _option_ops(at, section.options, before.options)


def _option_ops(at: str, wanted: Mapping[str, Option], before: Mapping[str, Option]) -> list[Op]:
    ops: list[Op] = []
    for name, value in wanted.items():
        if before.get(name) == value:
            continue
        path = f"{at}.{name}"
        if isinstance(value, tuple):
            ops += [Op("delete", path)] * (name in before)
            ops += [Op("add_list", path, item) for item in value]
        else:
            ops.append(Op("set", path, value))
    return ops


def _same_kind(section: Section, counterpart: Section | None) -> bool:
    return counterpart is not None and counterpart.kind == section.kind


def _text(sides: _Sides) -> Iterator[str]:
    own = {path for path, section in sides.running.sections.items() if sides.dialect.owns(section.name)}
    paths: dict[str, list[str]] = {}
    for path in sorted(own | sides.wanted.sections.keys()):
        paths.setdefault(path.partition(".")[0], []).append(path)
    for package in (*sides.dialect.written, files.PACKAGE):
        name = f"{sides.device}/{package}"
        hunks = "".join(_hunks(sides, paths.get(package, ())))
        if hunks:
            yield f"--- {name}\n+++ {name} (wanted)\n{hunks}"


def _hunks(sides: _Sides, paths: Sequence[str]) -> Iterator[str]:
    """One hunk for each section that changes, so that no line of one seems to belong to another."""
    at, now_at = 0, 0
    for path in paths:
        before = _lines(sides, sides.running, path)
        after = _lines(sides, sides.wanted, path)
        if before != after:
            yield f"@@ -{_range(at, before)} +{_range(now_at, after)} @@\n"
            yield from _body(before, after)
        at += len(before)
        now_at += len(after)


def _body(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Of a hunk; a section that is new or gone needs no comparison."""
    if not before or not after:
        yield from (f"-{line}" for line in before)
        yield from (f"+{line}" for line in after)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, start, end, now_start, now_end in matcher.get_opcodes():
        if tag == "equal":
            yield from (f" {line}" for line in before[start:end])
        else:
            yield from (f"-{line}" for line in before[start:end])
            yield from (f"+{line}" for line in after[now_start:now_end])


def _range(at: int, lines: Sequence[str]) -> str:
    """As diff -u counts: the first line, or the line before nothing."""
    return f"{at + 1 if lines else at},{len(lines)}"


def _lines(sides: _Sides, shown: Config, path: str) -> list[str]:
    """The owned part of a section as `uci export` prints it, options sorted, secrets hidden."""
    section, counterpart = shown.sections.get(path), sides.wanted.sections.get(path)
    if section is None:
        return []
    if section.package == files.PACKAGE and not section.options:
        return []  # none of our lines is as good as no block
    before = sides.running.sections[path].options if path in sides.running.sections else {}
    lines = [f"config {section.kind} '{visible(section.name)}'\n"]
    names = sides.owned(section) | (counterpart or section).options.keys()
    for name in sorted(names & section.options.keys()):
        lines += _option_lines(name, section.options[name], before.get(name))
    return lines


def _option_lines(name: str, value: Option, before: Option | None) -> Sequence[str]:
    if isinstance(value, tuple):
        known = before if isinstance(before, tuple) else ()
        return [f"\tlist {name} {_shown(item, item if item in known else None)}\n" for item in value]
    return [f"\toption {name} {_shown(value, before)}\n"]


def _shown(value: Value, before: Option | None) -> str:
    """A secret shows only whether it differs from the running one."""
    if isinstance(value, Secret):
        return f"'{HIDDEN}'" if value == before else f"'{HIDDEN} (new)'"
    return visible("'" + value.replace("'", "'\\''") + "'")
