"""The blocks of a platform.yaml that are no tables: identify, snmp, traffic and extend."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from drivers.faults import near
from drivers.notation import Oids, OidText, Part, Regex, as_tuple
from drivers.snmp.seam import Oid
from metrics.catalog import MEASUREMENTS

_EXTEND_OUT_LINE: Final = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 4, 1, 2)  # NET-SNMP-EXTEND-MIB nsExtendOutLine
_IF_MIB: Final = {"name": "31.1.1.1.1", "type": "2.2.1.3", "rx": "31.1.1.1.6", "tx": "31.1.1.1.10"}


def _if_mib(name: str) -> Oid:
    """ifName, ifType, ifHCInOctets, ifHCOutOctets."""
    return (1, 3, 6, 1, 2, 1, *map(int, _IF_MIB[name].split(".")))


def _measurement(name: str) -> str:
    if name not in MEASUREMENTS:
        raise ValueError(f"the catalogue has no measurement {name!r}{near(name, MEASUREMENTS)}")
    return name


class Identify(Part):
    """A device is of this platform when all that is said here holds.

    Its sysObjectID starts with one of these, its sysDescr matches, and it has an object at or below `probe`.
    """

    sys_object_id: Oids = ()
    sys_descr: Regex | None = None
    probe: OidText | None = None


class Snmp(Part):
    """What the agents of this platform cannot do; everything else is found out by asking."""

    bulk: bool = True
    max_varbinds: Annotated[int, Field(ge=1)] = 20
    max_rows: Annotated[int, Field(ge=1, le=100_000)] = 512


class Take(StrEnum):
    """Which of the matching interfaces count."""

    FIRST = "first"
    ALL = "all"


class InterfaceRule(Part):
    """Interfaces whose name matches and, where `type` is said, whose ifType is that number."""

    name: Regex
    type: int | None = None
    take: Annotated[Take, BeforeValidator(Take)] = Take.FIRST


class Traffic(Part):
    """Columns of the interface table; `interfaces` are tried in order, the first rule that matches wins."""

    name: OidText = _if_mib("name")
    type: OidText = _if_mib("type")
    rx: OidText = _if_mib("rx")
    tx: OidText = _if_mib("tx")
    interfaces: Annotated[tuple[InterfaceRule, ...], BeforeValidator(as_tuple)]


class Extend(Part):
    """Lines `KIND key=value …` of an snmpd extend: which measurement each kind is.

    `service` is the kind whose presence proves that the device serves: none of it, while the extend answers,
    means that it does not.
    """

    name: str
    lines: Mapping[str, Annotated[str, AfterValidator(_measurement)]]
    service: str

    @model_validator(mode="after")
    def _known_service(self) -> "Extend":
        if self.service not in self.lines:
            raise ValueError(f"service: {self.service!r} is not one of the lines")
        return self

    @property
    def column(self) -> Oid:
        """Where its output lines are, one per row."""
        return (*_EXTEND_OUT_LINE, len(self.name), *self.name.encode())
