"""Loads inventory.yaml, and tells for every value which level it comes from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

import drivers
from controller import (
    inventory_channels,
    inventory_gateways,
    inventory_jumps,
    inventory_links,
    inventory_needs,
    inventory_own,
    inventory_pages,
    inventory_people,
    inventory_radio,
    inventory_stickers,
    inventory_words,
    inventory_yaml,
)
from controller.errors import InventoryError, Problem, SelectorError
from controller.inventory_credentials import credential_fields
from controller.inventory_levels import Key, Leaf, Leaves
from controller.inventory_resolve import Resolved
from controller.inventory_schema import File
from controller.inventory_yaml import Document, Place
from controller.model import Inventory, Person


@dataclass(frozen=True, slots=True)
class Explanation:
    """A value as the file writes it, the level that won, and where; `line` 0 for a value no level wrote."""

    value: Any
    level: str
    file: str
    line: int


def load(path: Path, platforms: Collection[str] | None = None) -> Inventory:
    """The inventory of a file. `platforms` are the known ones, by default the folders of drivers/platforms.

    Raises InventoryError with every mistake of the file.
    """
    resolved = _resolve(path, platforms)
    return Inventory(
        municipalities=resolved.municipalities,
        sites=resolved.sites,
        devices=resolved.devices,
        credentials={name: credential_fields(entry) for name, entry in resolved.file.credentials.items()},
        people={name: Person(name, p.ssh_keys, p.devices) for name, p in resolved.file.people.items()},
    )


def explain(path: Path, name: str, key: str, platforms: Collection[str] | None = None) -> Explanation:
    """Which level gave a device, site or municipality its value of a dotted key like `radios.5g.channel`.

    A map is explained by the strongest level that added to it; `explain_all` has its parts.
    Raises InventoryError, or SelectorError when nothing has that name or key.
    """
    parts = explain_all(path, name, key, platforms)
    if tuple(parts) == (key,):
        return parts[key]
    value: dict[str, Any] = {}
    for part, explanation in parts.items():
        inside = value
        *branches, last = part.removeprefix(f"{key}.").split(".")
        for branch in branches:
            inside = inside.setdefault(branch, {})
        inside[last] = explanation.value
    strongest = max(parts.values(), key=lambda each: (_RANKS.get(each.level.partition(" ")[0], 0), each.line))
    return Explanation(value, strongest.level, strongest.file, strongest.line)


_RANKS: Mapping[str, int] = {"state": 1, "profile": 2, "municipality": 3, "site": 4, "device": 5}


def explain_all(
    path: Path, name: str, key: str, platforms: Collection[str] | None = None
) -> dict[str, Explanation]:
    """The explanation of a key, or of every key below it."""
    resolved = _resolve(path, platforms)
    leaves = _leaves_of(resolved, name)
    wanted = tuple(key.split("."))
    found = {each: leaf for each, leaf in leaves.items() if each[: len(wanted)] == wanted}
    if not found:
        known = {".".join(each[:length]) for each in leaves for length in range(1, len(each) + 1)}
        raise SelectorError(f"{name} has no {key!r}, {inventory_words.near(key, known)}")
    return {".".join(each): _explained(resolved.document, each, leaf) for each, leaf in found.items()}


def known_platforms() -> frozenset[str]:
    """The platforms there are drivers for: each is a folder."""
    folder = Path(drivers.__path__[0]) / "platforms"
    return frozenset(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._")


def _resolve(path: Path, platforms: Collection[str] | None) -> Resolved:
    document = inventory_yaml.read(path)
    problems = list(document.problems)
    if not isinstance(document.data, dict):
        what = "is empty" if document.data is None else "is not a map"
        raise InventoryError([*problems, document.problem((), what, "begin with `version: 1`")])
    file, faulty = _validate(document, problems)
    resolved = Resolved(document, file, faulty)
    problems += resolved.problems()
    problems += inventory_links.problems(resolved, known_platforms() if platforms is None else platforms)
    problems += inventory_needs.problems(resolved)
    problems += inventory_channels.problems(resolved)
    problems += inventory_jumps.problems(resolved)
    problems += inventory_people.problems(resolved)
    problems += inventory_radio.problems(resolved)
    problems += inventory_stickers.problems(resolved)
    problems += inventory_gateways.problems(resolved)
    problems += inventory_pages.problems(resolved)
    problems += inventory_own.problems(resolved)
    if problems:
        raise InventoryError(_tidy(document, problems))
    return resolved


def _validate(document: Document, problems: list[Problem]) -> tuple[File, frozenset[Place]]:
    """The file without what is wrong in it, so that one mistake hides no other; and the places left out."""
    faulty: set[Place] = set()
    data = document.data
    while True:
        try:
            return File.model_validate(data), frozenset(faulty)
        except ValidationError as error:
            found = inventory_words.problems(document, error)
        problems += (problem for _, problem in found if problem is not None)
        culprits = {_culprit(data, place) for place, _ in found}
        if () in culprits:
            raise InventoryError(_tidy(document, problems))
        faulty |= culprits
        data = _without(data, culprits, ())
        data.setdefault("version", 1)


def _culprit(data: Any, place: Place) -> Place:
    """What has to go for a mistake to go: a whole list for one of its items, a map for what it lacks."""
    culprit: list[str | int] = []
    for step in place:
        whole = culprit[-1:] in _WHOLE or culprit[-2:-1] == ["radios"] or culprit[:-1] == ["credentials"]
        if whole or not isinstance(data, dict) or step not in data:
            break
        data = data[step]
        culprit.append(step)
    return tuple(culprit)


# Maps that make no sense without one of their parts.
_WHOLE: Final = (["reach"], ["powered_by"])


def _without(data: Any, culprits: Collection[Place], place: Place) -> Any:
    if not isinstance(data, dict):
        return data
    return {
        key: _without(value, culprits, (*place, key))
        for key, value in data.items()
        if (*place, key) not in culprits
    }


def _leaves_of(resolved: Resolved, name: str) -> Leaves:
    tables: dict[str, Mapping[str, object]] = {
        "devices": resolved.devices,
        "sites": resolved.sites,
        "municipalities": resolved.municipalities,
    }
    for table, things in tables.items():
        if name in things:
            return resolved.leaves(table, name)
    everything = [each for things in tables.values() for each in things]
    raise SelectorError(
        f"no device, site or municipality is called {name!r}, {inventory_words.near(name, everything)}"
    )


def _explained(document: Document, key: Key, leaf: Leaf) -> Explanation:
    written = document.data
    for step in leaf.source:
        written = written[step]
    value = written.get(key[-1], leaf.value) if isinstance(written, dict) else written
    if not leaf.source:
        value = leaf.value
    file, line = (document.file, document.lines[leaf.source]) if leaf.source else ("", 0)
    return Explanation(value, leaf.level, file, line)


def _tidy(document: Document, problems: list[Problem]) -> list[Problem]:
    """In file order, each once, and nothing more about a value that was stepped over while reading."""
    skipped = {(problem.where, problem.line) for problem in document.problems}
    rest = [problem for problem in problems if (problem.where, problem.line) not in skipped]
    return sorted(dict.fromkeys((*document.problems, *rest)), key=lambda problem: problem.line)
