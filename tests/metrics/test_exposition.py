"""What a Prometheus reads of the controller: its conventions are kept, its labels bounded."""

import re
from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from metrics.exposition import Figures, JobFigures, SinkFigures, render

FIGURES = Figures(
    devices={("08019", "up"): 7, ("08019", "down"): 1, ("08027", "up"): 2},
    agents={"answers": 8, "silent": 1, "unknown": 1},
    services={"works": 5, "fails": 0, "unknown": 5},
    verdict_age_s=12.5,
    sessions={"08019": 40},
    sinks=(
        SinkFigures("state", 1_000_000, 2, 3, 61, failing=True),
        SinkFigures("far", 0, 0, 0, 0, failing=False),
    ),
    jobs=(
        JobFigures("incidents", 20, 1_795_305_620, 1_795_305_600, 7, failing=True, late=False),
        JobFigures("delete what is past its period", 3600, None, None, 0, failing=False, late=True),
    ),
    octets={"raw": 1_048_576, "rollup": 4096},
    days=3,
    disk_free_octets=5 * 10**9,
    disk_octets=10**10,
)


def read(figures: Figures) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """By name and labels, as a Prometheus would."""
    families = text_string_to_metric_families(render(figures).decode())
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in families:
        assert family.documentation.endswith(".")
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_every_figure_is_there_under_its_labels() -> None:
    found = read(FIGURES)
    assert found["plaza_devices"][("municipality", "08019"), ("state", "down")] == 1
    assert found["plaza_agents"] == {
        (("state", "answers"),): 8,
        (("state", "silent"),): 1,
        (("state", "unknown"),): 1,
    }
    assert found["plaza_services"][(("state", "works"),)] == 5
    assert found["plaza_newest_verdict_age_seconds"] == {(): 12.5}
    assert found["plaza_sessions"] == {(("municipality", "08019"),): 40}
    assert found["plaza_sink_safe_points"] == {(("sink", "state"),): 1e6, (("sink", "far"),): 0}
    assert found["plaza_sink_waiting_batches"][(("sink", "state"),)] == 2
    assert found["plaza_sink_refused_lines"][(("sink", "state"),)] == 3
    assert found["plaza_sink_behind_seconds"][(("sink", "state"),)] == 61
    assert found["plaza_sink_failing"] == {(("sink", "state"),): 1, (("sink", "far"),): 0}
    assert found["plaza_store_bytes"] == {(("kind", "raw"),): 1_048_576, (("kind", "rollup"),): 4096}
    assert found["plaza_store_days"] == {(): 3}
    assert found["plaza_disk_free_bytes"] == {(): 5e9}
    assert found["plaza_disk_bytes"] == {(): 1e10}
    assert found["process_cpu_seconds_total"][()] > 0
    assert found["process_resident_memory_bytes"][()] > 0


def test_when_each_job_last_ran_and_how_it_ended_is_told_by_its_name() -> None:
    found = read(FIGURES)
    incidents, deleting = (("name", "incidents"),), (("name", "delete what is past its period"),)
    assert found["plaza_job_interval_seconds"] == {incidents: 20, deleting: 3600}
    assert found["plaza_job_last_run_timestamp_seconds"] == {incidents: 1_795_305_620}
    assert found["plaza_job_last_success_timestamp_seconds"] == {incidents: 1_795_305_600}
    assert found["plaza_job_failing"] == {incidents: 1}
    assert found["plaza_job_late"] == {incidents: 0, deleting: 1}
    assert found["plaza_job_failures_total"] == {incidents: 7, deleting: 0}


def test_what_nobody_knows_is_absent_and_never_zero() -> None:
    assert "plaza_newest_verdict_age_seconds" not in read(replace(FIGURES, verdict_age_s=None))
    assert "plaza_sink_safe_points" not in read(replace(FIGURES, sinks=()))


def test_names_and_labels_keep_to_the_conventions_and_to_a_closed_list() -> None:
    found = read(FIGURES)
    ours = [name for name in found if not name.startswith("process_")]
    assert all(re.fullmatch(r"plaza_[a-z]+(_[a-z]+)*", name) for name in ours)
    assert not [name for name in ours if re.search(r"_(ms|octets|minutes|mb)\b", name)]
    labels = {label for rows in found.values() for key in rows for label, _ in key}
    assert labels == {"municipality", "state", "sink", "kind", "name"}, (
        "and never `job`, which is the scraper's"
    )
