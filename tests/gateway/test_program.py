"""The gateway as a process: what an operator and a phone meet."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from captive_portal.gateway import bundle
from captive_portal.gateway.__main__ import main
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.ticket import unseal
from tests.gateway.conftest import KEY, SITE, Clock, Portal, write_config
from tests.gateway.outpost import Controller, serving
from tests.gateway.town import wait_for

ROOT = Path(__file__).parents[2]
CALLER = "127.9.1.7"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Program:
    """A gateway with the ledger, on a free port."""

    directory: Path
    command: tuple[str, ...] = (sys.executable, "-m", "captive_portal.gateway")
    port: int = field(default_factory=free_port)
    portal: Portal = field(default_factory=Portal)
    edge_url: str = "http://127.0.0.1:9"

    def start(self) -> None:
        config = write_config(self.directory, listen=f"127.0.0.1:{self.port}", edge_url=self.edge_url)
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, str(config)], stdout=subprocess.PIPE, stderr=log, cwd=ROOT, text=True
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.log

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def ask(self, path: str, method: str = "GET", caller: str = CALLER) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(caller, 0))
        connection.request(method, path)
        answer = connection.getresponse()
        self.body = answer.read().decode()
        connection.close()
        return answer

    def arrival(self, caller: str = CALLER) -> str:
        location = self.ask("/generate_204", caller=caller).getheader("Location", "")
        return parse_qs(urlsplit(location).query)["a"][0]

    def grant(self, ticket: str, caller: str = CALLER) -> HTTPResponse:
        return self.ask(f"/grant?g={ticket}", caller=caller)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    made.start()
    yield made
    if made.process.poll() is None:
        made.stop(signal.SIGKILL)


@pytest.mark.parametrize(
    "path", ["/", "/generate_204", "/hotspot-detect.html", "/capport", "/x?y=%zz&" + "&".join("abcdefghijk")]
)
def test_everything_is_redirected_to_the_portal_and_never_answered(program: Program, path: str) -> None:
    answer = program.ask(path)
    assert answer.status == 302
    assert answer.getheader("Location", "").startswith(f"http://127.0.0.1:8080/p/{SITE}?a=")
    assert answer.getheader("Cache-Control") == "no-store"
    fields = unseal(KEY, "arrival", program.arrival())
    assert fields["site"] == SITE


def test_a_ticket_opens_the_door_once(program: Program) -> None:
    ticket = program.portal.ticket(program.arrival(), lang="en")
    answer = program.grant(ticket)
    assert (answer.status, answer.getheader("Location")) == (
        303,
        f"http://127.0.0.1:8080/p/{SITE}/online?lang=en",
    )
    assert program.grant(ticket).status == 403
    assert "You are online" in program.body
    program.ask("/leave", "POST")
    assert program.grant(ticket).status == 403
    assert 'lang="en"' in program.body
    assert '<a href="/">Start again</a>' in program.body


def test_another_phone_cannot_use_it_and_is_told_in_its_language(program: Program) -> None:
    ticket = program.portal.ticket(program.arrival())
    assert program.grant(ticket, caller="127.9.1.8").status == 403
    assert "no vale en este teléfono" in program.body
    assert program.grant("garbage").status == 403
    assert 'lang="es"' in program.body, "a stranger is told in both languages"
    assert 'lang="en"' in program.body


def test_looking_at_a_grant_is_not_using_it(program: Program) -> None:
    ticket = program.portal.ticket(program.arrival())
    for method in ("HEAD", "POST"):
        assert program.ask(f"/grant?g={ticket}", method).status == 405
    assert program.grant(ticket).status == 303


def test_a_link_does_not_log_anybody_out(program: Program) -> None:
    ticket = program.portal.ticket(program.arrival())
    program.grant(ticket)
    assert program.ask("/leave").status == 302
    program.grant(ticket)
    assert "Ya tienes Internet" in program.body


def test_replay_is_refused_after_kill_9(program: Program) -> None:
    ticket = program.portal.ticket(program.arrival())
    program.grant(ticket)
    program.stop(signal.SIGKILL)
    program.start()
    assert program.grant(ticket).status == 403
    assert "Ya tienes Internet" in program.body, "and the session goes on"


def test_what_happened_before_kill_9_and_without_a_controller_is_told_when_it_is_back(
    tmp_path: Path, program: Program
) -> None:
    controller, phone = Controller(tmp_path), Ledger(tmp_path / "none", Clock()).neighbour(CALLER)
    assert phone is not None
    session = controller.grant(phone)
    assert program.grant(program.portal.ticket(program.arrival(), session=session)).status == 303
    program.stop(signal.SIGKILL)
    with serving(controller) as port:
        program.edge_url = f"http://127.0.0.1:{port}"
        program.start()
        wait_for(lambda: controller.row(session)["acctstarttime"], "the opening in the store")
        program.ask("/leave", "POST")
        wait_for(lambda: controller.row(session)["acctstoptime"], "the end in the store")
        assert controller.row(session)["acctterminatecause"] == "User-Request"
        program.stop(signal.SIGKILL)


def test_a_ticket_of_another_boot_goes_back_to_the_portal_with_a_fresh_arrival(program: Program) -> None:
    stale = program.portal.ticket(program.arrival(), stamp="another-boot:5.000")
    answer = program.grant(stale)
    url = urlsplit(answer.getheader("Location", ""))
    assert (answer.status, url.path) == (303, f"/p/{SITE}/renew")
    query = parse_qs(url.query)
    assert query["g"] == [stale]
    assert program.grant(program.portal.ticket(query["a"][0])).status == 303


def test_the_ledger_says_that_nothing_is_filtered(program: Program) -> None:
    assert "no packet is filtered" in program.log


def test_no_address_mac_or_query_is_logged(program: Program) -> None:
    program.grant(program.portal.ticket(program.arrival()))
    program.ask("/leave?canary=1", "POST")
    program.grant("canary")
    assert "door opened" in program.log
    assert "door shut" in program.log
    for secret in (CALLER, "02:00:7f:09:01:07", "canary", "?"):
        assert secret not in program.log
    assert all(json.loads(line)["message"] for line in program.log.splitlines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(program: Program, number: signal.Signals) -> None:
    assert program.stop(number) == 0
    assert "Traceback" not in program.log


def test_a_taken_address_is_one_line_and_exit_2(program: Program) -> None:
    second = Program(program.directory, port=program.port)
    config = write_config(program.directory, listen=f"127.0.0.1:{second.port}")
    done = subprocess.run(
        [*second.command, str(config)], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == f"gateway: cannot listen on 127.0.0.1:{program.port}: Address already in use\n"
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("no.toml",)])
def test_a_wrong_call_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "captive_portal.gateway", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bundle") / "gateway.pyz"
    bundle.build(target)
    return target


def test_the_zipapp_needs_nothing_but_a_bare_python(zipapp: Path, tmp_path: Path) -> None:
    """Run far from the sources, by an interpreter without site-packages."""
    moved = tmp_path / "gateway.pyz"
    shutil.copy(zipapp, moved)
    bare = shutil.which("python3", path="/usr/bin:/bin") or os.path.realpath(sys.executable)
    program = Program(tmp_path, (bare, "-I", "-S", str(moved)))
    program.start()
    try:
        assert program.grant(program.portal.ticket(program.arrival())).status == 303
    finally:
        assert program.stop() == 0


def test_the_zipapp_holds_only_the_gateway_and_is_the_same_every_time(zipapp: Path, tmp_path: Path) -> None:
    names = zipfile.ZipFile(zipapp).namelist()
    assert {"/".join(name.split("/")[:2]) for name in names} == {
        "__main__.py",
        "captive_portal/__init__.py",
        "captive_portal/gateway",
    }
    again = tmp_path / "again.pyz"
    bundle.build(again)
    assert again.read_bytes() == zipapp.read_bytes()
    assert os.access(zipapp, os.X_OK)


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["statu"], 2), ([], 2)])
def test_what_is_no_command_and_no_configuration_is_told_which_there_are(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert "gateway CONFIG.toml | gateway status|devices" in (said.err if code else said.out)
