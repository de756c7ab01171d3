"""How a platform.yaml spells what many of its words hold: OIDs, patterns, numbers, one or several."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

from drivers.snmp.ber import BerError, encode_oid
from drivers.snmp.seam import Oid

_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,9}))+")


def _oid(text: object) -> Oid:
    if isinstance(text, str) and text.startswith(".") and _OID.fullmatch(text[1:]):
        raise ValueError(f"write it without the leading dot, {text[1:]}")
    if not isinstance(text, str) or not _OID.fullmatch(text):
        raise ValueError("write an OID in numbers, as 1.3.6.1.2.1.1.5.0")
    arcs = tuple(int(number) for number in text.split("."))
    try:
        encode_oid(arcs)
    except BerError as error:
        raise ValueError(
            "an OID has at most 128 numbers of 32 bits, and behind 0 or 1 comes at most 39 (RFC 2578 §3.5)"
        ) from error
    return arcs


def _regex(text: object) -> re.Pattern[str]:
    try:
        return re.compile(str(text))
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def as_tuple(value: object) -> object:
    """A list as the tuple that strict models want."""
    return tuple(value) if isinstance(value, list) else value


def one_or_more(value: object) -> object:
    """What may be written alone or as a list."""
    return tuple(value) if isinstance(value, list) else (value,)


def _number(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _step(value: object) -> object:
    """A number is an arc, a dotted text the object whose value is an arc, a word a part of the index."""
    return _oid(value) if isinstance(value, str) and _OID.fullmatch(value) else value


def unquoted(value: object) -> object:
    """YAML reads a bare on, off, yes or no as a truth value."""
    if isinstance(value, dict) and any(isinstance(key, bool) for key in value):
        raise ValueError("put on, off, yes and no into quotes")
    return value


OidText = Annotated[Oid, BeforeValidator(_oid)]
Oids = Annotated[tuple[OidText, ...], BeforeValidator(one_or_more)]
Regex = Annotated[re.Pattern[str], BeforeValidator(_regex)]
Number = Annotated[float, BeforeValidator(_number)]
Step = Annotated[Oid | int | str, BeforeValidator(_step)]
Scalar = int | float | str


class Part(BaseModel):
    """A block of a platform.yaml: nothing in it that we do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


def shorthand(word: str) -> Callable[[object], object]:
    """A bare OID for `{word: OID}`; one reading or several, of which the first that the device has counts."""

    def spelt_out(value: object) -> object:
        return {word: value} if isinstance(value, str) else value

    def spelt_out_each(value: object) -> Any:
        return tuple(map(spelt_out, value)) if isinstance(value, list) else (spelt_out(value),)

    return spelt_out_each
