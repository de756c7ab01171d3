"""The verbs of RouterOS's menus: add, set, remove, print, find, get; and those of its files."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, Protocol

from simulator.vendors.routeros_config import Item
from simulator.vendors.routeros_machine import Machine
from simulator.vendors.routeros_script import Call, ScriptError, Text, Word

_OPERATORS: Final = re.compile(r"(!=|=|~)")


class Evaluate(Protocol):
    """What a word gives; `item` tells the properties of the item that a condition is judged for."""

    def __call__(self, word: Word, item: Callable[[str], str | None] = ...) -> list[str]: ...


class Verb:
    """One verb of a menu with its words."""

    def __init__(self, machine: Machine, menu: str, words: list[Word], evaluate: Evaluate) -> None:
        self._machine = machine
        self._menu = menu
        self._words = words
        self._evaluate = evaluate

    def obey(self, verb: str) -> tuple[str, list[str]]:
        if self._menu == "file":
            return self._file(verb)
        acts: Mapping[str, Callable[[], tuple[str, list[str]]]] = {
            "add": self._add,
            "set": self._set,
            "remove": self._remove,
            "print": self._print,
            "find": self._find,
            "get": self._get,
        }
        if verb not in acts:
            raise ScriptError(f"bad command name {verb} (line 1 column 1)")
        return acts[verb]()

    def _text(self, word: Word) -> str:
        return ",".join(self._evaluate(word))

    def _named(self, words: list[Word]) -> Iterator[tuple[str, str]]:
        for word in words:
            parameter = word.parameter()
            yield (parameter[0], self._text(parameter[1])) if parameter else (word.bare, "yes")

    def _add(self) -> tuple[str, list[str]]:
        arguments = self._arguments(self._words)
        if self._menu == "user ssh-keys":  # whose it is, says the comment behind the key
            arguments["key-owner"] = " ".join(arguments.get("key", "").split()[2:])
        item = self._machine.config.add(self._menu, arguments)
        self._machine.changed(1)
        return "", [str(item["id"])]

    def _set(self) -> tuple[str, list[str]]:
        items, rest = self._targets()
        values = self._arguments(rest)
        for item in items:
            self._machine.config.set(self._menu, item, values)
            self._machine.changed(1)
        return "", []

    def _remove(self) -> tuple[str, list[str]]:
        for item in self._targets()[0]:
            self._machine.config.remove(self._menu, item)
            self._machine.changed(1)
        return "", []

    def _find(self) -> tuple[str, list[str]]:
        return "", [str(item["id"]) for item in self._matching(self._words)]

    def _get(self) -> tuple[str, list[str]]:
        items, rest = self._targets()
        if not items:
            raise ScriptError("no such item")
        return "", [self._machine.config.value(self._menu, items[0], rest[0].bare)]

    def _print(self) -> tuple[str, list[str]]:
        known = self._machine.config.menu(self._menu)
        words = [
            word for word in self._words if word.bare not in {"terse", "detail", "without-paging", "brief"}
        ]
        said = []
        for number, item in enumerate(self._matching(words)):
            names = (
                [name for name, one in known.properties.items() if one.printed] if known is not None else ()
            )
            values = {name: self._machine.config.value(self._menu, item, name) for name in names}
            if known is not None and known.alone:
                said += [f"  {name}: {value}\n" for name, value in values.items()]
                continue
            shown = " ".join(f"{name}={value}" for name, value in values.items() if value)
            said.append(f" {number} {self._machine.flags(self._menu, item):<3} {shown}\n")
        return "".join(said), []

    def _arguments(self, words: list[Word]) -> dict[str, str]:
        known = self._machine.config.menu(self._menu)
        found = {}
        group = ""
        for word in words:
            parameter = word.parameter()
            name = parameter[0] if parameter else ""
            if name.startswith("."):
                name = group + name
            group = name.rpartition(".")[0]
            if parameter is None or known is None or name not in known.properties:
                raise ScriptError(f"expected end of command (line {word.line} column {word.column})")
            found[name] = self._text(parameter[1])
        return found

    def _targets(self) -> tuple[list[Item], list[Word]]:
        known = self._machine.config.menu(self._menu)
        items = self._machine.config.items(self._menu)
        if known is not None and known.alone:
            return items, self._words
        if not self._words or self._words[0].parameter() is not None:
            raise ScriptError("expected item number (line 1 column 1)")
        ids = set(self._evaluate(self._words[0]))
        bracketed = isinstance(self._words[0].pieces[0], Call)
        found = [item for item in items if item["id"] in ids]
        if not bracketed:
            found += [item for item in items if self._machine.config.value(self._menu, item, "name") in ids]
            if not found:
                raise ScriptError("no such item")
        return found, self._words[1:]

    def _matching(self, words: list[Word]) -> list[Item]:
        config = self._machine.config
        items = config.items(self._menu)
        return [item for item in items if self._fits(words, partial(config.value, self._menu, item))]

    def _fits(self, words: list[Word], value: Callable[[str], str]) -> bool:
        """Conditions one behind the other all hold; `or` separates alternatives."""
        alternatives: list[list[Word]] = [[]]
        for word in words:
            if word.bare == "or":
                alternatives.append([])
            elif word.bare not in {"where", "and"}:
                alternatives[-1].append(word)
        return any(all(self._holds(word, value) for word in each) for each in alternatives)

    def _holds(self, word: Word, value: Callable[[str], str]) -> bool:
        first = word.pieces[0]
        if not isinstance(first, Text) or first.quoted or not _OPERATORS.search(first.value):
            raise ScriptError(f"syntax error (line {word.line} column {word.column})")
        name, operator, rest = _OPERATORS.split(first.value, maxsplit=1)
        pieces = ((Text(rest),) if rest else ()) + word.pieces[1:]
        condition = Word(pieces, word.line, word.column)
        wanted = ",".join(self._evaluate(condition, partial(self._of_item, value)))
        if operator == "~":
            return re.search(wanted, value(name)) is not None
        return (value(name) == wanted) == (operator == "=")

    def _of_item(self, value: Callable[[str], str], name: str) -> str | None:
        """None for what is no property of this menu."""
        known = self._machine.config.menu(self._menu)
        return value(name) if known is not None and name in known.properties else None

    def _file(self, verb: str) -> tuple[str, list[str]]:
        files = self._machine.files()
        if verb == "add":
            arguments = dict(self._named(self._words))
            self._machine.write_file(arguments["name"], arguments.get("contents", ""))
            return "", []
        if verb == "find":
            return "", [one["name"] for one in files if self._fits(self._words, partial(_of_file, one))]
        names = self._evaluate(self._words[0])
        known = [one for one in files if one["name"] in names]
        if verb == "get" and not known:
            raise ScriptError("no such item")
        if verb == "get":
            return "", [known[0].get(self._words[1].bare, "")]
        if verb not in {"remove", "set"}:
            raise ScriptError(f"bad command name {verb} (line 1 column 1)")
        arguments = dict(self._named(self._words[1:]))
        for one in known:
            self._change_file(verb, one["name"], arguments)
        return "", []

    def _change_file(self, verb: str, name: str, arguments: Mapping[str, str]) -> None:
        if verb == "remove":
            self._machine.remove_file(name)
        elif "name" in arguments:
            [old] = [one for one in self._machine.files() if one["name"] == name]
            self._machine.remove_file(name)
            self._machine.write_file(arguments["name"], old["contents"])
        else:
            self._machine.write_file(name, arguments.get("contents", ""))


def _of_file(one: Mapping[str, str], name: str) -> str:
    return one.get(name, "")
