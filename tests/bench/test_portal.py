"""`python -m bench.portal`: octets are counted as they cross, figures get the verdicts they deserve."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.poll.child import ClientFailed
from bench.poll.goals import Rule
from bench.poll.peer import Missing
from bench.portal import report
from bench.portal.__main__ import PARTS, run
from bench.portal.goals import Figure, Goal, exit_code
from bench.portal.load import cost, request
from bench.portal.peers import plain_flask
from bench.portal.phone import AnswerBroken, Line
from bench.portal.serving import HOST, Served
from bench.portal.weight import MODES
from captive_portal.languages import ENDONYMS

ROOT = Path(__file__).parents[2]
AT_MOST_TEN = Goal(Rule.AT_MOST, 10)
REACHED = Figure("octets", 10, "B", AT_MOST_TEN)
SHORT = Figure("octets", 11, "B", AT_MOST_TEN)
ABSENT = Figure("octets", None, "B", AT_MOST_TEN)
TOLD = Figure("octets", 11, "B")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: two\r\n\r\nhello"


@contextmanager
def answering(answer: bytes, times: int) -> Iterator[tuple[int, list[bytes]]]:
    """A port where each connection is heard once, answered so, and closed; what was heard."""
    heard: list[bytes] = []
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            for _ in range(times):
                line, _ = server.accept()
                with line:
                    heard.append(line.recv(65536))
                    line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        thread.join()


def test_a_figure_gets_the_verdict_it_deserves() -> None:
    assert [one.words for one in (REACHED, SHORT, ABSENT, TOLD)] == [
        "meets",
        "falls short",
        "not measured",
        "",
    ]


@pytest.mark.parametrize(
    ("figures", "failed", "code"),
    [([REACHED, TOLD], [], 0), ([REACHED, SHORT], [], 1), ([ABSENT], [], 1), ([REACHED], ["a part"], 1)],
)
def test_the_run_fails_for_a_goal_that_is_not_reached_and_for_a_part_that_failed(
    figures: list[Figure], failed: list[str], code: int
) -> None:
    assert exit_code(figures, failed) == code


def test_a_part_that_fails_is_told_and_the_others_run() -> None:
    def ended(_rounds: int) -> tuple[Figure, ...]:
        raise ClientFailed("it ended with 1")

    def absent(_rounds: int) -> tuple[Figure, ...]:
        raise Missing("install it")

    found, failed = run({"ended": ended, "absent": absent, "good": lambda rounds: (TOLD,) * rounds}, 2)
    assert found == {"good": (TOLD, TOLD)}
    assert failed == {"ended": "it ended with 1", "absent": "install it"}


def test_machines_get_every_figure_on_one_line() -> None:
    line = report.as_json({"cpu": "x"}, {"weight": (SHORT, TOLD)}, {"page": "why"})
    assert "\n" not in line
    told = json.loads(line)
    assert [one["verdict"] for one in told["parts"]["weight"]] == ["falls short", ""]
    assert told["parts"]["weight"][0]["goal"] == "<= 10"
    assert told["failed"] == {"page": "why"}


def test_a_phone_counts_every_octet_of_a_request_and_of_its_answer() -> None:
    with answering(ANSWER, 1) as (port, heard), Line(f"http://{HOST}:{port}") as line:
        got = line.ask("/p/x?a=1", {"Accept": "*/*"}, b"v=1")
    assert (got.status, got.text, got.headers["x-one"]) == (200, "hello", "two")
    assert (got.up, got.down) == (len(heard[0]), len(ANSWER))
    assert line.wire == len(heard[0]) + len(ANSWER)


def test_an_answer_that_ends_too_early_is_not_weighed() -> None:
    with (
        answering(ANSWER[:-1], 1) as (port, _),
        Line(f"http://{HOST}:{port}") as line,
        pytest.raises(AnswerBroken),
    ):
        line.ask("/", {})


def test_what_is_answered_otherwise_than_expected_is_no_measurement() -> None:
    with answering(ANSWER, 2) as (port, _):
        server = Served(port, 1)
        asked = [request(server, "/", {})]
        assert cost(server, asked, 200).statuses == {200: 1}
        with pytest.raises(ClientFailed, match="statuses"):
            cost(server, asked, 303)


def test_the_flat_template_of_plain_flask_shows_what_ours_does(tmp_path: Path) -> None:
    page = '<html lang="es"><b>Plaza de Armas</b><a href="/p/08019-plaza?v=tok&lang=es">Dura 1 hora.</a>'
    plain_flask.write_flat(tmp_path, page, "08019-plaza", "Plaza de Armas", "tok")
    written = (tmp_path / plain_flask.PAGE).read_text()
    assert written == (
        '<html lang="{{ language }}"><b>{{ place }}</b>'
        '<a href="/p/{{ key }}?v=&lang={{ language }}">Dura {{ duration }}.</a>'
    )


def test_the_weights_of_every_language_and_mode_come_from_a_real_run() -> None:
    command = [sys.executable, "-m", "bench.portal", "--quick", "--only", "weight"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["failed"] == {}
    figures = {one["figure"]: one for one in told["parts"]["weight"]}
    pages = 5 * len(ENDONYMS) * len(MODES)
    assert figures[f"first page, the largest of {pages}, gzip"]["verdict"] == "meets"
    assert figures["requests to the portal"]["value"] == 3
    assert done.returncode == int(any(one["verdict"] == "falls short" for one in figures.values()))


def test_the_bench_installs_its_peers() -> None:
    (wanted,) = [
        line for line in (ROOT / "deploy" / "debian.sh").read_text().splitlines() if line.startswith("bench=")
    ]
    assert {"opennds", "freeradius", "freeradius-rest", "iproute2", "nftables"} <= set(wanted[7:-1].split())
    assert {"weight", "page", "taps", "opennds"} <= set(PARTS)
