"""How a citizen sees a page, by the words of `m=` in its address: nothing else remembers them."""

from collections.abc import Collection
from enum import StrEnum


class Mode(StrEnum):
    """A mode, by its word in an address and its class in style.css."""

    BIG = "big"
    BOLD = "bold"


def chosen(asked: str) -> tuple[Mode, ...]:
    """The modes an address asks for, always in one order; whatever else it says there is ignored."""
    words = asked.split(".")
    return tuple(mode for mode in Mode if mode in words)


def switched(modes: Collection[Mode], one: Mode) -> tuple[Mode, ...]:
    """The others as they are, and this one the other way round."""
    return tuple(mode for mode in Mode if (mode in modes) != (mode is one))


def query(modes: Collection[Mode]) -> dict[str, str]:
    """What an address needs to ask for them: nothing, or `m` as `big`, `bold` or `big.bold`."""
    return {"m": ".".join(modes)} if modes else {}
