"""What `plaza metrics` says of places, bands and networks that there are not: the ones that there are."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.model import Inventory
    from metrics.question import Answer, Question

_LATELY_S = 900
_PLACES = ("mun", "site", "ap")


def check_places(inventory: "Inventory", where: Mapping[str, str]) -> None:
    """Say which places there are where one is asked for that there is not. Raises SelectorError."""
    from controller.errors import SelectorError

    names = {key: one.name for key, one in inventory.municipalities.items()}
    known: dict[str, tuple[str, Mapping[str, str]]] = {
        "mun": ("municipality", names),
        "site": ("site", {key: one.name for key, one in inventory.sites.items()}),
        "ap": ("device", dict.fromkeys(inventory.devices, "")),
    }
    for tag, value in where.items():
        kind, places = known.get(tag, ("", {}))
        if kind and value not in places:
            raise SelectorError(f"no {kind} {value!r} in the inventory, and nothing is known of it"
                                f"{_nearest(value, places)}")  # fmt: skip


def _nearest(value: str, places: Mapping[str, str]) -> str:
    from difflib import get_close_matches

    if value.isdecimal() and all(key.isdecimal() for key in places):
        value = value.zfill(5)  # as INEGI writes them; the key that looks alike is of another place
        close = [value] if value in places else []
        called = {value: value}
    else:
        called = {name.casefold(): key for key, name in places.items() if name}
        called |= {key.casefold(): key for key in places}
        begun = value.casefold()
        close = sorted(name for name in called if name.startswith(begun))
        close = close or get_close_matches(begun, called, n=1, cutoff=0.6)
    if not close:
        some = sorted(places)
        return f"; there are {_few(some)}" if some else ""
    key = called[close[0]]
    return f"; nearest is {key}{f' ({places[key]})' if places[key] else ''}"


def _few(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names) if len(names) <= most else f"{len(names)}, from {names[0]} to {names[-1]}"


def check_values(question: "Question", now: int, ask: "Callable[[Question], Answer]") -> None:
    """Say which bands, networks and the like there are where one is asked for that there is not.

    They are looked for in the time that was asked for, and in what came just now. Raises SelectorError.
    """
    from dataclasses import replace

    from controller.errors import SelectorError
    from metrics.sink import Window

    where = dict(question.where or {})
    for tag in [tag for tag in where if tag not in _PLACES]:
        others = {name: value for name, value in where.items() if name != tag}
        then = replace(question, by=(tag,), where=others)
        lately = replace(then, bucket=60, window=Window(now - _LATELY_S, now))
        known = sorted({tags[0] for asked in (then, lately) for tags in ask(asked).series()})
        if known and where[tag] not in known:
            there = "is" if len(known) == 1 else "are"
            raise SelectorError(
                f"no {tag} {where[tag]!r} was measured there and then: there {there} {_few(known, 12)}"
            )
