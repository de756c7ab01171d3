"""Runs commands of the RouterOS console: finds the menu, the verb and its arguments, and obeys."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from simulator.vendors.routeros_machine import Context, Machine
from simulator.vendors.routeros_menus import MENUS
from simulator.vendors.routeros_program import Program
from simulator.vendors.routeros_script import (
    Block,
    Call,
    Command,
    Joined,
    Piece,
    ScriptError,
    Text,
    Variable,
    Word,
    parse,
)
from simulator.vendors.routeros_values import Nil, Value, text
from simulator.vendors.routeros_verbs import Verb

_VERBS: Final = frozenset(
    {"add", "set", "remove", "print", "find", "get", "export", "enable", "disable", "unset"}
)
_PATHS: Final = ("system backup", "safe-mode", "tool", "ip ssh")
_ABOUT: Final = frozenset({"system resource", "system routerboard"})
"""Menus that only tell."""

_ENVIRONMENT: Final = "system script environment"
_INDEX: Final = "->"
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")


def run(machine: Machine, source: str, context: Context) -> str:
    """What a script prints. A refusal is its last line."""
    try:
        _run(machine, source, context)
    except ScriptError as error:
        context.printed.append(f"{error}\n")
    return "".join(context.printed)


def _run(machine: Machine, source: str, context: Context) -> None:
    commands = parse(source)
    _check(machine, commands, context)
    for command in commands:
        said, _ = _obey(machine, command, context)
        context.printed.append(said)


def look_over(machine: Machine, source: str) -> str:
    """What is wrong with a script before it is run; empty when nothing is."""
    try:
        _check(machine, parse(source), Context())
    except ScriptError as error:
        return f"{error}\n"
    return ""


def _check(machine: Machine, commands: Iterable[Command], context: Context) -> None:
    """A line with a name that is not known is not begun."""
    for command in commands:
        first = command.words[0]
        if first.bare.startswith("/"):
            _resolve(machine, command, context)


def _resolve(machine: Machine, command: Command, context: Context) -> tuple[tuple[str, ...], list[Word]]:
    """Path and verb, and the words behind."""
    words = list(command.words)
    first = words[0].bare
    if first.startswith(":"):
        return (first,), words[1:]
    path = [] if first.startswith("/") else list(context.menu)
    while words and words[0].bare and (not path or path[-1] not in _VERBS | _ENDINGS):
        for part in words[0].bare.split("/"):
            path += [part] if part else []
            if not _is_known(machine, path):
                raise ScriptError(f"bad command name {part} (line {words[0].line} column {words[0].column})")
        words.pop(0)
    return tuple(path), words


_ENDINGS: Final = frozenset(
    {
        "save",
        "load",
        "import",
        "quit",
        "take",
        "release",
        "unroll",
        "reboot",
        "ping",
        "fetch",
        "run",
        "export-host-key",
    }
)


def _is_known(machine: Machine, path: list[str]) -> bool:
    """Whether this is a menu, the way to one, or a command."""
    if not path or path[-1] in _ENDINGS or path == ["export"]:
        return True
    menu = " ".join(path[:-1] if path[-1] in _VERBS else path)
    if machine.config.menu(menu) is not None or menu in {"file", _ENVIRONMENT} or menu in _ABOUT:
        return True
    prefixes = {" ".join(name.split()[:depth]) for name in (*MENUS, *_PATHS) for depth in range(1, 4)}
    missing = machine.config.version < 7 and menu.startswith("interface wifi")
    return menu in prefixes and path[-1] not in _VERBS and not missing


def _obey(machine: Machine, command: Command, context: Context) -> tuple[str, Value]:
    """What one command prints, and what it gives to the brackets around it."""
    first = command.words[0].pieces[0]
    program = _program(machine)
    if isinstance(first, Block):
        return program.block(first, context), None
    if isinstance(first, Variable) and len(command.words[0].pieces) == 1:
        return program.call(_piece(machine, first, context), command.words[1:], context)
    path, words = _resolve(machine, command, context)
    if path and path[0].startswith(":"):
        return program.command(path[0], words, context)
    if path and path[-1] in _VERBS | _ENDINGS:
        return _command(machine, path, words, context)
    if words:
        raise ScriptError(f"expected command name (line {words[0].line} column {words[0].column})")
    context.menu = path
    return "", None


def _program(machine: Machine) -> Program:
    return Program(machine, partial(_obey, machine), partial(_value, machine))


def _command(
    machine: Machine, path: tuple[str, ...], words: list[Word], context: Context
) -> tuple[str, Value]:
    menu, verb = " ".join(path[:-1]), path[-1]
    if verb == "export":
        return _export(machine, menu, words), None
    if menu in _ABOUT and verb in {"print", "get"}:
        return _about(machine, menu, verb, words)
    # Inside the brackets of a command, `find` and the like mean its menu.
    inside = replace(context, menu=path[:-1])
    if menu == _ENVIRONMENT:
        return _environment(machine, verb, words, inside)
    if verb in _VERBS:

        def evaluate(word: Word, item: Callable[[str], str | None] = inside.item) -> list[str]:
            return _values(machine, word, replace(inside, item=item))

        said, given = Verb(machine, menu, words, evaluate).obey(verb)
        found: list[Value] = list(given)
        return said, (found[0] if found else None) if verb in {"get", "add"} else found
    return _other(machine, path, words, context)


def _other(machine: Machine, path: tuple[str, ...], words: list[Word], context: Context) -> tuple[str, Value]:
    """What is no verb of a menu."""
    if path == ("system", "script", "run"):
        return _run_kept(machine, _text(machine, words[0], context), context), None
    arguments = dict(_named(machine, words, context))
    if path == ("tool", "fetch") and "as-value" in arguments:
        return "", machine.posted(arguments)
    said = machine.special(path, arguments, context)
    if said is None:
        raise ScriptError(f"bad command name {path[-1]} (line 1 column 1)")
    return said, None


def _about(machine: Machine, menu: str, verb: str, words: list[Word]) -> tuple[str, Value]:
    told = machine.about(menu)
    if verb == "print":
        return told, None
    values = dict(line.strip().split(": ", 1) for line in told.splitlines())
    if words[0].bare not in values:
        raise ScriptError("no such item")
    return "", values[words[0].bare]


def _environment(machine: Machine, verb: str, words: list[Word], context: Context) -> tuple[str, Value]:
    """The global variables, by name."""
    named = dict(_named(machine, words, context)).get("name", "")
    if verb == "find":
        return "", [name for name in machine.globals if name == named]
    if verb != "remove":
        raise ScriptError(f"bad command name {verb} (line 1 column 1)")
    for name in _values(machine, words[0], context):
        machine.globals.pop(name, None)
    return "", None


def _run_kept(machine: Machine, name: str, context: Context) -> str:
    """A script of `/system script`, which sees no variable of who runs it."""
    items = machine.config.items("system script")
    sources = {machine.config.value("system script", one, "name"): one for one in items}
    if name not in sources:
        raise ScriptError("no such item")
    inside = Context(owner=context.owner)
    _run(machine, machine.config.value("system script", sources[name], "source"), inside)
    return "".join(inside.printed)


def _export(machine: Machine, only: str, words: list[Word]) -> str:
    shows = machine.config.version < 7
    for word in words:
        match word.bare:
            case "terse" | "verbose" | "compact":
                continue
            case "show-sensitive" if machine.config.version >= 7:
                shows = True
            case "hide-sensitive" if machine.config.version < 7:
                shows = False
            case _:
                raise ScriptError(f"expected end of command (line {word.line} column {word.column})")
    return machine.export(secrets=shows, only=only)


def _named(machine: Machine, words: Iterable[Word], context: Context) -> Iterator[tuple[str, str]]:
    for word in words:
        parameter = word.parameter()
        if parameter is None:
            yield word.bare, "yes"
        else:
            yield parameter[0], _text(machine, parameter[1], context)


def _text(machine: Machine, word: Word, context: Context) -> str:
    return ",".join(_values(machine, word, context))


def _values(machine: Machine, word: Word, context: Context) -> list[str]:
    """A value as the arguments of a command take it."""
    value = _value(machine, word, context)
    if isinstance(value, list):
        return [text(one) for one in value]
    is_call = len(word.pieces) == 1 and isinstance(word.pieces[0], Call)
    return [] if is_call and (value is None or isinstance(value, Nil)) else [text(value)]


def _value(machine: Machine, word: Word, context: Context) -> Value:
    """What a word is; several pieces are text, unless an arrow says which part of the first is meant."""
    pieces = word.pieces
    if not pieces:
        return ""
    if len(pieces) > 2 and pieces[1] == Text(_INDEX):
        whole = _piece(machine, pieces[0], context)
        return whole.get(_joined(machine, pieces[2:], context)) if isinstance(whole, dict) else None
    if len(pieces) == 1:
        only = pieces[0]
        if isinstance(only, Text) and not only.quoted and _NUMBER.fullmatch(only.value):
            return int(only.value)
        return _piece(machine, only, context)
    return _joined(machine, pieces, context)


def _joined(machine: Machine, pieces: Iterable[Piece], context: Context) -> str:
    values = (_piece(machine, piece, context) for piece in pieces)
    return "".join(",".join(map(text, one)) if isinstance(one, list) else text(one) for one in values)


def _piece(machine: Machine, piece: Piece, context: Context) -> Value:
    match piece:
        case Text():
            return piece.value
        case Variable():
            of_item = context.item(piece.name)
            return context.names.get(piece.name, machine.globals) if of_item is None else of_item
        case Call():
            return _called(machine, piece, context)
        case Joined():
            return _program(machine).expression(piece.words, context)
        case Block():
            raise ScriptError("syntax error (line 1 column 1)")


def _called(machine: Machine, call: Call, context: Context) -> Value:
    given: Value = None
    for command in call.commands:
        said, given = _obey(machine, command, replace(context))
        context.printed.append(said)
    return given
