"""Copies of images at a device: received in parts, served to its site for a while, removed."""

import hashlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.configurers import shell
from drivers.configurers.shell import Call
from drivers.firmware.parts import PROGRAM
from tests import need
from tests.configure.device import free_port, wait_until

IMAGE = os.urandom(50_000)
SHA256 = hashlib.sha256(IMAGE).hexdigest()
TOOLS = (
    *("sh", "cat", "wc", "tr", "cut", "sha256sum", "df", "awk", "mkdir", "rm", "rmdir", "ln", "mv"),
    *("kill", "sleep", "setsid", "grep", "tail", "ls"),
)

Act = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=["busybox httpd", "python3"])
def act(request: pytest.FixtureRequest, tmp_path: Path) -> Act:
    """Runs a function of the script where there is one of the web servers only."""
    need.program("busybox", "busybox")
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(os.path.realpath(shutil.which(name) or name))
    if request.param == "python3":
        # A link's own name is where Python looks for its library.
        (folder / "python3").write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} "$@"\n')
        (folder / "python3").chmod(0o755)
    if request.param == "busybox httpd":
        (folder / "busybox").symlink_to(shutil.which("busybox") or "busybox")

    def run(function: str, **values: str) -> subprocess.CompletedProcess[str]:
        known = {"FOLDER": "/images", "NAME": SHA256, "OCTETS": str(len(IMAGE))}
        script = shell.compose(PROGRAM.file, Call(function, {**known, **values}))
        script = script.replace('PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"', "")
        environment = {"PATH": str(folder), "PLAZA_ROOT": str(tmp_path)}
        return subprocess.run(
            [shutil.which("dash") or "/bin/sh", "-s"], input=script, env=environment, text=True,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip

    return run


def _got(url: str) -> bytes | int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            octets: bytes = answer.read()
            return octets
    except urllib.error.HTTPError as error:
        return error.code


def _gone(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError:
        return False
    except OSError:
        return True
    return False


@pytest.mark.soak
def test_a_copy_is_served_to_who_knows_its_path_and_only_for_a_while(act: Act, tmp_path: Path) -> None:
    act("received")
    (tmp_path / f"images/{SHA256}.part").write_bytes(IMAGE)
    said = act("serve", ADDRESS="127.0.0.1", PORT=str(free_port()), SECRET="geheim", SERVE_S="6")
    assert said.returncode == 0, said.stderr
    at = f"http://127.0.0.1:{said.stdout.strip().removeprefix('port=')}"
    assert _got(f"{at}/geheim/{SHA256}") == IMAGE
    assert {_got(f"{at}{path}") for path in ("/", "/geheim/", f"/{SHA256}", "/serve.py")} <= {403, 404}
    wait_until("it ends by itself", lambda: _gone(f"{at}/geheim/{SHA256}"))


@pytest.mark.soak
def test_a_port_that_is_taken_is_passed_over_and_the_end_leaves_nothing(act: Act, tmp_path: Path) -> None:
    act("received")
    (tmp_path / f"images/{SHA256}.part").write_bytes(IMAGE)
    port = free_port()
    holder = subprocess.Popen(["busybox", "httpd", "-f", "-p", f"127.0.0.1:{port}", "-h", str(tmp_path)])
    try:
        wait_until("the port is taken", lambda: not _gone(f"http://127.0.0.1:{port}/"))
        said = act("serve", ADDRESS="127.0.0.1", PORT=str(port), SECRET="geheim", SERVE_S="60")
        assert said.stdout == f"port={port + 1}\n"
        assert _got(f"http://127.0.0.1:{port + 1}/geheim/{SHA256}") == IMAGE
        assert act("clear").returncode == 0
        wait_until("its server is gone", lambda: _gone(f"http://127.0.0.1:{port + 1}/"))
        assert not (tmp_path / "images").exists()
    finally:
        holder.kill()
        holder.wait()


def test_a_folder_that_somebody_else_laid_out_is_not_used(act: Act, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "images").symlink_to(tmp_path / "elsewhere")
    assert act("received").returncode == 30
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_came_is_a_copy_only_when_it_is_whole_and_the_right_one(act: Act, tmp_path: Path) -> None:
    part = tmp_path / f"images/{SHA256}.part"
    assert act("received").stdout == "0\n"
    part.write_bytes(IMAGE[:100])
    assert act("received").stdout == "100\n"
    assert act("finish").returncode == 31
    part.write_bytes(bytes(len(IMAGE)))
    assert act("finish").returncode == 32
    assert act("received").stdout == "0\n"
    part.write_bytes(IMAGE + b"more")
    assert act("received").stdout == "0\n"  # two who sent at once: all of it again
    part.write_bytes(IMAGE)
    assert act("finish").returncode == 0
    assert act("received").stdout == f"{len(IMAGE)}\n"


def test_who_still_writes_for_a_broken_line_is_stopped_and_nobody_else(act: Act, tmp_path: Path) -> None:
    act("received")
    number = tmp_path / f"images/{SHA256}.pid"
    with (tmp_path / f"images/{SHA256}.part").open("ab") as part:
        old = subprocess.Popen(["sleep", "60"], stdout=part)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        for one in (stranger, old):
            number.write_text(f"{one.pid}\n")
            assert act("received").returncode == 0
            assert not number.exists()
        assert old.wait(timeout=10) != 0
        assert stranger.poll() is None
    finally:
        for one in (stranger, old):
            one.kill()
            one.wait()
