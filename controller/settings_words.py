"""What is wrong in plaza.toml or a PLAZA_* variable: one line each with where, what and how to mend it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from controller.settings_places import Place, line_of

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bool_parsing": "write true or false",
        "bool_type": "write true or false",
        "greater_than_equal": "write a number greater than or equal to {ge}",
        "int_from_float": "write a whole number",
        "int_parsing": "write a whole number",
        "int_type": "write a whole number",
        "less_than_equal": "write a number less than or equal to {le}",
        "path_type": "write it between quotes",
        "string_type": "write it between quotes",
        "tuple_type": 'write a list, as ["one", "another"]',
    }
)
"""By the kind of pydantic's error; of others its own words are shown."""

_SHAPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "write 1 to 32 of a-z, 0-9 and -",
        "log_level": "write DEBUG, INFO, WARNING or ERROR",
        "samples_url": "write postgresql://USER@HOST/NAME",
        "probe_url": "write http://… or https://…",
    }
)
"""What a text has to look like, by its key."""

_EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {"name": "state", "url": "http://127.0.0.1:8086", "token": "ref+file:NAME"}
)
_NAME: Final = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True, slots=True)
class Written:
    """Settings as somebody wrote them: a file, its text and values, and the variables that beat it.

    `keys` are those that may stand at the top ("") or in the tables of a name; `others` what people call them
    besides.
    """

    file: Path
    text: str
    values: Mapping[str, Any]
    variables: Mapping[str, str]
    keys: Mapping[str, Collection[str]]
    others: Mapping[str, Mapping[str, str]]


def sentences(error: ValidationError, written: Written) -> list[str]:
    """One of each mistake, in the order of the file. No value is repeated: it may be a secret."""
    mistakes = sorted(error.errors(include_input=False), key=lambda one: line_of(written.text, _place(one)))
    return [f"{_where(one, written)}: {_what(one, written)}" for one in mistakes]


def _place(error: ErrorDetails) -> Place:
    """Where it is; a validator of several tables says `at` which of them."""
    return error["loc"] + tuple(error.get("ctx", {}).get("at", ()))


def _where(error: ErrorDetails, written: Written) -> str:
    place = _place(error)
    top = str(place[0])
    if top in written.variables:
        return written.variables[top]
    line = line_of(written.text, place)
    file = f"{written.file}:{line}" if line else f"{written.file}"
    if top not in written.keys or len(place) == 1:
        return f"{file}: {'.'.join(map(str, place))}"
    table = f"[[{top}]] {_called(written.values[top], place[1])}"
    return ": ".join([file, table, *map(str, place[2:])])


def _called(tables: Any, number: Any) -> str:
    """A table by its name, or by its number from 1 where it has none that can be shown."""
    name = tables[number].get("name") if isinstance(tables[number], dict) else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else f"number {number + 1}"


def _what(error: ErrorDetails, written: Written) -> str:
    kind, place = error["type"], error["loc"]
    top, key = str(place[0]), str(place[-1])
    if kind == "extra_forbidden":
        return _unknown(key, top if len(place) > 1 else "", written)
    if kind == "missing":
        return f'is missing; write {key} = "{_EXAMPLES[key]}"' if key in _EXAMPLES else "is missing"
    if top in written.keys and kind in {"tuple_type", "model_type"}:
        return f"write a table [[{top}]], with two brackets, for each of them"
    if kind == "string_pattern_mismatch" and key in _SHAPES:
        return _SHAPES[key]
    if kind in _WORDS:
        return _WORDS[kind].format(**error.get("ctx", {}))
    return error["msg"].removeprefix("Value error, ")


def _unknown(key: str, table: str, written: Written) -> str:
    keys = written.keys[table]
    meant = written.others.get(table, {}).get(key.lower())
    if meant:
        return f"is no key of [[{table}]]; it is called {meant} here"
    close = get_close_matches(key.lower(), keys, 1, 0.6)
    what = f"is no key of [[{table}]]" if table else "is no setting"
    if close:
        shown = f"[[{close[0]}]]" if close[0] in written.keys else close[0]
        return f"{what}; did you mean {shown}?"
    return f"{what}; {'the keys are ' + ', '.join(keys) if table else 'docs/settings.md has them all'}"
