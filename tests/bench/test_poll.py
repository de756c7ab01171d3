"""The verdicts of `python -m bench.poll` on given figures: its arithmetic, its words, its exit code."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bench.poll import report
from bench.poll.goals import GOALS, Part, Verdict, exit_code, judge
from bench.poll.peers.exporter import modules
from bench.poll.rounds import Mode, best, compare
from bench.poll.work import COLUMNS, SCALARS, Figures, Job, Version

ROOT = Path(__file__).parents[2]
PEERS = {goal.peer for goal in GOALS}


def figures(cpu_per_1k: float, polls: int = 100, complete: int = 100, wall_s: float = 1.0) -> Figures:
    return Figures(polls, complete, cpu_per_1k * polls / 1000, wall_s, 5.0, 30.0)


def reached() -> dict[str, float]:
    """Every figure exactly where its goal wants it, or just beyond."""
    beyond = {">": 0.01, "<": -0.01}
    return {goal.key: goal.limit + beyond.get(goal.rule, 0) for goal in GOALS}


def shown(verdicts: list[Verdict]) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    report.show_verdicts(console, verdicts)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_ratio_is_the_peers_cpu_over_ours() -> None:
    found = compare(
        {
            (Mode.V2C, "ours"): figures(0.05),
            (Mode.V2C, "pysnmp"): figures(12.5),
            (Mode.COLD, "gufo-snmp"): figures(2.0),
        },
        "ours",
    )
    assert found == {"v2c complete": 100, "v2c / pysnmp": pytest.approx(250)}


def test_of_all_rounds_the_least_cpu_counts_and_the_worst_completeness() -> None:
    one = best([figures(0.09, wall_s=0.5), figures(0.05, complete=99), figures(0.07)])
    assert one.cpu_per_1k == pytest.approx(0.05)
    assert one.polls_per_s == pytest.approx(200)
    assert one.share == pytest.approx(0.99)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.key)
def test_a_figure_meets_its_goal_or_falls_short(goal: object) -> None:
    (at_goal,) = (one for one in judge(reached(), Part, PEERS) if one.goal is goal)
    assert at_goal.words == "meets"
    worse = {one.key: one.limit + (-0.01 if one.rule in (">", ">=") else 0.01) for one in GOALS}
    (short,) = (one for one in judge(worse, Part, PEERS) if one.goal is goal)
    assert short.words == "falls short"


def test_level_with_gosnmp_is_not_above_it() -> None:
    (verdict,) = (one for one in judge({"v2c / gosnmp": 1.0}, Part, PEERS) if one.goal.key == "v2c / gosnmp")
    assert verdict.words == "falls short"


def test_each_figure_is_shown_beside_its_goal_and_its_verdict() -> None:
    measured = reached() | {"v2c / pysnmp": 137.5}
    rows = shown(judge(measured, Part, PEERS)).splitlines()
    (row,) = (row for row in rows if "v2c: CPU of pysnmp" in row)
    assert "137.5 x" in row
    assert ">= 200 x" in row
    assert "falls short" in row


def test_only_the_parts_that_were_run_are_judged() -> None:
    assert {verdict.goal.part for verdict in judge({}, [Part.ROBUST], PEERS)} == {Part.ROBUST}


def test_only_the_peers_that_were_asked_for_are_judged() -> None:
    assert {verdict.goal.peer for verdict in judge({}, [Part.COST], ["gosnmp"])} == {"", "gosnmp"}


def test_all_goals_met_is_exit_code_0_and_one_missed_is_1() -> None:
    assert exit_code(judge(reached(), Part, PEERS), [], strict=True) == 0
    assert exit_code(judge(reached() | {"starved 10000": 1}, Part, PEERS), [], strict=False) == 1


def test_a_peer_that_cannot_be_had_is_named_and_fails_only_ci() -> None:
    measured = reached()
    del measured["v2c / gosnmp"]
    verdicts = judge(measured, Part, PEERS)
    assert "not measured" in shown(verdicts)
    assert exit_code(verdicts, ["gosnmp"], strict=False) == 0
    assert exit_code(verdicts, ["gosnmp"], strict=True) == 1


def test_what_was_not_measured_though_everything_was_there_is_a_failure() -> None:
    measured = reached()
    del measured["growth"]
    assert exit_code(judge(measured, Part, PEERS), ["gosnmp"], strict=False) == 1


def test_the_json_holds_every_goal_with_its_figure() -> None:
    figures_of = {(Mode.V2C, "ours"): figures(0.05)}
    line = report.as_json({"cpu": "x"}, figures_of, {}, judge(reached(), Part, PEERS), missing={})
    assert "\n" not in line
    read = json.loads(line)
    assert [goal["verdict"] for goal in read["goals"]] == ["meets"] * len(GOALS)
    assert read["clients"]["v2c"]["ours"]["cpu_per_1k"] == pytest.approx(0.05)


def test_a_job_survives_the_command_line_of_a_client() -> None:
    job = Job(Version.V3, 16161, 10, 2, 1, "sockets kept")
    assert Job.read(job.text()) == job


def test_the_exporter_is_asked_for_the_same_objects() -> None:
    for module in modules().values():
        assert (tuple(module["get"]), tuple(module["walk"])) == (SCALARS, COLUMNS)


def test_a_part_nobody_knows_is_refused_in_one_line() -> None:
    asked = [sys.executable, "-m", "bench.poll", "--parts", "wealth"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "wealth" in done.stderr.splitlines()[-1]
