"""What a platform.yaml may say, and the platforms we have."""

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, BeforeValidator, ValidationError

from drivers.blocks import (
    ApTables,
    Extend,
    Identify,
    ModemTables,
    PortTables,
    PowerTables,
    RadioTables,
    Snmp,
    SsidTables,
    Table,
    Traffic,
)
from drivers.errors import PlatformError
from drivers.snmp.seam import Oid
from drivers.words import Part, Reading, ScalarReadings, extend_column, extend_index, one_or_more
from metrics.catalog import MEASUREMENTS

_MISSING: Final = "Field required"
_EXTRA: Final = "Extra inputs are not permitted"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SHARED: Final = "parts.yaml"
TABLES: Final = ("aps", "radios", "ssids", "cellular", "ports", "power")
"""The words that hold tables, in the order in which they are read."""


def _ap_field(name: str) -> str:
    if name not in MEASUREMENTS["wifi_ap"].fields:
        raise ValueError(f"the catalogue has no field {name!r} in wifi_ap")
    return name


def _part(name: str) -> str:
    if name not in load_shared():
        raise ValueError(f"{_SHARED} has no {name!r}, only {', '.join(load_shared())}")
    return name


ApField = Annotated[str, AfterValidator(_ap_field)]


class Shared(Part):
    """What several platforms have in common; a platform that includes it may say otherwise."""

    facts: Mapping[str, ScalarReadings] = {}
    measure: Mapping[ApField, ScalarReadings] = {}
    traffic: Traffic | None = None


class Platform(Part):
    """One kind of device: how to recognise it, how to ask it, and what."""

    name: str
    vendor: str
    verified: bool
    tested_on: Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = ()
    identify: Annotated[tuple[Identify, ...], BeforeValidator(one_or_more)]
    snmp: Snmp = Snmp()
    include: Annotated[tuple[Annotated[str, AfterValidator(_part)], ...], BeforeValidator(one_or_more)] = ()
    facts: Mapping[str, ScalarReadings] = {}
    measure: Mapping[ApField, ScalarReadings] = {}
    traffic: Traffic | None = None
    extend: Extend | None = None
    aps: ApTables = ()
    radios: RadioTables = ()
    ssids: SsidTables = ()
    cellular: ModemTables = ()
    ports: PortTables = ()
    power: PowerTables = ()

    @cached_property
    def tables(self) -> tuple[tuple[str, Table], ...]:
        """All its tables, each with its word."""
        return tuple((word, table) for word in TABLES for table in getattr(self, word))

    @cached_property
    def wanted(self) -> tuple[tuple[Oid, ...], tuple[Oid, ...]]:
        """Instances to GET and columns to walk."""
        scalars: list[Oid] = []
        columns: list[Oid] = []
        for _, reading in self.own_readings():
            scalars += scalars_of(reading)
            columns += _walked(reading)
        for _, table in self.tables:
            for _, reading in table.readings():
                scalars += scalars_of(reading) if table.single else scalar_of(reading)
                columns += _walked(reading) if table.single else ()
            columns += () if table.single else table.columns
        if self.traffic is not None:
            columns += [self.traffic.name, self.traffic.type, self.traffic.rx, self.traffic.tx]
        if self.extend is not None:
            columns.append(self.extend.column)
        return tuple(dict.fromkeys(scalars)), tuple(dict.fromkeys(columns))

    def own_readings(self) -> Iterator[tuple[tuple[str, str], Reading]]:
        """Readings of the device itself, each with the words it stands under."""
        for word, block in (("facts", self.facts), ("measure", self.measure)):
            for name, several in block.items():
                yield from (((word, name), one) for one in several)


def scalar_of(reading: Reading) -> Iterator[Oid]:
    """The instance that a reading of a table's row needs."""
    yield from (reading.scalar,) if reading.scalar is not None else ()


def scalars_of(reading: Reading) -> Iterator[Oid]:
    """The instances that a reading of the device itself needs."""
    if reading.scalar is not None:
        yield reading.scalar
    if reading.extend is not None:
        yield (*extend_column(), *extend_index(reading.extend))
    if reading.share is not None:
        yield from (reading.share.total, *reading.share.free)
        yield from (reading.share.used,) if reading.share.used else ()
    yield from reading.of


def _walked(reading: Reading) -> Iterator[Oid]:
    if reading.column is not None:
        yield reading.column
    if reading.storage is not None:
        yield from (reading.storage.kind, reading.storage.used, reading.storage.size)


@cache
def load_shared() -> Mapping[str, Shared]:
    """The blocks that platforms include, by name. Raises PlatformError."""
    source = files("drivers").joinpath("platforms", "shared", _SHARED).read_text("utf-8")
    content = yaml.load(source, Loader=_LOADER)  # noqa: S506 (it is the safe loader)
    try:
        return {name: Shared.model_validate(part) for name, part in content.items()}
    except ValidationError as error:
        raise _explain(error, yaml.compose(source, Loader=_LOADER), f"shared/{_SHARED}") from error


@cache
def load_platforms() -> Mapping[str, Platform]:
    """Every platform we ship, by name. Raises PlatformError."""
    found = {}
    for folder in sorted(files("drivers").joinpath("platforms").iterdir(), key=lambda folder: folder.name):
        source = folder.joinpath("platform.yaml")
        if source.is_file():
            found[folder.name] = read_platform(source.read_text("utf-8"), f"{folder.name}/platform.yaml")
    return found


def platform_text(name: str) -> str:
    """The platform.yaml of a platform we ship, as it was written."""
    return files("drivers").joinpath("platforms", name, "platform.yaml").read_text("utf-8")


def read_platform(text: str, where: str) -> Platform:
    """One platform.yaml; its name must be its folder's. Raises PlatformError with file, line and key."""
    root, content = _parse(text, where)
    try:
        platform = Platform.model_validate(content)
    except ValidationError as error:
        raise _explain(error, root, where) from error
    folder = where.rpartition("/")[0].rpartition("/")[2]
    if folder and platform.name != folder:
        raise PlatformError(f"{where}:1", f"name: is {platform.name!r}", f"write {folder!r}, as the folder")
    return _whole(platform)


def place_of(text: str, path: tuple[int | str, ...]) -> tuple[int, str]:
    """Line and words of the deepest part of `path` that a platform.yaml spells out."""
    return _place(yaml.compose(text, Loader=_LOADER), path)


def _parse(text: str, where: str) -> tuple[yaml.Node | None, object]:
    try:
        return yaml.compose(text, Loader=_LOADER), yaml.load(text, Loader=_LOADER)  # noqa: S506 (it is safe)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        raise PlatformError(place, "this is not YAML", "check the indentation") from error


def _whole(platform: Platform) -> Platform:
    """With what it includes behind what it says itself."""
    facts, measure, traffic = dict(platform.facts), dict(platform.measure), platform.traffic
    for part in map(load_shared().__getitem__, platform.include):
        facts |= {name: facts.get(name, ()) + readings for name, readings in part.facts.items()}
        measure |= {name: measure.get(name, ()) + readings for name, readings in part.measure.items()}
        traffic = traffic or part.traffic
    return platform.model_copy(update={"facts": facts, "measure": measure, "traffic": traffic})


def _explain(error: ValidationError, root: yaml.Node | None, where: str) -> PlatformError:
    """All faults in one error, at the line of the first."""
    faults = []
    for fault in error.errors():
        line, key = _place(root, fault["loc"])
        why = (
            fault["msg"].removeprefix("Value error, ").replace(_EXTRA, "there is no such word or field here")
        )
        faults.append((line, key or "the file", why))
    faults.sort(key=lambda fault: (fault[2] == _MISSING, fault))  # a misspelt key tells more than its absence
    faults = list(dict.fromkeys(faults))
    first, *others = [f"{key}: {why}" for _, key, why in faults]
    rest = [f"line {line}: {text}" for (line, _, _), text in zip(faults[1:], others, strict=True)]
    return PlatformError(f"{where}:{faults[0][0]}", "; ".join((first, *rest)))


def _place(node: yaml.Node | None, path: tuple[int | str, ...]) -> tuple[int, str]:
    """Line and name of the deepest word on the path that is in the file.

    A path also has steps that nobody wrote: `fields`, the 0 of a thing that stands alone, names of types.
    """
    line, words = node.start_mark.line + 1 if node else 1, []
    for step in path:
        below = _below(node, step)
        if below is not None:
            line, node = below[0].start_mark.line + 1, below[1]
            words.append(str(step))
        elif step == path[-1] and isinstance(node, yaml.MappingNode) and _written(step):
            words.append(str(step))
    return line, ".".join(words)


def _below(node: yaml.Node | None, step: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _written(step: int | str) -> bool:
    return isinstance(step, str) and step.isidentifier() and step != "fields"
