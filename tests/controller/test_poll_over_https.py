"""A controller is asked over HTTPS by `plaza poll` and by the running poller; its access points are kept."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from controller.files import write_private
from tests.collectors import replay_https
from tests.collectors.dialogue import load
from tests.collectors.replay_https import NAME, SECRET, Server
from tests.town import INVENTORY, Town, town, wait_for

CREDENTIALS = """\
credentials:
  unifi: {kind: http, user: plaza, password: ref+file:unifi}
"""
DEVICES = """\
devices:
  wifi-capital: {{site: 08027-plaza, address: 127.0.0.1, platform: ubiquiti_unifi, poll: http,
    http: {{port: {port}, credentials: unifi, site: plaza, ca: {ca}, server_name: {name}}}}}
"""


@dataclass
class Square:
    """A town with one controller and nothing else."""

    town: Town
    controller: Server


@pytest.fixture
def square(tmp_path: Path) -> Iterator[Square]:
    secrets = tmp_path / "var" / "secrets"
    secrets.mkdir(parents=True)
    write_private(secrets / "unifi", SECRET)
    with town(tmp_path, "127.76.9") as made, replay_https.replayed(tmp_path, load("unifi_classic")) as server:
        text = INVENTORY.format(snmp_port=1, ssh_port=1, gateway_port=1, network="")
        above = text.partition("devices:\n")[0].replace("credentials:\n", CREDENTIALS, 1)
        ports = {"port": server.device.http.port, "ca": tmp_path / "ca.pem", "name": NAME}
        (tmp_path / "inventory.yaml").write_text(above + DEVICES.format(**ports))
        yield Square(made, server)


def test_the_command_line_says_that_it_asked_over_https_and_what_it_heard(square: Square) -> None:
    said = square.town.plaza("poll", "wifi-capital", "--once", "--json")
    assert said.returncode == 0, said.stderr
    (row,) = json.loads(said.stdout)["access_points"]
    assert (row["name"], row["way"], row["state"]) == ("wifi-capital", "http", "up")
    assert SECRET not in said.stdout + said.stderr


def test_the_running_poller_stores_the_controllers_access_points(square: Square) -> None:
    def stored() -> set[str]:
        with square.town.samples() as store:
            found = {sample.tags["ap"] for sample in store.latest("wifi_ap", 0)}
        return found & {"wifi-capital/Kiosko Norte"}

    poller = subprocess.Popen([*square.town.program, "run", "poller"], env=square.town.environ)
    try:
        wait_for(stored, "a sample of an access point of the controller")
    finally:
        poller.terminate()
        poller.wait(60)
    with square.town.samples() as store:
        up = {sample.tags["ap"]: sample.fields["up"] for sample in store.latest("wifi_ap", 0)}
    assert up["wifi-capital"] == 1
    assert up["wifi-capital/Kiosko Sur"] == 0


def test_the_table_says_the_way_too(square: Square) -> None:
    _, line, summary = square.town.plaza("poll", "all", "--once").stdout.splitlines()
    assert line.split()[:3] == ["wifi-capital", "http", "up"]
    assert summary == "1 up, 0 degraded, 0 down, 0 unknown"


def test_doctor_finds_the_login(square: Square) -> None:
    assert "[ok]   credential unifi: resolves\n" in square.town.plaza("doctor").stdout
