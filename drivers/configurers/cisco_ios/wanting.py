"""What a configuration should hold, what of a running one is ours, and the commands from one to the other."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from drivers.change import Change, Line
from drivers.configurers.cisco_ios.config import Entry, canonical, masked
from drivers.model import Secret


class Lacking(Exception):
    """The device does not have what is asked for, or has it made by hand; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One kind of line that may be ours.

    `path` matches the sections around it, joined by " / " ("" outside of any); `line` the line. Lines of one
    section with equal groups named slot… are one setting: the later replaces the earlier without a `no`.
    `removal` is what takes it away, with the groups of `line`; by default "no " and the line.
    """

    path: re.Pattern[str]
    line: re.Pattern[str]
    removal: tuple[str, ...] = ()

    def matches(self, entry: Entry) -> re.Match[str] | None:
        """The match of the line, when the sections match too."""
        return self.line.fullmatch(entry.line) if self.path.fullmatch(" / ".join(entry.path)) else None


def setting(path: str, line: str, *removal: str) -> Setting:
    """A Setting of two patterns."""
    return Setting(re.compile(path), re.compile(line), removal)


@dataclass(frozen=True, slots=True)
class Want:
    """A line that should be there. `first` are commands outside of any section that go ahead of it, for what
    no configuration shows."""

    entry: Entry
    first: tuple[str, ...] = field(default=(), repr=False)  # may hold keys


def want(*words: str, first: tuple[str, ...] = ()) -> Want:
    """The sections, outermost first, then the line."""
    return Want(Entry(words[:-1], words[-1]), first)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which lines are ours: those of `table` for which `ours` is true.

    `rest` are headers of sections that must be shut down while they are changed, by pattern; `last` says of
    a header how late its section is removed.
    """

    table: tuple[Setting, ...]
    rest: re.Pattern[str] = re.compile("(?!)")
    last: Callable[[str], int] = lambda header: 0

    def of(self, entry: Entry) -> Setting | None:
        """The row of the table that knows a line."""
        return next((row for row in self.table if row.matches(entry)), None)

    def slot(self, entry: Entry) -> tuple[object, ...]:
        """What two lines that replace each other have in common; for others the line itself."""
        row = self.of(entry)
        found = row.matches(entry) if row else None
        if row is None or found is None or "(?P<slot" not in row.line.pattern:
            return entry.path, entry.line
        return (
            entry.path,
            row.line.pattern,
            *(v for k, v in found.groupdict().items() if k.startswith("slot")),
        )

    def removal(self, entry: Entry) -> tuple[str, ...]:
        """The commands that take a line away."""
        row = self.of(entry)
        found = row.matches(entry) if row else None
        if row is None or found is None or not row.removal:
            return (entry.line.removeprefix("no ") if entry.line.startswith("no ") else f"no {entry.line}",)
        return tuple(found.expand(command) for command in row.removal)


def changed(
    device: str, ownership: Ownership, running: Sequence[Entry], ours: Iterable[Entry], wants: Sequence[Want]
) -> Change:
    """The commands that add what is wanted and take away what is ours and not wanted."""
    have = {canonical(entry) for entry in running}
    wanted = {canonical(want.entry) for want in wants}
    missing = [want for want in wants if canonical(want.entry) not in have]
    replaced = {ownership.slot(want.entry) for want in missing}
    extra = [
        entry for entry in ours if canonical(entry) not in wanted and ownership.slot(entry) not in replaced
    ]
    dead = {(*entry.path, entry.line) for entry in extra}
    gone = [
        entry for entry in extra if not any(entry.path[:n] in dead for n in range(1, len(entry.path) + 1))
    ]
    headers = {entry.path for entry in running}
    lines = [
        *_removals(ownership, gone, headers),
        *_additions(ownership, missing, {(*entry.path, entry.line) for entry in running}),
    ]
    return Change(device, tuple(lines), _text(gone, missing))


def _removals(ownership: Ownership, gone: Sequence[Entry], headers: set[tuple[str, ...]]) -> Iterator[Line]:
    """Lines of sections that stay first, then whole sections, what is referred to last."""

    def order(entry: Entry) -> tuple[bool, int]:
        return (*entry.path, entry.line) in headers, ownership.last(entry.line)

    for path, entries in groupby(sorted(gone, key=order), key=lambda entry: entry.path):
        commands = [command for entry in entries for command in ownership.removal(entry)]
        yield from _inside(path, _line(path, *_shut(ownership, path, commands)))


def _additions(ownership: Ownership, missing: Sequence[Want], known: set[tuple[str, ...]]) -> Iterator[Line]:
    """In the order in which they are wanted, section by section; a header is typed with what is below it."""
    below = {want.entry.path for want in missing}
    opened = {(*want.entry.path, want.entry.line) for want in missing}
    typed = [want for want in missing if not _is_header(want.entry, below)]
    for path, wants in groupby(typed, key=lambda want: want.entry.path):
        commands: list[str] = []
        for one in wants:
            yield from _line((), *one.first)
            commands.append(one.entry.line)
        is_new = path in opened or path not in known
        yield from _inside(path, _line(path, *(commands if is_new else _shut(ownership, path, commands))))


def _is_header(entry: Entry, below: set[tuple[str, ...]]) -> bool:
    path = (*entry.path, entry.line)
    return any(one[: len(path)] == path for one in below)


def _shut(ownership: Ownership, path: tuple[str, ...], commands: Iterable[str]) -> Iterable[str]:
    if not path or ownership.rest.fullmatch(path[0]) is None:
        return commands
    return ("shutdown", *(command for command in commands if command != "no shutdown"), "no shutdown")


def _inside(path: tuple[str, ...], lines: Iterable[Line]) -> Iterator[Line]:
    """Lines between the headers of their sections and as many `exit`."""
    for depth, header in enumerate(path):
        yield from _line(path[:depth], header)
    yield from lines
    for _ in path:
        yield from _line(path, "exit")


def _line(path: tuple[str, ...], *commands: str) -> Iterator[Line]:
    for command in commands:
        shown = masked(command)
        yield Line(Secret(command), shown, " / ".join((*path, shown.removeprefix("no "))))


def _text(gone: Sequence[Entry], missing: Sequence[Want]) -> str:
    """As a unified difference, each line under the sections it stands in."""
    rows: list[str] = []
    inside: tuple[tuple[str, ...], ...] = ()
    for mark, entry in [("-", entry) for entry in gone] + [("+", want.entry) for want in missing]:
        if entry.path not in inside:
            rows += [f" {' ' * depth}{masked(header)}" for depth, header in enumerate(entry.path)]
        rows.append(f"{mark}{' ' * len(entry.path)}{masked(entry.line)}")
        inside = entry.path, (*entry.path, entry.line)
    return "".join(f"{row}\n" for row in rows)
