"""The poller without a store as a program: real SNMP, a real edge, and both killed at any moment."""

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from controller import settings
from controller.cli.run import run
from controller.demo import make_secrets
from controller.errors import ControllerError
from controller.inventory import load
from controller.remote_poller import _serve, build
from controller.remote_poller_centre import Address, Centre, CentreAway, Identity
from controller.remote_poller_courier import Courier
from controller.remote_poller_lease import Right
from controller.remote_poller_report import report
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.segments import Spool
from metrics.segments_file import Frame, good, opened
from metrics.sink import Window
from tests.controller.centre import INVENTORY, NAME, TOKEN
from tests.controller.test_imports import HEAVY, read
from tests.simulator.lab import Simulator
from tests.town import environment, free_port, wait_for

POLLERS = f'[[pollers]]\nname = "{NAME}"\ntoken = "ref+file:poller-token"\n'
POLLED = ("ap-kiosk", "ap-school")
CHANCE = random.Random(11)


class Machine:
    """One machine: its directory, and a `plaza` process in it that is killed and started again."""

    def __init__(self, directory: Path, snmp_port: int, **more: str) -> None:
        self.directory = directory
        directory.mkdir()
        inventory = directory / "inventory.yaml"
        inventory.write_text(INVENTORY % {"port": snmp_port})
        (directory / "plaza.toml").write_text(POLLERS)
        self.environ = environment(directory, inventory) | more
        self.secrets = directory / "var" / "secrets"
        self.secrets.mkdir(parents=True, mode=0o700)
        make_secrets(load(inventory), self.secrets)
        self.secret("poller-token", TOKEN)
        self.secret("snmp-community", "plaza")
        self.process: subprocess.Popen[bytes] | None = None

    def secret(self, name: str, text: str) -> None:
        (self.secrets / name).write_text(text)
        (self.secrets / name).chmod(0o600)

    def start(self, *arguments: str) -> None:
        with (self.directory / "log").open("ab") as log:
            argv = [sys.executable, "-m", "controller.cli.main", "run", *arguments]
            self.process = subprocess.Popen(argv, env=self.environ, cwd=self.directory, stderr=log)

    def end(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def log(self) -> str:
        return (self.directory / "log").read_text()


@pytest.fixture
def snmp(tmp_path: Path) -> Iterator[int]:
    """Two access points, at .11 and .12, that answer at this port."""
    simulator, port = Simulator(tmp_path, "ssh-ed25519 AAAA test"), free_port()
    for number, name in enumerate(POLLED, start=11):
        simulator.ap(name)["snmp"].update(host=f"127.73.1.{number}", port=port)
    simulator.start()
    yield port
    simulator.stop()


@pytest.fixture
def site(tmp_path: Path, snmp: int) -> Iterator[Machine]:
    made = Machine(tmp_path / "site", snmp, PLAZA_POLL_INTERVAL_S="5", PLAZA_TRAP_LISTEN="")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end()


@pytest.fixture
def centre(tmp_path: Path, snmp: int) -> Iterator[Machine]:
    made = Machine(tmp_path / "centre", snmp, PLAZA_EDGE_LISTEN=f"127.0.0.1:{free_port()}")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end()


def frames(site: Machine) -> list[Frame]:
    """All frames that were ever put: little enough that no segment was given back."""
    found: list[Frame] = []
    for path in sorted((site.directory / "var" / "spool").glob("*.segment")):
        with opened(path) as descriptor:
            found.extend(good(descriptor, path.stat().st_size))
    return found


def stored(centre: Machine) -> list[Sample]:
    """What is in the central store now."""
    now = int(time.time())
    with closing(LocalStore.open(centre.directory / "var" / "samples")) as store:
        names = store.counts(Window(now - 3600, now + 3600))
        return [one for name in names for one in store.read(name, Window(now - 3600, now + 3600))]


def place(sample: Sample) -> tuple[object, ...]:
    return sample.measurement, sample.time, *sorted(sample.tags.items())


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_every_slot_lands_once_though_poller_and_centre_are_killed(site: Machine, centre: Machine) -> None:
    url = f"http://{centre.environ['PLAZA_EDGE_LISTEN']}"
    for _ in range(2):
        before = len(frames(site))
        site.start("poller", "--forward-to", url)
        wait_for(lambda before=before: len(frames(site)) > before, f"a frame in {site.log()}")
        time.sleep(CHANCE.random() / 2)
        site.end()
    alone = {place(sample) for frame in frames(site) for sample in report(frame.payload).batch.samples}
    site.start("poller", "--forward-to", url, "--name", NAME)
    centre.start("edge")
    wait_for(lambda: answers(url), f"the edge: {centre.log()}")
    wait_for(
        lambda: alone <= {place(sample) for sample in stored(centre)}, "what was polled without a centre"
    )
    centre.end()
    before = len(frames(site))
    wait_for(lambda: len(frames(site)) > before, "polling goes on without a centre")
    centre.start("edge")
    site.end()
    site.start("poller", "--forward-to", url)
    latest = max(frame.number for frame in frames(site))
    wait_for(lambda: spool_cursor(site) >= latest, f"all of it at the centre: {site.log()}")
    all_is_there_once(site, centre, url)


def all_is_there_once(site: Machine, centre: Machine, url: str) -> None:
    """Ends the poller, brings what is still in its spool, and compares all that was ever put."""
    assert site.end(signal.SIGTERM) == 0, site.log()
    with closing(Spool(site.directory / "var" / "spool")) as spool:
        identity = Identity(NAME, spool.id, TOKEN.encode)
        courier = Courier(spool, Centre(Address.of(url, None), identity))
        while courier.step():
            continue
    compare(site, centre)
    assert not (site.directory / "var" / "plaza.db").exists()
    assert not (site.directory / "var" / "samples").exists()


def spool_cursor(site: Machine) -> int:
    cursor = site.directory / "var" / "spool" / "cursor"
    return int(cursor.read_text().split('"acked": ')[1].split(",")[0]) if cursor.exists() else 0


def compare(site: Machine, centre: Machine) -> None:
    put = frames(site)
    assert [frame.number for frame in put] == list(range(1, len(put) + 1))
    samples = [sample for frame in put for sample in report(frame.payload).batch.samples]
    expected = {place(sample): dict(sample.fields) for sample in samples}
    assert {sample.tags["ap"] for sample in samples} == set(POLLED)
    there = stored(centre)
    assert len(there) == len(expected)
    assert {place(sample) for sample in there} == expected.keys()
    with closing(LocalStore.open(centre.directory / "var" / "samples")) as store:
        journal = [
            (day, *row)
            for day in store.days()
            for volume in [store.day(day)]
            for row in volume.execute("SELECT writer, seq, points FROM journal")
        ]
    assert sum(points for _, _, _, points in journal) == len(samples)
    assert {seq for _, _, seq, _ in journal} == {f.number for f in put if report(f.payload).batch.samples}
    assert len({(day, writer, seq) for day, writer, seq, _ in journal}) == len(journal)
    with closing(sqlite3.connect(centre.directory / "var" / "plaza.db")) as store_db:
        rows = store_db.execute("SELECT device, state, reason FROM health ORDER BY device").fetchall()
    assert [row[:2] for row in rows] == [(name, "up") for name in POLLED], rows


@pytest.mark.soak
def test_every_slot_lands_once_over_a_hundred_kills(site: Machine, centre: Machine) -> None:
    url, chance = f"http://{centre.environ['PLAZA_EDGE_LISTEN']}", random.Random()
    centre.start("edge")
    for number in range(100):
        before = len(frames(site))
        site.start("poller", "--forward-to", url)
        wait_for(lambda before=before: len(frames(site)) > before, f"a frame in {site.log()}")
        time.sleep(chance.random())
        site.end()
        if number % 5 == 0:
            centre.end()
            centre.start("edge")
    site.start("poller", "--forward-to", url)
    latest = max(frame.number for frame in frames(site))
    wait_for(lambda: spool_cursor(site) >= latest, f"all of it at the centre: {site.log()}")
    all_is_there_once(site, centre, url)


def test_what_is_missing_is_said_in_one_line(site: Machine) -> None:
    def said(url: str, name: str = "") -> str:
        with pytest.raises(ControllerError) as refused:
            build(settings.load(site.environ, site.directory), url, name)
        assert "\n" not in str(refused.value)
        return str(refused.value)

    url = "http://127.0.0.1:9"
    assert '[[pollers]]: needs name = "other"' in said(url, "other")
    assert "write https://HOST[:PORT]" in said("ftp://x")
    site.secret("poller-token", "short")
    assert "poller sierra: its token is shorter than 32" in said(url)
    inventory = site.directory / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("through: sierra", "through: elsewhere"))
    assert "no device is behind the agent 'sierra'; write `reach:" in said(url)
    (site.directory / "plaza.toml").write_text("")
    assert "[[pollers]]: needs one entry, or say which with --name" in said(url)


@pytest.mark.parametrize("arguments", [["edge", "--forward-to", "http://x"], ["poller", "--name", "x"]])
def test_only_a_poller_forwards(arguments: list[str]) -> None:
    ran = CliRunner().invoke(run, arguments)
    assert ran.exit_code == 2
    assert "go with `plaza run poller`" in ran.output


def test_who_loses_the_lease_stops_polling_until_it_has_it_again(site: Machine) -> None:
    remote = build(settings.load(site.environ, site.directory), "http://127.0.0.1:9", "")

    def polls() -> bool:
        return any(task.get_coro().__name__ == "poll" for task in asyncio.all_tasks())  # type: ignore[union-attr]

    async def until(wanted: bool) -> None:
        while polls() != wanted:
            await asyncio.sleep(0.02)

    async def lose_and_find() -> None:
        serving = asyncio.create_task(_serve(remote, ()))
        for may in (True, False, True):
            remote.tenant.right = Right(may, 1)
            await asyncio.wait_for(until(may), 20)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert not polls()

    asyncio.run(lose_and_find())
    dead = threading.Thread(target=bool)
    dead.start()
    dead.join()
    with pytest.raises(ControllerError, match="broke down by a bug"):
        asyncio.run(_serve(remote, [dead]))
    remote.spool.close()


def test_an_edge_without_pollers_takes_nothing_from_any(centre: Machine) -> None:
    (centre.directory / "plaza.toml").write_text("")
    url = f"http://{centre.environ['PLAZA_EDGE_LISTEN']}"
    centre.start("edge")
    wait_for(lambda: answers(url), f"the edge: {centre.log()}")
    identity = Identity(NAME, "0" * 16, TOKEN.encode)
    with pytest.raises(CentreAway, match="takes nothing from pollers"):
        Centre(Address.of(url, None), identity).lease(0)


def test_a_poller_without_a_store_imports_no_database_and_no_pages() -> None:
    assert read("import controller.remote_poller", HEAVY) <= {"cryptography", "pydantic", "yaml"}
