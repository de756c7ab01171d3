"""Compares the running configuration with the wanted one, in the keys we own and no others."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drivers import openwrt, uci
from drivers.model import Secret
from drivers.redact import HIDDEN, visible
from drivers.uci import Config, Option, Section, Value


@dataclass(frozen=True, slots=True)
class Op:
    """One uci command: set, delete or add_list; `value` is None for delete."""

    verb: str
    path: str
    value: Value | None = None

    def line(self) -> str:
        """For `uci batch`, secrets in clear. Raises ValueError for control characters."""
        if self.value is None:
            return f"{self.verb} {self.path}"
        text = self.value.reveal() if isinstance(self.value, Secret) else self.value
        return f"{self.verb} {self.path}={uci.quote(text)}"


@dataclass(frozen=True, slots=True)
class Diff:
    """What has to be done to a device; false when nothing. `text` is unified, by package, without secrets."""

    device: str
    ops: tuple[Op, ...]
    text: str

    def __bool__(self) -> bool:
        return bool(self.ops)


def diff(device: str, running: Config, wanted: Config) -> Diff:
    """From `running` to `wanted`: sections that are not ours and options we do not own are never in it."""
    ops = tuple(_ops(running, wanted))
    return Diff(device, ops, "".join(_text(device, running, wanted)) if ops else "")


def packages(difference: Diff) -> tuple[str, ...]:
    """The packages a diff touches, in the order they are applied."""
    touched = {op.path.split(".", 1)[0] for op in difference.ops}
    return tuple(package for package in openwrt.PACKAGES if package in touched)


def _ops(running: Config, wanted: Config) -> Iterator[Op]:
    for section in running.sections.values():
        if _ours(section) and not _same_kind(section, wanted.sections.get(section.path)):
            yield Op("delete", section.path)
    for section in wanted.sections.values():
        before = running.sections.get(section.path)
        if before is None or not _same_kind(section, before):
            yield Op("set", section.path, section.kind)
            before = None
        yield from _option_ops(section, before)


def _option_ops(wanted: Section, running: Section | None) -> Iterator[Op]:
    before = _owned(running, wanted) if running else {}
    for name in sorted(before.keys() - wanted.options.keys()):
        yield Op("delete", f"{wanted.path}.{name}")
    for name, value in wanted.options.items():
        if before.get(name) == value:
            continue
        path = f"{wanted.path}.{name}"
        if isinstance(value, tuple):
            yield from (Op("delete", path),) * (name in before)
            yield from (Op("add_list", path, item) for item in value)
        else:
            yield Op("set", path, value)


def _ours(section: Section) -> bool:
    return section.name.startswith(openwrt.OWN_PREFIX)


def _same_kind(section: Section, other: Section | None) -> bool:
    return other is not None and other.kind == section.kind


def _owned(section: Section, wanted: Section) -> dict[str, Option]:
    if _ours(section):
        return dict(section.options)
    owned = openwrt.OWN_OPTIONS.get((section.package, section.kind), frozenset()) | wanted.options.keys()
    return {name: value for name, value in section.options.items() if name in owned}


def _text(device: str, running: Config, wanted: Config) -> Iterator[str]:
    for package in openwrt.PACKAGES:
        before = _lines(package, running, wanted, running)
        after = _lines(package, wanted, wanted, running)
        yield from difflib.unified_diff(before, after, f"{device}/{package}", f"{device}/{package} (wanted)")


def _lines(package: str, shown: Config, wanted: Config, running: Config) -> list[str]:
    """The owned part of one package as `uci export` prints it, options sorted, secrets hidden."""
    lines: list[str] = []
    for path in sorted(shown.sections):
        section = shown.sections[path]
        counterpart = wanted.sections.get(path)
        if section.package != package or not (counterpart or _ours(section)):
            continue
        options = _owned(section, counterpart or section)
        before = running.sections[path].options if path in running.sections else {}
        lines.append(f"config {section.kind} '{visible(section.name)}'\n")
        for name in sorted(options):
            lines += _option_lines(name, options[name], before.get(name))
    return lines


def _option_lines(name: str, value: Option, before: Option | None) -> Sequence[str]:
    if isinstance(value, tuple):
        return [f"\tlist {name} {_shown(item, item)}\n" for item in value]
    return [f"\toption {name} {_shown(value, before)}\n"]


def _shown(value: Value, before: Option | None) -> str:
    """A secret shows only whether it differs from the running one."""
    if isinstance(value, Secret):
        return f"'{HIDDEN}'" if value == before else f"'{HIDDEN} (new)'"
    return visible("'" + value.replace("'", "'\\''") + "'")
