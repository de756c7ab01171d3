"""Python programs that begin as forks of a process which has imported the libraries, and none of ours.

To import SQLAlchemy, pydantic and their like is half of what a short `plaza` command costs. A program that
begins here is a process as any other, with its own arguments, environment, folder and pipes, and imports all
of our modules itself.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
LIBRARIES: Final = (
    *("asyncio", "concurrent.futures", "html.parser", "http.client", "ipaddress", "multiprocessing.context"),
    *("sqlite3", "ssl", "tomllib", "urllib.request", "uuid", "zoneinfo"),
    *("click", "cryptography.hazmat.primitives.asymmetric.ed25519", "pydantic", "sqlalchemy", "yaml"),
    "sqlalchemy.dialects.sqlite",
)
"""What nearly every command imports; tests/controller/test_imports.py sees to what it must not."""

READS_AT_ITS_START: Final = ("PYTHON", "LC_", "LANG")
"""The interpreter looks at these before it runs anything: where one differs, it has to start anew."""
MOST_OF_A_CALL: Final = 1 << 17


def run(
    module: str, arguments: Sequence[str], environ: Mapping[str, str], folder: Path, timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """`python -m module arguments` to its end, as `subprocess.run` does it, with nothing to read.

    Raises subprocess.TimeoutExpired; then it was killed.
    """
    argv = [sys.executable, "-m", module, *arguments]
    if not can_fork(environ):
        return subprocess.run(
            argv, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout_s, check=False,
        )  # fmt: skip
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        ending, ended = os.pipe()
        call = json.dumps({"module": module, "argv": arguments, "env": dict(environ), "cwd": str(folder)})
        try:
            with open(os.devnull, "rb") as nothing:
                fds = [nothing.fileno(), output.fileno(), errors.fileno(), ended]
                socket.send_fds(_fire(os.getpid()).calls, [call.encode()], fds)
        finally:
            os.close(ended)
        with open(ending, "rb") as told:
            pid = int(told.readline())
            if not select.select([told], [], [], timeout_s)[0]:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(argv, timeout_s)
            code = int(told.readline())
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess(argv, code, *said)


def can_fork(environ: Mapping[str, str]) -> bool:
    """Whether an interpreter with this environment begins as the warm one did."""

    def looked_at(of: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in of.items() if name.startswith(READS_AT_ITS_START)}

    return looked_at(environ) == looked_at(_fire(os.getpid()).environ)


@dataclass(frozen=True, slots=True)
class Fire:
    """A warm process, the way to it and the environment it was started with."""

    calls: socket.socket
    environ: dict[str, str]
    process: "subprocess.Popen[bytes]"


@cache
def _fire(_whose: int) -> Fire:
    """The one of this process; it ends when nobody holds the way to it any more."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            cwd=ROOT, env=environ, stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    return Fire(ours, environ, process)


def _serve(calls: socket.socket) -> dict[str, Any]:
    """Fork for each call and tell who it is and how it ended; returns the call, in the fork only."""
    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([calls.fileno(), *running], [], [])[0]:
            if ready in running:
                pid, told = running.pop(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                _tell(told, code)
                os.close(told)
                os.close(ready)
                continue
            call, fds, _, _ = socket.recv_fds(calls, MOST_OF_A_CALL, 4)
            if not call:
                sys.exit()
            if not (pid := os.fork()):
                for number, fd in enumerate(fds[:3]):
                    os.dup2(fd, number)
                os.closerange(3, max(*fds, calls.detach(), *running) + 1)
                asked: dict[str, Any] = json.loads(call)
                return asked
            for fd in fds[:3]:
                os.close(fd)
            _tell(fds[3], pid)
            running[os.pidfd_open(pid)] = pid, fds[3]


def _tell(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever asked has gone
        os.write(pipe, f"{number}\n".encode())


def main() -> None:
    """Wait for calls on standard input, which is a socket."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()
    call = _serve(socket.socket(fileno=os.dup(0)))
    os.environ.clear()
    os.environ.update(call["env"])
    os.chdir(call["cwd"])
    sys.path[0] = call["cwd"]
    sys.argv = ["", *call["argv"]]
    runpy.run_module(call["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
