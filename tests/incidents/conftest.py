"""A real controller over real stores, in which polls and probes leave what they would leave."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.app import App, build
from controller.health import State, Verdict
from controller.incidents import desk
from controller.incidents.desk import Hand, Incident
from controller.incidents.job import EVERY_S, Incidents
from controller.incidents.words import said
from controller.settings import Settings
from controller.store import health
from controller.store.tables import probes
from metrics.sample import Sample
from tests.postgres import Cluster

START = 1_795_724_000  # 2026-11-26 20:13:20 UTC, a Thursday at 14:13 in Guachochi
INVENTORY = """\
version: 1
credentials:
  v2: {kind: snmp-v2c, community: ref+file:community}
  gate: {kind: gateway, key: ref+file:gate}
defaults:
  platform: openwrt
  poll_profile: normal
  snmp: {credentials: v2}
  uplink: {kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}
  portal: {gateway_url: http://10.8.0.1:2060, gateway_credentials: gate}
  hours: {week: {mon-sun: 06:00-23:00}}
municipalities:
  08027: {name: Guachochi, seat: Guachochi, zone: America/Chihuahua}
  08019: {name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}
sites:
  08027-plaza:
    {municipality: 08027, name: Plaza, lat: 26.8, lon: -107.0, opened_on: 2026-01-15, probe: eth1.20}
  08027-clinic: {municipality: 08027, name: Clínica, lat: 26.8, lon: -107.0, opened_on: 2026-01-15}
  08027-school:
    {municipality: 08027, name: Escuela, lat: 26.8, lon: -107.0, opened_on: 2026-01-15,
     maintenance: {week: {sun: 02:00-05:00}}}
  08019-plaza: {municipality: 08019, name: Plaza de Armas, lat: 28.6, lon: -106.0, opened_on: 2026-01-15}
devices:
  gw: {site: 08027-plaza, role: gateway, address: 10.27.0.1}
  ups: {site: 08027-plaza, role: ups, address: 10.27.0.2, parent: gw}
  sw: {site: 08027-plaza, role: switch, address: 10.27.0.3, parent: gw, powered_by: {device: ups, port: "1"}}
  ap-1: {site: 08027-plaza, address: 10.27.0.11, parent: sw, powered_by: {device: sw, port: "3"}}
  ap-2: {site: 08027-plaza, address: 10.27.0.12, parent: sw, powered_by: {device: sw, port: "4"}}
  ap-3: {site: 08027-clinic, address: 10.27.1.11}
  ap-4: {site: 08027-school, address: 10.27.2.11}
  ap-5: {site: 08019-plaza, address: 10.19.0.11}
  ap-6: {site: 08019-plaza, address: 10.19.0.12}
"""
SILENT = "no answer from SNMP: off, unreachable, or the wrong community"


@dataclass
class Controller:
    """The worker's turn after each round of polls; `bad` are devices that do not answer, and why."""

    app: App
    now: int = START
    mono_s: float = 0.0
    bad: dict[str, str] = field(default_factory=dict)
    unasked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.job = self.worker()

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def worker(self) -> Incidents:
        """One more worker, as after a restart."""
        return Incidents(self.app, self.clock, lambda: self.mono_s)

    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.mono_s += seconds

    def poll(self) -> None:
        """Ask every device once."""
        rows = [
            (name, self._verdict(name), self.now)
            for name in self.app.inventory.devices
            if name not in self.unasked
        ]
        health.keep(self.app.engine, rows)

    def _verdict(self, name: str) -> Verdict:
        if name in self.bad:
            return Verdict(State.DOWN, False, None, self.bad[name])
        return Verdict(State.UP, True, None, "")

    def go(self, rounds: int) -> None:
        """Rounds of polls, each with a turn of the worker after it."""
        for _ in range(rounds):
            self.wait(EVERY_S)
            self.poll()
            self.job.turn()

    def fail(self, *names: str) -> None:
        self.bad |= dict.fromkeys(names, SILENT)

    def mend(self, *names: str) -> None:
        for name in names:
            del self.bad[name]

    def probed(self, *, works: bool | None, step: str = "dhcp", detail: str = "") -> None:
        """A citizen probe at the plaza."""
        values = {"works": works if works is None else int(works), "step": step, "detail": detail}
        with self.app.engine.begin() as connection:
            connection.execute(probes.delete())
            row = {"site": "08027-plaza", "took_ms": 5, "probed_at": self.now, **values}
            connection.execute(probes.insert().values(row))

    def sample(self, measurement: str, device: str, fields: Mapping[str, float], **tags: str) -> None:
        """What a poll measured."""
        known = self.app.inventory.devices[device]
        every = {"ap": device, "mun": known.municipality, "site": known.site, "vendor": "v", **tags}
        self.app.samples.write("poller", [Sample(measurement, every, dict(fields), self.now)])

    def incidents(self, *, also_closed: bool = False) -> list[Incident]:
        return desk.listed(self.app.engine, 0 if also_closed else None)

    def only(self) -> Incident:
        [found] = self.incidents()
        return found

    def why(self) -> str:
        """The evidence of the only incident."""
        return "\n".join(said(one) for one in self.only().finding.evidence)

    def hand(self, why: str = "because") -> Hand:
        return Hand("ana", why, self.clock(), b"k" * 32)


def controller_in(
    directory: Path, store_url: str = "", inventory: str = INVENTORY, **settings: int
) -> Controller:
    file = directory / "inventory.yaml"
    file.write_text(inventory)
    places = {"data_dir": directory, "inventory": file, "secrets_dir": directory, "store_url": store_url}
    return Controller(build(Settings.model_validate(places | settings)))


def ended(made: Controller) -> None:
    made.app.samples.close()
    made.app.engine.dispose()


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores in which every device has answered for long enough; made once for all tests."""
    directory = tmp_path_factory.mktemp("calm")
    made = controller_in(directory)
    made.go(12)
    ended(made)
    return directory


@pytest.fixture
def controller(calm: Path, tmp_path: Path) -> Iterator[Controller]:
    """One whose devices all answer."""
    shutil.copytree(calm, tmp_path, dirs_exist_ok=True)
    made = controller_in(tmp_path)
    made.wait(12 * EVERY_S)
    yield made
    ended(made)


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each_store(request: pytest.FixtureRequest, calm: Path, tmp_path: Path) -> Iterator[Controller]:
    """The same, on each engine."""
    url = ""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        url = cluster.new()
    else:
        shutil.copytree(calm, tmp_path, dirs_exist_ok=True)
    made = controller_in(tmp_path, url)
    if url:
        made.go(12)
    else:
        made.wait(12 * EVERY_S)
    yield made
    ended(made)
