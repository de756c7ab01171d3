"""Kills at random moments, a hundred and more: nothing that was acknowledged is missing anywhere."""

import os
import random
import sys
import time
from pathlib import Path

import pytest

from tests.metrics.conftest import influxd
from tests.metrics.processes import Child
from tests.metrics.servers import Influxd
from tests.metrics.test_kills import APS, nothing_is_missing, until_written

__all__ = ["influxd"]
pytestmark = pytest.mark.soak

KILLS = int(os.environ.get("PLAZA_KILLS", "120"))
LONGEST_LIFE_S = 1.5


def test_a_hundred_kills_at_random_moments_lose_nothing(influxd: Influxd, tmp_path: Path) -> None:
    seed = int(os.environ.get("PLAZA_SEED", str(random.randrange(10**6))))
    sys.stdout.write(f"PLAZA_SEED={seed} plays this again\n")
    draw = random.Random(seed)
    child = Child(tmp_path / "metrics", str(APS), "0.02", "v1", influxd.url, "0")
    child.start()
    try:
        for _ in range(KILLS):
            time.sleep(draw.random() * LONGEST_LIFE_S)
            if draw.random() < 0.3:
                influxd.kill()
                time.sleep(draw.random() * LONGEST_LIFE_S)
                influxd.start()
            else:
                child.kill()
                child.start()
        until_written(child, 10, "slots are written at the end")
        child.finish(within_s=300)
        nothing_is_missing(influxd, child, tmp_path / "metrics")
    finally:
        child.kill()
