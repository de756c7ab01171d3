"""Compares two configurations of sections in what is ours: the difference as commands, and for a person."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from drivers.change import Change, Line
from drivers.configurers.sections import EXIT, TOP, Grammar, Settings, Words, masked, spelled
from drivers.errors import ValueRefused
from drivers.model import Secret
from drivers.redact import HIDDEN, visible


def merged(grammar: Grammar, running: Settings, wanted: Settings) -> Settings:
    """What should be: sections that are ours as wanted and no others; of the shared ones the wanted keys.

    A wanted key without lines is taken away.
    """
    after: dict[Words, Mapping[Words, tuple[Words, ...]]] = {}
    for head in (*wanted, *running):
        if head in after or (head not in wanted and grammar.entirely(head)):
            continue
        new = wanted.get(head, {})
        old = {} if grammar.entirely(head) else running.get(head, {})
        kept = {key: lines for key, lines in old.items() if head != TOP or not grammar.ours(key)}
        after[head] = {key: lines for key, lines in {**kept, **new}.items() if lines}
    return after


def restored(grammar: Grammar, running: Settings, earlier: Settings) -> Settings:
    """What should be so that what is ours is as it was; entries beside ours that came since then stay."""
    after: dict[Words, Mapping[Words, tuple[Words, ...]]] = {
        head: {} for head in running if head not in earlier and not grammar.entirely(head)
    }
    after |= earlier
    since = {
        key: lines
        for key, lines in running.get(TOP, {}).items()
        if key not in earlier.get(TOP, {}) and not grammar.ours(key) and _is_entry(grammar, key)
    }
    after[TOP] = {**earlier.get(TOP, {}), **since}
    return after


def change(grammar: Grammar, device: str, running: Settings, after: Settings) -> Change:
    """The commands from one to the other; `after` is what `merged` or `restored` made.

    The lines of a section stand between its head and `exit`. Raises ValueRefused for what cannot be quoted,
    such as a line that a person made there.
    """
    edits = tuple(_edits(grammar, running, after))
    secrets = tuple(Secret(edit.line[place]) for edit in edits for place in edit.hidden)
    text = "".join(_text(grammar, device, running, after)) if edits else ""
    return Change(device, tuple(edit.command(device) for edit in edits), text, secrets)


def blocks(lines: Iterable[Line]) -> Iterator[tuple[Line, ...]]:
    """The lines of a change in pieces that each begin and end outside sections."""
    block: list[Line] = []
    for line in lines:
        if block and line.path != block[0].path and not line.path.startswith(f"{block[0].path}."):
            yield tuple(block)
            block = []
        block.append(line)
        if line.command.reveal() == EXIT:
            yield tuple(block)
            block = []
    if block:
        yield tuple(block)


@dataclass(frozen=True, slots=True)
class _Edit:
    head: Words
    key: Words
    line: Words
    hidden: tuple[int, ...] = ()

    def command(self, device: str) -> Line:
        shown = visible(" ".join(masked(self.line, self.hidden, HIDDEN)))
        path = ".".join(" ".join(part) for part in (self.head, self.key) if part)
        try:
            return Line(Secret(spelled(self.line)), shown, path)
        except ValueError as error:
            raise ValueRefused(device, f"the line {shown!r} {error}", "change it at the device") from None


def _edits(grammar: Grammar, running: Settings, after: Settings) -> Iterator[_Edit]:
    for head, section in after.items():
        before = running.get(head, {})
        gone = [key for key in before if key not in section]
        if head == TOP:
            gone = [key for key in gone if not grammar.ours(key)]
        inside = [edit for key in (*gone, *section) for edit in _of_key(grammar, head, key, before, section)]
        if head == TOP:
            yield from inside
        elif inside or head not in running:
            yield from (_Edit(head, TOP, head), *inside, _Edit(head, TOP, (EXIT,)))
    yield from _removals(grammar, running, after)


def _removals(grammar: Grammar, running: Settings, after: Settings) -> Iterator[_Edit]:
    """Last, because what refers to them is only let go by the lines before."""
    heads = [head for head in running if head not in after and grammar.entirely(head)]
    for kind in grammar.kinds:
        yield from (_Edit(head, TOP, ("no", *head)) for head in heads if grammar.kind(head) is kind)
    for key in running.get(TOP, {}):
        if key not in after.get(TOP, {}) and grammar.ours(key):
            yield _Edit(TOP, key, ("no", *key))


def _of_key(
    grammar: Grammar,
    head: Words,
    key: Words,
    before: Mapping[Words, tuple[Words, ...]],
    section: Mapping[Words, tuple[Words, ...]],
) -> Iterator[_Edit]:
    old, new = before.get(key, ()), section.get(key, ())
    rule = grammar.rule(head, key)
    if old == new or rule is None:
        return
    if rule.many:
        yield from (_Edit(head, key, ("no", *line)) for line in old)
    elif not new and old[0][0] != "no":
        yield _Edit(head, key, ("no", *key))
    yield from (_Edit(head, key, line, rule.secrets) for line in new)


def _text(grammar: Grammar, device: str, running: Settings, after: Settings) -> Iterator[str]:
    heads = sorted(head for head in {*running, *after} if running.get(head) != after.get(head))
    known = {line for section in running.values() for lines in section.values() for line in lines}
    before = [line for head in heads for line in _lines(grammar, running, head, known)]
    wanted = [line for head in heads for line in _lines(grammar, after, head, known)]
    everything = len(before) + len(wanted)
    yield from difflib.unified_diff(before, wanted, device, f"{device} (wanted)", n=everything)


def _lines(grammar: Grammar, shown: Settings, head: Words, known: set[Words]) -> Iterator[str]:
    if head not in shown:
        return
    if head != TOP:
        yield visible(" ".join(head)) + "\n"
    for _, lines in sorted(shown[head].items()):
        for line in lines:
            rule = grammar.rule(head, line)
            cover = HIDDEN if line in known else f"{HIDDEN} (new)"
            hidden_line = masked(line, rule.secrets if rule else (), cover)
            yield " " * (head != TOP) + visible(" ".join(hidden_line)) + "\n"


def _is_entry(grammar: Grammar, key: Words) -> bool:
    rule = grammar.rule(TOP, key)
    return rule is not None and rule.more > 0
