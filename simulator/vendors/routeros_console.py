"""Runs commands of the RouterOS console: finds the menu, the verb and its arguments, and obeys."""

from collections.abc import Iterable, Iterator
from typing import Final

from simulator.vendors.routeros_machine import Context, Machine
from simulator.vendors.routeros_menus import MENUS
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
from simulator.vendors.routeros_verbs import Verb

_VERBS: Final = frozenset(
    {"add", "set", "remove", "print", "find", "get", "export", "enable", "disable", "unset"}
)
_PATHS: Final = ("system backup", "safe-mode", "tool")
_ABOUT: Final = frozenset({"system resource", "system routerboard"})
"""Menus that only tell."""


def run(machine: Machine, source: str, context: Context) -> str:
    """What a script prints. A refusal is its last line."""
    try:
        commands = parse(source)
        _check(machine, commands, context)
        for command in commands:
            said, _ = _obey(machine, command, context)
            context.printed.append(said)
    except ScriptError as error:
        context.printed.append(f"{error}\n")
    return "".join(context.printed)


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
    {"save", "load", "import", "quit", "take", "release", "unroll", "reboot", "ping", "fetch"}
)


def _is_known(machine: Machine, path: list[str]) -> bool:
    """Whether this is a menu, the way to one, or a command."""
    if not path or path[-1] in _ENDINGS or path == ["export"]:
        return True
    menu = " ".join(path[:-1] if path[-1] in _VERBS else path)
    if machine.config.menu(menu) is not None or menu == "file" or menu in _ABOUT:
        return True
    prefixes = {" ".join(name.split()[:depth]) for name in (*MENUS, *_PATHS) for depth in range(1, 4)}
    missing = machine.config.version < 7 and menu.startswith("interface wifi")
    return menu in prefixes and path[-1] not in _VERBS and not missing


def _obey(machine: Machine, command: Command, context: Context) -> tuple[str, list[str]]:
    """What one command prints, and what it gives to the brackets around it."""
    block = command.words[0].pieces[0]
    if isinstance(block, Block):
        return "".join(_obey(machine, one, context)[0] for one in block.commands), []
    path, words = _resolve(machine, command, context)
    if path and path[0].startswith(":"):
        return _colon(machine, path[0], words, context)
    if path and path[-1] in _VERBS | _ENDINGS:
        return _command(machine, path, words, context)
    if words:
        raise ScriptError(f"expected command name (line {words[0].line} column {words[0].column})")
    context.menu = path
    return "", []


def _command(
    machine: Machine, path: tuple[str, ...], words: list[Word], context: Context
) -> tuple[str, list[str]]:
    menu, verb = " ".join(path[:-1]), path[-1]
    if verb == "export":
        return _export(machine, menu, words), []
    if menu in _ABOUT and verb == "print":
        return machine.about(menu), []
    if verb in _VERBS:
        # Inside the brackets of a command, `find` and the like mean its menu.
        inside = Context(path[:-1], context.interactive, context.owner, context.printed)
        return Verb(machine, menu, words, lambda word: _values(machine, word, inside)).obey(verb)
    said = machine.special(path, dict(_named(machine, words, context)), context)
    if said is None:
        raise ScriptError(f"bad command name {verb} (line 1 column 1)")
    return said, []


def _colon(machine: Machine, name: str, words: list[Word], context: Context) -> tuple[str, list[str]]:
    match name:
        case ":put":
            return "".join(_text(machine, word, context) for word in words) + "\n", []
        case ":len":
            return "", [str(len(_values(machine, words[0], context)))]
        case ":execute":
            arguments = dict(_named(machine, words, context))
            script = arguments.get("script", "") or _text(machine, words[0], context)
            machine.special((":execute",), {"script": script}, context)
            return "", []
        case ":delay":
            return "", []
    raise ScriptError(f"bad command name {name} (line 1 column 1)")


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
    if len(word.pieces) == 1 and isinstance(word.pieces[0], Call):
        return _called(machine, word.pieces[0], context)
    return ["".join(_piece(machine, piece, context) for piece in word.pieces)]


def _piece(machine: Machine, piece: Piece, context: Context) -> str:
    match piece:
        case Text():
            return piece.value
        case Variable():
            return ""  # one that nobody set
        case Call():
            return ",".join(_called(machine, piece, context))
        case Joined():
            return "".join(_text(machine, word, context) for word in piece.words)
        case Block():
            raise ScriptError("syntax error (line 1 column 1)")


def _called(machine: Machine, call: Call, context: Context) -> list[str]:
    given: list[str] = []
    for command in call.commands:
        said, given = _obey(machine, command, Context(context.menu))
        context.printed.append(said)
    return given
