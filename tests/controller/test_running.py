"""Whatever is killed, at any moment: nothing acknowledged is lost, and everything goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.app import build
from controller.portal_jobs import SESSION_SLOT_S
from controller.settings import load
from controller.worker import jobs
from metrics.sink import Window
from tests.metrics.servers import VictoriaMetrics
from tests.town import Phone, Town, fetch, town, wait_for

ROLES = ("poller", "worker", "portal", "edge", "console")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town that runs."""
    with town(tmp_path_factory.mktemp("town"), "127.72.1") as made:
        made.start()
        yield made


def slots(place: Town) -> set[tuple[str, int]]:
    """Every acknowledged (access point, slot) of the last hour."""
    now = int(time.time())
    with place.samples() as store:
        return {(s.tags["ap"], s.time) for s in store.read("wifi_ap", Window(now - 3600, now + 60))}


def test_every_role_is_a_process_of_its_own(running: Town) -> None:
    for role in ROLES:
        assert running.pids(f"controller.cli.main run {role}"), role


@pytest.mark.parametrize("role", ROLES)
def test_a_killed_role_is_started_again_and_goes_on(running: Town, role: str) -> None:
    before = slots(running)
    words = f"controller.cli.main run {role}"
    old = wait_for(lambda: running.pids(words), role)
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: set(running.pids(words)) - set(old), f"another {role}")
    wait_for(lambda: slots(running) - before, "new samples")
    assert before <= slots(running)
    for listen, path in (("PORTAL", "/healthz"), ("EDGE", "/healthz"), ("CONSOLE", "/healthz")):
        url = f"http://{running.environ[f'PLAZA_{listen}_LISTEN']}{path}"
        wait_for(lambda url=url: _ok(url), url)


def test_when_the_jobs_of_the_worker_ended_is_told_by_the_console(running: Town) -> None:
    told = 'plaza_job_last_success_timestamp_seconds{name="move claimed devices on"} '
    url = f"http://{running.environ['PLAZA_CONSOLE_LISTEN']}/metrics"
    wait_for(lambda: told in fetch(url), "a job that ended well")
    assert 'plaza_job_late{name="incidents"} 0.0' in fetch(url).splitlines()


def _ok(url: str) -> bool:
    try:
        return "ok" in fetch(url)
    except OSError:
        return False


@pytest.mark.parametrize("role", ["portal", "edge", "console"])
def test_a_killed_http_worker_is_started_again(running: Town, role: str) -> None:
    def workers() -> set[int]:
        listening = running.pids(f"controller.cli.main run {role}")
        return {pid for pid in running.processes() if _parent(pid) in listening}

    url = f"http://{running.environ[f'PLAZA_{role.upper()}_LISTEN']}/healthz"
    old = wait_for(workers, f"the worker of {role}")
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    new = wait_for(lambda: workers() - old, f"another worker of {role}")
    wait_for(lambda: _ok(url), url)
    assert new <= workers()


def test_a_killed_worker_goes_on_forwarding_where_it_was(
    running: Town, tmp_path_factory: pytest.TempPathFactory
) -> None:
    victoria = VictoriaMetrics(tmp_path_factory.mktemp("sink"))
    try:
        victoria.start()
        sink = f'[[sinks]]\nname = "state"\nurl = "{victoria.url}"\ndialect = "victoriametrics"\n'
        (running.directory / "plaza.toml").write_text(sink)
        for _ in range(2):  # the one that is killed first did not know the sink
            since = _kill_worker(running)
            wait_for(
                lambda since=since: victoria.sink().counts(Window(since, since + 3600)).get("wifi_ap"),
                "samples that were taken after the kill, in the server",
            )
        hour = Window(since - 3600, since)
        assert running.sample_counts(hour)["wifi_ap"] > 0
        wait_for(lambda: _is_all_there(running, victoria, hour), "every sample of before the kill")
    finally:
        (running.directory / "plaza.toml").unlink(missing_ok=True)
        victoria.kill()


def _is_all_there(place: Town, victoria: VictoriaMetrics, window: Window) -> bool:
    here, there = place.sample_counts(window), victoria.sink().counts(window)
    return {name: there.get(name) for name in here} == here


def _kill_worker(place: Town) -> int:
    """Waits for the next one; returns the second in which the old one was surely dead."""
    words = "controller.cli.main run worker"
    old = wait_for(lambda: place.pids(words), "the worker")
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: old[0] not in place.pids(words), "its end")
    dead = int(time.time()) + 1
    wait_for(lambda: place.pids(words), "another worker")
    return dead


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:
        return 0


def test_sessions_acknowledged_to_a_phone_survive_the_kill_of_everything(running: Town) -> None:
    online = 0
    for host in range(1, 6):
        phone = Phone(f"127.0.72.{host}")
        phone.open(f"{running.gateway_url}/generate_204")
        phone.tap()
        online += "/online" in phone.url
    assert online == 5
    before = slots(running)
    running.kill()
    assert running.rows("SELECT count(*) FROM session")[0][0] >= 5
    running.start()
    assert before <= slots(running)
    opened = "SELECT count(*) FROM session WHERE acctstarttime NOT NULL"
    wait_for(lambda: running.rows(opened)[0][0] >= 5, "the gateway's late word about all five")


def test_the_sessions_of_a_slot_are_stored_beside_the_samples_of_the_poller(running: Town) -> None:
    before = int(time.time())
    assert running.rows("SELECT 1 FROM session")
    app = build(load(running.environ, running.directory))
    try:
        for job in jobs(app, lambda: datetime.fromtimestamp(before + SESSION_SLOT_S, UTC)):
            if job.name == "sessions per slot":
                job.work()
    finally:
        app.samples.close()
        app.engine.dispose()
    counts = running.sample_counts(Window(before - 3600, before + SESSION_SLOT_S))
    assert {"wifi_session", "wifi_portal"} <= counts.keys()


def test_a_change_whose_controller_was_killed_is_ended_by_the_worker(running: Town) -> None:
    argv = [sys.executable, "-m", "controller.cli.main", "apply", "ap-kiosk", "--yes", "--revert-after", "15"]
    applying = subprocess.Popen(argv, env=running.environ, cwd=running.directory, stdout=subprocess.DEVNULL)
    query = "SELECT state FROM rollout_step WHERE device = 'ap-kiosk'"
    wait_for(lambda: running.rows(query) in ([("armed",)], [("applied",)]), "the armed device")
    applying.kill()
    applying.wait()
    wait_for(
        lambda: running.rows(query)[0][0] in ("confirmed", "rolled_back", "failed"), "the end of the trial"
    )
    confirmed = running.rows(query) == [("confirmed",)]
    assert running.plaza("diff", "ap-kiosk").returncode == (0 if confirmed else 3)


def test_a_second_start_on_the_same_data_is_refused(running: Town) -> None:
    said = running.plaza("run")
    assert said.returncode == 2
    assert "already runs" in said.stderr


def test_no_mac_and_no_address_of_a_phone_is_in_any_log_or_table(running: Town) -> None:
    data = Path(running.environ["PLAZA_DATA_DIR"])
    canaries = [f"127.0.72.{host}".encode() for host in range(1, 6)]
    canaries += [f"02:00:7f:00:48:{host:02x}".encode() for host in range(1, 6)]  # as the ledger derives it
    kept_by_the_gateway = data / "demo" / "gateways"
    files = [f for f in data.rglob("*") if f.is_file() and kept_by_the_gateway not in f.parents]
    assert any(file.name == "plaza.db" for file in files)
    for file in files:
        octets = file.read_bytes()
        assert not [canary for canary in canaries if canary in octets], file


def test_ctrl_c_stops_everything_cleanly(running: Town) -> None:
    assert running.interrupt() == 0
    assert running.processes() == {}
