"""A dashboard's variables: its source of data, municipalities by name, sites and devices by tag."""

from collections.abc import Iterator, Sequence
from typing import Final

from metrics.dashboards.ask import Scope
from metrics.dashboards.model import Choice, Dashboard, Edition, Flavour, Text
from metrics.dashboards.municipalities import MUNICIPALITIES
from metrics.dashboards.sources import Json, kind, source

_ALL: Final[Json] = {"selected": True, "text": ["All"], "value": ["$__all"]}
_PACES_S: Final = ("30", "60", "300", "1800", "3600")


def variables(dashboard: Dashboard, edition: Edition) -> Iterator[Json]:
    """In the order in which they depend on each other."""
    yield _source(edition)
    for choice in dashboard.choices:
        yield _municipality(choice, edition) if choice.name == "mun" else _choice(choice, edition)
    if dashboard.paces:
        title = Text("Segundos entre sondeos", "Seconds between polls")
        yield _custom("sondeo", edition.say(title), [(pace, pace) for pace in _PACES_S], several=False)


def _source(edition: Edition) -> Json:
    return {
        "type": "datasource",
        "name": "fuente",
        "label": edition.say(Text("Fuente", "Source")),
        "query": kind(edition.flavour),
        "regex": "",
        "current": {"selected": True, "text": "Plaza", "value": f"plaza-{edition.flavour}"},
        "options": [],
        "refresh": 1,
        **_common(several=False),
    }


def _municipality(choice: Choice, edition: Edition) -> Json:
    """By name, with INEGI's key beside it, which is what the samples carry."""
    options = [(f"{name} ({key})", key) for key, name in MUNICIPALITIES.items()]
    return _custom(choice.name, edition.say(choice.title), options, several=choice.several)


def _custom(name: str, label: str, options: Sequence[tuple[str, str]], *, several: bool) -> Json:
    listed: list[Json] = [{"selected": False, "text": text, "value": value} for text, value in options]
    return {
        "type": "custom",
        "name": name,
        "label": label,
        "query": ", ".join(text if text == value else f"{text} : {value}" for text, value in options),
        "options": [_all_option(), *listed] if several else listed,
        "current": _ALL if several else {**listed[0], "selected": True},
        **_common(several=several),
    }


def _all_option() -> Json:
    return {"selected": True, "text": "All", "value": "$__all"}


def _choice(choice: Choice, edition: Edition) -> Json:
    asked = question(choice, edition.flavour)
    prometheus = {"query": asked, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
    return {
        "type": "query",
        "name": choice.name,
        "label": edition.say(choice.title),
        "datasource": source(edition.flavour),
        "definition": asked,
        "query": asked if edition.flavour is Flavour.INFLUXDB else prometheus,
        "regex": "",
        "sort": 1,
        "refresh": 2,
        "current": _ALL if choice.several else {},
        "options": [],
        **_common(several=choice.several),
    }


def question(choice: Choice, flavour: Flavour) -> str:
    """Which values the tag has, where the variables before it are what they are."""
    scope = Scope(choice.within, several=choice.several)
    if flavour is Flavour.VICTORIAMETRICS:
        return f"label_values({choice.measurement}_{choice.field}{scope.promql()}, {choice.name})"
    where = scope.influxql().replace(" AND ", " WHERE ", 1)
    return f'SHOW TAG VALUES FROM "{choice.measurement}" WITH KEY = "{choice.name}"{where}'


def _common(*, several: bool) -> Json:
    everything = {"allValue": ".*"} if several else {}
    return {"hide": 0, "skipUrlSync": False, "multi": several, "includeAll": several, **everything}
