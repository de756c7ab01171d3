"""Real time-series servers on free ports, which can be killed."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from metrics.influx import InfluxSink
from tests import need


def free_port() -> int:
    """A TCP port of the loopback interface that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """Wait for a condition, not for a time."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, f"waited {within_s} s: {what}"
        time.sleep(0.02)


class Server:
    """One server program; `start`, `kill -9` and `start` again on the same data."""

    dialect = ""

    def __init__(self, command: Sequence[str], url: str, ready: str, log: Path) -> None:
        self.url = url
        self._command = command
        self._ready = url + ready
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, *options: str) -> None:
        """More of its command line, for the next start."""
        self._command = [*self._command, *options]

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        until(self._answers, f"{self._command[0]} does not answer, see {self._log}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self._ready, timeout=5):
                return True
        except OSError:
            return False

    def sink(self) -> InfluxSink:
        return InfluxSink(self.dialect, self.url, "", "", "plaza", self.dialect)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class VictoriaMetrics(Server):
    dialect = "victoriametrics"

    def __init__(self, directory: Path) -> None:
        program = need.program("victoria-metrics", "victoria-metrics")
        port = free_port()
        command = [
            program,
            f"-storageDataPath={directory / 'victoria'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=10y",
            "-memory.allowedBytes=256MB",
        ]
        super().__init__(command, f"http://127.0.0.1:{port}", "/health", directory / "victoria.log")


INFLUXD_CONF = """
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
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[continuous_queries]
  enabled = false
"""


class Influxd(Server):
    dialect = "v1"

    def __init__(self, directory: Path) -> None:
        program = need.program("influxd", "influxdb")
        port = free_port()
        conf = directory / "influxd.conf"
        conf.write_text(INFLUXD_CONF.format(rpc=free_port(), http=port, directory=directory / "influxd"))
        url = f"http://127.0.0.1:{port}"
        super().__init__([program, "-config", str(conf)], url, "/ping", directory / "influxd.log")

    def start(self) -> None:
        super().start()
        until(self._has_database, "influxd makes no database")

    def _has_database(self) -> bool:
        """It answers pings before it can do anything, and then an error with status 200."""
        query = urllib.parse.urlencode({"q": "CREATE DATABASE plaza; SHOW DATABASES"}).encode()
        with urllib.request.urlopen(self.url + "/query", data=query, timeout=60) as answer:
            said: bytes = answer.read()
        return b"error" not in said and b'"plaza"' in said
