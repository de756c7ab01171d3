"""`python -m bench.portal.serving FACTORY HOST:PORT [CERTIFICATE KEY]`: serves it as `plaza run` would.

Over TLS with a certificate and its key. For the bench it is started by `served`, on a core of its own.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.poll.child import ClientFailed
from bench.poll.machine import CLIENT_CORE, REPOSITORY, pinned
from bench.poll.meter import process_cpu_s

HOST: Final = "127.0.0.1"
PORTAL: Final = "controller.wsgi.portal:portal"
_START_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that listens at `port` of HOST; `pid` is the parent of its workers."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds, user's and the kernel's, of the parent and all of its children so far."""
        return sum(process_cpu_s(one) for one in (self.pid, *_children(self.pid)))


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(
    factory: str, port: int, log: Path, environ: Mapping[str, str], tls: Sequence[Path] = ()
) -> Iterator[Served]:
    """A server of this factory (MODULE:NAME) for as long; `tls` is its certificate and its key.

    Raises ClientFailed when it does not come up.
    """
    argv = [sys.executable, "-m", "bench.portal.serving", factory, f"{HOST}:{port}", *map(str, tls)]
    with running(pinned(CLIENT_CORE, argv), port, log, environ) as process:
        yield Served(port, process.pid)


@contextmanager
def running(
    argv: list[str], port: int, log: Path, environ: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens at this port, for as long. Raises ClientFailed when it does not."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            argv, cwd=REPOSITORY, env={**os.environ, **environ}, stdout=said, stderr=said
        )
    try:
        _wait(process, port, log)
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until_s = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < until_s:
        with suppress(OSError), socket.create_connection((HOST, port), 1) as probe:
            probe.sendall(b"GET / HTTP/1.0\r\n\r\n")
            if probe.recv(1):
                return
        time.sleep(0.05)
    words = " ".join(log.read_text().splitlines()[-2:]) or f"no answer within {_START_S:.0f} s"
    raise ClientFailed(f"{log.stem} did not come up: {words}")


def _children(pid: int) -> list[int]:
    """Those of every thread, from proc(5)."""
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def main(factory: str, listen: str, *tls: str) -> None:
    """Serve until SIGTERM."""
    from controller.serving import serve  # noqa: PLC0415  heavy, and not wanted by who only starts servers
    from controller.settings import endpoint  # noqa: PLC0415

    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    more: dict[str, Any] = dict(zip(("ssl_cert", "ssl_key"), map(Path, tls), strict=False))
    serve(factory, endpoint(listen), **more)


if __name__ == "__main__":
    main(*sys.argv[1:])
