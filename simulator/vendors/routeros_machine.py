"""What the RouterOS console runs on, and who types at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from simulator.vendors.routeros_config import Configuration, Item
from simulator.vendors.routeros_script import ScriptError
from simulator.vendors.routeros_values import Value


class Machine(Protocol):
    """What the console runs on."""

    config: Configuration
    globals: dict[str, Value]

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

    def posted(self, arguments: Mapping[str, str]) -> Value:
        """What a fetch `as-value` gives. Raises ScriptError."""
        ...

    def write_file(self, name: str, contents: str) -> None:
        """Raises ScriptError."""
        ...

    def remove_file(self, name: str) -> None:
        """It is gone."""
        ...


@dataclass
class Names:
    """The variables in sight of a block: its own, its `shared` ones, which are global, and the `outer`."""

    outer: "Names | None" = None
    own: dict[str, Value] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)

    def get(self, name: str, everywhere: Mapping[str, Value]) -> Value:
        """None for one that was not declared here or around, or has no value."""
        if name in self.own:
            return self.own[name]
        if name in self.shared:
            return everywhere.get(name)
        return self.outer.get(name, everywhere) if self.outer else None

    def put(self, name: str, value: Value, everywhere: dict[str, Value]) -> None:
        """Into the one that was declared. Raises ScriptError where none was."""
        if name in self.own:
            self.own[name] = value
        elif name in self.shared:
            everywhere[name] = value
        elif self.outer is None:
            raise ScriptError(f"syntax error: variable {name} is not declared")
        else:
            self.outer.put(name, value, everywhere)


@dataclass
class Context:
    """Who runs commands: `menu` is where he stands; `interactive` is a person's terminal.

    Where the conditions of a `find` are judged, `item` tells its properties: a variable that is called like
    one of them means that (help.mikrotik.com, Scripting, reserved variable names).
    """

    menu: tuple[str, ...] = ()
    interactive: bool = False
    owner: object = None
    printed: list[str] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    item: Callable[[str], str | None] = lambda _name: None
