"""The worker reads each device once in its night, tries again who was silent, mends where asked to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller import app as building
from controller import applying, audit, drift, rollout, settings
from controller.access import Pinning
from controller.app import App
from controller.drift import REFUSED, Finding, State
from controller.journal import State as Step
from controller.planning import plan_one
from controller.store.tables import audit as audit_table
from controller.store.tables import config_versions
from controller.sweeper import Sweeper
from controller.worker import jobs
from tests.configure.desk import PATIENT
from tests.configure.device import Ap, Dropbear
from tests.configure.keyboard import Plaza
from tests.configure.relay import relayed

NIGHT = datetime(2026, 7, 8, 8, tzinfo=UTC)
"""Two o'clock in Chihuahua."""

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
THIRD = """\
  ap-08019-3:
    {{site: 08019-plaza, address: 127.0.0.1, snmp: {{port: 1169}}, ssh: {{port: {port}, credentials: other}}}}
"""
OTHER = "  other: {{kind: ssh, user: {user}, password: ref+file:other}}\n"


@dataclass
class Worker:
    """The worker's sweep, whose clock a test turns."""

    app: App
    now: datetime = NIGHT

    def __post_init__(self) -> None:
        self.sweeper = Sweeper(self.app, lambda: self.now)

    def at(self, minutes: float) -> dict[str, Finding]:
        """A turn so many minutes into the night; all that is known then."""
        self.now = NIGHT + timedelta(minutes=minutes)
        self.sweeper.turn()
        return self.known()

    def known(self) -> dict[str, Finding]:
        """The table."""
        return drift.findings(self.app.engine, self.app.inventory.devices.values())


@pytest.fixture
def other_port(one_ap: Ap) -> Iterator[int]:
    """The access point's, for somebody else."""
    with relayed(one_ap.port) as relay:
        yield relay.port


@pytest.fixture
def worker(plaza: Plaza, one_ap: Ap, other_port: int) -> Worker:
    """Of three access points: one that answers, one that does not, one that lets us not in."""
    file = Path("inventory.yaml")
    text = file.read_text().replace("profiles:\n", OTHER.format(user=one_ap.user) + "profiles:\n", 1)
    file.write_text(text + THIRD.format(port=other_port))
    Path("var/secrets/other").write_text("no-es-esta")
    Path("var/secrets/other").chmod(0o600)
    built = building.build(settings.load())
    pinning = Pinning(built.engine, audit.load_key(built.settings.data_dir), "tecnica")
    for name in built.inventory.devices:
        pinning.pin(name, one_ap.host_key(), NIGHT)
    return Worker(built)


@pytest.fixture
def settled(worker: Worker) -> Worker:
    """The first is as wished."""
    works = replace(rollout.works_of(worker.app), timers=PATIENT)
    planned = plan_one(works.inventory, works.access, works.inventory.devices["ap-08019-1"])
    (outcome,) = applying.run(works, "all", [planned], lambda outcome: None)
    assert outcome.state is Step.CONFIRMED
    return worker


def mending(worker: Worker) -> Worker:
    """One that has `drift_fix`."""
    return Worker(replace(worker.app, settings=worker.app.settings.model_copy(update={"drift_fix": True})))


def silent(found: Mapping[str, Finding]) -> set[str]:
    """Who could not be asked; on a busy machine also a login that took too long to be refused."""
    return {name for name, one in found.items() if one.state is State.UNKNOWN and one.fingerprint != REFUSED}


def read_again(before: Mapping[str, Finding], after: Mapping[str, Finding]) -> set[str]:
    """Whom the worker has read between the two."""
    return {name for name in after if after[name].checked_at != before[name].checked_at}


def test_each_is_read_once_and_who_did_not_answer_again(worker: Worker) -> None:
    assert worker.at(-1) == {}
    found = worker.at(170)
    assert set(found) == {"ap-08019-1", "ap-08019-2", "ap-08019-3"}
    assert worker.at(172) == found
    assert worker.at(500) == found
    # a login may be lost before it is taken or refused, so that one night proves nothing
    nights = [worker.at(day * 24 * 60 + 170) for day in range(1, 6)]
    seen = [{name: (one.state, one.fingerprint == REFUSED) for name, one in each.items()} for each in nights]
    silent_one, refused = (State.UNKNOWN, False), (State.UNKNOWN, True)
    wanted = {"ap-08019-1": (State.SAME, False), "ap-08019-2": silent_one, "ap-08019-3": refused}
    assert wanted in seen, [[one.detail for one in each.values()] for each in nights]


def test_who_did_not_answer_is_tried_again_in_the_same_night_and_who_refused_in_the_next(
    worker: Worker,
) -> None:
    first = worker.at(140)
    later = worker.at(165)
    assert read_again(first, later) == silent(first) >= {"ap-08019-2"}
    assert later["ap-08019-2"].since == first["ap-08019-2"].since
    tomorrow = worker.at(24 * 60 + 140)
    assert all(tomorrow[name].checked_at > later[name].checked_at for name in tomorrow)


def test_a_worker_that_starts_anew_knows_whom_it_has_read_tonight(worker: Worker) -> None:
    first = worker.at(140)
    other = Worker(worker.app)
    assert other.at(141) == first
    assert read_again(first, other.at(165)) == silent(first) >= {"ap-08019-2"}


def test_the_turn_of_each_is_its_own(worker: Worker) -> None:
    seen = {len(worker.at(minute)) for minute in range(0, 150, 5)}
    assert 1 in seen or 2 in seen


def test_the_inventory_of_now_is_what_counts(worker: Worker) -> None:
    worker.at(140)
    file = Path("inventory.yaml")
    file.write_text(file.read_text().replace("Chihuahua Gratis", "Chihuahua Libre"))
    found = worker.at(24 * 60 + 140)["ap-08019-1"]
    assert (found.state, found.owned > 0) == (State.SAME, True)
    file.write_text("version: 1\nsites: nonsense\n")
    assert worker.at(2 * 24 * 60 + 140)["ap-08019-1"] == found


def test_nothing_is_mended_unless_asked(settled: Worker, one_ap: Ap) -> None:
    settled.at(140)
    by_hand(one_ap, "wireless.plaza_2g4_1.ssid", "Otra")
    assert settled.at(24 * 60 + 140)["ap-08019-1"].state is State.OWNED
    assert one_ap.option("wireless.plaza_2g4_1.ssid") == "Otra"


def test_where_it_is_asked_for_what_is_ours_is_put_right_and_nothing_else(
    settled: Worker, one_ap: Ap
) -> None:
    mends = mending(settled)
    mends.at(140)
    by_hand(one_ap, "wireless.radio0.cell_density", "7")
    assert mends.at(24 * 60 + 140)["ap-08019-1"].state is State.FOREIGN
    by_hand(one_ap, "wireless.plaza_2g4_1.ssid", "Otra")
    found = mends.at(2 * 24 * 60 + 140)["ap-08019-1"]
    assert one_ap.option("wireless.plaza_2g4_1.ssid") == "Chihuahua Gratis"
    assert one_ap.option("wireless.radio0.cell_density") == "7"
    assert found.state is State.SAME
    with settled.app.engine.connect() as connection:
        actions = [row.action for row in connection.execute(select(audit_table).order_by(audit_table.c.seq))]
    assert actions[-3:] == ["rollout-started", "device-confirmed", "rollout-done"]


def test_what_the_inventory_asks_anew_is_not_applied_by_the_way(settled: Worker, one_ap: Ap) -> None:
    mends = mending(settled)
    mends.at(140)
    file = Path("inventory.yaml")
    file.write_text(file.read_text().replace("Chihuahua Gratis", "Chihuahua Libre"))
    by_hand(one_ap, "wireless.plaza_2g4_1.ssid", "Otra")
    assert mends.at(24 * 60 + 140)["ap-08019-1"].state is State.OWNED
    assert one_ap.option("wireless.plaza_2g4_1.ssid") == "Otra"


def test_while_another_process_changes_devices_nothing_is_mended(settled: Worker, one_ap: Ap) -> None:
    mends = mending(settled)
    by_hand(one_ap, "wireless.plaza_2g4_1.ssid", "Otra")
    with rollout.alone(mends.app.settings.data_dir):
        assert mends.at(140)["ap-08019-1"].state is State.OWNED
    assert one_ap.option("wireless.plaza_2g4_1.ssid") == "Otra"


@pytest.mark.parametrize(
    "where", ["INSERT INTO drift", pytest.param("INSERT INTO config_version", marks=pytest.mark.soak)]
)
def test_a_worker_killed_in_the_middle_finds_the_same_when_it_comes_again(
    settled: Worker, one_ap: Ap, where: str
) -> None:
    settled.at(140)
    by_hand(one_ap, "wireless.plaza_2g4_1.ssid", "Otra")
    before = settled.known()
    command = [sys.executable, "-m", "tests.drift.dying", where]
    died = subprocess.run(command, check=False, env=ENVIRONMENT, timeout=250)
    assert died.returncode == -signal.SIGKILL
    assert settled.known() == before
    assert settled.at(24 * 60 + 141)["ap-08019-1"].state is State.OWNED
    with settled.app.engine.connect() as connection:
        statement = select(config_versions.c.reason).where(config_versions.c.device == "ap-08019-1")
        reasons = connection.execute(statement.order_by(config_versions.c.number)).scalars().all()
    assert reasons == ["before", "after", "seen"]


def test_the_worker_has_it_in_its_table(worker: Worker) -> None:
    (job,) = [one for one in jobs(worker.app, lambda: NIGHT + timedelta(minutes=140)) if "sweep" in one.name]
    job.work()
    assert worker.known()["ap-08019-1"].state is State.SAME


def by_hand(ap: Ap, option: str, value: str) -> None:
    """A technician types it."""
    uci = "/sbin/uci" if isinstance(ap.server, Dropbear) else "uci"
    for command in (("set", f"{option}={value}"), ("commit", option.partition(".")[0])):
        assert ap.server.run(ap.root, uci, *command).returncode == 0
