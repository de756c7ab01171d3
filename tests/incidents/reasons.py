"""Reads the code for every reason that a poll, a probe or an announcement may store."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
HOLE: Final = "X7"
"""Stands for what is only known when it happens: a name, a number, what a device said."""
FILES: Final = (
    *(one for one in sorted(ROOT.glob("drivers/snmp/*.py")) if one.stem not in {"pysnmp_backend", "setting"}),
    *sorted(ROOT.glob("drivers/probe/*.py")),
    *sorted(ROOT.glob("drivers/collectors/*.py")),
    *(ROOT / "drivers" / f"{name}.py" for name in ("ssh", "ssh_channel", "ssh_terminal", "web")),
    *(ROOT / "controller" / f"{name}.py" for name in ("access", "health", "poller", "poller_ssh", "probing")),
)
CALLS: Final[Mapping[str, tuple[int | str, ...]]] = {
    "Failure": (1,),
    "Disbelieved": (0,),
    "UnusableUser": (0,),
    "ignore": (0,),
    "end": (1,),
    "problems.append": (0,),
    "_problems.append": (0,),
    "Verdict": (3,),
    "Finding": (2,),
    "Failed": (0,),
    "Untried": (0,),
    "Reset": (0,),
    "Unreachable": (1, 2),
    "AuthFailed": (1, 2),
    "HostKeyChanged": (1, 2),
    "HostKeyUnknown": (1, 2),
    "UnexpectedReply": (1, 3, "hint"),
    "refused": (0,),
    "unexpected": (0,),
    "unbroken": (1,),
    "_bounded": (0,),
}
"""Which arguments of a call are sentences."""
WHOLE: Final = {"end": f"%s at {HOLE}"}
"""What the one who is called makes of them."""
RETURNS: Final = (
    ("controller/prober.py", "may_not"),
    ("drivers/collect.py", "service"),
    ("drivers/collect.py", "_on_the_air"),
    ("drivers/probe/tls.py", "why_distrusted"),
)
"""Functions that give sentences."""
HOLDS: Final = tuple(
    ("controller/incidents/expecting.py", name) for name in ("expected", "_by_the_clock", "_announced")
)
"""Functions all of whose texts are sentences."""


class Reason(NamedTuple):
    """Where it is written; `sentence` is "" where the code only passes on what `code` says."""

    file: str
    code: str
    sentence: str


def reasons() -> Iterator[Reason]:
    """All of them, some more than once."""
    for file in FILES:
        yield from _Module(file).of_calls()
    for name, function in RETURNS:
        yield from _Module(ROOT / name).returned_by(function)
    for name, function in HOLDS:
        yield from _Module(ROOT / name).held_by(function)


@dataclass
class _Module:
    file: Path
    within: set[str] = field(default_factory=set)
    """Names whose values are being looked for."""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.file.read_text())

    @cached_property
    def functions(self) -> Mapping[str, ast.FunctionDef]:
        return {one.name: one for one in ast.walk(self.tree) if isinstance(one, ast.FunctionDef)}

    def of_calls(self) -> Iterator[Reason]:
        for function in self.functions.values():
            for call in ast.walk(function):
                if isinstance(call, ast.Call):
                    for wanted in _wanted(call):
                        yield from self._reasons(wanted, function, WHOLE.get(_called(call), "%s"))

    def returned_by(self, name: str) -> Iterator[Reason]:
        for value in self._returned(name):
            yield from self._reasons(value, self.functions[name])

    def held_by(self, name: str) -> Iterator[Reason]:
        function = self.functions[name]
        parts = {
            id(part) for one in ast.walk(function) if isinstance(one, ast.JoinedStr) for part in one.values
        }
        spoken = ast.get_docstring(function, clean=False)
        for node in ast.walk(function):
            text = node.value if isinstance(node, ast.Constant) else ""
            is_text = isinstance(text, str) and " " in text and text != spoken and id(node) not in parts
            if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and is_text):
                yield from self._reasons(node, function)

    def _reasons(self, node: ast.expr, function: ast.FunctionDef, whole: str = "%s") -> Iterator[Reason]:
        place = str(self.file.relative_to(ROOT))
        for text in self._texts(node, function):
            known = text.replace(HOLE, "").strip(" :()") not in {"", "at"}
            if text:
                yield Reason(place, ast.unparse(node), whole % text if known else "")

    def _texts(self, node: ast.expr, function: ast.FunctionDef) -> list[str]:  # noqa: PLR0911  a case each
        """Every text that an expression may be; what nobody can know here is a hole."""
        match node:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.JoinedStr(values=values):
                return ["".join(parts) for parts in product(*(self._texts(one, function) for one in values))]
            case ast.FormattedValue(value=ast.Attribute(attr="trouble")):
                return ["", f" ({HOLE})"]
            case ast.FormattedValue(value=value):
                texts = self._texts(value, function)
                return texts if {*texts} - {"", HOLE} else [HOLE]
            case ast.IfExp(body=body, orelse=orelse):
                return [*self._texts(body, function), *self._texts(orelse, function)]
            case ast.BoolOp(values=values):
                return [text for one in values for text in self._texts(one, function)]
            case ast.Dict(values=values) | ast.Tuple(elts=values):
                return [text for one in values for text in self._texts(one, function) if text != HOLE]
            case ast.Subscript(value=ast.Name(id=name)) | ast.Name(id=name):
                return self._named(name, function) or [HOLE]
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get")):
                return [*self._named(name, function), HOLE]
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in self.functions:
                called = self.functions[name]
                return [text or HOLE for one in self._returned(name) for text in self._texts(one, called)]
        return [HOLE]

    def _returned(self, name: str) -> list[ast.expr]:
        found = (one.value for one in ast.walk(self.functions[name]) if isinstance(one, ast.Return))
        return [one for one in found if one is not None]

    def _named(self, name: str, function: ast.FunctionDef) -> list[str]:
        """What a name was set to, in the function or else in the module."""
        if name in self.within:
            return []
        self.within.add(name)
        try:
            for nodes in (ast.walk(function), self.tree.body):
                found = [one.value for one in nodes if _sets(one, name)]  # type: ignore[attr-defined]
                if found:
                    return [text for value in found for text in self._texts(value, function)]
        finally:
            self.within.discard(name)
        return []


def _sets(node: ast.AST, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) and node.value is not None else targets
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)


def _wanted(call: ast.Call) -> Iterator[ast.expr]:
    for place in CALLS.get(_called(call), ()):
        if isinstance(place, int) and len(call.args) > place:
            yield call.args[place]
        yield from (one.value for one in call.keywords if one.arg == place)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Attribute(attr=whose) | ast.Name(id=whose), attr="append"):
            return f"{whose}.append"
        case ast.Attribute(attr=name):
            return name
    return ""
