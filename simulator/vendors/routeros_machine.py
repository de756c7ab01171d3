"""What the RouterOS console runs on, and who types at it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from simulator.vendors.routeros_config import Configuration, Item


class Machine(Protocol):
    """What the console runs on."""

    config: Configuration

    def changed(self, actions: int) -> None:
        """The configuration was changed by so many actions."""
        ...

    def special(self, path: tuple[str, ...], arguments: Mapping[str, str], context: "Context") -> str | None:
        """A command that is no verb of a menu; what it prints, None where there is none of that name."""
        ...

    def export(self, *, secrets: bool, only: str) -> str:
        """The text of an export."""
        ...

    def about(self, menu: str) -> str:
        """What a menu that only tells prints."""
        ...

    def flags(self, menu: str, item: Item) -> str:
        """The letters before an item."""
        ...

    def files(self) -> list[dict[str, str]]:
        """What `/file` shows."""
        ...

    def write_file(self, name: str, contents: str) -> None:
        """Raises ScriptError."""
        ...

    def remove_file(self, name: str) -> None:
        """It is gone."""
        ...


@dataclass
class Context:
    """Who runs commands: `menu` is where he stands; `interactive` is a person's terminal."""

    menu: tuple[str, ...] = ()
    interactive: bool = False
    owner: object = None
    printed: list[str] = field(default_factory=list)
