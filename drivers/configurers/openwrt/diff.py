"""Compares the running configuration with the wanted one, in the keys we own and no others."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from drivers.change import Change, Line
from drivers.configurers.openwrt import files, revoking, uci
from drivers.configurers.openwrt.dialect import Dialect
from drivers.configurers.openwrt.uci import Config, Option, Section, Value
from drivers.model import Secret
from drivers.redact import HIDDEN, visible

Op = tuple[str, str, Value | None]
"""One uci command: set, delete or add_list; the path; the value, None for delete.

Or `write`, which is none of uci's: the value are then all our lines of a file.
"""


def _command(op: Op) -> str:
    """For `uci batch`, secrets in clear; the lines themselves of `write`.

    Raises ValueError for control characters.
    """
    verb, path, value = op
    if value is None:
        return f"{verb} {path}"
    text = _plain(value)
    return text if verb == "write" else f"{verb} {path}={uci.quote(text)}"


def diff(dialect: Dialect, device: str, running: Config, wanted: Config) -> Change:
    """From `running` to `wanted`: sections that are not ours and options we do not own are never in it."""
    sides = _Sides(dialect, device, running, wanted)
    settings, written = tuple(_ops(sides)), tuple(_file_ops(sides))
    ops = settings + written
    secrets = (*(value for *_, value in settings if isinstance(value, Secret)), *_file_secrets(sides))
    return Change(device, tuple(map(_line, ops)), "".join(_text(sides)) if ops else "", secrets)


def ours(dialect: Dialect, running: Config, earlier: Config) -> Config:
    """What of an earlier configuration is ours, as wanted of a device that runs another one now.

    A section of the device's own that is no longer there cannot be wanted back.
    """
    sections = []
    for package in dialect.written:
        present = running.package(package)
        for path, section in earlier.package(package).items():
            owned = dialect.options(section)
            if dialect.owns(section.name):
                sections.append(section)
            elif path in present and owned:
                kept = {name: value for name, value in section.options.items() if name in owned}
                sections.append(section.holding(kept))
    for file in dialect.files:
        empty = Section(files.PACKAGE, file.name, files.KIND)
        sections.append(earlier.section(empty.path) or empty)
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
    command, (verb, path, value) = _command(op), op
    if verb == "write":
        does = "take out" if path.endswith(revoking.OTHERS) else "write"
        shown = f"{does} {command.count(chr(10))} lines of {path}"
    else:
        shown = visible(_command((verb, path, HIDDEN)) if isinstance(value, Secret) else command)
    return Line(Secret(command), shown, path)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is compared."""

    dialect: Dialect
    device: str
    running: Config
    wanted: Config

    def owned(self, section: Section) -> Collection[str]:
        """The options of a section that are ours, wished for or not."""
        return section.options.keys() if self.dialect.owns(section.name) else self.dialect.options(section)


def compared(dialect: Dialect, device: str, running: Config, wanted: Config) -> tuple[Op, ...]:
    """The uci commands from `running` to `wanted`, and nothing for a person to read."""
    return tuple(_ops(_Sides(dialect, device, running, wanted)))


def _ops(sides: _Sides) -> list[Op]:
    ours: list[Op] = []
    theirs: list[Op] = []
    owns = sides.dialect.owns
    for package in sides.wanted.packages:
        if package == files.PACKAGE or sides.wanted.has_as(package, sides.running):
            continue
        running = sides.running.package(package)
        for path, section in sides.wanted.package(package).items():
            ops = ours if owns(section.name) else theirs
            ops += _section_ops(sides, path, section, running.get(path))
    gone: list[Op] = [
        ("delete", path, None)
        for path, section in sides.running.beginning(sides.dialect.own_prefix)
        if not _same_kind(section, sides.wanted.package(section.package).get(path))
    ]
    # The device's own sections first: @kind[n] no longer names the same once one of that kind is deleted.
    return theirs + gone + ours


def _file_ops(sides: _Sides) -> Iterator[Op]:
    for path, section in sides.wanted.package(files.PACKAGE).items():
        before = sides.running.section(path)
        known, lines = _file_lines(before) if before else (), _file_lines(section)
        if section.name == revoking.OTHERS:  # of what is not ours it is told what goes
            lines, known = tuple(line for line in known if line not in lines), ()
        if lines != known:
            text = "".join(f"{_plain(line)}\n" for line in lines)
            yield "write", path, Secret(text)


def _file_lines(section: Section) -> tuple[Value, ...]:
    """The lines of a file, which are a list, whatever it is called."""
    lists = (value for value in section.options.values() if isinstance(value, tuple))
    return tuple(line for value in lists for line in value)


def _plain(value: Value) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _file_secrets(sides: _Sides) -> Iterator[Secret]:
    for section in sides.wanted.package(files.PACKAGE).values():
        yield from (line for line in _file_lines(section) if isinstance(line, Secret))


def _section_ops(sides: _Sides, at: str, section: Section, before: Section | None) -> list[Op]:
    wanted = section.options
    if before is None or before.kind != section.kind:
        return [("set", at, section.kind), *_option_ops(at, wanted, {})]
    if before.written_as(section):
        return []
    known = before.options
    changed = {name: value for name, value in wanted.items() if known.get(name) != value}
    ops = _option_ops(at, changed, known) if changed else []
    dropped = [name for name in sides.owned(before) if name in known and name not in wanted]
    return [*(("delete", f"{at}.{name}", None) for name in sorted(dropped)), *ops] if dropped else ops


def _option_ops(at: str, wanted: Mapping[str, Option], known: Mapping[str, Option]) -> list[Op]:
    ops: list[Op] = []
    for name, value in wanted.items():
        if isinstance(value, tuple):
            ops += [("delete", f"{at}.{name}", None)] * (name in known)
            ops += [("add_list", f"{at}.{name}", item) for item in value]
        else:
            ops.append(("set", f"{at}.{name}", value))
    return ops


def _same_kind(section: Section, counterpart: Section | None) -> bool:
    return counterpart is not None and counterpart.kind == section.kind


def _text(sides: _Sides) -> Iterator[str]:
    own = dict(sides.running.beginning(sides.dialect.own_prefix))
    for package in (*sides.dialect.written, files.PACKAGE):
        name = f"{sides.device}/{package}"
        ours = [path for path, section in own.items() if section.package == package]
        hunks = "".join(_hunks(sides, sorted({*ours, *sides.wanted.package(package)})))
        if hunks:
            yield f"--- {name}\n+++ {name} (wanted)\n{hunks}"


_Shown = Mapping[str, Sequence[str]]
"""The lines of a section as a person reads it, by option; that of the section itself by ""."""


def _hunks(sides: _Sides, paths: Sequence[str]) -> Iterator[str]:
    """One hunk for each section that changes, so that no line of one seems to belong to another."""
    at, now_at = 0, 0
    for path in paths:
        running, wanted = sides.running.section(path), sides.wanted.section(path)
        before, after = _lines(sides, running, running, wanted), _lines(sides, wanted, running, wanted)
        size, now_size = (sum(map(len, lines.values())) for lines in (before, after))
        if before != after:
            yield f"@@ -{_range(at, size)} +{_range(now_at, now_size)} @@\n"
            yield from _body(before, after)
        at += size
        now_at += now_size


def _body(before: _Shown, after: _Shown) -> Iterator[str]:
    """Of a hunk; what is gone stands before what is new, up to the next line that stays."""
    gone: list[str] = []
    new: list[str] = []
    for old, now in (*_pairs(before, after), ((), ())):
        if old != now:
            gone += old
            new += now
            continue
        yield from (f"-{line}" for line in gone)
        yield from (f"+{line}" for line in new)
        yield from (f" {line}" for line in old)
        gone, new = [], []


def _pairs(before: _Shown, after: _Shown) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """The lines that belong together: those of one option, and of a list what stays and what does not."""
    for name in sorted(before.keys() | after.keys()):
        old, now = before.get(name, ()), after.get(name, ())
        if old == now or len(old) < 2 or len(now) < 2:
            yield old, now
            continue
        for _, start, end, now_start, now_end in SequenceMatcher(
            None, old, now, autojunk=False
        ).get_opcodes():
            yield old[start:end], now[now_start:now_end]


def _range(at: int, size: int) -> str:
    """As diff -u counts: the first line, or the line before nothing."""
    return f"{at + 1 if size else at},{size}"


def _lines(sides: _Sides, shown: Section | None, running: Section | None, wanted: Section | None) -> _Shown:
    """The owned part of a section as `uci export` prints it, secrets hidden."""
    if shown is None or (shown.package == files.PACKAGE and not shown.options):
        return {}  # none of our lines is as good as no block
    options = shown.options
    if shown is running and wanted is not None:
        names = {*sides.owned(shown), *wanted.options}
        options = {name: value for name, value in options.items() if name in names}
    known: Mapping[str, Option] = running.options if running is not None else {}
    lines = {name: _option_lines(name, value, known.get(name)) for name, value in options.items()}
    return {"": (f"config {shown.kind} '{visible(shown.name)}'\n",), **lines}


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
