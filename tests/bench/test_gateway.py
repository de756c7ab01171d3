"""`python -m bench.gateway`: CPU is counted to the last child, verdicts are what they deserve to be."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.gateway import asking, cost, crowd, fair, line, minute, places, telling, told
from bench.gateway.__main__ import PARTS
from bench.gateway.account import account
from bench.gateway.arriving import Came, Plan
from bench.gateway.cost import Cost
from bench.gateway.day import DAY_S, STEP_S, Day, MovedClock, Passing
from bench.gateway.fair import Loaded
from bench.gateway.minute import Minute
from bench.gateway.telling import Weight
from bench.poll.goals import Rule
from bench.portal.goals import Figure, Goal
from tests import need
from tests.gateway.streets import WEB
from tests.gateway.town import wait_for

ROOT = Path(__file__).parents[2]
PLAN = Plan(inside=2, new=2, within_s=60.0, every_s=30.0, octets=10, web="http://web")


def verdicts(figures: Iterator[Figure]) -> dict[str, str]:
    return {one.name: one.words for one in figures}


@contextmanager
def internet() -> Iterator[str]:
    """The web server beyond the gate, on an address of the loopback of its own."""
    at = f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}.80"
    command = [sys.executable, "-m", "bench.gateway.internet", at]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        yield at
        program.terminate()


def test_what_a_program_starts_and_never_waits_for_is_on_its_account() -> None:
    need.root()
    busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    with account(f"plaza-test-{os.getpid()}") as book:
        starter = subprocess.Popen(["sh", "-c", f"read go; ( {busy} ) & exit 0"], stdin=subprocess.PIPE)
        book.enter(starter.pid)
        starter.communicate(b"go\n")
        mine = book.cpu_s()
        wait_for(lambda: not (book.place / "cgroup.procs").read_text(), "the loop to end")
        assert book.cpu_s() > mine + 0.05
    assert not book.place.exists()


def test_every_phone_of_a_crowd_has_a_mac_and_an_address_of_its_own() -> None:
    everybody = range(crowd.MOST)
    assert len({crowd.address(number) for number in everybody}) == crowd.MOST
    assert len({crowd.mac(number) for number in everybody}) == crowd.MOST


def test_the_gateway_sees_each_phone_of_a_crowd_by_its_own_mac_and_each_is_answered() -> None:
    need.root()
    for name, package in {"ip": "iproute2", "nft": "nftables"}.items():
        need.program(name, package)
    phones = (0, 7, 299)
    with places.square(300) as town:
        asked = json.dumps([(crowd.address(one), f"http://{WEB}/generate_204") for one in phones])
        command = (sys.executable, "-m", "bench.gateway.asking", "2")
        told = town.inside(crowd.PHONE, "env", f"--chdir={ROOT}", *command, text=asked)
        assert [status for status, *_ in json.loads(told)] == [204] * 3
        seen = town.inside("gateway", "cat", "/proc/net/arp")
    rows = {row.split()[0]: row.split()[3] for row in seen.splitlines()[1:]}
    assert {crowd.address(one): crowd.mac(one) for one in phones}.items() <= rows.items()


def test_answers_come_in_the_order_of_the_questions_and_a_refusal_is_one_of_them() -> None:
    with internet() as at:
        good, shut = f"http://{at}/generate_204", f"http://{at}:1/"
        found = asyncio.run(asking.all_of([("127.0.0.1", good), ("127.0.0.1", shut), ("127.0.0.1", good)], 2))
        page = asyncio.run(asking.exchange("127.0.0.1", f"http://{at}/octets/70000"))
    assert [(status, location) for status, location, *_ in found] == [
        (204, ""),
        (0, "ConnectionRefusedError"),
        (204, ""),
    ]
    assert len(page.partition(b"\r\n\r\n")[2]) == 70_000


def test_a_frame_is_on_its_way_for_the_time_of_the_way_and_no_frame_waits_for_another() -> None:
    source, into = os.pipe()
    out, target = os.pipe()
    way = line.way(source, target)
    for at_s in (0.0, 0.0, 0.001):
        os.write(into, bytes(1_250))
        way.take(at_s)
    way.give(line.DELAY_S - 0.0001)
    assert len(way.frames) == 3
    way.give(line.DELAY_S)
    assert (len(way.frames), len(os.read(out, 4096))) == (1, 2_500)
    for one in (source, into, out, target):
        os.close(one)


def test_the_least_cpu_and_the_best_rate_are_compared() -> None:
    def rounds(*login: tuple[float, float]) -> list[cost.Round]:
        cheap = Cost(1, 0, 100)
        return [{cost.NEW: cheap, cost.KNOWN: cheap, cost.LOGIN: Cost(ms, 0, rate)} for ms, rate in login]

    near = verdicts(cost.figures(rounds((1.0, 400), (1.5, 390)), rounds((13.0, 19), (12.0, 20))))
    assert near[f"{cost.LOGIN}, ours over its"] == "meets"
    assert near[f"{cost.NEW}, ours over its"] == "falls short"
    assert near["logins a second, ours over its"] == "meets"
    far = verdicts(cost.figures(rounds((1.0, 400)), rounds((11.9, 20.1))))
    assert far[f"{cost.LOGIN}, ours over its"] == "falls short"
    assert far["logins a second, ours over its"] == "falls short"


@pytest.mark.parametrize(
    ("found", "short"),
    [
        (Minute([Came(0.1, 0.1, 0.1)] * 2, 4, 0, 6.0, 6.0, 4), set()),
        (Minute([Came(0.1, 0.1, 0.1), Came(why="the tap: 503")], 4, 0, 6.0, 6.0, 3),
         {"new phones that did not get in", "doors that the kernel misses"}),
        (Minute([Came(0.1, 0.1, 0.5)] * 2, 3, 1, 30.0, 30.0, 4),
         {"pages that did not come", "tap to online, 95 of 100", "of its core"}),
    ],
)  # fmt: skip
def test_a_minute_gets_the_verdicts_it_deserves(found: Minute, short: set[str]) -> None:
    assert {
        name for name, words in verdicts(minute.figures(PLAN, found)).items() if words == "falls short"
    } == short


def test_pages_beside_a_download_are_measured_by_their_slowest_twentieth() -> None:
    quick, slow = (0.1,) * 19, (0.15,) * 18 + (0.3,)
    found = verdicts(fair.figures(Loaded((*quick, 0.1), (*slow, 0.3)), Loaded(quick, slow)))
    assert found["beside a download over idle, 95 of 100"] == "falls short"
    assert found["pages that did not come"] == "meets"
    lost = verdicts(fair.figures(Loaded((None, *quick), quick), Loaded(quick, slow)))
    assert lost["pages that did not come"] == "falls short"


def test_a_day_passes_while_somebody_waits_and_stops_for_news() -> None:
    clock, news, seen = MovedClock(), threading.Event(), list[float]()
    phones = iter([(100.0, news.set), (DAY_S - 1, lambda: None)])
    day = Day(clock, (lambda: seen.append(clock.seconds),), phones)
    waiting, began = Passing(day, news), clock.seconds
    assert waiting.wait(600)
    assert clock.seconds == began + 100
    waiting.clear()
    assert not waiting.wait(600)
    assert clock.seconds == began + 700
    assert not Passing(day, day.over).wait(DAY_S - 701)
    assert Passing(day, day.over).wait(600), "the day is over"
    assert seen[:2] == [began + STEP_S, began + 2 * STEP_S]


def test_what_a_session_adds_to_a_day_is_told_by_itself() -> None:
    figures = {
        one.name: one.value for one in telling.figures(Weight(200, 100, 3, 40), Weight(500, 400, 9, 40))
    }
    assert figures["for each session"] == 600 / telling.SESSIONS
    assert figures["a day without anybody"] == 0.3


def test_a_run_puts_its_tables_into_the_document_and_leaves_those_of_other_parts(tmp_path: Path) -> None:
    document = tmp_path / "figures.md"
    document.write_text(f"# Before\n{told.BEGIN}{told.END}## After\n")
    goal = Goal(Rule.AT_MOST, 2)
    told.write(document, "2026-01-01", {"cpu": "x"}, {"fair": (Figure("pages", 1.5, "x", goal, "of 50"),)})
    told.write(document, "2026-01-02", {"cpu": "y"}, {"cost": (Figure("login", None, "ms"),)})
    told.write(document, "2026-01-03", {"cpu": "z"}, {"cost": (Figure("login", 3_000, "ms", goal),)})
    text = document.read_text()
    assert text.startswith(f"# Before\n{told.BEGIN}## A redirect and a login\nOf 2026-01-03: cpu z.\n")
    assert "| login | **3,000** ms | <= 2 ms: falls short |  |" in text
    assert "Of 2026-01-01: cpu x.\n\n| | measured | goal | |\n|---|---|---|---|\n" in text
    assert "| pages | **1.5** x | <= 2 x | of 50 |" in text
    assert text.endswith(f"{told.END}## After\n")
    assert "2026-01-02" not in text


def test_the_document_has_the_marks() -> None:
    text = (ROOT / "docs" / "gateway-figures.md").read_text()
    assert text.index(told.BEGIN) < text.index(told.END)


def test_make_has_the_bench_with_its_peers() -> None:
    made = (ROOT / "Makefile").read_text()
    assert "bench-gateway: bench-packages" in made
    assert "python -m bench.gateway $(BENCH)" in made
    assert {"cost", "minute", "fair", "sync"} == set(PARTS)
    (wanted,) = [
        line for line in (ROOT / "deploy" / "debian.sh").read_text().splitlines() if line.startswith("bench=")
    ]
    assert {"opennds", "php-cli", "iptables", "nftables", "iproute2", "curl"} <= set(wanted[7:-1].split())


@pytest.mark.soak
def test_the_whole_bench_runs_and_judges_every_figure_that_has_a_goal() -> None:
    need.root()
    command = [sys.executable, "-m", "bench.gateway", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["failed"] == {}, done.stderr
    figures = [one for part in told["parts"].values() for one in part]
    assert not [one for one in figures if one["goal"] and one["verdict"] == "not measured"]
    assert done.returncode == int(any(one["verdict"] == "falls short" for one in figures))
