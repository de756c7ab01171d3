"""Which expected values come out, but not of the object that the second system read them from.

Each object of each row that comes out is changed, then taken away: one of both must move the output.
"""

import asyncio
import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from drivers.definition import load_platforms
from drivers.errors import DriverError
from drivers.recording import read_recording
from drivers.snmp.seam import Oid, Value
from drivers.trying import try_recording
from tests.platforms.expected import Expected, field_class, scored, tried, values

CHANCES = Path(__file__).with_name("chances.tsv")


def by_chance(folder: Path) -> Iterator[Expected]:
    """Rows whose objects may say what they want: the value comes out all the same."""
    for one in scored(folder):
        if one.found and not _moves(folder / f"{one.expected.name}.snmprec", one.expected):
            yield one.expected


def explained() -> dict[tuple[str, str, str], str]:
    """Rows that another object tells as well: name, class, descr → which."""
    with CHANCES.open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {(row["name"], row["class"], row["descr"]): row["why"] for row in rows}


@cache
def _objects(recording: Path) -> Mapping[Oid, Value]:
    return read_recording(recording)


def _moves(recording: Path, one: Expected) -> bool:
    kind, platform = field_class(one), tried(recording)["platform"]
    before = Counter(values(tried(recording)["samples"], kind))
    for oid in (tuple(map(int, text.strip(". ").split("."))) for text in one.oids):
        for objects in _without(_objects(recording), oid):
            if Counter(_values(objects, platform, kind))[round(one.value, 3)] != before[round(one.value, 3)]:
                return True
    return False


def _values(objects: Mapping[Oid, Value], platform: str, kind: str) -> list[float]:
    try:
        found = asyncio.run(try_recording(objects, load_platforms(), platform)).as_object()
    except DriverError:
        return []
    return list(values(found["samples"], kind))


def _without(objects: Mapping[Oid, Value], oid: Oid) -> Iterator[Mapping[Oid, Value]]:
    """The recording with another value of the object, and without it."""
    if oid not in objects:
        return
    yield {**objects, oid: _other(objects[oid])}
    yield {name: value for name, value in objects.items() if name != oid}


def _other(value: Value) -> Value:
    if isinstance(value, int):
        return value + max(1, abs(value) // 3)
    if isinstance(value, bytes):
        return re.sub(rb"[0-9]", lambda digit: b"%d" % ((int(digit[0]) + 1) % 10), value)
    return (*value, 1)
