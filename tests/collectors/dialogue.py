"""Recorded dialogues: what each device was asked and said, and what that comes to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.collect import Collected
from drivers.model import Device, Endpoint, PollBy, Role

HERE = Path(__file__).parent
FOLDER = HERE / "dialogues"
SLOT = 1_790_000_000


@dataclass(frozen=True)
class Dialogue:
    """One file of `dialogues/`. `python -m tests.collectors.expect` writes what is expected."""

    file: Path
    platform: str
    way: PollBy
    document: str
    exchanges: Sequence[Mapping[str, Any]]
    content: Mapping[str, Any]

    @property
    def expected(self) -> Any:
        """What `shown` must be."""
        return json.loads(self.file.with_suffix(".expected.json").read_text(encoding="utf-8"))


@dataclass
class Clock:
    """A clock that the test sets."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def load(name: str) -> Dialogue:
    """The dialogue of that name."""
    file = FOLDER / f"{name}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    way = PollBy(content["way"])
    return Dialogue(file, content["platform"], way, content["document"], content["exchanges"], content)


def names(way: PollBy) -> list[str]:
    """All dialogues of one way."""
    files = [file for file in FOLDER.glob("*.json") if not file.name.endswith(".expected.json")]
    return sorted(file.stem for file in files if load(file.stem).way is way)


def device(dialogue: Dialogue, **changes: Any) -> Device:
    """The device that speaks in it."""
    there = Endpoint("127.0.0.1", 1)
    fields = {
        "name": "kiosko",
        "role": Role.AP,
        "municipality": "08019",
        "site": "08019-plaza",
        "platform": dialogue.platform,
        "address": "127.0.0.1",
        "snmp": there,
        "ssh": there,
        "http": there,
        "poll": dialogue.way,
        "ssh_credentials": "login",
        "http_credentials": "login",
        "http_site": dialogue.content.get("site", ""),
    }
    return Device(**{**fields, **changes})


def shown(collected: Collected) -> dict[str, Any]:
    """As in `.expected.json`: without how long it took, and without the tags that are everywhere the same."""
    samples = [
        {
            "measurement": sample.measurement,
            "tags": {tag: text for tag, text in sample.tags.items() if tag not in ("mun", "site", "vendor")},
            "fields": {name: value for name, value in sample.fields.items() if name != "poll_ms"},
        }
        for sample in collected.samples
    ]
    return {
        "facts": dict(collected.facts),
        "service_works": collected.service_works,
        "samples": samples,
        "problems": list(collected.problems),
    }
