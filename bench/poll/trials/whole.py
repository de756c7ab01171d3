"""`plaza run poller` with ten thousand access points a minute: what the whole process costs."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.poll.child import ClientFailed
from bench.poll.machine import CLIENT_CORE, REPOSITORY, pinned
from bench.poll.meter import memory_mb, process_cpu_s
from bench.poll.trials.town import INTERVAL_S, Town, build
from bench.poll.work import AGENTS

_START_S: Final = 180.0
_LOOK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Whole:
    """`cpu` is the share of a core from the first answers on, `start_cpu_s` what it took until then.

    `asked` is the share of access points with an answer within the last two intervals, `false_downs` those
    that were called down at any look, each once.
    """

    minutes: float
    cpu: float
    start_cpu_s: float
    rss_mb: float
    asked: float
    false_downs: int
    states: dict[str, int]


def run(port: int, minutes: float) -> Whole:
    """Raises ClientFailed."""
    town = build(port)
    log = town.directory / "poller.log"
    with _poller(town, log) as process:
        _wait(town, process, log)
        start_cpu_s, started_s = process_cpu_s(process.pid), time.monotonic()
        downs: set[str] = set()
        while (lasted_s := time.monotonic() - started_s) < minutes * 60:
            downs |= _downs(town)
            time.sleep(min(_LOOK_S, minutes * 60 - lasted_s))
            if process.poll() is not None:
                raise ClientFailed(_last_words(log))
        used_s = process_cpu_s(process.pid) - start_cpu_s
        lasted_s = time.monotonic() - started_s
        return Whole(
            minutes=lasted_s / 60,
            cpu=used_s / lasted_s,
            start_cpu_s=start_cpu_s,
            rss_mb=memory_mb("VmHWM", process.pid),
            asked=_asked(town) / AGENTS,
            false_downs=len(downs | _downs(town)),
            states=_states(town),
        )


@contextmanager
def _poller(town: Town, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = pinned(CLIENT_CORE, [sys.executable, "-m", "controller.cli.main", "run", "poller"])
    with log.open("wb") as said:
        process = subprocess.Popen(argv, cwd=REPOSITORY, env=town.environ, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait(town: Town, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it has an answer."""
    until_s = time.monotonic() + _START_S
    while time.monotonic() < until_s and process.poll() is None:
        if _states(town):
            return
        time.sleep(0.5)
    raise ClientFailed(_last_words(log))


def _last_words(log: Path) -> str:
    return " ".join(["plaza run poller:", *log.read_text().splitlines()[-1:]])


def _rows(town: Town, query: str, *values: int) -> list[tuple[str, int]]:
    """Of the store, which may not be there yet."""
    try:
        with closing(sqlite3.connect(f"file:{town.database}?mode=ro", uri=True)) as store:
            return store.execute(query, values).fetchall()
    except sqlite3.OperationalError:
        return []


def _states(town: Town) -> dict[str, int]:
    return dict(_rows(town, "SELECT state, count(*) FROM health GROUP BY state"))


def _downs(town: Town) -> set[str]:
    return {name for name, _ in _rows(town, "SELECT device, since FROM health WHERE state = 'down'")}


def _asked(town: Town) -> int:
    since = int(time.time()) - 2 * INTERVAL_S
    return len(_rows(town, "SELECT device, checked_at FROM health WHERE checked_at >= ?", since))
