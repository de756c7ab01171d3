"""What the script's `read_state` prints: files of ours as they are, and what the device has."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.model import Band

_PATH: Final = r"/[A-Za-z0-9._@/+-]+"
_NAME: Final = r"[A-Za-z0-9._@+-]{1,15}"
_LINE: Final = re.compile(
    rf"file {_PATH} [0-9]+|link {_PATH} \S+|(gone|has|uplink|keys) {_PATH}"
    rf"|radio {_NAME}( ({'|'.join(Band)}))*|bridge {_NAME}|login [A-Za-z0-9+/=]+"
)


class NotState(ValueError):
    """The text is not what the script prints: the message names the line."""


@dataclass(frozen=True, slots=True)
class File:
    """A file's whole content; octets that are not UTF-8 are surrogates."""

    content: str


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


Entry = File | Link | None
"""What is at a path; None where nothing is."""


@dataclass(frozen=True, slots=True)
class State:
    """A device as it is.

    `entries` are the paths of ours. `has` are those of owned.CONSULTED that exist; `radios` the bands of each
    wireless interface; `uplink` the path of the drop-in that gives the uplink another VLAN, "" where
    systemd-networkd does not keep it; `keys` the authorized_keys of who is logged in, with the key `login`
    (base64, "" for a password).
    """

    entries: Mapping[str, Entry]
    has: frozenset[str]
    radios: Mapping[str, frozenset[Band]]
    bridges: frozenset[str]
    uplink: str
    keys: str
    login: str

    def content(self, path: str) -> str:
        """Of a file; "" where there is none."""
        entry = self.entries.get(path)
        return entry.content if isinstance(entry, File) else ""


def parse(text: str) -> State:
    """Raises NotState."""
    facts: dict[str, list[list[str]]] = {}
    entries: dict[str, Entry] = {}
    for words, entry in _items(text.encode("utf-8", "surrogateescape")):
        if words[0] in {"file", "link", "gone"}:
            entries[words[1]] = entry
        else:
            facts.setdefault(words[0], []).append(words[1:])
    return State(
        entries=entries,
        has=frozenset(path for (path,) in facts.get("has", ())),
        radios={name: frozenset(map(Band, bands)) for name, *bands in facts.get("radio", ())},
        bridges=frozenset(name for (name,) in facts.get("bridge", ())),
        uplink=_only(facts, "uplink"),
        keys=_only(facts, "keys"),
        login=_only(facts, "login"),
    )


def _only(facts: Mapping[str, list[list[str]]], name: str) -> str:
    return facts[name][0][0] if name in facts else ""


def _items(raw: bytes) -> Iterator[tuple[list[str], Entry]]:
    """Each line in its words, with the file that follows it."""
    at = 0
    while at < len(raw):
        end = raw.find(b"\n", at)
        words = raw[at : end if end >= 0 else len(raw)].decode("utf-8", "surrogateescape").split(" ")
        _check(words)
        at = end + 1 if end >= 0 else len(raw)
        if words[0] != "file":
            yield words[:2] if words[0] == "link" else words, Link(words[2]) if words[0] == "link" else None
            continue
        size = int(words[2])
        if raw[at + size : at + size + 1] != b"\n":
            raise NotState(f"{words[1]} is not as long as it says")
        yield words, File(raw[at : at + size].decode("utf-8", "surrogateescape"))
        at += size + 1


def _check(words: list[str]) -> None:
    if not _LINE.fullmatch(" ".join(words)):
        raise NotState("a line of it is nothing that our script prints")
