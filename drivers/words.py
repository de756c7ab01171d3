"""The words of a platform.yaml that say where one value is and how it is read."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from inspect import signature
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from drivers.hooks import HOOKS
from drivers.notation import (
    Number,
    Oids,
    OidText,
    Part,
    Regex,
    Scalar,
    Step,
    one_or_more,
    shorthand,
    unquoted,
)
from drivers.snmp.seam import Oid

_EXTEND_OUTPUT: Final = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 3, 1, 1)  # NET-SNMP-EXTEND-MIB nsExtendOutput1Line
_SOURCES: Final = ("scalar", "column", "extend", "index", "value", "share", "storage", "hook")
HOLE: Final = re.compile(r"\{([a-z]\w*)\}", re.ASCII)
ANY: Final = "*"
"""In `at`: any arcs, before or after the others."""


class Reduction(StrEnum):
    """How several values become one."""

    FIRST = "first"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    SUM = "sum"
    COUNT = "count"


class Share(Part):
    """Per cent in use: 100 · used / total, or 100 · (total - free…) / total.

    The first `free` must be there, the others may.
    """

    total: OidText
    free: Oids = ()
    used: OidText | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Share":
        if bool(self.free) == (self.used is not None):
            raise ValueError("say free or used")
        return self


class Storage(Part):
    """Per cent in use of the first row whose `kind` is `equals`: 100 · used / size."""

    kind: OidText
    equals: OidText
    used: OidText
    size: OidText


class Pair(Part):
    """Rows of another table: where `theirs` says what `ours`, a column or a part of the index, says here."""

    theirs: OidText
    ours: Step


def holes(name: str) -> list[str]:
    """The parts of the index that the name of an extend has: `clients-{radio}`."""
    return HOLE.findall(name)


def _hook(name: str) -> str:
    if name not in HOOKS:
        raise ValueError(f"drivers/hooks.py has no {name!r}")
    return name


class Reading(Part):
    """One value: where it is, of which rows, and how the agent's spelling becomes a number or a text.

    Exactly one source; then, of each value in this order, `absent`, `match`, `map`, `base`, `modulo` and
    `signed`; then `reduce`; then value · scale + offset.
    """

    scalar: OidText | None = None
    column: OidText | None = None
    extend: str | None = None
    index: str | None = None
    value: Scalar | None = None
    share: Share | None = None
    storage: Storage | None = None
    hook: Annotated[str, AfterValidator(_hook)] | None = None
    of: Oids = ()
    at: Annotated[tuple[Step, ...], BeforeValidator(one_or_more)] | None = None
    pair: Pair | None = None
    reduce: Annotated[Reduction, BeforeValidator(Reduction)] | None = None
    absent: Annotated[tuple[Scalar, ...], BeforeValidator(one_or_more)] = ()
    match: Regex | None = None
    map: Annotated[Mapping[int | str, Scalar], BeforeValidator(unquoted)] | None = None
    base: Annotated[int, Field(ge=2, le=36)] = 10
    modulo: Annotated[int, Field(ge=0)] = 0
    signed: Literal[0, 8, 16, 32] = 0
    scale: Number = 1.0
    offset: Number = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> "Reading":
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"say exactly one of {', '.join(_SOURCES)}")
        if bool(self.of) != (self.hook is not None):
            raise ValueError("a hook has `of`, the objects it works on, and nothing else has")
        if self.hook is not None and len(self.of) != len(signature(HOOKS[self.hook]).parameters):
            raise ValueError(f"{self.hook} works on {', '.join(signature(HOOKS[self.hook]).parameters)}")
        if self.column is None and (self.at is not None or self.pair is not None):
            raise ValueError("at and pair belong to a column")
        if self.at is not None and ANY in self.at and (self.reduce is None or ANY in self.at[1:-1]):
            raise ValueError('at: "*" stands first or last, and needs reduce')
        return self

    @cached_property
    def source(self) -> str:
        """Which of the sources it is."""
        return next(name for name in _SOURCES if getattr(self, name) is not None)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of a row's index that it names."""
        steps = (*(self.at or ()), *((self.pair.ours,) if self.pair else ()))
        named = [step for step in steps if isinstance(step, str) and step != ANY]
        return (*named, *((self.index,) if self.index else ()), *holes(self.extend or ""))

    @cached_property
    def plain(self) -> bool:
        """Whether the agent's value is taken as it is."""
        return not (self.absent or self.match or self.map or self.modulo or self.signed) and self.base == 10

    @cached_property
    def straight(self) -> bool:
        """Whether it is a column of the table's own rows."""
        return self.source == "column" and self.at is None and self.pair is None and self.reduce is None


def extend_column() -> Oid:
    """Where snmpd shows the first line of each extend."""
    return _EXTEND_OUTPUT


def extend_index(name: str) -> Oid:
    """The row of an extend: its name, preceded by its length."""
    octets = name.encode()
    return (len(octets), *octets)


ScalarReadings = Annotated[tuple[Reading, ...], BeforeValidator(shorthand("scalar"))]
ColumnReadings = Annotated[tuple[Reading, ...], BeforeValidator(shorthand("column"))]
