"""`plaza diff --out`, `plaza apply FILE` and `plaza rollback`, as a technician types them."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from controller import rollout
from controller.cli import told
from controller.journal import State
from controller.rollout import Outcome
from drivers.configurers.openwrt import OpenWrt
from tests.children import CTRL_C_WORKS, WAIT_S, heard, interrupted, killed_at_the_end
from tests.configure.desk import CANARY
from tests.configure.device import Ap
from tests.configure.keyboard import Plaza

GREEN, RED = "\x1b[32m", "\x1b[31m"


def test_a_saved_plan_is_applied_as_it_was_shown(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    code, shown, errors = plaza("diff ap-08019-1 --out plan.json")
    assert code == 3
    assert "plan.json: changes 1 of 1 that were looked at" in errors
    saved = json.loads(Path("plan.json").read_text())
    assert saved["devices"][0]["diff"] == shown
    assert CANARY not in Path("plan.json").read_text()
    code, output, _ = plaza("apply --yes plan.json")
    assert code == 0
    assert output.endswith("ap-08019-1: confirmed\n1 changed\n")
    assert plaza("apply --yes plan.json") == (
        0,
        "plan.json: nothing to do, 1 device as the plan wanted\n",
        "",
    )


def test_a_saved_plan_is_refused_once_the_device_or_the_file_is_another(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    plaza("diff ap-08019-1 --out plan.json")
    wireless = one_ap.root / "etc/config/wireless"
    wireless.write_text(wireless.read_text() + "\n")
    before = one_ap.configuration()
    code, _, errors = plaza("apply --yes plan.json")
    assert code == 2
    assert "runs another configuration than the one it was planned for" in errors
    plan = Path("plan.json")
    plan.write_text(plan.read_text().replace("Chihuahua Gratis", "Chihuahua de Paga"))
    code, _, errors = plaza("apply --yes plan.json")
    assert code == 2
    assert "was changed after it was written" in errors
    assert one_ap.configuration() == before


def test_a_device_goes_back_to_what_it_was_and_forth_again(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    code, _, errors = plaza("rollback --yes ap-08019-1")
    assert code == 2
    assert "nothing is kept of it yet" in errors
    plaza("apply --yes ap-08019-1")
    code, output, errors = plaza("rollback --yes ap-08019-1")
    assert code == 0
    assert output.endswith("ap-08019-1: confirmed\n1 changed\n")
    assert "-\toption ssid 'Chihuahua Gratis'" in output
    assert "+++ ap-08019-1/wireless (version 1)\n" in output
    assert "ap-08019-1: to version 1 of it" in errors
    assert "what the inventory wants now: plaza diff ap-08019-1" in errors
    assert one_ap.option("wireless.plaza_2g4_1.ssid") == ""
    assert one_ap.option("wireless.plaza_2g4_9.ssid") == "De antes"
    assert one_ap.option("wireless.radio1.htmode") == "HE80"
    assert one_ap.option("wireless.@wifi-iface[0].ssid") == "La red de la tecnica"
    assert one_ap.option("system.@system[0].hostname") == "OpenWrt"
    assert plaza("diff ap-08019-1")[0] == 3
    assert plaza("rollback --yes --to 2 ap-08019-1")[0] == 0
    assert one_ap.option("wireless.plaza_2g4_2.key") == CANARY
    assert plaza("diff ap-08019-1")[:2] == (0, "")
    code, output, _ = plaza("rollback --list ap-08019-1")
    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == ["version", "4", "3", "2", "1"]
    assert [line.split()[0] for line in output.splitlines() if "runs now" in line] == ["4", "2"]
    code, _, errors = plaza("rollback --yes --to 9 ap-08019-1")
    assert code == 2
    assert re.search(r"there is no version 9 of it; write one of [\d, ]+", errors)


def test_a_rollback_is_of_one_device(plaza: Plaza) -> None:
    code, _, errors = plaza("rollback --yes ap-08019-*")
    assert code == 2
    assert "is 2 devices; name one" in errors


@pytest.mark.parametrize("no_color", [False, True])
def test_a_diff_is_coloured_where_somebody_reads_it(plaza: Plaza, no_color: bool) -> None:
    plaza("adopt ap-08019-1")
    environment = {"PATH": "/usr/bin:/bin", "TERM": "xterm"} | ({"NO_COLOR": "1"} if no_color else {})
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "controller.cli.main", "diff", "ap-08019-1"]
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    subprocess.run(
        command, stdout=theirs, stderr=subprocess.DEVNULL, env=environment, check=False, timeout=WAIT_S
    )
    text = _drained(ours)
    assert (GREEN in text) is not no_color
    assert "option ssid 'Chihuahua Gratis'" in text


def _drained(descriptor: int) -> str:
    os.set_blocking(descriptor, False)
    pieces = []
    try:
        while piece := os.read(descriptor, 65536):
            pieces.append(piece)
    except BlockingIOError:
        pass
    return b"".join(pieces).decode()


def test_a_change_that_was_interrupted_is_said_to_be_on_trial_and_can_be_taken_back(
    plaza: Plaza, one_ap: Ap, monkeypatch: pytest.MonkeyPatch
) -> None:
    plaza("adopt ap-08019-1")
    before = one_ap.configuration()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(OpenWrt, "confirm", interrupt)
        code, _, errors = plaza("apply --yes --revert-after 300 ap-08019-1")
    assert code == 130
    assert "interrupted: a change on trial stays when" in errors
    assert one_ap.configuration() != before
    assert "ap-08019-1: a change of ours is on trial there" in plaza("diff ap-08019-1")[2]
    code, output, errors = plaza("rollback --yes ap-08019-1")
    assert code == 0
    assert output == "ap-08019-1: rolled back: its old configuration is back\n"
    assert errors == "what the inventory wants now: plaza diff ap-08019-1\n"
    assert one_ap.configuration() == before
    assert "on trial" not in plaza("diff ap-08019-1")[2]


def test_a_change_that_was_interrupted_is_finished_by_the_next_apply(
    plaza: Plaza, one_ap: Ap, monkeypatch: pytest.MonkeyPatch
) -> None:
    plaza("adopt ap-08019-1")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(OpenWrt, "confirm", interrupt)
        plaza("apply --yes --revert-after 300 ap-08019-1")
    code, output, _ = plaza("apply --yes ap-08019-1")
    assert (code, output) == (0, "ap-08019-1: confirmed\n0 changed\n")


def test_only_one_process_changes_devices(plaza: Plaza) -> None:
    with rollout.alone(Path("var")):
        for command in ("apply --yes ap-08019-1", "rollback --yes ap-08019-1"):
            code, _, errors = plaza(command)
            assert code == 2
            who = rf"process {os.getpid()} of \S+, since [-\d]+ [:\d]+ [-+]\d+, is changing devices"
            assert re.fullmatch(f"{who}; wait until it is done\n", errors)


def test_a_plan_file_that_is_not_there_is_no_selector(plaza: Plaza) -> None:
    code, _, errors = plaza("apply --yes nofile.json")
    assert code == 2
    assert "nofile.json: cannot be read" in errors


def test_nobody_at_the_keyboard_is_told_what_to_add(plaza: Plaza) -> None:
    plaza("adopt ap-08019-1")
    code, _, errors = plaza("apply --revert-after 15 ap-08019-1")
    assert code == 2
    assert errors.splitlines()[-1] == "Error: nobody is there to answer; add --yes"
    assert "[y/N]" not in errors
    assert "Usage" not in errors
    assert "what we cannot confirm goes back by itself after 15 s" in errors
    assert "15 s may be too short: a change here needs" in errors


def test_who_stops_at_the_question_is_told_that_nothing_was_changed(plaza: Plaza, one_ap: Ap) -> None:
    plaza("adopt ap-08019-1")
    before = one_ap.configuration()
    ours, theirs = pty.openpty()
    environment = {"PATH": "/usr/bin:/bin", "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [*CTRL_C_WORKS, sys.executable, "-m", "controller.cli.main", "apply", "ap-08019-1"]
    opened = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    with killed_at_the_end(opened) as asking:
        said = heard(asking.stderr, b"[y/N]")
        said += interrupted(asking)
    os.close(ours)
    os.close(theirs)
    assert asking.returncode == 130
    assert said.endswith(b"\nnothing was changed\n")
    assert one_ap.configuration() == before


def test_each_device_is_told_of_once_and_the_sum_is_true(plaza: Plaza) -> None:
    plaza("adopt ap-08019-1")
    code, output, errors = plaza("apply --yes all")
    assert code == 2
    assert [line for line in (output + errors).splitlines() if line.startswith("ap-08019-2:")] == [
        "ap-08019-2: no SSH host key is pinned; run `plaza adopt ap-08019-2`"
    ]
    assert output.endswith("ap-08019-1: confirmed\n1 changed, 1 not planned\n")
    assert "  sw-08019: Plaza only watches the platform generic\n" in errors
    code, output, errors = plaza("rollback --list sw-08019")
    assert "sw-08019: nothing is kept of it yet; Plaza only watches the platform generic\n" in errors


def test_what_is_announced_is_not_said_to_be_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for state in (State.ARMED, State.APPLIED, State.VERIFIED, State.CONFIRMED):
        told.report(Outcome("ap", state))
    told.report(Outcome("ap", State.VERIFIED, "not yet known: it does not answer"))
    assert capsys.readouterr().out.splitlines() == [
        "ap: arming",
        "ap: applying and verifying",
        "ap: confirming",
        "ap: confirmed",
        "ap: on trial: not yet known: it does not answer",
    ]
