"""A small municipality on the loopback, run as a user runs it: an inventory and the `plaza` command."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from metrics.local.store import LocalStore
from metrics.sink import Window
from tests import warm

PATIENCE_S = 90
PLAZA = (sys.executable, "-m", "controller.cli.main")

INVENTORY = """\
version: 1
credentials:
  aps-snmp: {{kind: snmp-v2c, community: ref+file:snmp-community}}
  aps-ssh: {{kind: ssh, user: root, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
defaults:
  country: MX
  platform: openwrt
  profile: plaza
  snmp: {{port: {snmp_port}, credentials: aps-snmp}}
  ssh: {{port: {ssh_port}, credentials: aps-ssh}}
  portal: {{languages: [es, en], plan: free, duration: 1h, octets: 0, gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 00:00-24:00}}}}
profiles:
  plaza:
    poll_profile: normal
    ssids: [{{name: Chihuahua Gratis}}]
    radios: {{2g4: {{channel: 6, width_mhz: 20}}, 5g: {{channel: 36, width_mhz: 40, power_dbm: 23}}}}
    uplink: {{kind: satellite, provider: Satélite Sierra, down_mbps: 25, up_mbps: 5, cap_gb: 300}}
municipalities:
  08027: {{name: Guachochi, seat: Guachochi, zone: America/Chihuahua}}
sites:
  08027-plaza: {{municipality: 08027, name: Plaza principal de Guachochi, lat: 26.82, lon: -107.07,
    opened_on: 2026-01-15, portal: {{gateway_url: "http://127.0.0.1:{gateway_port}"}}}}
devices:
  ap-kiosk: {{site: 08027-plaza, address: {network}.11}}
  ap-school: {{site: 08027-plaza, address: {network}.12}}
"""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port nobody listens on now, of TCP unless it is said otherwise."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of `condition`; fails naming `what` it waited for."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


@dataclass
class Town:
    """One data directory, its inventory and the environment its commands run in.

    `inside` comes before every command: it enters a namespace, or gives root up. `program` is `plaza`.
    """

    directory: Path
    environ: dict[str, str]
    gateway_url: str
    supervisor: "subprocess.Popen[bytes] | None" = field(default=None)
    inside: tuple[str, ...] = ()
    program: tuple[str, ...] = PLAZA

    def plaza(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one `plaza` command to its end."""
        if self.inside or self.program != PLAZA:
            return self.ran(*self.program, *arguments)
        return warm.run(PLAZA[-1], arguments, self.environ, self.directory, timeout_s=300)

    def ran(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run any command to its end, where this town is."""
        return subprocess.run(
            [*self.inside, *argv],
            env=self.environ,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self) -> str:
        """Start everything and wait until it greets; returns what it printed."""
        log = self.directory / "demo.log"
        with log.open("wb") as file:
            self.supervisor = subprocess.Popen(
                [*self.inside, *self.program, "demo"],
                env=self.environ,
                cwd=self.directory,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return str(wait_for(self._greeting, f"the greeting in {log}"))

    def said(self) -> str:
        """What the running demonstration has printed so far."""
        return (self.directory / "demo.log").read_text()

    def _greeting(self) -> str:
        assert self.supervisor is not None
        text = self.said()
        assert self.supervisor.poll() is None, text
        return text if "Ctrl-C" in text else ""

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit status."""
        assert self.supervisor is not None
        self.supervisor.send_signal(signal.SIGINT)
        return self.supervisor.wait(60)

    def kill(self) -> None:
        """kill -9 of the supervisor; waits until none of its children is left."""
        assert self.supervisor is not None
        self.supervisor.kill()
        self.supervisor.wait()
        wait_for(lambda: not self.processes(), "the children's end")

    def processes(self) -> dict[int, str]:
        """The running processes of this town, by id: what they are."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (argv := self._argv(entry)):
                found[int(entry.name)] = argv
        return found

    def _argv(self, entry: Path) -> str:
        try:
            ours = f"PLAZA_DATA_DIR={self.environ['PLAZA_DATA_DIR']}".encode()
            if ours not in (entry / "environ").read_bytes().split(b"\0"):
                return ""
            return (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""

    def pids(self, words: str) -> list[int]:
        """The processes whose command line holds `words`, oldest first."""
        return sorted(pid for pid, argv in self.processes().items() if words in argv)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the relational store."""
        file = Path(self.environ["PLAZA_DATA_DIR"]) / "plaza.db"
        if not file.exists():
            return []
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def samples(self) -> Iterator[LocalStore]:
        """The embedded metrics store."""
        store = LocalStore.open(Path(self.environ["PLAZA_DATA_DIR"]) / "samples")
        try:
            yield store
        finally:
            store.close()

    def sample_counts(self, window: Window | None = None) -> dict[str, int]:
        """How many points the embedded store holds, per measurement that has any."""
        now = int(time.time())
        with self.samples() as store:
            counts = store.counts(window or Window(now - 86_400, now + 86_400))
        return {name: count for name, count in counts.items() if count}

    def polled(self) -> dict[str, dict[str, Any]]:
        """What `plaza poll --once --json` says, by name."""
        said = self.plaza("poll", "--once", "--json")
        assert said.returncode == 0, said.stderr
        return {row["name"]: row for row in json.loads(said.stdout)["access_points"]}


@contextmanager
def town(directory: Path, network: str) -> Iterator[Town]:
    """A town whose devices are at .11 and .12 of `network`; all it started is gone afterwards."""
    gateway_port = free_port()
    (directory / "inventory.yaml").write_text(
        INVENTORY.format(
            snmp_port=free_port(), ssh_port=free_port(), gateway_port=gateway_port, network=network
        )
    )
    environ = environment(directory, directory / "inventory.yaml") | {
        "PLAZA_POLL_INTERVAL_S": "5",
        "PLAZA_PORTAL_LISTEN": f"127.0.0.1:{free_port()}",
        "PLAZA_CONSOLE_LISTEN": f"127.0.0.1:{free_port()}",
        "PLAZA_EDGE_LISTEN": f"127.0.0.1:{free_port()}",
        "PLAZA_TRAP_LISTEN": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
    }
    with ended(Town(directory, environ, f"http://127.0.0.1:{gateway_port}")) as made:
        yield made


@contextmanager
def ended(made: Town) -> Iterator[Town]:
    """A town of which nothing runs afterwards."""
    try:
        yield made
    finally:
        if made.supervisor is not None and made.supervisor.poll() is None:
            made.kill()


def environment(directory: Path, inventory: Path) -> dict[str, str]:
    """Our environment with the data below `directory`, this inventory and every other setting as shipped."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PLAZA_")}
    return ours | {
        "PLAZA_DATA_DIR": str(directory / "var"),
        "PLAZA_INVENTORY": str(inventory),
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


class Form(HTMLParser):
    """The one form of a page: where it goes and what it carries."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the form, its hidden fields and its buttons."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = values.get("action", "")
        elif tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values.get("value", "")
        elif tag == "button" or (tag == "input" and values.get("type") == "submit"):
            self.buttons += 1


@dataclass
class Phone:
    """A phone with the simplest browser there is: no JavaScript, no cookies. `address` is on the loopback."""

    address: str
    url: str = ""
    page: str = ""

    def open(self, url: str, fields: Mapping[str, str] | None = None) -> None:
        """GET a page, or POST `fields` to it, following every redirect."""
        body = None if fields is None else urlencode(fields).encode()
        for _ in range(6):
            status, location, text = self._ask(url, body)
            if status not in (301, 302, 303, 307, 308):
                self.url, self.page = url, text
                return
            url, body = urljoin(url, location), None
        raise AssertionError(f"redirected without end, last to {url}")

    def tap(self) -> None:
        """Press the page's one button."""
        form = Form(self.page)
        assert form.buttons == 1, f"{form.buttons} buttons"
        self.open(urljoin(self.url, form.action or self.url), form.fields)

    def _ask(self, url: str, body: bytes | None) -> tuple[int, str, str]:
        parts = urlsplit(url)
        assert parts.hostname is not None
        connection = HTTPConnection(
            parts.hostname, parts.port or 80, timeout=30, source_address=(self.address, 0)
        )
        with closing(connection):
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request("POST" if body is not None else "GET", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", ""), answer.read().decode()


def fetch(url: str) -> str:
    """The body of a page; an HTTP error's too."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())
