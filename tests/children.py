"""Child processes of tests: what they say is waited for with a deadline, and none outlives its test."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from typing import IO, AnyStr

WAIT_S = 120.0
CTRL_C_WORKS = ("env", "--default-signal=INT")
"""Before a command: a child of what runs in the background ignores Ctrl-C from its beginning."""


@contextmanager
def killed_at_the_end(child: subprocess.Popen[AnyStr]) -> Iterator[subprocess.Popen[AnyStr]]:
    """For the length of a test."""
    try:
        yield child
    finally:
        child.kill()
        child.wait(WAIT_S)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


def heard(pipe: IO[bytes] | None, what: bytes, limit_s: float = WAIT_S) -> bytes:
    """All that is said until this was said; fails with it when the pipe ends before, or it takes too long."""
    assert pipe is not None
    said, until = b"", time.monotonic() + limit_s
    while what not in said:
        ready, _, _ = select.select([pipe], [], [], max(until - time.monotonic(), 0))
        assert ready, f"waited {limit_s} s in vain for {what!r}: {said!r}"
        piece = os.read(pipe.fileno(), 65536)
        assert piece, f"it ended and never said {what!r}: {said!r}"
        said += piece
    return said


def interrupted(child: subprocess.Popen[bytes]) -> bytes:
    """Ctrl-C until it ends, as one that comes right before it reads is seen only after the next.

    Returns what it still said as an error. It has to be begun with `CTRL_C_WORKS`.
    """
    for _ in range(12):
        child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=10)[1]
    raise AssertionError("it does not end at Ctrl-C")


def exit_code(process: BaseProcess, limit_s: float = WAIT_S) -> int | None:
    """Of a process that is to end by itself; None where it had to be killed."""
    process.join(limit_s)
    if process.is_alive():
        process.kill()
        process.join(limit_s)
        return None
    return process.exitcode
