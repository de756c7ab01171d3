"""The dashboards that are shipped: made by the generator, of catalogued names, whole as Grafana wants."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as GrafanaDashboard
from prometheus_client.parser import text_string_to_metric_families

from metrics.catalog import MEASUREMENTS
from metrics.dashboards.__main__ import files
from metrics.dashboards.every import DASHBOARDS
from metrics.dashboards.model import ENGLISH, SPANISH, Flavour, Panel, Shape, Text
from metrics.dashboards.municipalities import MUNICIPALITIES
from metrics.exposition import render
from tests.metrics import town_samples as town
from tests.metrics.grafana import SCRAPE_S, Json, panels, targets

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy/grafana"
PATHS = sorted(path.relative_to(SHIPPED) for path in SHIPPED.glob("*/*.json"))
UNITS = {
    "none", "percent", "bps", "s", "ms", "decbytes", "deckbytes", "dBm", "celsius", "cps", "watt", "volt",
}  # fmt: skip
"""Grafana's words that the dashboards use."""


def shipped(path: Path) -> Json:
    """A dashboard as it stands in the repository."""
    found: Json = json.loads((SHIPPED / path).read_text())
    return found


def test_every_dashboard_is_what_the_generator_makes() -> None:
    made = files()
    assert {path: (SHIPPED / path).read_text() for path in PATHS} == made, (
        "run: python -m metrics.dashboards deploy/grafana"
    )
    assert len(made) == len(DASHBOARDS) * len(Flavour) == 12


def _panels() -> Iterator[Panel]:
    for dashboard in DASHBOARDS:
        for row in dashboard.rows:
            yield from row.panels


def test_every_panel_says_in_both_languages_what_it_is_and_what_a_missing_value_means() -> None:
    for panel in _panels():
        texts = [panel.title, panel.says, *(column.title for column in panel.columns)]
        texts += [word.text for word in panel.words]
        assert all(text.within(SPANISH) and text.within(ENGLISH) for text in texts), panel.title.es
        spanish, english = panel.says.es.lower(), panel.says.en.lower()
        assert re.search("hueco|no aparece|falta|sin dato", spanish), panel.title.es
        assert re.search("gap|not listed|missing|no data", english), panel.title.es


def test_spanish_is_shipped_and_english_can_be_made() -> None:
    assert "Clientes conectados" in (SHIPPED / "influxdb/estado.json").read_text()
    english = files(ENGLISH)[Path("influxdb/estado.json")]
    assert "Associated clients" in english
    assert "Clientes" not in english
    with pytest.raises(KeyError):
        Text("a", "b").within("tar")


def test_the_municipalities_of_the_variable_are_those_of_the_inventory() -> None:
    inventory = yaml.safe_load((ROOT / "inventory.yaml").read_text())["municipalities"]
    named = {str(key).zfill(5): value["name"] for key, value in inventory.items()}
    assert dict(MUNICIPALITIES) == named


QUOTED = re.compile(r'"([^"]*)"')
OURS = {"each", "part", "whole"}


@pytest.mark.parametrize("path", [path for path in PATHS if path.parts[0] == "influxdb"], ids=str)
def test_influxql_names_only_what_the_catalogue_has(path: Path) -> None:
    for _panel, target in targets(shipped(path)):
        query = target["query"]
        [name] = set(re.findall(r'FROM "(\w+)"', query))
        known = {name, *MEASUREMENTS[name].tags, *MEASUREMENTS[name].fields, *OURS}
        assert set(QUOTED.findall(query)) <= known, query


def exposed_labels() -> dict[str, set[str]]:
    """What the controller tells of itself, and under which labels."""
    families = text_string_to_metric_families(render(town.figures(town.START)).decode())
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


METRIC = re.compile(r"\b([a-z]\w*)(?:\{([^}]*)\})?\[")
BY = re.compile(r"by \(([^)]*)\)")


@pytest.mark.parametrize("path", [path for path in PATHS if path.parts[0] == "victoriametrics"], ids=str)
def test_promql_names_only_what_the_catalogue_has(path: Path) -> None:
    joined = {f"{m.name}_{field}": set(m.tags) for m in MEASUREMENTS.values() for field in m.fields}
    joined |= exposed_labels()
    for _panel, target in targets(shipped(path)):
        found = METRIC.findall(target["expr"])
        assert found, target["expr"]
        for metric, selector in found:
            tags = joined[metric]
            assert set(re.findall(r"(\w+)=", selector)) <= tags, target["expr"]
            for by in BY.findall(target["expr"]):
                assert set(by.split(", ")) <= tags, target["expr"]


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_grafanas_own_model_knows_every_key_of_a_dashboard(path: Path) -> None:
    """Its types read the file and write it again; what they do not know would be lost on the way."""
    made = shipped(path)
    register_default_plugins()
    again = json.loads(json.dumps(GrafanaDashboard.from_json(made), cls=JSONEncoder))
    assert set(_lost(made, again)) <= {"id", "templating.list.definition"}, (
        "Grafana knows these two, the model not"
    )


def _lost(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """What `one` has and `other` has not or has otherwise; `other` may have more, which are defaults."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one:
            below = f"{place}.{key}".lstrip(".")
            if key in other:
                yield from _lost(one[key], other[key], below)
            else:
                yield below
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for item, twin in zip(one, other, strict=True):
            yield from _lost(item, twin, place)
    elif one != other:
        yield place


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_dashboard_is_whole(path: Path) -> None:
    made = shipped(path)
    assert (made["id"], made["schemaVersion"]) == (None, 39)
    assert made["uid"] == f"plaza-{path.parts[0]}-{path.stem}"
    assert len(made["uid"]) <= 40, "the longest that Grafana keeps"
    ids = [panel["id"] for panel in panels(made)]
    assert ids == list(range(1, len(ids) + 1))
    names = [variable["name"] for variable in made["templating"]["list"]]
    assert names[0] == "fuente"
    used = set(re.findall(r"\$\{?(mun|site|ap|sondeo)\b", json.dumps(made["panels"])))
    assert used <= set(names)


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_every_data_source_is_the_variable(path: Path) -> None:
    kind = {"influxdb": "influxdb", "victoriametrics": "prometheus"}[path.parts[0]]
    found = list(_under("datasource", shipped(path)))
    assert found
    assert all(source == {"type": kind, "uid": "${fuente}"} for source in found)


def _under(key: str, value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for below in value.values():
            yield from _under(key, below)
    if isinstance(value, list):
        for below in value:
            yield from _under(key, below)


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_no_two_panels_lie_on_each_other_and_none_leaves_the_grid(path: Path) -> None:
    made = shipped(path)
    for together in (made["panels"], *(row.get("panels", []) for row in made["panels"])):
        taken: set[tuple[int, int]] = set()
        for panel in together:
            left, top, width, height = (panel["gridPos"][key] for key in "xywh")
            cells = {(x, y) for x in range(left, left + width) for y in range(top, top + height)}
            assert not cells & taken, panel["title"]
            assert left + width <= 24
            taken |= cells


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_units_are_grafanas_and_a_gap_stays_a_gap(path: Path) -> None:
    for panel in panels(shipped(path)):
        if panel["type"] == "row":
            continue
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS
        assert not defaults["custom"].get("spanNulls", False)
        assert defaults["noValue"] == "sin dato"


def test_only_how_many_came_is_0_where_nothing_came() -> None:
    for path in PATHS:
        for _panel, target in targets(shipped(path)):
            query = target.get("query") or target["expr"]
            assert set(re.findall(r"fill\((\w+)\)", query)) <= {"null", "0"}, query
            if "fill(0)" in query or "vector(0)" in query:
                assert "count" in query, query
            assert query.count("time($__interval)") == query.count("fill("), query


def test_what_asks_for_every_device_of_the_state_waits_behind_a_closed_row() -> None:
    """At 3,000 devices InfluxDB takes seconds for each of them, and a dashboard asks again every minute."""
    for flavour in Flavour:
        made = shipped(Path(flavour) / "estado.json")
        for panel, target in targets({"panels": [one for one in made["panels"] if not one.get("panels")]}):
            assert "wifi_ap" not in str(target), panel["title"]


def test_colour_is_never_the_only_mark() -> None:
    """States have words, and a second line of a chart is dashed."""
    for panel in _panels():
        if panel.shape is Shape.STATES:
            assert panel.words
            assert panel.words[0].least == 0
            assert panel.words[-1].most == (1 if panel.most is None and panel.unit == "none" else 100)
    for path in PATHS:
        for panel in panels(shipped(path)):
            if (
                panel["type"] != "timeseries"
                or panel["fieldConfig"]["defaults"]["custom"]["drawStyle"] == "bars"
            ):
                continue
            dashed = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}
            assert dashed >= {target["refId"] for target in panel["targets"]} - {"A"} - set("GHIJ"), panel[
                "title"
            ]


def test_a_link_of_a_table_leads_to_a_dashboard_of_the_same_server() -> None:
    for path in PATHS:
        for uid in re.findall(r'"url": "/d/([\w-]+)\?', (SHIPPED / path).read_text()):
            assert uid.startswith(f"plaza-{path.parts[0]}-")
            assert (SHIPPED / path.parts[0] / f"{uid.rpartition('-')[2]}.json").exists()


PROVISIONING = SHIPPED / "provisioning"
SOURCES = sorted(PROVISIONING.glob("datasources/*.yaml"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_provisioned_source_is_the_one_that_the_dashboards_choose_and_holds_no_secret(path: Path) -> None:
    [source] = yaml.safe_load(path.read_text())["datasources"]
    flavour = Flavour(source["uid"].removeprefix("plaza-"))
    made = shipped(Path(flavour) / "estado.json")
    assert made["templating"]["list"][0]["current"]["value"] == source["uid"]
    assert made["templating"]["list"][0]["query"] == source["type"]
    assert source["url"] == f"$PLAZA_{flavour.upper()}_URL"
    assert all(
        "$__file{/etc/grafana/plaza/" in secret for secret in source.get("secureJsonData", {}).values()
    )
    assert source["jsonData"]["timeInterval"] == f"{SCRAPE_S}s"


def test_influxdb_is_asked_in_influxql_whatever_its_version() -> None:
    sources = [yaml.safe_load(path.read_text())["datasources"][0] for path in SOURCES]
    influx = [source for source in sources if source["type"] == "influxdb"]
    assert [source["jsonData"]["version"] for source in influx] == ["InfluxQL"] * 3


@pytest.mark.parametrize("flavour", Flavour)
def test_the_provider_reads_the_folder_that_the_guide_copies_the_dashboards_to(flavour: Flavour) -> None:
    [provider] = yaml.safe_load((PROVISIONING / f"dashboards/plaza-{flavour}.yaml").read_text())["providers"]
    assert provider["options"]["path"] == f"/etc/grafana/plaza/{flavour}"
    assert (SHIPPED / flavour).is_dir()


def test_the_guide_names_every_file_and_variable() -> None:
    guide = (ROOT / "docs/grafana.md").read_text()
    assert [path.name for path in SOURCES if path.name not in guide] == []
    variables = set(re.findall(r"\$(PLAZA_\w+)", "".join(path.read_text() for path in SOURCES)))
    assert {name for name in variables if f"`{name}`" not in guide} == set()
