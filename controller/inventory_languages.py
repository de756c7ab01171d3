"""Tells which `portal.languages` no citizen is offered: harmless, and each is served once it is signed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from captive_portal.languages import unserved
from controller import inventory_yaml
from controller.errors import Problem
from controller.inventory_yaml import Place


def unsigned(path: Path) -> Iterator[Problem]:
    """One problem for each language, at the first place that names it. The file is one that loads."""
    document = inventory_yaml.read(path)
    places: dict[str, list[Place]] = {}
    for level, entry in _levels(document.data):
        for index, code in enumerate((entry.get("portal") or {}).get("languages") or ()):
            places.setdefault(code, []).append((*level, "portal", "languages", index))
    for code, (first, *rest) in places.items():
        if why := unserved(code):
            more = f" (nor at {len(rest)} more)" if rest else ""
            what = f"{code} is not served{more}: {why}"
            yield document.problem(first, what, "have its speakers sign it (docs/languages.md), or delete it")


def _levels(data: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    yield ("defaults",), data.get("defaults") or {}
    for table in ("profiles", "municipalities", "sites"):
        for name, entry in (data.get(table) or {}).items():
            yield (table, name), entry or {}
