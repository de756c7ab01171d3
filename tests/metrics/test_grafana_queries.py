"""Every query of every dashboard, asked of real servers as Grafana asks it, over a network that is known."""

import math
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from metrics.line_protocol import encode
from tests.metrics import town_samples as town
from tests.metrics.grafana import (
    Json,
    Looking,
    Series,
    ask_influxdb,
    ask_prometheus,
    influxdb_tag_values,
    influxql,
    interval_s,
    panels,
    prometheus_label_values,
    promql,
    several,
    targets,
)
from tests.metrics.servers import Influxd, Server, VictoriaMetrics
from tests.metrics.test_grafana import PATHS, shipped

SAMPLES = town.samples()
ONE = {"mun": town.GAP_MUN, "site": town.GAP_SITE, "ap": town.GAP_AP, "sondeo": "60"}
RESTARTED = {"mun": "08019", "site": "08019-plaza", "ap": town.RESTARTED, "sondeo": "60"}
ALL: Mapping[str, str] = {"mun": ".*", "site": ".*"}


@dataclass(frozen=True)
class Asked:
    """A server that has the samples, and the dashboards that are made for it."""

    server: Server
    flavour: str

    def ask(self, dashboard: Json, panel: Json, target: Json, looking: Looking) -> Series:
        """One query, as Grafana would."""
        seen = looking.of(panel)
        step = interval_s(panel, seen)
        if self.flavour == "influxdb":
            return ask_influxdb(self.server.url, influxql(target["query"], panel, seen))
        expression = promql(target["expr"], panel, seen, several(dashboard))
        return ask_prometheus(self.server.url, expression, seen, step, target["instant"])

    def panel(self, name: str, title: str, chosen: Mapping[str, Any], letter: str = "A") -> Series:
        """One query of one panel over the whole time."""
        dashboard = shipped(Path(self.flavour) / f"{name}.json")
        [(panel, target)] = [
            (panel, target)
            for panel, target in targets(dashboard)
            if panel["title"] == title and target["refId"] == letter
        ]
        return self.ask(dashboard, panel, target, Looking(town.START, town.END, chosen))

    def bucket(self, at: int, step: int) -> range:
        """The times of a value at `at`: InfluxDB names a step by its beginning, PromQL by its end."""
        return range(at, at + step) if self.flavour == "influxdb" else range(at - step + 1, at + 1)

    def within(self, times: range, at: int, step: int) -> bool:
        """Whether the step of a value lies in these times."""
        bucket = self.bucket(at, step)
        return times.start <= bucket.start and bucket.stop <= times.stop

    @property
    def times(self) -> range:
        """The whole time; PromQL leaves its first second out."""
        return self.bucket(town.START if self.flavour == "influxdb" else town.END, town.END - town.START)


@pytest.fixture(scope="module", params=["influxdb", "victoriametrics"])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    kinds: dict[str, Callable[[Path], Server]] = {"influxdb": Influxd, "victoriametrics": VictoriaMetrics}
    server = kinds[request.param](tmp_path_factory.mktemp(request.param))
    told_twice = [sample for sample in SAMPLES if sample.measurement in {"wifi_portal", "wifi_session"}]
    if request.param == "victoriametrics":
        server.add("-dedup.minScrapeInterval=1s")
    server.start()
    sink = server.sink()
    sink.write(encode(SAMPLES))
    sink.write(encode(told_twice))  # as the worker does, because some sessions end late
    if request.param == "victoriametrics":
        _post(f"{server.url}/api/v1/import/prometheus", town.scraped())
        _post(f"{server.url}/internal/force_flush", b"")
    yield Asked(server, request.param)
    sink.close()
    server.kill()


def _post(url: str, body: bytes) -> None:
    urllib.request.urlopen(url, data=body, timeout=60).close()


def _chosen(name: str) -> Mapping[str, Any]:
    return ALL if name == "portal" else ONE


NAMES = sorted({path.stem for path in PATHS})


@pytest.mark.parametrize("name", NAMES)
def test_every_query_of_every_dashboard_has_an_answer(asked: Asked, name: str) -> None:
    dashboard = shipped(Path(asked.flavour) / f"{name}.json")
    looking = Looking(town.START, town.END, _chosen(name))
    for panel, target in targets(dashboard):
        found = asked.ask(dashboard, panel, target, looking)
        values = [value for series in found.values() for value in series.values()]
        assert values, (panel["title"], target)
        assert all(map(math.isfinite, values)), (panel["title"], target)


@pytest.mark.parametrize("name", ["equipo", "municipio", "sitio"])
def test_where_nobody_measured_no_query_draws_anything(asked: Asked, name: str) -> None:
    """Neither a zero nor the last known value: it is unknown. Only how many samples came is 0."""
    dashboard = shipped(Path(asked.flavour) / f"{name}.json")
    looking = Looking(town.START, town.END, ONE)
    looked = 0
    for panel, target in targets(dashboard):
        if panel.get("timeFrom") or target.get("instant"):
            continue
        rate = "rate_interval" in target.get("expr", "")
        step = interval_s(panel, looking)
        for series in asked.ask(dashboard, panel, target, looking).values():
            looked += 1
            reach = max(step + 30, 120) if rate else step
            unknown = {at: value for at, value in series.items() if asked.within(town.GAP, at, reach)}
            if "(0)" in target.get("query", target.get("expr")):
                assert set(unknown.values()) == {0}
            else:
                assert unknown == {}, (panel["title"], target)
            assert min(series) < town.GAP.start < town.GAP.stop < max(series), panel["title"]
    assert looked > 10


def _of(name: str, field: str, at: range, **tags: str) -> dict[tuple[str, ...], list[float]]:
    """Values by series."""
    found: dict[tuple[str, ...], list[float]] = {}
    for sample in SAMPLES:
        wanted = sample.measurement == name and sample.time in at and field in sample.fields
        if wanted and tags.items() <= sample.tags.items():
            found.setdefault(tuple(sample.tags.values()), []).append(sample.fields[field])
    return found


def _level(name: str, field: str, at: range, **tags: str) -> float:
    return sum(sum(values) / len(values) for values in _of(name, field, at, **tags).values())


def _by(found: Series, label: str) -> dict[str, dict[int, float]]:
    return {dict(tags)[label]: values for tags, values in found.items()}


def _only(found: Series) -> dict[int, float]:
    [values] = found.values()
    return values


def test_clients_of_a_municipality_by_site_are_the_sum_over_devices_of_their_means(asked: Asked) -> None:
    found = _by(asked.panel("municipio", "Clientes conectados", RESTARTED), "site")
    assert set(found) == {"08019-plaza", "08019-biblioteca"}
    for site, values in found.items():
        assert len(values) >= 24
        for at, value in values.items():
            assert value == pytest.approx(_level("wifi_ap", "clients", asked.bucket(at, 300), site=site))


def test_clients_of_the_state_are_the_sum_over_the_municipalities_that_are_known(asked: Asked) -> None:
    values = _only(asked.panel("estado", "Clientes conectados", {}))
    for at, value in values.items():
        assert value == pytest.approx(_level("hotspot_mun", "clients", asked.bucket(at, 300)))


def test_devices_measured_stand_beside_those_expected(asked: Asked) -> None:
    values = _only(asked.panel("estado", "Equipos medidos y esperados", {}))
    in_gap = {value for at, value in values.items() if asked.within(town.GAP, at, 300)}
    before = {
        value for at, value in values.items() if asked.within(range(town.START, town.GAP.start), at, 300)
    }
    after = {value for at, value in values.items() if asked.within(range(town.GAP.stop, town.END), at, 300)}
    assert (in_gap, before, after) == ({8}, {12}, {12})
    expected = _only(asked.panel("estado", "Equipos medidos y esperados", {}, "B"))
    assert expected[town.START + 600] == 15


_TIMES = range(town.START, town.END)


def test_a_device_that_does_not_answer_is_there_with_0_and_not_missing(asked: Asked) -> None:
    values = _only(asked.panel("equipo", "¿Responde el equipo? (SNMP)", {**ONE, "ap": town.QUIET}))
    silent = [value for at, value in values.items() if asked.bucket(at, 60).start >= town.SILENT]
    before = [value for at, value in values.items() if asked.bucket(at, 60).stop <= town.SILENT]
    assert (set(silent), set(before)) == ({0}, {100})
    assert len(silent) >= 9


def test_a_restart_makes_no_peak_and_no_negative_traffic(asked: Asked) -> None:
    """Two devices of 1,000 and 2,000 octets a second; the first began anew."""
    values = _only(asked.panel("sitio", "Tráfico", RESTARTED))
    calm = [value for at, value in values.items() if town.RESTART not in asked.bucket(at, 300 + 60)]
    assert len(calm) > 15
    assert calm == pytest.approx([24_000.0] * len(calm))
    assert len(calm) < len(values)
    for value in values.values():
        assert 15_999 < value < 24_001


def test_samples_got_of_those_expected_are_all_of_them_where_none_is_missing(asked: Asked) -> None:
    values = _only(asked.panel("equipo", "Muestras recibidas, de las esperadas", ONE))
    for at, value in values.items():
        got = _of("wifi_ap", "up", asked.bucket(at, 60), ap=town.GAP_AP)
        assert value == 100 * sum(map(len, got.values()))
    assert {0, 100} <= set(values.values())
    halved = _only(asked.panel("equipo", "Muestras recibidas, de las esperadas", {**ONE, "sondeo": "30"}))
    assert set(halved.values()) == {0, 50}


def test_totals_of_the_portal_are_those_of_the_samples(asked: Asked) -> None:
    def total(field: str) -> float:
        return sum(map(sum, _of("wifi_portal", field, asked.times).values()))

    assert list(_only(asked.panel("portal", "Llegadas", ALL)).values()) == [total("arrivals")]
    shares = _only(asked.panel("portal", "Permisos, de los toques", ALL))
    assert list(shares.values()) == pytest.approx([100 * total("grants") / total("taps")])


def test_several_sites_of_several_municipalities_may_be_chosen(asked: Asked) -> None:
    chosen = {"mun": ["08019", "08037"], "site": ["08019-plaza", "08037-biblioteca"]}
    found = _only(asked.panel("portal", "Llegadas", chosen))
    wanted = [_of("wifi_portal", "arrivals", asked.times, site=site) for site in chosen["site"]]
    assert list(found.values()) == [sum(sum(map(sum, each.values())) for each in wanted)]


def test_a_share_of_nothing_is_no_share(asked: Asked) -> None:
    """Where no tap was, grants by taps are unknown, neither 0 nor infinite; that nobody came is known."""
    values = _only(asked.panel("portal", "Permisos y fallas, de los toques", ALL))
    assert [at for at in values if asked.within(town.IDLE, at, 300)] == []
    arrivals = _only(asked.panel("portal", "De la llegada a Internet", ALL))
    idle = [value for at, value in arrivals.items() if asked.within(town.IDLE, at, 300)]
    assert set(idle) == {0}
    assert len(idle) >= 3
    assert len(values) >= 18
    for at, value in values.items():
        times = asked.bucket(at, 300)
        grants, taps = (sum(map(sum, _of("wifi_portal", f, times).values())) for f in ("grants", "taps"))
        assert value == pytest.approx(100 * grants / taps)


def test_the_table_of_municipalities_has_their_last_values(asked: Asked) -> None:
    letter = "A" if asked.flavour == "influxdb" else "C"
    found = asked.panel("estado", "Municipios", {}, letter)
    clients = {
        dict(tags)["mun"]: list(values.values())
        for tags, values in found.items()
        if dict(tags).get("", "clients") == "clients"
    }
    assert clients == {mun: [23] for mun in town.MUNICIPALITIES}


def test_the_controllers_own_figures_are_drawn_where_a_server_scrapes_them(asked: Asked) -> None:
    if asked.flavour == "influxdb":
        titles = {panel["title"] for panel in panels(shipped(Path("influxdb/controlador.json")))}
        assert not titles & {"Atraso del envío, por destino", "Disco libre", "Disco"}
        return
    behind = _by(asked.panel("controlador", "Atraso del envío, por destino", {}), "sink")
    assert set(behind) == {"state", "far"}
    assert max(behind["state"].values()) == town.behind_s(town.END - town.SLOT_S)
    assert set(behind["far"].values()) == {0}
    assert [at for at in behind["far"] if asked.within(town.GAP, at, 300)] == []
    assert set(_only(asked.panel("controlador", "Disco libre", {})).values()) == {25}
    silent = _only(asked.panel("controlador", "Equipos en servicio: su agente", {}, "B"))
    assert set(silent.values()) == {1}


def test_the_variables_offer_the_sites_of_the_municipality_and_the_devices_of_the_site(asked: Asked) -> None:
    made = shipped(Path(asked.flavour) / "equipo.json")
    offered = {
        variable["name"]: _offered(asked, variable["definition"])
        for variable in made["templating"]["list"]
        if variable["type"] == "query"
    }
    assert offered == {
        "site": ["08027-biblioteca", "08027-plaza"],
        "ap": ["ap-08027-plaza-1", "ap-08027-plaza-2"],
    }


def _offered(asked: Asked, definition: str) -> list[str]:
    panel: Json = {"interval": "5m"}
    looking = Looking(town.START, town.END, ONE)
    if asked.flavour == "influxdb":
        return sorted(influxdb_tag_values(asked.server.url, influxql(definition, panel, looking)))
    expanded = promql(definition, panel, looking, several=False)
    return sorted(prometheus_label_values(asked.server.url, expanded))
