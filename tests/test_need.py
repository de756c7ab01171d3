"""What a machine lacks: a test skips and says what, in CI it fails."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LACKING = """\
import os
from tests import need

def test_a_program_that_is_not_here():
    need.program("no-such-program", "no-such-package")

def test_a_program_that_is_here():
    assert need.program("sh", "dash").endswith("/sh")

def test_root():
    need.root()

def test_a_child_that_fails():
    assert need.ran(["-c", "print(1)"], os.environ) == "1\\n"
    need.ran(["-c", "raise SystemExit('its reason')"], os.environ)
"""
SAYS = "needs no-such-program: apt-get install no-such-package"
ROOT_SAYS = "needs root: network namespaces and chroots cannot be made without it"


def outcome(directory: Path, test: str, before: Sequence[str] = (), **environ: str) -> tuple[int, str]:
    """The exit code and the output of pytest for one of the lacking tests, with these variables."""
    file = directory / "test_lacking.py"
    file.write_text(LACKING)
    at_home = {name: value for name, value in os.environ.items() if name != "CI"}
    argv = [sys.executable, "-m", "pytest", "-q", "-rsf", "-p", "no:cacheprovider", "-c", os.devnull]
    done = subprocess.run(
        [*before, *argv, "--rootdir", str(directory), f"{file}::{test}"],
        env=at_home | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environ,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def test_at_home_a_test_skips_and_says_which_package_it_missed(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, "test_a_program_that_is_not_here")
    assert (code, "1 skipped" in said, SAYS in said) == (0, True, True), said


def test_in_ci_a_missing_package_is_a_failure(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, "test_a_program_that_is_not_here", CI="true")
    assert (code, "1 failed" in said, SAYS in said) == (1, True, True), said


@pytest.mark.parametrize(("ci", "code", "word"), [("", 0, "1 skipped"), ("true", 1, "1 failed")])
def test_without_root_what_needs_it_skips_and_fails_in_ci(
    tmp_path: Path, ci: str, code: int, word: str
) -> None:
    # In a user namespace of its own a process is nobody, even one that root starts.
    before = ("unshare", "--user") if os.geteuid() == 0 else ()
    found, said = outcome(tmp_path, "test_root", before, CI=ci)
    assert (found, word in said, ROOT_SAYS in said) == (code, True, True), said


def test_with_all_it_needs_a_test_runs(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, "test_a_program_that_is_here", CI="true")
    assert (code, "1 passed" in said) == (0, True), said


def test_a_child_that_fails_fails_the_test_with_its_error(tmp_path: Path) -> None:
    code, said = outcome(tmp_path, "test_a_child_that_fails")
    assert (code, "its reason" in said) == (1, True), said
