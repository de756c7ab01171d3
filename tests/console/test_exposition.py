"""`/metrics` over real stores, and read by a real server that scrapes it."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from controller import probing
from controller.app import App
from controller.console.app import create_app
from controller.console.exposition import Exposition
from controller.job_runs import JobRuns
from controller.scheduler import Job
from controller.secrets import FileSecrets
from controller.settings import Settings
from controller.sink_settings import SinkSettings
from drivers.model import Lifecycle
from drivers.probe.report import Finding, Step, Went
from metrics.local.cursors import Cursors
from metrics.local.store import LocalStore
from tests.console.network import NOW, STALE_AFTER_S, Network
from tests.metrics.servers import VictoriaMetrics, until

Rows = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
def exposition(network: Network, tmp_path: Path) -> Exposition:
    """Of the example network with a sink that nobody has fed."""
    assert isinstance(network.store, LocalStore)
    sink = SinkSettings(name="state", url="http://127.0.0.1:1", bucket="plaza")
    app = App(
        settings=Settings(data_dir=tmp_path, sinks=(sink,)),
        inventory=network.inventory,
        secrets=FileSecrets({}, tmp_path),
        engine=network.engine,
        samples=network.store,
    )
    return Exposition(app, lambda: NOW, STALE_AFTER_S)


@pytest.fixture
def console(exposition: Exposition) -> Flask:
    app = exposition.app
    return create_app(app.inventory, app.engine, app.samples, lambda: NOW, exposition=exposition)


@pytest.fixture
def scraper(tmp_path: Path, console: Flask, serve: Callable[[Flask], str]) -> Iterator[VictoriaMetrics]:
    """A real server that reads the console each second."""
    target = urllib.parse.urlsplit(serve(console)).netloc
    config = tmp_path / "scrape.yaml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: plaza, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    server = VictoriaMetrics(tmp_path)
    server.add(f"-promscrape.config={config}", "-search.latencyOffset=0s")
    server.start()
    yield server
    server.kill()


def read(console: Flask) -> Rows:
    answer = console.test_client().get("/metrics", base_url="http://127.0.0.1:8081")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    found: Rows = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_states_facts_and_sessions_are_counted_and_what_nobody_measured_is_unknown(
    network: Network, console: Flask
) -> None:
    names = [one.name for one in network.inventory.devices.values() if one.state is Lifecycle.ACTIVE]
    first = network.device(names[0])
    network.up(names[0], 3)
    network.down(names[1], "no answer")
    network.up(names[2], 1, at=int((NOW - timedelta(hours=2)).timestamp()))
    network.citizens(first.site, 4)
    sites = list(network.inventory.sites)
    for site, works, age_min in ((sites[0], True, 1), (sites[1], False, 1), (sites[2], True, 60)):
        went = Finding(Step.HTTP, Went.WORKED if works else Went.FAILED, "")
        worked = [Finding(step, Went.WORKED, "") for step in Step if step is not Step.HTTP]
        at = int((NOW - timedelta(minutes=age_min)).timestamp())
        probing.keep(network.engine, site, [*worked, went], at)
    found = read(console)
    assert sum(found["plaza_devices"].values()) == len(names)
    assert found["plaza_devices"][first.municipality, "up"] == 1
    assert sum(n for (_, state), n in found["plaza_devices"].items() if state == "unknown") == len(names) - 2
    assert found["plaza_agents"] == {("answers",): 1, ("silent",): 1, ("unknown",): len(names) - 2}
    assert found["plaza_services"] == {("works",): 1, ("fails",): 1, ("unknown",): len(sites) - 2}
    assert found["plaza_sessions"][(first.municipality,)] == 4
    assert 0 <= found["plaza_newest_verdict_age_seconds"][()] <= 60
    text = console.test_client().get("/metrics", base_url="http://127.0.0.1:8081").text
    assert not [name for name in (*names, *network.inventory.sites) if name in text]


def test_a_sink_shows_how_far_behind_it_is_and_that_it_fails(
    network: Network, exposition: Exposition, console: Flask
) -> None:
    name = next(iter(network.inventory.devices))
    network.sample(name, {"up": 1}, int(NOW.timestamp()) - 600)
    before = read(console)
    assert before["plaza_sink_waiting_batches"] == {("state",): 1}
    assert before["plaza_sink_behind_seconds"] == {("state",): 600}
    assert before["plaza_sink_failing"] == {("state",): 0}
    assert before["plaza_store_days"][()] == 1
    assert before["plaza_store_bytes"][("raw",)] > 0
    assert before["plaza_disk_bytes"][()] >= before["plaza_disk_free_bytes"][()] > 0
    Cursors(exposition.app.samples, "state").note("503", NOW)
    assert read(console)["plaza_sink_failing"] == {("state",): 1}


def test_a_job_shows_when_it_last_ended_and_that_it_stands_still(
    exposition: Exposition, console: Flask
) -> None:
    assert "plaza_job_late" not in read(console)  # no worker has run here
    begun = int(NOW.timestamp()) - 600
    table = [
        Job("sweep", 60, lambda: None),
        Job("break", 60, lambda: None),
        Job("seldom", 3600, lambda: None),
    ]
    runs = JobRuns(exposition.app.settings.data_dir, table, lambda: NOW - timedelta(minutes=10))
    runs.noting(table[0]).work()
    with pytest.raises(OSError, match="no"):
        runs.noting(Job("break", 60, fails)).work()
    runs.write()
    found = read(console)
    assert found["plaza_job_last_run_timestamp_seconds"] == {("sweep",): begun, ("break",): begun}
    assert found["plaza_job_last_success_timestamp_seconds"] == {("sweep",): begun}
    assert found["plaza_job_failing"] == {("sweep",): 0, ("break",): 1}
    assert found["plaza_job_failures_total"] == {("sweep",): 0, ("break",): 1, ("seldom",): 0}
    assert found["plaza_job_late"] == {("sweep",): 1, ("break",): 1, ("seldom",): 0}


def fails() -> None:
    raise OSError("no")


def test_only_this_machine_may_read_it(console: Flask) -> None:
    client = console.test_client()
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 403
    assert client.get("/metrics", base_url="http://evil.example").status_code == 403


def test_a_store_that_cannot_be_read_is_no_figure(exposition: Exposition, console: Flask) -> None:
    health = "DROP TABLE health"
    with exposition.app.engine.begin() as connection:
        connection.exec_driver_sql(health)
    answer = console.test_client().get("/metrics", base_url="http://127.0.0.1:8081")
    assert answer.status_code == 503


ALARMS = re.findall(r"expr: '?([^'\n}]+)", (Path(__file__).parents[2] / "docs/sinks.md").read_text())


def test_a_real_server_scrapes_it_and_the_alarms_of_the_document_go_off(
    network: Network, exposition: Exposition, scraper: VictoriaMetrics
) -> None:
    network.up(next(iter(network.inventory.devices)), 3)
    table = [Job("sweep", 60, lambda: None), Job("break", 3600, fails)]
    runs = JobRuns(exposition.app.settings.data_dir, table, lambda: NOW - timedelta(minutes=10))
    with pytest.raises(OSError, match="no"):
        runs.noting(table[1]).work()
    runs.write()

    def asked(query: str) -> list[list[str]]:
        at = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{scraper.url}/internal/force_flush"):
            pass  # else what was read last is found seconds later
        with urllib.request.urlopen(f"{scraper.url}/api/v1/query?{at}") as answer:
            rows = json.load(answer)["data"]["result"]
        return [[row["metric"].get("name", ""), row["value"][1]] for row in rows]

    until(lambda: asked("sum(plaza_devices{state='up'})") == [["", "1"]], "it is scraped")
    assert asked("plaza_sink_waiting_batches{sink='state'}")[0][1] == "1"
    assert asked("up{job='plaza'}") == [["", "1"]]
    assert len(ALARMS) == 3
    until(lambda: [name for alarm in ALARMS for name, _ in asked(alarm)] == ["sweep", "break"], "they go off")
