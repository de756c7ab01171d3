"""What a platform makes of a recording, and what in it finds nothing there."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from drivers.answers import Answers
from drivers.collect import collect, request
from drivers.definition import Platform
from drivers.detect import detect
from drivers.doubts import Doubt, doubts
from drivers.errors import PlatformError
from drivers.faults import Path, place_of
from drivers.identity import identity, unrecognised
from drivers.model import Device, Endpoint, Role, Secret, SnmpV2c
from drivers.needs import columns_of, scalars_of
from drivers.recording import Recording
from drivers.sheets import TABLES, Table
from drivers.snmp.seam import Oid, PollReply, Value
from metrics.sample import Sample

_NOWHERE: Final = Endpoint("127.0.0.1", 161)
_NOBODY: Final = SnmpV2c(Secret(""))


@dataclass(frozen=True, slots=True)
class Absent:
    """Words of a platform of which the device has nothing: `path` leads to them in the YAML.

    Of a field with several readings all are absent; of a table without any object only the table is told.
    """

    path: Path
    objects: tuple[Oid, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a recording.

    `unknown` are, per measurement, fields that nothing told, those first that most platforms tell.
    """

    platform: str
    facts: Mapping[str, str]
    samples: tuple[Sample, ...]
    problems: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    absent: tuple[Absent, ...]
    unknown: Mapping[str, tuple[str, ...]]

    def told(self, text: str, where: str) -> tuple[str, ...]:
        """Problems and doubts as sentences; `text` is the platform.yaml that lies at `where`."""
        return (*self.problems, *(_sentence(one, text, where) for one in self.doubts))

    def as_object(self, problems: Sequence[str] = ()) -> dict[str, Any]:
        """The one object of `plaza platform try --json`, with what `told` says."""
        return {
            "platform": self.platform,
            "facts": dict(self.facts),
            "samples": [
                {"measurement": one.measurement, "tags": dict(one.tags), "fields": dict(one.fields)}
                for one in self.samples
            ],
            "problems": list(problems),
        }


def device(platform: str) -> Device:
    """The device that a recording stands for."""
    return Device("device", Role.AP, "08019", "site", platform, "", _NOWHERE, _NOWHERE, _NOWHERE)


async def try_recording(
    objects: Mapping[Oid, Value], platforms: Mapping[str, Platform], name: str = ""
) -> Tried:
    """Detect the platform unless it is named, poll, collect. Raises PlatformError when it is none we know."""
    agent = Recording(objects)
    chosen = name or await detect(device(""), platforms, _NOBODY, agent) or ""
    if chosen not in platforms:
        raise _unheard(objects, name)
    platform = platforms[chosen]
    named = [unrecognised(objects)] if name and not await _recognises(platform, agent) else []
    reply = agent.ask(request(device(chosen), platform, _NOBODY))
    found = collect(device(chosen), platform, reply, 0)
    broken = (reply.failure.detail,) if reply.failure else ()
    absent = tuple(_absent(platform, reply))
    return Tried(
        chosen,
        found.facts,
        found.samples,
        (*broken, *found.problems),
        (*named, *doubts(platform, Answers.of(reply))),
        absent,
        _unknown(found.samples, platforms.values()),
    )


async def _recognises(platform: Platform, agent: Recording) -> bool:
    """Whether `identify` does; one that says nothing, as of `generic`, is not meant to."""
    silent = not any(one.sys_object_id or one.sys_descr or one.probe for one in platform.identify)
    found = await detect(device(""), {platform.name: platform}, _NOBODY, agent)
    return silent or found is not None


def _unheard(objects: Mapping[Oid, Value], name: str) -> PlatformError:
    """No such platform, or none for this device."""
    hint = "plaza platform list shows all; choose one with --platform"
    if name:
        return PlatformError("try", f"{name!r} is no platform", hint)
    hint = f"{hint}, or write one with identify: [{identity(objects)}]"
    return PlatformError("try", "no platform recognises this device", hint)


def _sentence(doubt: Doubt, text: str, where: str) -> str:
    line, words = place_of(text, doubt.path)
    if str(doubt.path[-1]) not in words.split("."):  # a word of what it only includes
        line, words = place_of(text, ("include",))[0], ".".join(map(str, doubt.path))
    return f"{where}:{line}: {words}: {doubt.reason}" + (f"; {doubt.hint}" if doubt.hint else "")


def _absent(platform: Platform, reply: PollReply) -> Iterator[Absent]:
    there = reply.scalars.keys() | reply.columns.keys()
    own: dict[Path, list[Oid]] = {}
    for path, reading in platform.own_readings():
        walked = (reading.column,) if reading.column else ()
        own.setdefault(path, []).extend((*scalars_of(reading), *walked))
    yield from _missing(own, there)
    for word in TABLES:
        for number, table in enumerate(getattr(platform, word)):
            needed = _needed(table)
            if not there & {oid for objects in needed.values() for oid in objects}:
                yield Absent((word, number), ())
            else:
                yield from _missing({(word, number, name): oids for name, oids in needed.items()}, there)


def _missing(needed: Mapping[Path, Sequence[Oid]], there: Set[Oid]) -> Iterator[Absent]:
    for path, objects in needed.items():
        if objects and not there & set(objects):
            yield Absent(path, tuple(objects))


def _needed(table: Table) -> dict[str, list[Oid]]:
    """The objects that each word of a table is read from."""
    found: dict[str, list[Oid]] = {}
    for name, reading in table.readings():
        scalars = scalars_of(reading) if table.single or reading.scalar else ()
        found.setdefault(name, []).extend((*scalars, *columns_of(reading)))
    return found


def _unknown(samples: Iterable[Sample], platforms: Iterable[Platform]) -> dict[str, tuple[str, ...]]:
    told: dict[str, set[str]] = {}
    for sample in samples:
        told.setdefault(sample.measurement, set()).update(sample.fields)
    counts = Counter(pair for platform in platforms for pair in _told_by(platform))
    usual = sorted(counts, key=lambda pair: (-counts[pair], pair))
    return {
        measurement: tuple(name for where, name in usual if where == measurement and name not in known)
        for measurement, known in told.items()
    }


def _told_by(platform: Platform) -> set[tuple[str, str]]:
    """Measurement and field of all that a platform reads."""
    device = {("wifi_ap", name) for name in platform.measure}
    return device | {(table.measurement, name) for _, table in platform.tables for name in table.fields}
