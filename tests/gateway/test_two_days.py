"""Two days without the controller, with kills and power cuts, and one that dies while it hears of them."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine, select

from captive_portal.gateway.errors import ControllerAway
from captive_portal.tables import metadata, sessions
from controller.store.engine import open_engine
from tests.gateway import days
from tests.gateway.conftest import SITE, Clock
from tests.gateway.outpost import Outpost, edge_at
from tests.gateway.test_program import free_port

ROOT = Path(__file__).parents[2]
MINUTES: Final = 2 * 1440
KILLED_AT: Final = (97, 400, 401, 1200, 1999, 2500)
REBOOTED_AT: Final = (640, 1900)
DIES: Final = ("after 1", "before 2", "within 2", "within 1", "before 1", "after 6")

LOG: Final = (
    "CREATE TABLE heard (n INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, whose TEXT)",
    "CREATE TRIGGER began AFTER INSERT ON session BEGIN"
    " INSERT INTO heard (what, whose) VALUES ('began', NEW.acctuniqueid); END",
    "CREATE TRIGGER ended AFTER UPDATE ON session"
    " WHEN OLD.acctstoptime IS NULL AND NEW.acctstoptime IS NOT NULL BEGIN"
    " INSERT INTO heard (what, whose) VALUES ('ended', NEW.acctuniqueid); END",
    "CREATE TRIGGER opened_again AFTER UPDATE ON session"
    " WHEN OLD.acctstoptime IS NOT NULL AND NEW.acctstoptime IS NULL BEGIN"
    " INSERT INTO heard (what, whose) VALUES ('again', NEW.acctuniqueid); END",
    "CREATE TRIGGER beat BEFORE INSERT ON gateway_pulse BEGIN"
    " INSERT INTO heard (what, whose) VALUES ('pulse', NEW.seq); END",
)
"""So that the store itself notes what is written into it, also what a conflict would hide."""


@dataclass
class Life:
    """Where the boot and the minute are at which the gateway is."""

    directory: Path
    boot: int = 1
    minute: int = 0
    booted_at: int = 0

    @property
    def clock(self) -> Clock:
        return Clock(f"b007{self.boot:08d}", 20.0 + 60 * (self.minute - self.booted_at))

    def until(self, minute: int, killed: bool) -> None:
        """Go on to this minute; killed, it ends somewhere in the one after it."""
        clock = self.clock
        plan = {
            "boot": clock.boot, "seconds": clock.seconds, "first": self.minute, "port": 9,
            "last": MINUTES if killed else minute,
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.gateway.days", str(self.directory), json.dumps(plan)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as program:
            assert program.stdout is not None
            for _ in range(minute - self.minute):
                assert program.stdout.read(1) == b"."
            if killed:
                program.kill()
            rest = program.stdout.read()
        assert program.returncode == (-9 if killed else 0)
        # who comes in a minute that was cut has come: the next begins with the minute after
        self.minute = minute + len(rest) + killed

    def reboot(self) -> None:
        self.boot += 1
        self.booted_at = self.minute


def store_of(directory: Path) -> Engine:
    """A store that notes what is written into it."""
    engine = open_engine(f"sqlite:///{directory}/store.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        for statement in LOG:
            connection.exec_driver_sql(statement)
    return engine


@contextmanager
def edge(directory: Path, port: int, dies: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.gateway.outpost", str(directory), str(port), dies]
    with (directory / "edge.log").open("ab") as log:
        program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
    assert program.stdout is not None
    try:
        assert program.stdout.readline() == f"{port}\n".encode(), (directory / "edge.log").read_text()
        yield program
    finally:
        program.kill()
        program.wait(30)
        program.stdout.close()


@dataclass
class After:
    """What was lived through, told to a controller that died now and then."""

    engine: Engine
    truth: list[tuple[int, str]]
    box: str
    told: int
    calls_cut: int
    ended_at: int
    pulses: int

    def heard(self, what: str) -> list[str]:
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT whose FROM heard WHERE what = ? ORDER BY n", (what,))
            return [str(row[0]) for row in rows]


@pytest.fixture(scope="module")
def after() -> Iterator[After]:
    # in memory: a process that is killed leaves there what it leaves on a disk, and sooner
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory, lived(Path(directory)) as told:
        yield told


@contextmanager
def lived(directory: Path) -> Iterator[After]:
    """The two days, and what the controller has of them."""
    life = Life(directory)
    for minute in sorted([*KILLED_AT, *REBOOTED_AT]):
        if minute > life.minute:
            life.until(minute, killed=True)
        if minute in REBOOTED_AT:
            life.reboot()
    life.until(MINUTES, killed=False)
    life.minute += 90
    engine = store_of(directory)
    outpost, cut = Outpost(directory, edge_at(9), life.clock), 0
    outpost.keeper.reconcile()
    pulses = sum(event.kind == "pulse" for event in outpost.journal.pending(100_000))
    port = free_port()
    for dies in (*DIES, "never 0"):
        with edge(directory, port, dies) as program:
            outpost.speak_to(edge_at(port))
            try:
                outpost.sync.step()
            except ControllerAway:
                cut += 1
                assert program.wait(30) == -9
            outpost.start()
    assert outpost.journal.waiting == 0
    truth = [line.split(" ") for line in (directory / "truth").read_text().splitlines()]
    yield After(
        engine, [(int(minute), session) for minute, session in truth], outpost.journal.box,
        int(outpost.journal.fact("told")), cut, life.minute, pulses,
    )  # fmt: skip
    engine.dispose()


def test_the_two_days_were_as_they_should_be(after: After) -> None:
    came = [session for _, session in after.truth if session]
    assert len(came) > 2 * days.A_DAY * 0.98 - len(KILLED_AT) - len(REBOOTED_AT)
    assert sum(not session for _, session in after.truth) > 250, "the controller was away all the time"
    assert after.calls_cut == len(DIES)
    assert after.pulses > 2 * 24 * 12 * 0.8


def test_everybody_who_came_is_in_the_store_exactly_once_and_in_order(after: After) -> None:
    came, began = [session for _, session in after.truth if session], after.heard("began")
    assert set(came) <= set(began)
    assert max(Counter(began).values()) == 1
    assert [session for session in began if session in set(came)] == came, "in the order in which they came"
    assert len(began) - len(came) <= len(KILLED_AT) + len(REBOOTED_AT), "killed between the deed and its note"


def test_every_end_is_in_the_store_exactly_once_with_its_cause(after: After) -> None:
    ended = after.heard("ended")
    assert sorted(ended) == sorted(after.heard("began"))
    assert after.heard("again") == []
    with after.engine.connect() as connection:
        causes = Counter(connection.execute(select(sessions.c.acctterminatecause)).scalars())
    assert causes.keys() == {"User-Request", "Session-Timeout", "NAS-Reboot"}
    assert causes["User-Request"] > days.A_DAY / 2
    assert 0 < causes["NAS-Reboot"] <= 2 * 80, "who was in at a power cut and did not come back"


def test_every_pulse_is_in_the_store_exactly_once_and_in_order(after: After) -> None:
    pulses = [int(seq) for seq in after.heard("pulse")]
    assert len(pulses) == after.pulses
    assert pulses == sorted(set(pulses))


def test_the_store_has_every_number_of_the_box(after: After) -> None:
    with after.engine.connect() as connection:
        told = connection.exec_driver_sql("SELECT site, box, have FROM gateway_box").fetchall()
    assert [tuple(row) for row in told] == [(SITE, after.box, after.told)]
    counted = len(after.heard("began")) + len(after.heard("ended")) + len(after.heard("pulse"))
    assert counted == after.told


def test_when_somebody_came_two_days_ago_is_known_though_the_box_was_rebooted_since(after: After) -> None:
    came = {session: minute for minute, session in after.truth if session}
    with after.engine.connect() as connection:
        wanted = select(sessions.c.acctuniqueid, sessions.c.acctstarttime, sessions.c.acctstoptime)
        rows = {row[0]: row for row in connection.execute(wanted)}
    off = [
        rows[session].acctstarttime
        - rows[next(reversed(came))].acctstarttime
        - 60 * (minute - max(came.values()))
        for session, minute in came.items()
    ]
    assert max(map(abs, off)) < 900, "at most what a boot lived after its last note, twice"
    assert all(0 <= row.acctstoptime - row.acctstarttime <= 3600 + 900 for row in rows.values())
