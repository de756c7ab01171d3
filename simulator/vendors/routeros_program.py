"""The commands of RouterOS's script language that are of no menu: variables, branches, loops, functions.

Those that Plaza's own scripts need, after help.mikrotik.com (Scripting); no other is known. Never compared
with a device.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.vendors.routeros_machine import Context, Machine, Names
from simulator.vendors.routeros_script import Block, Command, Joined, ScriptError, Word
from simulator.vendors.routeros_values import LEVELS, Value, convert, find, length, pick, text, typeof

Obey = Callable[[Command, Context], tuple[str, Value]]
Evaluate = Callable[[Word, Context], Value]
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class _Returned(Exception):
    """`:return` ends a function."""

    def __init__(self, value: Value) -> None:
        super().__init__("return")
        self.value = value


@dataclass(frozen=True)
class Program:
    """How commands of a machine are obeyed and words of them evaluated."""

    machine: Machine
    obey: Obey
    evaluate: Evaluate

    def command(self, name: str, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        """One command with a colon; what it prints and what it gives. Raises ScriptError."""
        if name in _FLOW:
            return _FLOW[name](self, words, context)
        if name not in _FUNCTIONS:
            raise ScriptError(f"bad command name {name.removeprefix(':')} (line 1 column 1)")
        plain = [self.evaluate(word, context) for word in words if word.parameter() is None]
        return "", _FUNCTIONS[name](plain, self._options(words, context))

    def call(self, code: Value, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        """A function: it sees what it is given, and no variable around it."""
        if not isinstance(code, Block):
            raise ScriptError("syntax error: that is no function")
        given = {found[0]: self.evaluate(found[1], context) for word in words if (found := word.parameter())}
        try:
            return self.block(code, replace(context, names=Names(own=given))), None
        except _Returned as returned:
            return "", returned.value

    def block(self, code: Block, context: Context) -> str:
        """Commands one after the other; what they print."""
        return "".join(self.obey(command, context)[0] for command in code.commands)

    def expression(self, words: Sequence[Word], context: Context) -> Value:
        """What stands in round brackets."""
        for operators in LEVELS:
            for at in range(len(words) - 1, 0, -1):
                if words[at].bare in operators:
                    sides = (words[:at], words[at + 1 :])
                    return operators[words[at].bare](*(self.expression(side, context) for side in sides))
        if len(words) != 1:
            raise ScriptError("syntax error: an expression that is not modelled")
        return self.evaluate(words[0], context)

    def _options(self, words: Sequence[Word], context: Context) -> dict[str, str]:
        found = (word.parameter() for word in words)
        return {one[0]: text(self.evaluate(one[1], context)) for one in found if one is not None}

    def _inside(self, code: Block, context: Context, own: Mapping[str, Value]) -> str:
        """A block sees what is around it."""
        return self.block(code, replace(context, names=Names(context.names, dict(own))))

    def _local(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        context.names.own[words[0].bare] = self._given(words[1:], context)
        return "", None

    def _global(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        context.names.shared.add(words[0].bare)
        if words[1:]:
            self.machine.globals[words[0].bare] = self._given(words[1:], context)
        return "", None

    def _set(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        context.names.put(words[0].bare, self._given(words[1:], context), self.machine.globals)
        return "", None

    def _given(self, words: Sequence[Word], context: Context) -> Value:
        """The value behind the name of a variable; `do={…}` is code."""
        blocks = _blocks(words)
        if "do" in blocks:
            return blocks["do"]
        return self.evaluate(words[0], context) if words else None

    def _if(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        verdict, blocks = self.evaluate(words[0], context), _blocks(words[1:])
        if not isinstance(verdict, bool) or not isinstance(words[0].pieces[0], Joined):
            raise ScriptError("conditional not boolean")
        chosen = blocks.get("do" if verdict else "else")
        return (self._inside(chosen, context, {}) if chosen else ""), None

    def _foreach(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        blocks = _blocks(words[1:])
        each = [self.evaluate(command.words[0], context) for command in blocks["in"].commands]
        return "".join(self._inside(blocks["do"], context, {words[0].bare: one}) for one in each), None

    def _do(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        (code,) = words[0].pieces
        caught = _blocks(words[1:]).get("on-error")
        if not isinstance(code, Block):
            raise ScriptError("syntax error: do what?")
        try:
            return self._inside(code, context, {}), None
        except ScriptError:
            if caught is None:
                raise
            return self._inside(caught, context, {}), None

    def _return(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        raise _Returned(self.evaluate(words[0], context) if words else None)

    def _error(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        raise ScriptError(text(self.evaluate(words[0], context)))

    def _put(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        return "".join(text(self.evaluate(word, context)) for word in words) + "\n", None

    def _execute(self, words: Sequence[Word], context: Context) -> tuple[str, Value]:
        script = self._options(words, context).get("script") or text(self.evaluate(words[0], context))
        self.machine.special((":execute",), {"script": script}, context)
        return "", None


def _blocks(words: Sequence[Word]) -> dict[str, Block]:
    """The parameters of a command that are code or lists."""
    return dict(_each_block(words))


def _each_block(words: Sequence[Word]) -> Iterator[tuple[str, Block]]:
    for word in words:
        found = word.parameter()
        if found is not None and len(found[1].pieces) == 1 and isinstance(found[1].pieces[0], Block):
            yield found[0], found[1].pieces[0]


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise ScriptError(f"invalid value for argument: {typeof(value)} is no number")
    return value


_FLOW: Final[Mapping[str, Callable[[Program, Sequence[Word], Context], tuple[str, Value]]]] = {
    ":local": Program._local,
    ":global": Program._global,
    ":set": Program._set,
    ":if": Program._if,
    ":foreach": Program._foreach,
    ":do": Program._do,
    ":return": Program._return,
    ":error": Program._error,
    ":put": Program._put,
    ":execute": Program._execute,
}
_FUNCTIONS: Final[Mapping[str, Callable[[list[Value], Mapping[str, str]], Value]]] = {
    ":len": lambda given, _options: length(given[0]),
    ":typeof": lambda given, _options: typeof(given[0]),
    ":find": lambda given, _options: find(given[0], text(given[1])),
    ":pick": lambda given, _options: pick(
        given[0], _number(given[1]), _number(given[2]) if given[2:] else None
    ),
    ":convert": lambda given, options: convert(given[0], options),
    ":rndstr": lambda _given, options: "".join(
        secrets.choice(_LETTERS) for _ in range(int(options["length"]))
    ),
    ":delay": lambda _given, _options: None,
}
