"""Splices entries and keys of devices into the text of an inventory: pure, text in, text out.

Places come from the marks of yaml.compose, which count characters, so that comments, order, quoting and line
ends stay. What a text of an unusual shape becomes is for the caller to check.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from controller import inventory_yaml
from controller.inventory_yaml import LOADER

Scalar = str | int | bool
Fields = Mapping[str, "Scalar | Mapping[str, Scalar]"]
"""What an entry says: text, numbers, and maps of them such as `ssh: {port: 2222}`."""

_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_/](?:[A-Za-z0-9 _./@+:-]*[A-Za-z0-9_/])?")


def with_devices(text: str, entries: Mapping[str, Fields]) -> str:
    """All entries, each behind the last of its site that was there before, else behind the last of all."""
    said = {name: f"{_scalar(name)}: {_flow(fields)}" for name, fields in entries.items()}
    newline = _newline(text)
    key, devices = _pair(yaml.compose(text, Loader=LOADER), "devices")
    lines = "".join(f"{newline}  {entry}" for entry in said.values())
    if devices is None:
        gap = "" if _break_at(text, len(text) - 1) else newline
        return f"{text}{gap}devices:{lines}{newline}"
    if not devices.value:
        return f"{text[: key.end_mark.index + 1]}{lines}{text[devices.end_mark.index :]}"
    places: dict[int, str] = {}
    lasts = {_site(pair[1]): pair for pair in devices.value}
    for name, entry in said.items():
        last = lasts.get(str(entries[name].get("site")), devices.value[-1])
        if devices.flow_style:
            place, part = _end(text, *last), f", {entry}"
        else:
            place, part = _line_end(text, _end(text, *last)), f"{newline}{_indent(last[0])}{entry}"
        places[place] = places.get(place, "") + part
    for place in sorted(places, reverse=True):
        text = text[:place] + places[place] + text[place:]
    return text


def with_key(text: str, name: str, key: str, value: Scalar) -> str:
    """A device's key with this value, in place of what it has or behind its last."""
    entry = _entry(text, name)
    written, old = _pair(entry, key)
    if old is not None:
        start = old.start_mark.index
        held = text[start : old.end_mark.index].rstrip()
        if held:
            return f"{text[:start]}{_scalar(value)}{text[start + len(held) :]}"
        start = written.end_mark.index + text[written.end_mark.index :].index(":") + 1
        return f"{text[:start]} {_scalar(value)}{text[start:]}"
    if entry.flow_style:
        end = _end(text, *entry.value[-1])
        return f"{text[:end]}, {_scalar(key)}: {_scalar(value)}{text[end:]}"
    anchor = [
        pair
        for pair in entry.value
        if isinstance(pair[1], yaml.ScalarNode) and pair[1].style not in ("|", ">")
    ]
    end = _line_end(text, _end(text, *anchor[-1]))
    line = f"{_newline(text)}{_indent(anchor[-1][0])}{_scalar(key)}: {_scalar(value)}"
    return f"{text[:end]}{line}{text[end:]}"


def without_key(text: str, name: str, key: str) -> str:
    """A device without a key that it has."""
    entry = _entry(text, name)
    written, old = _pair(entry, key)
    start, end = written.start_mark.index, _end(text, written, old)
    if not entry.flow_style:
        line = _line_start(text, start)
        after = _line_end(text, end)
        return text[:line] + text[after + len(_break_at(text, after)) :]
    comma = re.compile(r"[ \t]*,[ \t]*").match(text, end)
    if comma and written is not entry.value[-1][0]:
        end = comma.end()
    elif before := re.compile(r",\s*\Z").search(text[:start]):
        start = before.start()
    return text[:start] + text[end:]


def _entry(text: str, name: str) -> Any:
    _, devices = _pair(yaml.compose(text, Loader=LOADER), "devices")
    return _pair(devices, name)[1]


def _pair(mapping: Any, key: str) -> tuple[Any, Any]:
    """The nodes of a key and its value; None twice where it is not."""
    return next((pair for pair in mapping.value if pair[0].value == key), (None, None))


def _site(node: Any) -> str | None:
    found = _pair(node, "site")[1] if isinstance(node, yaml.MappingNode) else None
    return None if found is None else str(found.value)


def _end(text: str, key: Any, node: Any) -> int:
    """Where the text of a pair ends; the mark of a block ends only where the next thing begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        key, node = last if isinstance(last, tuple) else (last, last)
    start = int(node.start_mark.index)
    held = text[start : node.end_mark.index].rstrip()
    if held:
        return start + len(held)
    end = int(key.end_mark.index)
    colon = re.compile(r"[ \t]*:").match(text, end)
    return colon.end() if colon else end


def _line_start(text: str, index: int) -> int:
    return max((found.end() for found in _BREAK.finditer(text, 0, index)), default=0)


def _line_end(text: str, index: int) -> int:
    found = _BREAK.search(text, index)
    return found.start() if found else len(text)


def _break_at(text: str, index: int) -> str:
    found = _BREAK.match(text, index)
    return found[0] if found else ""


def _indent(key: Any) -> str:
    return " " * int(key.start_mark.column)


def _newline(text: str) -> str:
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def _flow(fields: Mapping[str, Any]) -> str:
    said = (
        f"{_scalar(key)}: {_flow(value) if isinstance(value, Mapping) else _scalar(value)}"
        for key, value in fields.items()
    )
    return "{" + ", ".join(said) + "}"


def _scalar(value: Scalar) -> str:
    """As YAML 1.2 writes it: plain where that is the same text, else in double quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    plain = _PLAIN.fullmatch(value) and ": " not in value and inventory_yaml.scalar(value) == value
    return value if plain else json.dumps(value, ensure_ascii=False)
