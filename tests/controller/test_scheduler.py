"""The worker's job table: it survives a failing job and a stepping clock."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from controller.scheduler import Job, run
from tests import need
from tests.town import wait_for

# Runs a job each second; when it has run twice the wall clock steps, and the job must run three more times.
STEPPING = """
import os, sys, threading, time
from controller.scheduler import Job, run
stop, runs = threading.Event(), []
def work():
    runs.append(time.monotonic())
    if len(runs) == 2:
        os.environ["CLOCK_OFFSET_S"] = sys.argv[1]
    if len(runs) == 5:
        stop.set()
threading.Timer(60, lambda: os._exit(9)).start()
run([Job("count", 1, work)], stop)
print("ran on", flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("step_s", [-3600, -30 * 86400, 3600])
def test_a_step_of_the_wall_clock_does_not_silence_the_jobs(tmp_path: Path, step_s: int) -> None:
    compiler = need.program("cc", "gcc")
    shim = tmp_path / "clock_shim.so"
    source = Path(__file__).parents[1] / "gateway" / "clock_shim.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, source], check=True)
    environ = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, "-c", STEPPING, str(step_s)]
    said = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert said.stdout.strip() == "ran on", said.stderr
    assert "wall clock stepped" in said.stderr


def test_a_job_that_fails_is_logged_and_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []
    stop = threading.Event()

    def fail() -> None:
        runs.append(1)
        raise RuntimeError("the disk said no")

    thread = threading.Thread(target=run, args=([Job("fail", 1, fail)], stop))
    thread.start()
    try:
        wait_for(lambda: len(runs) >= 2, "the second turn")
    finally:
        stop.set()
        thread.join()
    assert "the disk said no" in caplog.text
    assert 'Job "fail' in caplog.text  # by its name
