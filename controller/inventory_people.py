"""Checks `people:`: keys that two share, devices that do not exist, and those whose keys were revoked."""

from collections.abc import Collection, Iterator
from pathlib import Path

from controller import inventory_yaml
from controller.errors import Problem, SelectorError
from controller.inventory_links import known_names
from controller.inventory_resolve import Resolved
from controller.inventory_yaml import Place
from controller.model import Inventory
from controller.people import blob
from controller.selector import select


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every mistake; nothing about devices while some of those have mistakes of their own."""
    yield from _shared(resolved)
    if len(resolved.devices) == len(known_names(resolved, "devices")):
        yield from _astray(resolved)


def revoked(path: Path, lines: Collection[str]) -> Iterator[Problem]:
    """Keys of the file that were revoked, with their place: harmless, as no device gets them any more."""
    document = inventory_yaml.read(path)
    gone = {blob(line) for line in lines}
    for name, person in (document.data.get("people") or {}).items():
        for index, line in enumerate(person["ssh_keys"]):
            if blob(" ".join(line.split())) in gone:
                what = "was revoked, and no device takes it"
                yield document.problem(("people", name, "ssh_keys", index), what, "delete it")


def _shared(resolved: Resolved) -> Iterator[Problem]:
    seen: dict[str, tuple[str, Place]] = {}
    for name, person in resolved.file.people.items():
        for index, line in enumerate(person.ssh_keys):
            place = ("people", name, "ssh_keys", index)
            other, first = seen.setdefault(blob(line), (name, place))
            if other != name:
                what = f"is also a key of {other}, line {resolved.document.lines[first]}"
                yield resolved.document.problem(place, what, "give each person a key of their own")


def _astray(resolved: Resolved) -> Iterator[Problem]:
    network = Inventory({}, {}, resolved.devices, {})
    for name, person in resolved.file.people.items():
        try:
            select(network, person.devices)
        except SelectorError as error:
            what, _, mend = str(error).partition(", ")
            yield resolved.document.problem(("people", name, "devices"), what, mend)
