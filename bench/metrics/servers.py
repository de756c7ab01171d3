"""A real InfluxDB and a server that swallows, each of which can be killed."""

import http.server
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.poll.meter import process_cpu_s
from bench.poll.peer import Missing

DATABASE: Final = "plaza"
_STARTS_WITHIN_S: Final = 60.0
_CONF: Final = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[continuous_queries]
  enabled = false
"""


class Influxd:
    """InfluxDB 1.6 of Debian, on data that outlive it."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("influxd")
        if program is None:
            raise Missing("influxd: apt-get install influxdb")
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        conf = directory / "influxd.conf"
        conf.write_text(_CONF.format(rpc=free_port(), port=port, directory=directory))
        self.url = f"http://127.0.0.1:{port}"
        self._command = [program, "-config", str(conf)]
        self._log = directory / "influxd.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it has its database."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end_s = time.monotonic() + _STARTS_WITHIN_S
        while not self._ready():
            if time.monotonic() > end_s:
                raise Missing(f"influxd does not answer, see {self._log}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        query = urllib.parse.urlencode({"q": f"CREATE DATABASE {DATABASE}; SHOW DATABASES"}).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/query", data=query, timeout=5) as answer:  # noqa: S310
                said: bytes = answer.read()
        except OSError:
            return False
        return b"error" not in said and DATABASE.encode() in said

    def cpu_s(self) -> float:
        """What it has used since it was started."""
        assert self._process is not None  # noqa: S101  started before it is measured
        return process_cpu_s(self._process.pid)

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def free_port() -> int:
    """A TCP port of the loopback interface that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def swallowing() -> Iterator[str]:
    """The URL of a server that answers 204 to everything: what is measured is the client."""
    with _serving(_Swallow) as url:
        yield url


@contextmanager
def door(url: str) -> Iterator[str]:
    """InfluxDB 1.6 as one of version 2 to who writes: it has no /api/v2/write of its own.

    While the server is away it says 503, which clients are meant to try again.
    """

    class Door(_Handler):
        def do_POST(self) -> None:
            there = f"{url}/write?db={DATABASE}&precision=s"
            try:
                with urllib.request.urlopen(there, data=self.body(), timeout=10):  # noqa: S310  our own
                    self.say(204)
            except urllib.error.HTTPError as error:
                self.say(error.code)
            except OSError:
                self.say(503)

    with _serving(Door) as served:
        yield served


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence."""


class _Swallow(_Handler):
    def do_POST(self) -> None:
        self.body()
        self.say(204)


@contextmanager
def _serving(handler: type[_Handler]) -> Iterator[str]:
    """In a process of its own, so that its CPU is nobody's."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        os.write(writer, str(server.server_address[1]).encode())
        os.close(writer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        signal.pause()
        os._exit(0)
    os.close(writer)
    port = int(os.read(reader, 16))
    os.close(reader)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
