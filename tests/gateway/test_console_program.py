"""What a technician types, at a program that runs and at real packets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from captive_portal.gateway.__main__ import main
from captive_portal.gateway.control import NAME
from tests.gateway.conftest import write_config
from tests.gateway.streets import PHONES
from tests.gateway.test_program import CALLER, ROOT, Program
from tests.gateway.town import Town, wait_for


def console(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "captive_portal.gateway", *words, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)


def test_the_program_that_runs_answers_on_its_terminal(tmp_path: Path) -> None:
    program = Program(tmp_path)
    config = write_config(tmp_path)
    assert console(config, "status").stderr.endswith("systemctl status plaza-gateway\n")
    program.start()
    try:
        assert program.grant(program.portal.ticket(program.arrival(), octets=250_000)).status == 303
        told = console(config, "devices").stdout.splitlines()
        assert told[0].split() == ["MAC", "ADDRESS", "LEFT", "DOWN", "UP", "CAP", "SESSION"]
        assert told[1].split()[:2] == ["02:00:7f:09:01:07", CALLER]
        assert "inside      1\n" in console(config, "status").stdout
        assert json.loads(console(config, "why", "02-00-7F-09-01-07", "--json").stdout)["inside"]
        assert "staff" not in console(config, "why", "02:00:7f:09:01:07").stdout
        assert console(config, "dismiss", "02:00:7F:09:01:07").stdout.endswith("the phone may tap again\n")
        assert console(config, "devices").stdout == "nobody is in\n"
        wrong = console(config, "dismiss", "02:00:7f:09:01:07")
        assert (wrong.returncode, wrong.stderr) == (2, "gateway: nobody of that name is in\n")
    finally:
        assert program.stop() == 0
    assert "02:00:7f" not in program.log.lower()


@pytest.mark.parametrize("words", [["why"], ["admit", "x", "--minutes", "many"], ["status", "more"]])
def test_a_wrong_command_says_how_it_is_written(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"usage: gateway {words[0]}" in capsys.readouterr().err


def test_a_console_without_the_right_to_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--config", str(tmp_path / "none.toml")]) == 2
    assert capsys.readouterr().err == f"gateway: {tmp_path}/none.toml: No such file or directory\n"


@pytest.mark.root
def test_a_real_phone_is_let_in_and_out_by_hand_and_is_in_the_controllers_books(square: Town) -> None:
    mac = PHONES["phone1"]

    def typed(*words: str) -> str:
        return console(square.directory / "gateway.toml", *words).stdout

    assert square.curl("phone1", "http://connectivitycheck.gstatic.com/generate_204").status == 302
    assert "Its door is shut" in typed("why", mac)
    assert typed("admit", mac, "--minutes", "30").startswith("in for 30 min; session hand-")
    assert square.online("phone1")
    assert not square.online("phone2")
    (row,) = wait_for(square.rows, "the session in the controller's books")
    assert (row["plan"], row["expires_at"] - row["granted_at"], row["acctstoptime"]) == (
        "by-hand",
        1800,
        None,
    )
    assert "no rate limit; session hand-" in typed("why", mac)
    assert mac in typed("devices")
    square.dismiss(row["acctuniqueid"])
    wait_for(lambda: not square.online("phone1"), "the door to shut, as the controller asked")
    wait_for(lambda: square.rows()[0]["acctterminatecause"] == "Admin-Reset", "the end in the books")
    assert "staff dismissed it" in typed("why", mac)
    kept = [path for path in (square.directory / "state").rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in [*kept, square.directory / "gateway.log"])
    assert b"admitted by hand" in written
    assert mac.encode() not in written


def test_without_a_socket_phones_are_answered_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "state" / NAME).mkdir(parents=True)
    program = Program(tmp_path)
    program.start()
    try:
        assert program.ask("/generate_204").status == 302
        assert '"no console"' in program.log
    finally:
        assert program.stop() == 0
