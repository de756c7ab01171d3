"""A program that begins as a fork is what it would be had it begun anew."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from tests import warm

TELLING = """\
import json, os, sys, time
rooms = {"controller", "captive_portal", "drivers", "metrics", "simulator"}
ours = sorted(name for name in sys.modules if name.partition(".")[0] in rooms)
named = {"argv": sys.argv[1:], "env": os.environ.get("HERE"), "path": os.environ["PATH"], "cwd": os.getcwd()}
print(json.dumps(named | {"ours": ours, "name": __name__, "open": os.listdir("/proc/self/fd")}))
print("an error ñ", file=sys.stderr)
"""
ENDS = {
    "well": "",
    "with a code": "sys.exit(3)",
    "with a word": "sys.exit('a word')",
    "with an error": "raise LookupError",
    "at once": "os._exit(9)",
    "killed": "os.kill(os.getpid(), 15)",
}
Ran = Callable[..., "subprocess.CompletedProcess[str]"]


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(warm.ROOT), "HERE": "ñ"}


def ran_anew(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "program", *arguments]
    return subprocess.run(
        command, env=environ(), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def ran_warm(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return warm.run("program", arguments, environ(), folder, timeout_s=60)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_it_says_and_ends_as_one_that_began_anew_and_has_nothing_of_ours_yet(
    tmp_path: Path, end: str
) -> None:
    (tmp_path / "program.py").write_text(f"{TELLING}\n{end}\n")
    anew, forked = ran_anew(tmp_path, "a", "é"), ran_warm(tmp_path, "a", "é")
    assert (forked.returncode, forked.args) == (anew.returncode, anew.args)
    told = [json.loads(one.stdout or "{}") for one in (anew, forked)]
    assert told[0] == told[1]
    assert [one.stderr.splitlines()[:1] for one in (anew, forked)] == [anew.stderr.splitlines()[:1]] * 2
    assert [one.stderr.splitlines()[-1:] for one in (anew, forked)] == [anew.stderr.splitlines()[-1:]] * 2
    if end != ENDS["at once"]:
        assert told[1]["ours"] == []
        assert told[1]["argv"] == ["a", "é"]


def test_programs_run_at_the_same_time_and_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys; open(sys.argv[1], sys.argv[2]).read(1)")
    os.mkfifo(tmp_path / "pipe")
    waiting = Thread(target=ran_warm, args=(tmp_path, "pipe", "r"))
    waiting.start()
    assert ran_warm(tmp_path, "program.py", "r").returncode == 0
    assert waiting.is_alive()
    (tmp_path / "pipe").write_text("now")
    waiting.join(60)
    assert not waiting.is_alive()
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run("program", ("pipe", "r"), environ(), tmp_path, timeout_s=0.2)


def test_an_interpreter_that_would_begin_otherwise_is_no_fork() -> None:
    assert warm.can_fork(environ())
    assert not warm.can_fork(environ() | {"PYTHONUTF8": "1"})
    assert not warm.can_fork(environ() | {"PYTHONPATH": ""})
    assert not warm.can_fork(environ() | {"LC_ALL": "C"})
