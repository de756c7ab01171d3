"""Compares what a RouterOS device has with what it should have, in what is ours and nothing else."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.change import Change, Line
from drivers.configurers.routeros.language import Item, quote
from drivers.configurers.routeros.menus import FIXED, MENUS, OWN_COMMENT, SINGLES, is_ours, is_secret
from drivers.model import Secret
from drivers.redact import HIDDEN, visible

_ORDER: Final = {menu: place for place, menu in enumerate(MENUS)}
_LAST: Final = ("user ssh-keys", "interface vlan")
"""Changed at the very end: what may take our own login away."""

_REFERRED: Final = frozenset(
    {"interface wireless security-profiles", "ip hotspot profile", "system logging action"}
)
"""Removed only once nothing refers to them any more."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What should be in a menu: an item of ours, of the device's own (`fixed`), or a menu of one (no `key`).

    `key` is the property and its value that it is found by; `defaults` what an export leaves out of it.
    One of somebody else that is `gone` should not be there; all its `values` tell which it is.
    """

    menu: str
    key: tuple[str, str]
    values: Mapping[str, str] = field(repr=False)
    fixed: bool = False
    defaults: Mapping[str, str] = field(default_factory=dict)
    gone: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """The same for the same thing in another configuration."""
        return self.menu, self.key[1]

    @property
    def path(self) -> str:
        """For Line.path: "interface.wifi.plaza-2g4-1"."""
        return ".".join([*self.menu.split(), *([self.key[1]] if self.key[1] else [])])


def made(menu: str, key: str, values: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> Thing:
    """An item of ours, found by the property that its menu says."""
    name = MENUS[menu].key
    return Thing(
        menu, (name, key), {name: key, **values}, False, {**MENUS[menu].defaults, **(defaults or {})}
    )


def gone(menu: str, values: Mapping[str, str]) -> Thing:
    """An item of somebody else, found by all these values, that should not be there."""
    return Thing(menu, next(iter(values.items())), values, gone=True)


def single(menu: str, values: Mapping[str, str]) -> Thing:
    """Properties of a menu that is one item."""
    return Thing(menu, ("", ""), values, True, SINGLES[menu])


def diff(device: str, running: Sequence[Item], wanted: Sequence[Thing]) -> Change:
    """From `running` to `wanted`. Items that are not ours and properties nobody wished are never in it."""
    steps = [step for step in _steps(running, wanted) if step.before != step.after]
    lines = tuple(line for step in _ordered(steps) for line in step.lines)
    secrets = tuple(
        Secret(value) for step in steps for name, value in step.after.items() if is_secret(name) and value
    )
    return Change(device, lines, "".join(_text(device, steps)) if lines else "", secrets)


def ours(running: Sequence[Item], earlier: Sequence[Item]) -> tuple[Thing, ...]:
    """What of an earlier configuration is ours, as wanted of a device that runs another one now."""
    things = [_thing(item) for item in earlier if is_ours(item)]
    for menu, defaults in SINGLES.items():
        before = next((item.values for item in earlier if item.menu == menu), {})
        things.append(single(menu, {name: before.get(name, default) for name, default in defaults.items()}))
    there = {_address(item): item for item in running}
    for item in earlier:
        now = there.get(_address(item))
        if item.menu in FIXED and not is_ours(item) and now is not None:
            things.append(_own_part(item, taken=_is_marked(item) or _is_marked(now)))
    return tuple(thing for thing in things if thing.values)


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing to be changed, with its known properties before and after; none where it is absent."""

    menu: str
    path: str
    before: Mapping[str, str] = field(repr=False)
    after: Mapping[str, str] = field(repr=False)
    lines: tuple[Line, ...] = ()
    removes: bool = False


def _steps(running: Sequence[Item], wanted: Sequence[Thing]) -> Iterator[_Step]:
    present = {_thing(item).place: item for item in running if is_ours(item)}
    places = {thing.place for thing in wanted if not thing.gone}
    for place, item in present.items():
        if place not in places and item.menu != "file":
            thing = _thing(item)
            yield _Step(item.menu, thing.path, _known(item), {}, (_removal(thing),), True)
    for thing in wanted:
        if thing.gone:
            yield _Step(thing.menu, thing.path, thing.values, {}, (_removal(thing),), True)
        else:
            yield from _fixed(running, thing) if thing.fixed else _made(present.get(thing.place), thing)


def _made(item: Item | None, thing: Thing) -> Iterator[_Step]:
    after = _filled(thing, thing.values)
    if item is None:
        yield _Step(thing.menu, thing.path, {}, after, (_line(thing, "add", thing.values),))
        return
    before = _filled(thing, _known(item))
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    lines = (_line(thing, "set", changed),) if changed else ()
    yield _Step(thing.menu, thing.path, before, after, lines)


def _fixed(running: Sequence[Item], thing: Thing) -> Iterator[_Step]:
    found = [item for item in running if _address(item) == (thing.menu, thing.key)]
    values: dict[str, str] = {}
    for item in found:
        values |= item.values
    before = {name: values.get(name, thing.defaults.get(name, "\0")) for name in thing.values}
    changed = {name: value for name, value in thing.values.items() if before[name] != value}
    after = {name: value for name, value in thing.values.items() if name in changed}
    shown = {name: before[name] for name in changed if before[name] != "\0"}
    lines = (_line(thing, "set", changed),) if changed else ()
    yield _Step(thing.menu, thing.path, shown, after, lines)


def _address(item: Item) -> tuple[str, tuple[str, str]]:
    """Where an item is found: by what a `find` of the export says, else by its name, else it is alone."""
    for name, value in item.where.items():
        return item.menu, (name, value)
    return item.menu, ("name", item.get("name")) if item.verb == "add" else ("", "")


def _thing(item: Item) -> Thing:
    menu = MENUS[item.menu]
    return made(item.menu, item.get(menu.key), _known(item))


def _is_marked(item: Item) -> bool:
    """Whether one of the device's own carries our comment: we took it."""
    return item.get("comment").startswith(OWN_COMMENT)


def _own_part(item: Item, *, taken: bool) -> Thing:
    """Of an item of the device's own: all that we may set of one that we took, else its tuning."""
    fixed = FIXED[item.menu]
    menu = MENUS.get(item.menu)
    defaults = {**(menu.defaults if menu else {}), "comment": ""}
    names = fixed.taken | fixed.tuning if taken else fixed.tuning
    values = {
        name: item.get(name, defaults.get(name, "")) for name in names if name in {*item.values, *defaults}
    }
    return Thing(item.menu, _address(item)[1], values, True, defaults)


def _known(item: Item) -> dict[str, str]:
    return {name: value for name, value in item.values.items() if name in MENUS[item.menu].known}


def _filled(thing: Thing, values: Mapping[str, str]) -> dict[str, str]:
    """With the defaults that an export leaves out, so that both sides are whole."""
    known = MENUS[thing.menu].known
    return {name: value for name, value in {**thing.defaults, **values}.items() if name in known}


def _ordered(steps: Iterable[_Step]) -> list[_Step]:
    """What is removed makes room first, but what others refer to goes behind them; our login comes last."""
    return sorted(steps, key=lambda step: (_turn(step), _rank(step)))


def _turn(step: _Step) -> int:
    if step.menu in _LAST:
        return 3
    if not step.removes:
        return 1
    return 2 if step.menu in _REFERRED else 0


def _rank(step: _Step) -> int:
    """In the order of the menus; removals the other way round."""
    place = _ORDER.get(step.menu, -1)
    return -place if step.removes else place


def _removal(thing: Thing) -> Line:
    command = f"/{thing.menu} remove {_found(thing)}"
    return Line(Secret(command), visible(command), thing.path)


def _line(thing: Thing, verb: str, values: Mapping[str, str]) -> Line:
    start = f"/{thing.menu} {verb}"
    if verb == "set" and thing.key[1]:
        start += f" {_found(thing)}"
    command = " ".join([start, *(f"{name}={quote(value)}" for name, value in values.items())])
    shown = " ".join([start, *(f"{name}={_shown(name, value)}" for name, value in values.items())])
    return Line(Secret(command), visible(shown), thing.path)


def _found(thing: Thing) -> str:
    known = thing.values if thing.gone else dict((thing.key,))
    return f"[find {' '.join(f'{name}={quote(value)}' for name, value in known.items())}]"


def _shown(name: str, value: str) -> str:
    if is_secret(name) and value:
        return f'"{HIDDEN}"'
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(device: str, steps: Iterable[_Step]) -> Iterator[str]:
    for step in sorted(steps, key=lambda step: step.path):
        name = f"{device}/{visible(step.path)}"
        before, after = _shown_lines(step.before, {}), _shown_lines(step.after, step.before)
        whole = len(before) + len(after)
        yield from difflib.unified_diff(before, after, name, f"{name} (wanted)", n=whole)


def _shown_lines(values: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    lines = []
    for name, value in sorted(values.items()):
        new = " (new)" if is_secret(name) and before and before.get(name) != value else ""
        shown = f'"{HIDDEN}{new}"' if new else _shown(name, value)
        lines.append(visible(f"{name}={shown}") + "\n")
    return lines
