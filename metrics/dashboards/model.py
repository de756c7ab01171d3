"""What a dashboard is, before it is anybody's JSON."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SPANISH: Final = "es"
ENGLISH: Final = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """Words for staff. Spanish comes first; the dashboards that are shipped are in Spanish."""

    es: str
    en: str

    def within(self, language: str) -> str:
        """Raises KeyError for a language that there is not."""
        return {SPANISH: self.es, ENGLISH: self.en}[language]


class Flavour(StrEnum):
    """Which server answers, and so in which language it is asked."""

    INFLUXDB = "influxdb"
    VICTORIAMETRICS = "victoriametrics"


class Shape(StrEnum):
    """How a panel draws; the names are Grafana's."""

    LINES = "timeseries"
    NUMBER = "stat"
    TABLE = "table"
    STATES = "state-timeline"


@dataclass(frozen=True, slots=True)
class Query:
    """The same question to both servers; an empty one is not asked.

    `{tag}` in a legend stands for the tag's value. `over` is what PromQL is asked once for the whole range
    of time, rather than for each step of it.
    """

    influxql: str
    promql: str
    legend: Text = Text("", "")
    over: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """What a value from `least` to `most` is called, because colour may not be the only mark."""

    least: float
    most: float
    text: Text
    color: str


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: one field of the panel's queries, in their order."""

    field: str
    title: Text
    unit: str = "none"
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` is Grafana's word. `steps` are the colours from a value upwards, the first from anywhere.

    `says` tells numerator and denominator, and what a gap means. `recent` looks at the last minutes only,
    so that an old value is never shown as the present one. `key` is the tag that a table has its lines by.
    """

    title: Text
    says: Text
    queries: tuple[Query, ...]
    unit: str = "none"
    shape: Shape = Shape.LINES
    width: int = 12
    steps: tuple[tuple[float | None, str], ...] = ()
    words: tuple[Word, ...] = ()
    key: str = ""
    columns: tuple[Column, ...] = ()
    recent: bool = False
    stacked: bool = False
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the dashboard with its panels below; while it is `closed` nothing of it is asked."""

    title: Text
    panels: tuple[Panel, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable: one value of a tag or several of them, out of those that a measurement's field has."""

    name: str
    title: Text
    measurement: str
    field: str
    within: tuple[str, ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`least` is the shortest step of time, `span` how far it looks back; both as Grafana writes them."""

    name: str
    title: Text
    says: Text
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = ()
    paces: bool = False
    least: str = "5m"
    span: str = "24h"
    refresh: str = "1m"


@dataclass(frozen=True, slots=True)
class Edition:
    """For which server, in which language."""

    flavour: Flavour
    language: str = SPANISH

    def say(self, text: Text) -> str:
        """Raises KeyError for a language that there is not."""
        return text.within(self.language)

    def asked(self, panel: Panel) -> list[tuple[str, str, Query]]:
        """The panel's queries as letter, expression, query; one that this server is not asked is left out."""
        found = zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", panel.queries, strict=False)
        expressions = ((letter, self.expression(query), query) for letter, query in found)
        return [(letter, expression, query) for letter, expression, query in expressions if expression]

    def expression(self, query: Query) -> str:
        """In the server's language; empty where it is not asked."""
        return query.influxql if self.flavour is Flavour.INFLUXDB else query.promql

    def uid(self, name: str) -> str:
        """Of a dashboard: stable, so that links and bookmarks outlive a new version."""
        return f"plaza-{self.flavour}-{name}"
