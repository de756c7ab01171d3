"""What a test needs from the machine: skip with the reason, or fail in CI where it must be there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import pytest


def program(name: str, package: str) -> str:
    """The path of a program; otherwise skip, naming the Debian package that brings it (in CI: fail)."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    return found or missing(f"needs {name}: apt-get install {package}")


def root() -> None:
    """Skip unless we are root (in CI: fail)."""
    if os.geteuid() != 0:
        missing("needs root: network namespaces and chroots cannot be made without it")


def missing(why: str) -> NoReturn:
    """Skip with the reason; in CI a missing Debian package or root is a failure."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def ran(arguments: Sequence[str], environ: Mapping[str, str], inside: Sequence[str] = ()) -> str:
    """What this Python prints when run with `arguments`; fails with its standard error when it fails.

    `inside` is a command prefix, as `ip netns exec NAME`.
    """
    argv = [*inside, sys.executable, *arguments]
    done = subprocess.run(argv, env=dict(environ), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
