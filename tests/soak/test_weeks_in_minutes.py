"""Long runs: hours of polling, tapping and killing must leave no hole and grow no process."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from metrics.sink import Window
from tests.metrics.servers import VictoriaMetrics
from tests.town import Phone, Town, town, wait_for

pytestmark = pytest.mark.soak

MINUTES = float(os.environ.get("PLAZA_SOAK_MINUTES", "30"))
ROLES = ("poller", "worker", "portal", "edge", "console")
GROWTH_MB = 30


def test_random_kills_for_a_long_time_lose_nothing_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(27)
    victoria = VictoriaMetrics(tmp_path)
    victoria.start()
    try:
        with town(tmp_path, "127.75.1") as place:
            sink = f'[[sinks]]\nname = "state"\nurl = "{victoria.url}"\ndialect = "victoriametrics"\n'
            (tmp_path / "plaza.toml").write_text(sink)
            place.start()
            acknowledged = _kill_for_a_long_time(place, victoria, chance)
            now = int(time.time())
            window = Window(now - 7 * 86_400, now // 5 * 5 - 30)
            with place.samples() as store:
                kept = {(s.tags["ap"], s.time) for s in store.read("wifi_ap", window)}
            assert {one for one in acknowledged if one[1] < window.end} <= kept
            wait_for(
                lambda: _equal(place, victoria, window), "equal counts here and in the server", patience_s=300
            )
    finally:
        victoria.kill()


def _kill_for_a_long_time(
    place: Town, victoria: VictoriaMetrics, chance: random.Random
) -> set[tuple[str, int]]:
    acknowledged: set[tuple[str, int]] = set()
    until = time.monotonic() + MINUTES * 60
    while time.monotonic() < until:
        victim = chance.choice((*ROLES, "server", "everything"))
        if victim == "server":
            victoria.kill()
            victoria.start()
        elif victim == "everything":
            place.kill()
            place.start()
        else:
            words = f"controller.cli.main run {victim}"
            os.kill(wait_for(lambda words=words: place.pids(words), words)[0], signal.SIGKILL)
        time.sleep(chance.uniform(2, 20))
        now = int(time.time())
        with place.samples() as store:
            acknowledged |= {(s.tags["ap"], s.time) for s in store.read("wifi_ap", Window(now - 60, now))}
    return acknowledged


def _equal(place: Town, victoria: VictoriaMetrics, window: Window) -> bool:
    here = place.sample_counts(window)
    there = victoria.sink().counts(window)
    return bool(here) and {name: there.get(name) for name in here} == here


def test_no_process_grows_while_it_works(tmp_path: Path) -> None:
    with town(tmp_path, "127.76.1") as place:
        place.start()
        time.sleep(60)
        before = _resident_mb(place)
        until = time.monotonic() + MINUTES * 60
        host = 0
        while time.monotonic() < until:
            host = host % 250 + 1
            phone = Phone(f"127.0.76.{host}")
            phone.open(f"{place.gateway_url}/generate_204")
            if "/online" not in phone.url:
                phone.tap()
            time.sleep(0.2)
        after = _resident_mb(place)
    grown = {pid: after[pid] - mb for pid, mb in before.items() if pid in after}
    assert grown
    assert max(grown.values()) < GROWTH_MB, grown


def _resident_mb(place: Town) -> dict[int, float]:
    page = os.sysconf("SC_PAGE_SIZE") / 1e6
    return {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in place.processes()}
