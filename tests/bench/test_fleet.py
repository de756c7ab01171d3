"""The part `fleet` of `python -m bench.apply`: its inventory, how its figures are judged, and a tiny run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.apply import desk, fleet
from bench.apply import sweeps as sweeping
from bench.apply.desk import Desk, name_of
from bench.apply.goals import GOALS, Part, judge
from bench.apply.work import Figures, Place
from controller import inventory as inventory_file

ROOT = Path(__file__).parents[2]
FIVE = Desk([Place(f"127.10.0.{number}", 2222) for number in range(1, 6)])


def measured() -> fleet.Measured:
    """Ours at 500 ms of CPU and 240 devices a minute, theirs at 120; a look in 4 ms, or in 2."""
    return fleet.Measured(
        rollouts={
            fleet.OURS: Figures(40, 40, 0, cpu_s=20, wall_s=10),
            fleet.THEIRS: Figures(40, 40, 0, cpu_s=1, wall_s=20),
        },
        sweeps={
            sweeping.LOGIN: sweeping.Figures(sweeping.LOGIN, 100, 100, cpu_ms=4, wall_s=1),
            sweeping.KEPT: sweeping.Figures(sweeping.KEPT, 100, 90, cpu_ms=2, wall_s=1),
        },
        resume_s=1.5,
    )


def test_the_fleet_is_an_inventory_that_plaza_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "FOLDER", tmp_path)
    FIVE.want("Despues")
    found = inventory_file.load(tmp_path / "inventory.yaml")
    assert list(found.devices) == [name_of(number) for number in range(5)]
    assert sorted(len([one for one in found.devices.values() if one.site == key]) for key in found.sites) == [
        1,
        2,
        2,
    ]
    assert {one.ssids[0].name for one in found.devices.values()} == {"Despues"}


def test_a_sweep_is_judged_by_what_five_thousand_looks_would_cost() -> None:
    found = measured().by_goal()
    assert found == {
        "fleet complete": pytest.approx(100),
        "fleet pace / nornir": pytest.approx(2),
        "sweep same": pytest.approx(95),
        "sweep login": pytest.approx(20),
        "sweep kept": pytest.approx(10),
        "resume": 1.5,
    }
    short = [one.goal.key for one in judge(found, [Part.FLEET], ["nornir"]) if not one.meets]
    assert short == ["sweep same", "sweep login"]


def test_every_goal_of_a_fleet_has_its_figure_and_each_figure_its_goal() -> None:
    assert measured().by_goal().keys() == {goal.key for goal in GOALS[Part.FLEET]}
    assert json.dumps(measured().raw())


def test_without_nornir_nothing_is_compared_with_it() -> None:
    found = measured()
    del found.rollouts[fleet.THEIRS]
    assert "fleet pace / nornir" not in found.by_goal()


@pytest.mark.soak
def test_a_tiny_fleet_is_rolled_out_swept_and_resumed() -> None:
    asked = ["--quick", "--parts", "fleet", "--peers", "ours", "--fleet", "24", "--looks", "24"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.apply", *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    told = json.loads(done.stdout.splitlines()[-1])
    figures = {one["figure"]: one for one in told["goals"]}
    assert figures["fleet complete"]["value"] == figures["sweep same"]["value"] == 100, done.stderr
    assert figures["resume"]["value"] > 0
    assert told["fleet"]["sweeps"].keys() == {sweeping.LOGIN, sweeping.KEPT}
    assert done.returncode == int(any(one["verdict"] != "meets" for one in figures.values()))
