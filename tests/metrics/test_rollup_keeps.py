"""Rollups of an older Plaza, of a killed worker and of two workers at once."""

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

from metrics.local.buckets import buckets
from metrics.local.database import APPLICATION
from metrics.local.figures import Figure
from metrics.local.levels import HOUR_S, LADDERS, Span
from metrics.local.rollup import roll_up, trim
from metrics.local.roster import Roster
from metrics.local.shelf import Layout
from metrics.local.store import LocalStore
from metrics.sink import Window
from tests.metrics import samples
from tests.postgres import Cluster

START: Final = 1_780_293_600  # midnight in Chihuahua
ALL: Final = Window(0, 2**33)

# As schema 1 had it, with some of its fields.
BEFORE: Final = """
CREATE TABLE ap_hour (hour INTEGER NOT NULL, ap TEXT NOT NULL, mun TEXT NOT NULL, site TEXT NOT NULL,
    vendor TEXT NOT NULL, expected INTEGER NOT NULL DEFAULT 0, got INTEGER NOT NULL DEFAULT 0,
    up_n INTEGER NOT NULL DEFAULT 0, up_sum REAL, up_max REAL,
    cpu_pct_n INTEGER NOT NULL DEFAULT 0, cpu_pct_sum REAL, cpu_pct_max REAL,
    rx_octets_n INTEGER NOT NULL DEFAULT 0, rx_octets_sum INTEGER,
    PRIMARY KEY (hour, ap, mun, site, vendor)) WITHOUT ROWID;
CREATE TABLE mun_hour (hour INTEGER NOT NULL, mun TEXT NOT NULL, expected INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, mun)) WITHOUT ROWID;
CREATE TABLE seen (origin TEXT NOT NULL, batch INTEGER NOT NULL, PRIMARY KEY (origin)) WITHOUT ROWID;
CREATE TABLE pending (hour INTEGER NOT NULL, PRIMARY KEY (hour)) WITHOUT ROWID;
"""


class Chihuahua:
    def zone_of(self, mun: str) -> str:
        return "America/Chihuahua"


def write_before(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.executescript(BEFORE)
        rows = [
            (START + HOUR_S * hour, ap, "08019", "plaza", "x", 60, 50, 50, 49, 1, 40, 333.25, 12.5, 49, 7000)
            for hour in range(24)
            for ap in ("a", "b")
        ]
        old.executemany(f"INSERT INTO ap_hour VALUES ({', '.join('?' * 15)})", rows)
        old.execute("INSERT INTO mun_hour VALUES (?, '08019', 120)", (START,))
        old.execute("INSERT INTO pending VALUES (?)", (START + 25 * HOUR_S,))
        old.execute("INSERT INTO seen VALUES ('token', 7)")
        old.execute(f"PRAGMA application_id = {APPLICATION}")
        old.execute("PRAGMA user_version = 1")
        old.commit()


def test_what_an_older_plaza_derived_is_taken_over_although_its_samples_are_gone(tmp_path: Path) -> None:
    write_before(tmp_path / "rollup.db")
    with closing(LocalStore.open(tmp_path)) as store:
        assert roll_up(store, START + 30 * HOUR_S, places=Chihuahua()) == 25
        hours = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"], {"ap": "a"})
        assert [b.start for b in hours] == [START + HOUR_S * hour for hour in range(24)]
        assert (hours[0].expected, hours[0].got) == (60, 50)
        assert hours[0].figures == {
            "up": Figure(50, 49, 1, None),
            "cpu_pct": Figure(40, 333.25, 12.5, None),
            "rx_octets": Figure(49, 7000),
        }
        (day,) = buckets(store, "wifi_ap", Span.DAY, ALL, ["mun"])
        assert (day.start, day.expected, day.got) == (START, 24 * 120, 24 * 100)
        assert day.figures["rx_octets"] == Figure(24 * 98, 24 * 14_000)
        assert day.figures["cpu_pct"] == Figure(24 * 80, 24 * 666.5, 12.5, None)
        tables = store.shelf.open("rollup", Layout(())).execute("SELECT name FROM sqlite_master")
        assert not {"ap_hour", "mun_hour", "pending"} & {name for (name,) in tables}


def test_a_new_sample_in_an_hour_of_an_older_plaza_does_not_replace_it(tmp_path: Path) -> None:
    write_before(tmp_path / "rollup.db")
    with closing(LocalStore.open(tmp_path)) as store:
        store.write("remote", [samples.ap(START + 60, "a", mun="08019")])
        roll_up(store, START + 30 * HOUR_S, places=Chihuahua())
        (day,) = buckets(store, "wifi_ap", Span.DAY, ALL, ["mun"])
        assert day.got >= 24 * 100


def filled(directory: Path) -> LocalStore:
    store = LocalStore.open(directory)
    for hour in range(6):
        times = range(START + HOUR_S * hour, START + HOUR_S * hour + 600, 60)
        several = [samples.ap(time, f"ap-{ap}", clients=time % 7) for time in times for ap in range(20)]
        store.write("poller", several)
    return store


def plain(store: LocalStore) -> list[tuple[object, ...]]:
    return [
        (b.tags, b.start, b.got, dict(b.figures))
        for by in (["ap"], ["site"])
        for b in buckets(store, "wifi_ap", Span.HOUR, ALL, by)
    ]


WORKER: Final = """
import sys
from pathlib import Path
from metrics.local.rollup import roll_up
from metrics.local.store import LocalStore
store = LocalStore.open(Path(sys.argv[1]))
sys.stdout.write("on\\n")
sys.stdout.flush()
roll_up(store, int(sys.argv[2]))
"""


def test_a_worker_that_is_killed_leaves_whole_hours_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "a")) as store:
        roll_up(store, START + 6 * HOUR_S)
        whole = plain(store)
    with closing(filled(tmp_path / "b")) as store:
        for _ in range(3):
            arguments = [sys.executable, "-c", WORKER, str(tmp_path / "b"), str(START + 6 * HOUR_S)]
            with subprocess.Popen(arguments, stdout=subprocess.PIPE) as worker:
                assert worker.stdout is not None
                worker.stdout.readline()
                before = len(plain(store))
                while len(plain(store)) == before and worker.poll() is None:
                    pass
                worker.send_signal(signal.SIGKILL)
            assert all(part in whole for part in plain(store)), "an hour is whole or not there"
        roll_up(store, START + 6 * HOUR_S)
        assert plain(store) == whole


def test_two_workers_at_once_derive_what_one_does(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "a")) as store:
        roll_up(store, START + 6 * HOUR_S)
        whole = plain(store)
    with closing(filled(tmp_path / "b")) as store:
        workers = [threading.Thread(target=roll_up, args=(store, START + 6 * HOUR_S)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert plain(store) == whole


def test_a_server_rolls_up_as_files_do(tmp_path: Path, postgres: Cluster) -> None:
    found = []
    for where in (tmp_path, postgres.new()):
        with closing(LocalStore.open(where)) as store:
            for name in LADDERS:
                store.write("poller", [samples.any_sample(name, START + 60 * n) for n in range(8)])
            roster = Roster({"wifi_ap": {("gone", "x", "x", "x"): 60}}, lambda *_: 60)
            for now in (START, START + 600, START + 40 * 86_400):
                roll_up(store, now, roster, Chihuahua())
            store.write("late", [samples.any_sample(name, START + 60) for name in LADDERS])
            roll_up(store, START + 40 * 86_400, roster, Chihuahua())
            trim(store, START + 40 * 86_400, 39)
            found.append(
                [
                    (name, span, b.tags, b.start, b.end, b.expected, b.got, dict(b.figures))
                    for name in LADDERS
                    for span in (Span.HOUR, Span.DAY, Span.MONTH)
                    for where in ({}, {"mun": "x"})
                    for b in buckets(store, name, span, ALL, LADDERS[name][0].by, where)
                ]
            )
    assert found[0] == found[1]
    assert {row[0] for row in found[0]} == LADDERS.keys()
