"""`python -m bench.apply`: every client does the same work, and its figures get the verdicts they deserve."""

import io
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.apply import report
from bench.apply.configuration import IOS, UCI
from bench.apply.goals import GOALS, Part, judge
from bench.apply.peers import ansible
from bench.apply.rounds import Key, Way, best, compare
from bench.apply.work import (
    MARK,
    TRIES,
    Figures,
    Job,
    Kind,
    Place,
    before_and_after,
    complete,
    ios_lines,
    uci_lines,
    uci_script,
    wanted,
)
from bench.poll.goals import exit_code
from simulator.vendors.cisco_ios import CiscoIos
from simulator.vendors.device import Session
from tests import need

ROOT = Path(__file__).parents[2]
ALL = [goal for goals in GOALS.values() for goal in goals]
PEERS = {goal.peer for goal in ALL}
JOB = Job(Kind.OPENWRT, (Place("127.10.0.1", 2222),), "id", ("ssh-ed25519", "AAAA"), 10, "t0k3n")
STAND_IN = ROOT / "simulator" / "bin" / "uci"


PLAZA_SCRIPT = """
T="-c $PLAZA_ROOT/etc/config -t $PLAZA_ROOT/tmp/stage"
mkdir -p "$PLAZA_ROOT/tmp/stage"
uci $T batch <<'END'
set system.@system[0].hostname='ap-1'
delete system.ntp.server
add_list system.ntp.server='mx'
add_list system.ntp.server='us'
delete wireless.tecnica1
END
uci $T changes | wc -l
uci $T commit system
uci $T commit network
uci $T commit wireless
uci $T changes | wc -l
uci $T export system
uci $T export wireless
"""
"""What Plaza's own scripts ask of it, beside that."""


def figures(cpu_ms: float, per_minute: float = 100.0, complete: int = 10, again: int = 0) -> Figures:
    return Figures(10, complete, again, cpu_ms / 100, 600 / per_minute)


def reached() -> dict[str, float]:
    """Every figure exactly where its goal wants it."""
    return {goal.key: goal.limit for goal in ALL}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a device."""
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    for package, text in UCI.items():
        (tmp_path / "etc/config" / package).write_text(text)
    return tmp_path


def stand_in(root: Path, script: str) -> str:
    """What a script prints at a device."""
    done = subprocess.run(
        ["sh", "-s"],
        input=script,
        env={"PATH": f"{STAND_IN.parent}:/usr/bin:/bin", "PLAZA_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_a_job_survives_the_command_line_of_a_client() -> None:
    assert Job.read(JOB.text()) == JOB


def test_the_work_is_to_read_190_lines_and_to_set_40() -> None:
    assert sum(text.count("\n") + 2 for text in UCI.values()) == 190
    assert len(uci_lines("t")) == len(ios_lines("t")) == 40
    router, session = _router()
    shown = router.execute(session, "show running-config")
    assert 185 <= shown.count("\n") <= 200


def test_a_device_that_did_the_script_is_complete(root: Path) -> None:
    before, after = before_and_after(stand_in(root, uci_script(JOB.token)))
    assert complete(JOB, before, after)
    assert MARK not in before


def test_a_device_that_kept_an_earlier_change_is_not_complete(root: Path) -> None:
    before, after = before_and_after(stand_in(root, uci_script("earlier")))
    assert not complete(JOB, before, after)


def test_half_a_configuration_is_not_complete(root: Path) -> None:
    before, after = before_and_after(stand_in(root, uci_script(JOB.token)))
    assert not complete(JOB, before[: len(before) // 2], after)
    assert not complete(JOB, before, after[: len(after) * 9 // 10])


def test_the_virtual_vendor_takes_every_line() -> None:
    router, session = _router()
    before = router.execute(session, "show running-config")
    said = [router.execute(session, line) for line in ("configure terminal", *ios_lines(JOB.token), "end")]
    assert not any("%" in one for one in said)
    assert complete(replace(JOB, kind=Kind.IOS), before, router.execute(session, "show running-config"))


def _router() -> tuple[CiscoIos, Session]:
    router, session = CiscoIos(startup=IOS), Session("root")
    router.greet(session)
    return router, session


def test_the_quick_uci_says_what_the_stand_in_says(root: Path, tmp_path: Path) -> None:
    """It stands in a chroot; here its two folders are bound to the device's by the paths it is built with."""
    quick = tmp_path / "uci"
    source = (ROOT / "bench/apply/uci.c").read_text()
    for name in ("/etc/config/", "/tmp/.uci/"):  # where it is not told otherwise
        assert f'"{name}"' in source
        source = source.replace(f'"{name}"', f'"{root}{name}"')
    subprocess.run(
        [need.program("gcc", "gcc"), "-Wall", "-Werror", "-x", "c", "-", "-o", quick],
        input=source,
        text=True,
        check=True,
    )
    script = uci_script(JOB.token) + PLAZA_SCRIPT
    said = stand_in(root, script)
    for package, text in UCI.items():
        (root / "etc/config" / package).write_text(text)
    assert stand_in(root, script.replace("uci ", f"{quick} ")) == said


def test_the_play_of_ansible_sets_and_compares_the_same_lines() -> None:
    (play,) = ansible.play(JOB.token)
    assert all(f"set {line}\n" in play["tasks"][1]["raw"] for line in uci_lines(JOB.token))
    assert play["vars"]["lines"] == sorted(wanted(Kind.OPENWRT, JOB.token))
    assert [next(iter(task)) for task in play["tasks"]] == ["raw", "raw", "raw", "assert"]


def test_ratios_are_cpu_of_the_peer_near_and_pace_of_ours_far() -> None:
    found = compare(
        {
            (Kind.IOS, Way.NEAR, "ours"): figures(10, per_minute=900),
            (Kind.IOS, Way.NEAR, "netmiko"): figures(30, per_minute=300),
            (Kind.IOS, Way.FAR, "ours"): figures(11, per_minute=800, complete=9),
            (Kind.IOS, Way.FAR, "netmiko"): figures(44, per_minute=200),
        },
        "ours",
    )
    assert found == {
        "ios complete": pytest.approx(90),
        "ios cpu / netmiko": pytest.approx(3),
        "ios over netmiko": pytest.approx(1 / 3),
        "ios pace / netmiko": pytest.approx(4),
    }


def test_of_all_rounds_the_least_cpu_counts_and_the_worst_completeness() -> None:
    one = best([figures(9, per_minute=50), figures(5, complete=9), figures(7, again=2)])
    assert (one.cpu_ms, one.per_minute) == (pytest.approx(5), pytest.approx(100))
    assert (one.share, one.again) == (0.9, 2)


def test_figures_that_reach_their_goals_are_exit_code_0_and_one_that_does_not_is_1() -> None:
    assert exit_code(judge(reached(), Part, PEERS), [], strict=True) == 0
    for goal in ALL:
        worse = reached() | {goal.key: goal.limit + (-0.01 if goal.rule == ">=" else 0.01)}
        verdicts = judge(worse, Part, PEERS)
        assert [one.goal for one in verdicts if one.words == "falls short"] == [goal]
        assert exit_code(verdicts, [], strict=False) == 1


def test_only_parts_and_peers_that_were_asked_for_are_judged() -> None:
    assert judge({}, [Part.CYCLE], PEERS) == []
    assert {one.goal.peer for one in judge({}, Part, ["netmiko"])} == {"", "netmiko"}


def test_the_json_holds_every_client_and_every_goal() -> None:
    key: Key = (Kind.OPENWRT, Way.FAR, "ours")
    line = report.as_json({"cpu": "x"}, {key: figures(5)}, judge(reached(), Part, PEERS), missing={})
    assert "\n" not in line
    read = json.loads(line)
    assert read["clients"]["openwrt, 40 ms away"]["ours"]["cpu_ms"] == pytest.approx(5)
    assert {goal["verdict"] for goal in read["goals"]} == {"meets"}


def test_each_client_is_shown_beside_ours() -> None:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    shown = {
        (Kind.OPENWRT, Way.NEAR, "ours"): figures(5, per_minute=800),
        (Kind.OPENWRT, Way.NEAR, "netmiko"): figures(40, per_minute=100, again=TRIES),
    }
    report.show_costs(console, shown, "ours")
    assert isinstance(console.file, io.StringIO)
    (row,) = (line for line in console.file.getvalue().splitlines() if "netmiko" in line)
    cells = [cell.strip() for cell in row.split("│")]
    assert cells[1:6] == ["netmiko", "40.00", "8.00", "100", "8.00"]


def test_a_part_nobody_knows_is_refused_in_one_line() -> None:
    asked = [sys.executable, "-m", "bench.apply", "--parts", "wealth"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "wealth" in done.stderr.splitlines()[-1]


def test_a_link_with_a_delay_brings_every_octet_in_order_and_none_too_soon() -> None:
    sent = bytes(range(256)) * 400
    with socket.create_server(("127.0.0.1", 0)) as far:
        threading.Thread(target=_echo, args=(far, len(sent)), daemon=True).start()
        asked = {"places": [asdict(Place(*far.getsockname()))], "round_trip_s": 0.2}
        argv = [sys.executable, "-m", "bench.apply.relay", json.dumps(asked)]
        with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as relay:
            assert relay.stdout is not None
            (link,) = json.loads(relay.stdout.readline())["places"]
            started_s = time.monotonic()
            with socket.create_connection((link["host"], link["port"])) as near:
                near.sendall(sent)
                back = _all(near)
            relay.terminate()
    assert back == sent
    # three segments open the connection, then the octets go there and come back
    assert time.monotonic() - started_s >= 0.3 + 0.1


def _echo(far: socket.socket, size: int) -> None:
    line, _ = far.accept()
    with line:
        found = b""
        while len(found) < size:
            found += line.recv(65536)
        line.sendall(found)


def _all(line: socket.socket) -> bytes:
    found = b""
    while octets := line.recv(65536):
        found += octets
    return found
