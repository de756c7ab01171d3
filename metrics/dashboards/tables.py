"""A table's columns: named and ordered alike, whichever server answered."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from metrics.dashboards.model import Edition, Flavour, Panel, Text, Word
from metrics.dashboards.municipalities import MUNICIPALITIES
from metrics.dashboards.sources import Json

_KEYS: Final[Mapping[str, Text]] = {
    "mun": Text("Municipio", "Municipality"),
    "site": Text("Sitio", "Site"),
    "ap": Text("Equipo", "Device"),
}
# Where a click on a key leads.
_PAGES: Final[Mapping[str, str]] = {"mun": "municipio", "site": "sitio", "ap": "equipo"}


def transformations(panel: Panel, edition: Edition) -> list[Json]:
    """One line for each key. InfluxQL's columns are called as its fields, PromQL's after their query."""
    titles = {panel.key: edition.say(_KEYS[panel.key])}
    for letter, column in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", panel.columns, strict=False):
        name = column.field if edition.flavour is Flavour.INFLUXDB else f"Value #{letter}"
        titles[name] = edition.say(column.title)
    order = {name: number for number, name in enumerate(titles)}
    organize = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": titles}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]


def columns(panel: Panel, edition: Edition) -> Iterator[Json]:
    """The unit of each column, and where a click on a key leads."""
    for column in panel.columns:
        yield _override(edition.say(column.title), "unit", column.unit)
        if column.words:
            yield _override(edition.say(column.title), "mappings", mappings(column.words, edition))
    title = edition.say(_KEYS[panel.key])
    if panel.key == "mun":
        names = {key: {"text": f"{name} ({key})"} for key, name in MUNICIPALITIES.items()}
        yield _override(title, "mappings", [{"type": "value", "options": names}])
    page = edition.uid(_PAGES[panel.key])
    url = f"/d/{page}?var-{panel.key}=${{__value.raw}}&${{__url_time_range}}"
    yield _override(title, "links", [{"title": title, "url": url, "targetBlank": False}])


def mappings(words: Sequence[Word], edition: Edition) -> list[Json]:
    """What values are called."""
    return [
        {
            "type": "range",
            "options": {
                "from": word.least,
                "to": word.most,
                "result": {"text": edition.say(word.text), "color": word.color, "index": number},
            },
        }
        for number, word in enumerate(words)
    ]


def _override(title: str, name: str, value: Any) -> Json:
    return {
        "matcher": {"id": "byName", "options": title},
        "properties": [{"id": name, "value": value}],
    }
