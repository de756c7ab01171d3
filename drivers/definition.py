"""What a platform.yaml may say, and the platforms we have."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from drivers.errors import PlatformError
from metrics.catalog import MEASUREMENTS

_EXTEND_OUT_LINE: Final = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 4, 1, 2)  # NET-SNMP-EXTEND-MIB nsExtendOutLine
_MISSING: Final = "Field required"
_OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


def _oid(text: object) -> tuple[int, ...]:
    if not isinstance(text, str) or not _OID.fullmatch(text):
        raise ValueError("write an OID in numbers, as 1.3.6.1.2.1.1.5.0")
    return tuple(int(number) for number in text.split("."))


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _measurement(name: str) -> str:
    if name not in MEASUREMENTS:
        raise ValueError(f"the catalogue has no measurement {name!r}")
    return name


def _ap_field(name: str) -> str:
    if name not in MEASUREMENTS["wifi_ap"].fields:
        raise ValueError(f"the catalogue has no field {name!r} in wifi_ap")
    return name


OidText = Annotated[tuple[int, ...], BeforeValidator(_oid)]
Oids = Annotated[tuple[OidText, ...], BeforeValidator(_tuple)]
Regex = Annotated[re.Pattern[str], BeforeValidator(lambda text: _regex(str(text)))]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Identify(_Part):
    """A device is of this platform when its sysObjectID starts so, or its sysDescr matches."""

    sys_object_id: Oids = ()
    sys_descr: Regex | None = None


class Reduction(StrEnum):
    """How the rows of a column become one number."""

    MEAN = "mean"
    MAX = "max"
    SUM = "sum"


class Share(_Part):
    """Per cent in use: 100 · (total - free…) / total. The first `free` must be there, the others may."""

    total: OidText
    free: Annotated[Oids, AfterValidator(lambda oids: oids or _refuse("name at least one object"))]


class Storage(_Part):
    """Per cent in use of the first row whose `kind` is `equals`: 100 · used / size."""

    kind: OidText
    equals: OidText
    used: OidText
    size: OidText


def _refuse(why: str) -> tuple[tuple[int, ...], ...]:
    raise ValueError(why)


class Reading(_Part):
    """One field of wifi_ap: a scalar, a column, a share or a storage row; value · scale + offset."""

    field: Annotated[str, AfterValidator(_ap_field)]
    scalar: OidText | None = None
    column: OidText | None = None
    reduce: Annotated[Reduction, BeforeValidator(Reduction)] = Reduction.MEAN
    share: Share | None = None
    storage: Storage | None = None
    scale: Annotated[float, BeforeValidator(lambda n: float(n) if isinstance(n, int) else n)] = 1.0
    offset: Annotated[float, BeforeValidator(lambda n: float(n) if isinstance(n, int) else n)] = 0.0

    @model_validator(mode="after")
    def _one_source(self) -> "Reading":
        sources = (self.scalar, self.column, self.share, self.storage)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("say exactly one of scalar, column, share, storage")
        return self


class Take(StrEnum):
    """Which of the matching interfaces count."""

    FIRST = "first"
    ALL = "all"


class InterfaceRule(_Part):
    """Interfaces whose name matches and, where `type` is said, whose ifType is that number."""

    name: Regex
    type: int | None = None
    take: Annotated[Take, BeforeValidator(Take)] = Take.FIRST


class Traffic(_Part):
    """Columns of the interface table; `interfaces` are tried in order, the first rule that matches wins."""

    name: OidText
    type: OidText
    rx: OidText
    tx: OidText
    interfaces: Annotated[tuple[InterfaceRule, ...], BeforeValidator(_tuple)]


class Extend(_Part):
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
    def column(self) -> tuple[int, ...]:
        """Where its output lines are, one per row."""
        return (*_EXTEND_OUT_LINE, len(self.name), *self.name.encode())


class Platform(_Part):
    """One kind of device: how to recognise it and what to ask it."""

    name: str
    vendor: str
    verified: bool
    identify: Identify
    facts: Mapping[str, OidText]
    measure: Annotated[tuple[Reading, ...], BeforeValidator(_tuple)] = ()
    traffic: Traffic | None = None
    extend: Extend | None = None


@cache
def load_platforms() -> Mapping[str, Platform]:
    """Every platform we ship, by name. Raises PlatformError."""
    folders = files("drivers").joinpath("platforms").iterdir()
    found = {}
    for folder in sorted(folders, key=lambda folder: folder.name):
        source = folder.joinpath("platform.yaml")
        if source.is_file():
            found[folder.name] = read_platform(source.read_text("utf-8"), f"{folder.name}/platform.yaml")
    return found


def read_platform(text: str, where: str) -> Platform:
    """One platform.yaml; its name must be its folder's. Raises PlatformError with file, line and key."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        raise PlatformError(place, "this is not YAML", "check the indentation") from error
    try:
        platform = Platform.model_validate(content)
    except ValidationError as error:
        raise _explain(error, root, where) from error
    folder = where.rpartition("/")[0].rpartition("/")[2]
    if folder and platform.name != folder:
        raise PlatformError(f"{where}:1", f"name: is {platform.name!r}", f"write {folder!r}, as the folder")
    return platform


def _explain(error: ValidationError, root: yaml.Node | None, where: str) -> PlatformError:
    """All faults in one error, at the line of the first."""
    faults = []
    for fault in error.errors():
        key = ".".join(map(str, fault["loc"])) or "the file"
        faults.append((_line(root, fault["loc"]), key, fault["msg"].removeprefix("Value error, ")))
    faults.sort(key=lambda fault: (fault[2] == _MISSING, fault))  # a misspelt key tells more than its absence
    first, *others = [f"{key}: {why}" for _, key, why in faults]
    rest = [f"line {line}: {text}" for (line, _, _), text in zip(faults[1:], others, strict=True)]
    return PlatformError(f"{where}:{faults[0][0]}", "; ".join((first, *rest)))


def _line(node: yaml.Node | None, path: tuple[int | str, ...]) -> int:
    """The line of the deepest key on the path that is in the file."""
    line = node.start_mark.line + 1 if node else 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == step]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
