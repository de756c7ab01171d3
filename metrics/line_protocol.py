"""Samples as line protocol, second precision: tags and types are the catalogue's, never the value's own."""

import re
from collections.abc import Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Final

from metrics.catalog import MEASUREMENTS, Kind
from metrics.sample import Sample

# InfluxData, "Line protocol": comma, equals sign and space are escaped in tags; a line cannot hold a line
# break, so those become two characters, as in every InfluxData client.
_ESCAPES: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
# InfluxDB reads two backslashes as two, VictoriaMetrics as one, and a line it cannot read it drops without a
# word. A backslash that would touch an escape is therefore written as its full-width twin.
_TOUCHING: Final = re.compile(r"\\(?=[,= \\\n\r\t]|\Z)")
_PLACEHOLDERS: Final = {Kind.INTEGER: "%di", Kind.FLOAT: "%r"}
# The first tag is asked for twice: with a single name, itemgetter would give no tuple.
_TAG_VALUES: Final = {name: itemgetter(*m.tags, m.tags[0]) for name, m in MEASUREMENTS.items()}


def encode(samples: Iterable[Sample]) -> bytes:
    """One line per sample, no line end after the last. The samples have passed `catalog.check`."""
    return "\n".join(map(_line, samples)).encode()


def halves(lines: bytes) -> list[bytes]:
    """The lines in two parts of about the same size, or nothing when there is only one line."""
    middle = lines.find(b"\n", len(lines) // 2)
    if middle < 0:
        middle = lines.rfind(b"\n")
    return [lines[:middle], lines[middle + 1 :]] if middle >= 0 else []


def _line(sample: Sample) -> str:
    name, fields = sample.measurement, sample.fields
    values = [+value for value in fields.values()]  # +True is 1
    return _series(name, _TAG_VALUES[name](sample.tags)) + _form(name, *fields) % (*values, sample.time)


@lru_cache(maxsize=2**18)
def _series(name: str, values: tuple[str, ...]) -> str:
    """`measurement,tag=value,tag=value ` with its last space; the same few come again in every slot."""
    tags = MEASUREMENTS[name].tags
    return (
        ",".join((name, *(f"{tag}={_escape(value)}" for tag, value in zip(tags, values, strict=False)))) + " "
    )


def _escape(value: str) -> str:
    return _TOUCHING.sub("＼", value).translate(_ESCAPES)


@lru_cache(maxsize=2**12)
def _form(name: str, *fields: str) -> str:
    """The % form of these fields, in their order, and of the time."""
    kinds = MEASUREMENTS[name].fields
    return ",".join(f"{field}={_PLACEHOLDERS[kinds[field].kind]}" for field in fields) + " %d"
