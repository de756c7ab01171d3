"""Turns what pydantic found into problems with a line, a place and a way to mend them."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from controller.errors import Problem
from controller.inventory_schema import File
from controller.inventory_yaml import Document, Place

_SAYINGS: Final[Mapping[str, tuple[str, str]]] = {
    "string_type": ("is not text", "write text, in quotes when it looks like a number, true or null"),
    "string_too_short": ("is empty", "write something, or delete the key"),
    "string_too_long": ("is longer than {max_length} characters", "shorten it"),
    "int_type": ("must be a whole number", "write a number without quotes"),
    "float_type": ("must be a number", "write a number without quotes, with a decimal point"),
    "finite_number": ("must be a finite number", "write a number"),
    "bool_type": ("must be true or false", "write true or false; `on` and `yes` are text in YAML 1.2"),
    "greater_than_equal": ("is too small", "write at least {ge}"),
    "less_than_equal": ("is too large", "write at most {le}"),
    "model_type": ("must be a map", "write {{key: value}}"),
    "model_attributes_type": ("must be a map", "write {{key: value}}"),
    "dict_type": ("must be a map", "write {{key: value}}"),
    "tuple_type": ("must be a list", "write [a, b]"),
    "too_long": ("has more than {max_length} entries", "shorten the list"),
    "too_short": ("is empty", "write at least one entry, or delete the key"),
    "union_tag_not_found": (
        "does not say its kind",
        "add `kind:` with snmp-v1, snmp-v2c, snmp-v3, ssh, http, gateway, portal or wifi",
    ),
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "version": "version: 1",
    "municipality": "municipality: 08019",
    "zone": "zone: America/Chihuahua",
    "lat": "lat: <degrees, south is negative>",
    "lon": "lon: <degrees, west is negative>",
    "opened_on": "opened_on: 2026-01-15",
    "address": "address: 192.168.88.10",
}


def near(word: object, known: Iterable[str]) -> str:
    """How to mend a word that should be one of `known`: the nearest of them, or the list."""
    listed = sorted(known)
    close = get_close_matches(str(word), listed, n=1, cutoff=0.7)
    if close:
        return f"did you mean {close[0]}?"
    if not listed:
        return "define it first"
    return f"write {'one of ' * (len(listed) > 1)}{', '.join(listed[:12])}{' …' if len(listed) > 12 else ''}"


def problems(document: Document, error: ValidationError) -> list[tuple[Place, Problem | None]]:
    """Every mistake with the place it belongs to; None where it was told before."""
    found: list[tuple[Place, Problem | None]] = []
    for detail in error.errors(include_url=False, include_input=False):
        place = _place(document.data, detail["loc"])
        if _is_told(document, detail, place):
            found.append((place, None))
            continue
        shown = (*place, "kind") if detail["type"] == "union_tag_invalid" else place
        found.append((place, document.problem(shown, *_words(detail, _written(document.data, shown)))))
    return found


def _is_told(document: Document, detail: ErrorDetails, place: Place) -> bool:
    """Whether a key only seems missing, or a list empty, because what stands there is wrong."""
    match detail["type"]:
        case "missing":
            return place in document.lines
        case "too_short":
            return bool(_written(document.data, place))
    return False


def _place(data: Any, steps: Iterable[str | int]) -> Place:
    """pydantic's location without what it adds: the tag of a union, and the mark of a wrong key."""
    place: list[str | int] = []
    listed = list(steps)
    for index, step in enumerate(listed):
        inside = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and step in range(len(data))
        )
        if inside:
            data = data[step]
            place.append(step)
        elif step != "[key]" and index == len(listed) - 1 and not _is_tag(data, step):
            place.append(step)
    return tuple(place)


def _written(data: Any, place: Place) -> Any:
    for step in place:
        inside = (isinstance(data, dict) and step in data) or isinstance(data, list)
        data = data[step] if inside else None
    return data


def _options(context: Mapping[str, Any]) -> str:
    return str(context.get("expected_tags") or context["expected"]).replace(" or ", ", ")


def _is_tag(data: Any, step: str | int) -> bool:
    return isinstance(data, dict) and data.get("kind") == step


def _words(detail: ErrorDetails, written: Any) -> tuple[str, str]:
    context = detail.get("ctx", {})
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    match detail["type"]:
        case "plaza":
            return str(context["what"]), str(context["mend"])
        case "missing":
            return "is missing", f"add `{_EXAMPLES.get(key, f'{key}: …')}`"
        case "extra_forbidden":
            return "is an unknown key", near(key, _known_keys(detail["loc"][:-1]))
        case "enum" | "literal_error" | "union_tag_invalid":
            return "is not known", near(written, re.findall(r"[\w-]+", _options(context)))
    what, mend = _SAYINGS.get(detail["type"], (detail["msg"].lower(), "correct it"))
    return what.format(**context), mend.format(**context)


def _known_keys(steps: Iterable[str | int]) -> list[str]:
    """The keys the schema knows at a location."""
    kind: Any = File
    for step in steps:
        models = _models(kind)
        if _is_container(kind):
            kind = get_args(kind)[1 if get_origin(kind) is dict else 0]
        elif len(models) > 1:
            kind = next(model for model in models if step in get_args(model.model_fields["kind"].annotation))
        else:
            kind = next(f.annotation for name, f in models[0].model_fields.items() if step in (name, f.alias))
    return [field.alias or name for model in _models(kind) for name, field in model.model_fields.items()]


def _is_container(kind: Any) -> bool:
    return get_origin(kind) in (dict, tuple)


def _models(kind: Any) -> list[type[BaseModel]]:
    """The models an annotation allows, through Annotated, Optional and unions, not through containers."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [] if _is_container(kind) else [model for part in get_args(kind) for model in _models(part)]
