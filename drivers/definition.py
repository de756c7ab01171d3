"""What a platform.yaml may say, and the platforms we have."""

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError, model_validator

from drivers.blocks import Extend, Identify, InterfaceRule, Snmp, Traffic
from drivers.errors import PlatformError
from drivers.faults import Path, explain, near, parse, place_of
from drivers.needs import scalar_of, scalars_of, walked_of
from drivers.notation import Part, one_or_more
from drivers.sheets import (
    TABLES,
    ApTables,
    Extends,
    ModemTables,
    PortTables,
    PowerTables,
    RadioTables,
    SsidTables,
    Table,
)
from drivers.snmp.seam import Oid
from drivers.texts import decoded
from drivers.words import Pair, Reading, ScalarReadings, Share, Storage
from metrics.catalog import MEASUREMENTS

_SHARED: Final = "parts.yaml"


def _ap_field(name: str) -> str:
    known = MEASUREMENTS["wifi_ap"].fields
    if name not in known:
        raise ValueError(f"the catalogue has no field {name!r} in wifi_ap{near(name, known)}")
    return name


def _part(name: str) -> str:
    if name not in load_shared():
        raise ValueError(f"{_SHARED} has no {name!r}, only {', '.join(load_shared())}")
    return name


def _other(name: str) -> str:
    known = [folder.name for folder in _folders()]
    if name not in known:
        raise ValueError(f"there is no platform {name!r}{near(name, known)}")
    return name


def _folders() -> Iterator[Traversable]:
    """Of the platforms we ship, by name."""
    folders = sorted(files("drivers").joinpath("platforms").iterdir(), key=lambda folder: folder.name)
    return (folder for folder in folders if folder.joinpath("platform.yaml").is_file())


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
    like: Annotated[str, AfterValidator(_other)] | None = None
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

    @model_validator(mode="after")
    def _without_index(self) -> "Platform":
        for words, reading in self.own_readings():
            if reading.parts:
                raise ValueError(
                    f"{'.'.join(words)}: the device itself has no index, so no {reading.parts[0]!r}"
                )
        return self

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
            columns += walked_of(reading)
        for _, table in self.tables:
            for _, reading in table.readings():
                scalars += scalars_of(reading) if table.single else scalar_of(reading)
                columns += walked_of(reading) if table.single else ()
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


_BLOCKS: Final[Mapping[object, tuple[type[Part], ...]]] = {
    "identify": (Identify,),
    "snmp": (Snmp,),
    "traffic": (Traffic, InterfaceRule),
    "extend": (Extend,),
}
_VALUES: Final = (Reading, Share, Storage, Pair, Extends)


def words_at(path: Path) -> Iterator[str]:
    """The words that may stand where this path ends."""
    if len(path) == 1:
        yield from Platform.model_fields
    elif len(path) == 3 and path[0] in TABLES:
        table = TABLES[str(path[0])]
        yield from (*table.words, *MEASUREMENTS[table.measurement].fields)
    else:
        for part in _BLOCKS.get(path[0], _VALUES):
            yield from part.model_fields


@cache
def load_shared() -> Mapping[str, Shared]:
    """The blocks that platforms include, by name. Raises PlatformError."""
    source = files("drivers").joinpath("platforms", "shared", _SHARED).read_text("utf-8")
    root, content = parse(source, f"shared/{_SHARED}")
    try:
        return TypeAdapter(dict[str, Shared]).validate_python(content)
    except ValidationError as error:
        raise explain(error, root, f"shared/{_SHARED}", words_at) from error


@cache
def load_platforms() -> Mapping[str, Platform]:
    """Every platform we ship, by name. Raises PlatformError."""
    return {
        folder.name: installed(folder.name, folder.joinpath("platform.yaml").read_bytes())
        for folder in _folders()
    }


def platform_text(name: str) -> str:
    """The platform.yaml of a platform we ship, as it was written."""
    return files("drivers").joinpath("platforms", name, "platform.yaml").read_text("utf-8")


def read_platform(text: str, where: str) -> Platform:
    """One platform.yaml. Raises PlatformError with file, line and key."""
    root, content = parse(text, where)
    try:
        platform = Platform.model_validate(content)
    except ValidationError as error:
        raise explain(error, root, where, words_at) from error
    return _whole(platform)


def installed(folder: str, octets: bytes) -> Platform:
    """One of ours, which the inventory calls by the name of its folder."""
    where = f"{folder}/platform.yaml"
    text = decoded(octets, where)
    platform = read_platform(text, where)
    if platform.name != folder:
        line, _ = place_of(text, ("name",))
        raise PlatformError(
            f"{where}:{line}", f"name: is {platform.name!r}", f"write {folder!r}, as the folder"
        )
    return platform


def _whole(platform: Platform) -> Platform:
    """With what it includes, or another platform is asked, behind what it says itself."""
    if platform.like is not None:
        model = read_platform(platform_text(platform.like), f"{platform.like}/platform.yaml")
        own = platform.model_fields_set
        return platform.model_copy(
            update={name: getattr(model, name) for name in Platform.model_fields if name not in own}
        )
    facts, measure, traffic = dict(platform.facts), dict(platform.measure), platform.traffic
    for part in map(load_shared().__getitem__, platform.include):
        facts |= {name: facts.get(name, ()) + readings for name, readings in part.facts.items()}
        measure |= {name: measure.get(name, ()) + readings for name, readings in part.measure.items()}
        traffic = traffic or part.traffic
    return platform.model_copy(update={"facts": facts, "measure": measure, "traffic": traffic})
