"""Samples as line protocol, second precision: tags and types are the catalogue's, never the value's own."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, Field, Kind
from metrics.sample import Sample

Fields = Mapping[str, int | float]
Form = Callable[[Fields], str]

# InfluxData, "Line protocol": comma, equals sign and space are escaped in tags; a line cannot hold a line
# break, so those become two characters, as in every InfluxData client.
_ESCAPES: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
_READ: Final = str.maketrans({"\n": r"\n", "\r": r"\r", "\t": r"\t"})
# InfluxDB reads two backslashes as two, VictoriaMetrics as one, and a line it cannot read it drops without a
# word. A backslash that would touch an escape is therefore written as its full-width twin.
_TOUCHING: Final = re.compile(r"\\(?=[,= \\\n\r\t]|\Z)")
_MOST_SERIES: Final = 2**18  # of one measurement: 50,000 access points have 200,000 network names
_MOST_TEXTS: Final = 2**16
# What is measured with a few digits comes again, and so do its texts.
_COME_AGAIN: Final = frozenset({"%", "Cel", "dB", "dBm", "ms"})


class _Texts(dict[float, str]):
    """The shortest texts of floats: a look-up is five times as quick as making one."""

    def __missing__(self, value: float) -> str:
        if len(self) >= _MOST_TEXTS:
            self.clear()
        text = self[value] = repr(float(value))
        return text


class _Series(dict[tuple[str, ...], tuple[str, Form, int]]):
    """By tag values: `measurement,tag=value ` with the form and number of the fields of the last line."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def __missing__(self, values: tuple[str, ...]) -> tuple[str, Form, int]:
        if len(self) >= _MOST_SERIES:
            self.clear()
        entry = self[values] = (prefix(self._name, values), _form(self._name, frozenset()), 0)
        return entry

    def learn(self, values: tuple[str, ...], fields: Fields) -> Form:
        """The form of these fields, for this line and the next of the series."""
        form = _form(self._name, frozenset(fields))
        self[values] = (self[values][0], form, len(fields))
        return form


def _values_of(tags: tuple[str, ...]) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    """With a single name, itemgetter would give no tuple."""
    return itemgetter(*tags) if len(tags) > 1 else lambda held: (held[tags[0]],)


_KNOWN: Final = {name: (_values_of(m.tags), _Series(name)) for name, m in MEASUREMENTS.items()}
_TEXTS: Final = _Texts()


def encode(samples: Iterable[Sample]) -> bytes:
    """One line per sample, no line end after the last. The samples have passed `catalog.check`."""
    pieces: list[str] = []
    time, end = None, ""
    for sample in samples:
        tag_values, series = _KNOWN[sample.measurement]
        fields, values = sample.fields, tag_values(sample.tags)
        prefix, form, count = series[values]
        if sample.time != time:
            time = sample.time
            end = f" {time:d}\n"
        try:
            text = form(fields) if count == len(fields) else series.learn(values, fields)(fields)
        except KeyError:  # as many fields as the last time, but others
            text = series.learn(values, fields)(fields)
        pieces += (prefix, text, end)
    return "".join(pieces)[:-1].encode()


def halves(lines: bytes) -> list[bytes]:
    """The lines in two parts of about the same size, or nothing when there is only one line."""
    middle = lines.find(b"\n", len(lines) // 2)
    if middle < 0:
        middle = lines.rfind(b"\n")
    return [lines[:middle], lines[middle + 1 :]] if middle >= 0 else []


RowForm = Callable[[Sequence[Any]], str]


@lru_cache(maxsize=2**12)
def row_form(name: str, fields: tuple[str, ...]) -> RowForm:
    """How the values of these fields become their text, as the store reads them: without a Sample.

    `fields` are in the catalogue's order; those that it no longer knows are left out.
    """
    known = MEASUREMENTS[name].fields
    written = {
        field: _written(f"row[{at}]", known[field]) for at, field in enumerate(fields) if field in known
    }
    form = ",".join(f"{field}={mark}" for field, (mark, _) in written.items())
    values = "".join(f"{value}, " for _, value in written.values())
    made: RowForm = eval(f"lambda row: {form!r} % ({values})", {"texts": _TEXTS})  # noqa: S307
    return made


def prefix(name: str, values: tuple[str, ...]) -> str:
    """`measurement,tag=value,tag=value ` with its last space, of the tags' values in their order."""
    tags = MEASUREMENTS[name].tags
    return (
        ",".join((name, *(f"{tag}={_escape(value)}" for tag, value in zip(tags, values, strict=True)))) + " "
    )


def _escape(value: str) -> str:
    return _TOUCHING.sub("＼", value).translate(_ESCAPES)


def as_read(value: str) -> str:
    """A tag's value as a server gives it back: what no line can hold was written in other characters."""
    return _TOUCHING.sub("＼", value).translate(_READ)


@lru_cache(maxsize=2**12)
def _form(name: str, fields: frozenset[str]) -> Form:
    """Fields → their text in the catalogue's order, as one %-format. Raises KeyError where one is missing."""
    known = MEASUREMENTS[name].fields
    if unknown := fields - known.keys():
        raise KeyError(f"{name}: unknown fields {sorted(unknown)}")
    written = {field: _written(f"fields[{field!r}]", known[field]) for field in known if field in fields}
    form = ",".join(f"{field}={mark}" for field, (mark, _) in written.items())
    values = "".join(f"{value}, " for _, value in written.values())
    # Made of nothing but the catalogue's names; the same in a loop over the fields takes three times as long.
    made: Form = eval(f"lambda fields: {form!r} % ({values})", {"texts": _TEXTS})  # noqa: S307
    return made


def _written(value: str, field: Field) -> tuple[str, str]:
    """The placeholder of a field, and the expression of what stands there; True is 1."""
    if field.kind is Kind.INTEGER:
        return "%di", value
    if field.unit in _COME_AGAIN:
        return "%s", f"texts[{value}]"
    return "%r", f"{value} + 0.0"
