"""The tables of a platform.yaml: one kind per measurement of the catalogue."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from drivers.bands import Spectrum
from drivers.needs import columns_of
from drivers.notation import OidText, Part, one_or_more
from drivers.snmp.seam import Oid
from drivers.words import HOLE, ColumnReadings, Reading, extend_column, holes
from metrics.catalog import MEASUREMENTS

_BANDS: Final = frozenset(Spectrum)
ROW: Final = "row"
"""The name of a row's whole index."""


class Extends(Part):
    """One row per extend of snmpd whose name fits: `clients-{radio}` names a part of the index."""

    extend: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the name of such an extend looks like."""
        texts = HOLE.split(self.extend)  # text, part, text, part, …, text
        return re.compile(
            "".join(f"(?P<{text}>.+)" if place % 2 else re.escape(text) for place, text in enumerate(texts))
        )

    @field_validator("extend")
    @classmethod
    def _each_once(cls, name: str) -> str:
        if len(set(holes(name))) != len(holes(name)):
            raise ValueError("each part of the index once")
        return name


def _rows(value: object) -> object:
    return value if isinstance(value, dict) else {"column": value}


class Column(Part):
    """One row per row of a column."""

    column: OidText


def _known_bands(told_by: tuple[Reading, ...]) -> tuple[Reading, ...]:
    for said in (said for reading in told_by for said in (reading.map or {}).values()):
        if isinstance(said, str) and said not in _BANDS and not said.isdigit():
            raise ValueError(f"{said!r} is no band; write one of {', '.join(Spectrum)}")
    return told_by


BandReadings = Annotated[ColumnReadings, AfterValidator(_known_bands)]
Width = Annotated[int, Field(ge=1, le=128)] | Literal["text", "rest"]


class Table(Part):
    """Rows of a device, each of which becomes one sample.

    `index` names the parts of the rows' index and how many arcs each has (`text`: as many as its first arc
    says). A row counts when every reading in `where` has a value for it, and, with `unique`, when no row
    before it had the same value there; with `unless`, when that column has no row. Everything else is a
    field of the catalogue or a tag.
    """

    measurement: ClassVar[str] = ""
    words: ClassVar[tuple[str, ...]] = ("index", "rows", "where", "unique", "unless")

    index: Mapping[str, Width] = {}
    rows: Annotated[Column | Extends, BeforeValidator(_rows)] | None = None
    where: ColumnReadings = ()
    unique: OidText | None = None
    unless: OidText | None = None
    fields: Mapping[str, ColumnReadings] = {}

    @model_validator(mode="before")
    @classmethod
    def _sort_out(cls, value: Any) -> Any:
        """Fields of the catalogue stand among the words of the table."""
        if not isinstance(value, dict):
            return value
        known = MEASUREMENTS[cls.measurement].fields
        fields = {key: inner for key, inner in value.items() if key in known}
        return {**{key: inner for key, inner in value.items() if key not in known}, "fields": fields}

    @model_validator(mode="after")
    def _known_parts(self) -> "Table":
        known = {ROW, *self.index, *(holes(self.rows.extend) if isinstance(self.rows, Extends) else ())}
        for word, reading in self.readings():
            for part in reading.parts:
                if part not in known:
                    raise ValueError(
                        f"{word}: the index has no part {part!r}, only {', '.join(sorted(known))}"
                    )
        return self

    def readings(self) -> Iterator[tuple[str, Reading]]:
        """Every reading with the word it stands under."""
        for word in self.words:
            value = getattr(self, word)
            if isinstance(value, tuple):
                yield from ((word, one) for one in value if isinstance(one, Reading))
        for field, several in self.fields.items():
            yield from ((field, one) for one in several)

    @cached_property
    def single(self) -> bool:
        """Whether it is one row: what the device itself says, without an index."""
        return self.rows is None and not self.straight

    @cached_property
    def columns(self) -> tuple[Oid, ...]:
        """Every column it needs."""
        found = [oid for _, reading in self.readings() for oid in columns_of(reading)]
        if isinstance(self.rows, Column):
            found.append(self.rows.column)
        if isinstance(self.rows, Extends):
            found.append(extend_column())
        found += [oid for oid in (self.unique, self.unless) if oid is not None]
        return tuple(dict.fromkeys(found))

    @cached_property
    def straight(self) -> tuple[Oid, ...]:
        """Its own columns: a row is where one of them has one."""
        return tuple(
            dict.fromkeys(r.column for _, r in self.readings() if r.straight and r.column is not None)
        )


class ApTable(Table):
    """Access points of a controller. `name` is what people call it."""

    measurement = "wifi_ap"
    words = (*Table.words, "name")
    name: ColumnReadings = ()


class RadioTable(Table):
    """Radios. `ap` tells whose, where the index does not begin with that of the access point."""

    measurement = "wifi_radio"
    words = (*Table.words, "ap", "band")
    ap: ColumnReadings = ()
    band: BandReadings = ()


class SsidTable(Table):
    """Network names. Rows of the same name, band and access point are added up."""

    measurement = "wifi_ssid"
    words = (*Table.words, "ap", "band", "ssid")
    ap: ColumnReadings = ()
    band: BandReadings = ()
    ssid: ColumnReadings


class ModemTable(Table):
    """Cellular modems."""

    measurement = "uplink"


class PortTable(Table):
    """Ports of a switch. `port` is the number on its front."""

    measurement = "wired_port"
    words = (*Table.words, "port")
    port: ColumnReadings


class PowerTable(Table):
    """The supply of the device."""

    measurement = "power"


TABLES: Final[Mapping[str, type[Table]]] = {
    "aps": ApTable,
    "radios": RadioTable,
    "ssids": SsidTable,
    "cellular": ModemTable,
    "ports": PortTable,
    "power": PowerTable,
}
"""The words that hold tables, in the order in which they are read."""
ApTables = Annotated[tuple[ApTable, ...], BeforeValidator(one_or_more)]
RadioTables = Annotated[tuple[RadioTable, ...], BeforeValidator(one_or_more)]
SsidTables = Annotated[tuple[SsidTable, ...], BeforeValidator(one_or_more)]
ModemTables = Annotated[tuple[ModemTable, ...], BeforeValidator(one_or_more)]
PortTables = Annotated[tuple[PortTable, ...], BeforeValidator(one_or_more)]
PowerTables = Annotated[tuple[PowerTable, ...], BeforeValidator(one_or_more)]
