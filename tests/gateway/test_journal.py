"""What a gateway remembers until the controller has it."""

import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from captive_portal.gateway.clock import Moment
from captive_portal.gateway.journal import Event, Journal, Live
from captive_portal.gateway.memory import Room
from tests import need
from tests.gateway import tears

ROOT = Path(__file__).parents[2]
LIVE = Live("session1", "b1", 10.0, 70.0, 5)
CLOSED = Event("closed", "session1", "b1", 40.0, 30, 200, 100, "User-Request")
PULSE = Event("pulse", "", "b1", 50.0, values={"inside": 1})
SMALL = Room(kept=50, held=50, at_once=10, retry_s=0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def fast() -> Iterator[Path]:
    """A file in memory, for what writes a thousand times."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        yield Path(directory) / "state.db"


def kinds(journal: Journal) -> list[str]:
    return [event.kind for event in journal.pending(1000)]


def alarms(journal: Journal) -> dict[str, object]:
    journal.confess(Moment("b1", 99.0))
    return {one.cause: one.values for one in journal.pending(1000) if one.kind == "alarm"}


def test_events_and_live_sessions_outlive_the_process(path: Path) -> None:
    first = Journal(path)
    first.opened(LIVE)
    second = Live("session2", "b1", 11.0, 71.0, 1, 2, True, "b" * 32, 3, 4, 5, 6, 7, "d" * 32)
    first.opened(second)
    first.closed(CLOSED)
    first.keep("policy", "text")
    after = Journal(path)
    assert after.pending(10) == first.pending(10)
    assert kinds(after) == ["opened", "opened", "closed"]
    assert after.live == {"session2": second}
    assert (after.fact("policy"), after.fact("none")) == ("text", "")
    assert (after.waiting, after.closing("session1"), after.closing("session2")) == (3, True, False)


def test_a_door_opened_by_hand_or_while_the_portal_was_away_says_so(path: Path) -> None:
    journal = Journal(path)
    for session in ("hand-1", "away-1", "1234"):
        journal.opened(Live(session, "b1", 10.0, 70.0, device="d" * 32))
    told = [(event.kind, event.seconds, event.device) for event in journal.pending(9)]
    assert told == [("admitted", 60, "d" * 32), ("continued", 60, "d" * 32), ("opened", None, "d" * 32)]


def test_what_the_controller_has_is_forgotten_but_not_who_is_in(path: Path) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    journal.have(journal.next(10)[-1].seq)
    after = Journal(path)
    assert (after.pending(10), after.waiting) == ([], 0)
    assert after.live == {"session1": LIVE}


def test_a_session_that_came_back_is_live(path: Path) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    journal.closed(CLOSED)
    again = Live("session1", "b1", 50.0, 70.0)
    journal.opened(again)
    journal.have(journal.next(1)[0].seq)
    assert Journal(path).live == {"session1": again}


def test_an_event_keeps_the_number_by_which_it_was_told_and_none_is_left_out(path: Path) -> None:
    journal = Journal(path)
    for _ in range(5):
        journal.note(PULSE)
    assert [event.seq for event in journal.next(2)] == [1, 2]
    assert [event.seq for event in journal.next(4)] == [1, 2, 3, 4]
    journal.have(3)
    assert [event.seq for event in journal.next(9)] == [4, 5]
    journal.have(5)
    assert journal.next(9) == []
    journal.note(CLOSED)
    assert [event.seq for event in journal.next(9)] == [6]


def test_the_first_call_of_a_process_tells_only_what_has_its_number(path: Path) -> None:
    first = Journal(path)
    first.opened(LIVE)
    first.next(9)
    first.note(PULSE)
    after = Journal(path)
    assert [event.kind for event in after.next(9)] == ["opened"]
    after.have(1)
    assert [(event.kind, event.seq) for event in after.next(9)] == [("pulse", 2)]


def test_events_that_a_full_disk_lost_after_they_were_told_cost_no_others(path: Path) -> None:
    """The controller has three, the disk knows of one: what happens now is the fourth, not the second."""
    before = Journal(path)
    before.opened(LIVE)
    before.next(9)
    after = Journal(path)
    after.closed(CLOSED)
    assert [event.seq for event in after.next(9)] == [1]
    after.have(3)
    assert [(event.kind, event.seq) for event in after.next(1)] == [("closed", 4)]
    assert alarms(after) == {"forgotten": {"forgotten": 0, "unknown": 2}}


def test_a_controller_that_forgot_is_an_alarm_once(path: Path) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    journal.closed(CLOSED)
    journal.next(9)
    journal.have(2)
    journal.have(0)
    assert alarms(journal) == {"forgotten": {"forgotten": 2, "unknown": 0}}
    journal.have(0)
    assert [event.seq for event in journal.next(9)] == [3]
    journal.have(3)
    assert alarms(journal) == {}


def test_a_pulse_alone_is_not_urgent(path: Path) -> None:
    journal = Journal(path)
    journal.note(PULSE)
    assert (journal.waiting, journal.urgent) == (1, False)
    journal.note(CLOSED)
    assert journal.urgent


def test_the_box_has_one_name_for_ever_and_each_box_another(path: Path) -> None:
    box = Journal(path).box
    assert len(bytes.fromhex(box)) == 16
    assert Journal(path).box == box
    assert Journal(path.with_name("other.db")).box != box


def test_ages_are_told_and_never_times(path: Path) -> None:
    journal = Journal(path)
    journal.closed(CLOSED)
    assert journal.age_s(CLOSED, Moment("b1", 100.0)) == 60


def test_an_age_counts_the_boots_between_as_far_as_they_are_known(path: Path) -> None:
    journal = Journal(path)
    journal.closed(CLOSED)
    journal.note(Event("pulse", "", "b1", 100.0))
    journal.note(Event("pulse", "", "b2", 30.0))
    after = Journal(path)
    assert after.age_s(CLOSED, Moment("b3", 25.0)) == 60 + 30 + 25
    assert after.age_s(Event("pulse", "", "b2", 30.0), Moment("b3", 25.0)) == 25
    assert after.age_s(Event("pulse", "", "b0", 30.0), Moment("b3", 25.0)) == 25, "before this boot"


def test_the_file_is_private_and_holds_no_phone(path: Path) -> None:
    Journal(path).opened(Live("s1", "b1", 1.0, 2.0, binding="b" * 32, device="d" * 32))
    files = list(path.parent.iterdir())
    assert path in files
    for file in files:
        assert file.stat().st_mode & 0o077 == 0, file.name
    with sqlite3.connect(path) as opened:
        ((told,),) = opened.execute("SELECT told FROM live").fetchall()
    assert told == f'{{"session": "s1", "boot": "b1", "at": 1.0, "until": 2.0, "binding": "{"b" * 32}"' + (
        f', "device": "{"d" * 32}"}}'
    )


def test_threads_may_use_it_at_once(fast: Path) -> None:
    journal = Journal(fast)
    start = threading.Barrier(4)

    def work(thread: int) -> None:
        start.wait()
        for number in range(50):
            session = f"{thread}-{number}"
            journal.opened(Live(session, "b1", 1.0, 9.0))
            journal.closed(Event("closed", session, "b1", 2.0))
            if not thread and (told := journal.next(20)):
                journal.have(told[-1].seq)
            assert session not in journal.live
            assert journal.waiting <= 400

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    while told := journal.next(100):
        journal.have(told[-1].seq)
    assert (journal.live, journal.fact("told")) == ({}, "400")
    assert alarms(journal) == {}


def test_two_thousand_doors_are_kept_in_one_step(path: Path) -> None:
    journal = Journal(path)
    lives = [Live(f"s{number}", "b1", 1.0, 9.0, binding="b" * 32) for number in range(2000)]
    journal.prolonged(*lives)
    assert len(Journal(path).live) == 2000


FULL: Final = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from captive_portal.gateway.journal import Event, Journal, Live
from pathlib import Path
def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak_kb()
journal = Journal(Path(sys.argv[1]))
def live(number):
    return Live(f"{number:032x}", "b1", 1.0, 9.0, 5, 5, True, "b" * 32, 1, 1, 1, 1, 1, "d" * 32)
journal.prolonged(*map(live, range(2000)))
for number in range(10_000):
    totals = 30, 200, 100
    journal.closed(Event("closed", f"e{number:031x}", "b1", 40.0, *totals, "User-Request", device="d" * 32))
again = Journal(Path(sys.argv[1]))
again.have(0)
while told := again.next(150):
    again.have(told[-1].seq)
print(again.waiting, len(again.live), peak_kb() - before)
"""


def test_two_thousand_sessions_and_ten_thousand_events_fit_into_a_small_box(fast: Path) -> None:
    """Twice, because it is opened again; by a bare interpreter, as at the site."""
    command = [sys.executable, "-I", "-S", "-c", FULL, str(fast), str(ROOT)]
    done = subprocess.run(command, check=True, timeout=300, capture_output=True, text=True)
    waiting, live, kb = map(int, done.stdout.split())
    assert (waiting, live) == (0, 2000)
    assert kb < 16_000


# --- cuts


def test_a_write_that_is_cut_at_any_octet_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """Each step that came back is there; the one that was cut is there or is not, and never half."""
    whole, states = Journal(tmp_path / "whole.db"), []
    states.append(tears.seen(whole))
    for step in tears.STEPS:
        step(whole)
        states.append(tears.seen(whole))
    size = sum(file.stat().st_size for file in tmp_path.glob("whole.db*"))
    command = [sys.executable, "-m", "tests.gateway.tears", str(tmp_path), "512", str(size), "2003"]
    done = subprocess.run(command, cwd=ROOT, check=True, timeout=300, capture_output=True, text=True)
    cuts = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert {status for _, status, _ in cuts} == {0, -signal.SIGXFSZ}
    assert len({begun for _, status, begun in cuts if status}) > 5, "cut in many of the steps"
    for octets, status, begun in cuts:
        place = tmp_path / str(octets)
        returned = max(0, begun - 1) if status else begun
        assert tears.seen(Journal(place / "state.db")) in states[returned : returned + 2], octets
        assert not list(place.glob("*.damaged")), octets


def test_an_end_of_the_file_that_a_power_cut_tore_costs_only_itself(path: Path, tmp_path: Path) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    size = Path(f"{path}-wal").stat().st_size
    journal.closed(CLOSED)
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in ("state.db", "state.db-wal"):
        shutil.copy(tmp_path / file, copy / file)
    with (copy / "state.db-wal").open("r+b") as wal:
        wal.seek(size + 100)
        wal.write(os.urandom(64))
    after = Journal(copy / "state.db")
    assert after.live == {"session1": LIVE}
    assert kinds(after) == ["opened"]


@pytest.mark.parametrize(
    "damage", ["garbage", "empty pages", "cut short", "a directory", "of another version"]
)
def test_a_damaged_file_is_set_aside_and_said_and_nobody_is_kept_offline(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = Journal(path)
    for number in range(300):
        before.note(Event("closed", f"session{number}", "b1", 40.0))
    before.close()
    if damage == "garbage":
        path.write_bytes(b"{" * 40_000)
    elif damage == "empty pages":
        content = path.read_bytes()
        path.write_bytes(content[:4096] + bytes(len(content) - 4096))
    elif damage == "cut short":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "a directory":
        path.unlink()
        path.mkdir()
    else:
        with sqlite3.connect(path) as opened:
            opened.execute("PRAGMA user_version = 99")
    journal = Journal(path, SMALL)
    journal.opened(LIVE)
    assert journal.live == {"session1": LIVE}
    assert "opened" in kinds(journal)
    if damage == "a directory":
        assert "state not written, held in memory" in caplog.text
        path.rmdir()
        journal.note(PULSE)
    else:
        assert "state damaged, set aside, begun anew" in caplog.text
        assert path.with_name("state.db.damaged").is_file()
        assert "damaged" in alarms(journal)
    assert journal.box != before.box, "numbers begin anew, so it is another box"
    assert Journal(path).live == {"session1": LIVE}


def test_a_file_damaged_under_our_hands_costs_no_session_and_its_events_are_counted(path: Path) -> None:
    journal = Journal(path, SMALL)
    journal.opened(LIVE)
    journal.prolonged(*[Live(f"s{number}", "b1", 1.0, 9.0, binding="b" * 32) for number in range(200)])
    box = journal.box
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    path.write_bytes(path.read_bytes()[:4096] + b"{" * (path.stat().st_size - 4096))
    Path(f"{path}-wal").write_bytes(b"")
    for number in range(300):
        journal.opened(Live(f"t{number}", "b1", 1.0, 9.0))
    assert len(Journal(path).live) == 501
    assert Journal(path).box == box
    (told,) = [values for cause, values in alarms(journal).items() if cause == "damaged"]
    assert isinstance(told, dict)
    assert told["lost"] >= 1


def test_an_event_that_cannot_be_read_costs_only_itself(path: Path) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    journal.closed(CLOSED)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE event SET told = '{\"kind\"' WHERE kind = 'opened'")
    other.close()
    assert kinds(journal) == ["closed"]
    assert alarms(journal) == {"damaged": {"unreadable": 1}}


# --- room


def test_the_oldest_pulses_go_first_when_there_is_no_more_room(path: Path) -> None:
    journal = Journal(path, SMALL)
    for number in range(30):
        journal.note(PULSE)
        journal.closed(Event("closed", f"s{number}", "b1", 40.0))
    assert kinds(journal).count("closed") == 30
    assert kinds(journal).count("pulse") == 20
    assert alarms(journal) == {"dropped": {"pulses": 10, "others": 0}}


def test_an_end_that_finds_no_room_is_counted_in_an_alarm(path: Path) -> None:
    journal = Journal(path, SMALL)
    for number in range(75):
        journal.closed(Event("closed", f"s{number}", "b1", 40.0))
    assert journal.pending(1)[0].session == "s30"
    assert alarms(journal) == {"dropped": {"pulses": 0, "others": 30}}
    assert journal.waiting <= 50


def test_what_was_told_already_is_never_dropped_for_want_of_room(path: Path) -> None:
    journal = Journal(path, SMALL)
    for number in range(5):
        journal.closed(Event("closed", f"s{number}", "b1", 40.0))
    assert len(journal.next(9)) == 5
    for number in range(100):
        journal.closed(Event("closed", f"t{number}", "b1", 40.0))
    assert [event.session for event in journal.next(5)] == ["s0", "s1", "s2", "s3", "s4"]
    assert [event.seq for event in journal.next(9)] == list(range(1, 10))


def test_the_file_grows_no_further_than_its_room_and_gives_it_back(fast: Path) -> None:
    journal = Journal(fast)
    journal.prolonged(*[Live(f"s{number}", "b1", 1.0, 9.0) for number in range(10)])
    with ThreadPoolExecutor(1) as other:  # as from the sync's thread
        for _ in range(3000):
            journal.note(PULSE)
        grown = fast.stat().st_size
        while told := other.submit(journal.next, 150).result():
            other.submit(journal.have, told[-1].seq).result()
    journal.close()
    assert fast.stat().st_size < grown / 3


def test_what_a_disk_does_not_take_has_its_bounds_in_memory_too(path: Path) -> None:
    path.mkdir()
    journal = Journal(path, SMALL)
    for number in range(40):
        journal.note(PULSE)
        journal.closed(Event("closed", f"s{number}", "b1", 40.0))
    assert kinds(journal).count("closed") == 40
    for number in range(50):
        journal.closed(Event("closed", f"t{number}", "b1", 40.0))
    assert journal.waiting <= 51
    assert alarms(journal) == {"dropped": {"pulses": 40, "others": 40}}


def test_a_disk_that_fails_is_not_tried_again_at_each_tap(path: Path) -> None:
    seconds = [100.0]
    path.mkdir()
    journal = Journal(path, Room(retry_s=5.0), lambda: seconds[0])
    path.rmdir()
    seconds[0] += 4.9
    journal.opened(LIVE)
    assert not path.exists()
    seconds[0] += 0.1
    journal.note(PULSE)
    assert Journal(path).live == {"session1": LIVE}


@dataclass
class Late:
    """A gateway whose file is of before, and could not be opened when it started."""

    path: Path

    def __post_init__(self) -> None:
        self.before = Journal(self.path)
        self.before.opened(LIVE)
        self.before.next(9)
        self.before.keep("policy", "of before")
        self.before.close()
        self.aside = self.path.with_name("aside")
        self.path.rename(self.aside)
        self.path.mkdir()
        self.journal = Journal(self.path, SMALL)
        self.journal.opened(Live("session2", "b1", 20.0, 70.0))

    def mend(self) -> None:
        self.path.rmdir()
        self.aside.rename(self.path)
        self.journal.closed(Event("closed", "session2", "b1", 40.0))


def test_a_file_that_can_be_opened_later_is_gone_on_with(path: Path) -> None:
    late = Late(path)
    late.mend()
    assert late.journal.box == late.before.box
    assert late.journal.fact("policy") == "of before"
    assert late.journal.live == {"session1": LIVE}
    after = Journal(path)
    assert [(event.kind, event.session) for event in after.pending(9)] == [
        ("opened", "session1"), ("opened", "session2"), ("closed", "session2"),
    ]  # fmt: skip
    assert late.journal.pending(9) == after.pending(9)
    assert [event.seq for event in late.journal.next(9)] == [1], "more was perhaps told before"


def test_a_file_that_can_be_opened_after_other_numbers_were_told_is_set_aside_and_counted(path: Path) -> None:
    late = Late(path)
    assert [event.seq for event in late.journal.next(9)] == [1]
    late.mend()
    assert late.journal.box != late.before.box
    assert [event.session for event in Journal(path).pending(9)] == ["session2", "session2"]
    assert alarms(late.journal) == {"damaged": {"damaged": 1, "lost": 1}}


@pytest.fixture
def tiny() -> Iterator[Path]:
    """A disk of 300 KB."""
    need.root()
    need.program("mount", "mount")
    place = Path("/run") / f"plaza-tiny-{secrets.token_hex(4)}"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


@pytest.mark.root
def test_a_full_disk_keeps_nobody_offline_and_what_it_did_not_take_is_written_later(
    tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path, room = tiny / "state.db", Room(retry_s=0.0)
    journal = Journal(path, room)
    journal.opened(LIVE)
    (tiny / "filler").write_bytes(b"")
    _fill(tiny / "filler")
    for number in range(200):
        journal.opened(Live(f"s{number}", "b1", 1.0, 9.0, binding="b" * 32))
        journal.closed(Event("closed", f"s{number}", "b1", 40.0))
    journal.opened(Live("stays", "b1", 1.0, 9.0))
    assert (journal.waiting, set(journal.live)) == (402, {"session1", "stays"})
    assert [event.seq for event in journal.next(150)] == list(range(1, 151)), "the controller hears of it"
    journal.have(150)
    assert journal.waiting == 252
    assert [record.message for record in caplog.records] == ["state not written, held in memory"]
    (tiny / "filler").unlink()
    journal.closed(CLOSED)
    after = Journal(path, room)
    assert (after.waiting, set(after.live)) == (253, {"stays"})
    assert after.pending(1)[0] == journal.pending(1)[0]
    assert after.next(150) == [], "until the controller was heard"
    after.have(150)
    assert [event.seq for event in after.next(2)] == [151, 152]


@pytest.mark.root
def test_a_gateway_that_starts_on_a_full_disk_knows_who_was_in(tiny: Path) -> None:
    path = tiny / "state.db"
    before = Journal(path)
    before.opened(LIVE)
    before.close()
    _fill(tiny / "filler")
    journal = Journal(path, Room(retry_s=0.0))
    assert journal.live == {"session1": LIVE}
    assert journal.box == before.box
    for number in range(200):
        journal.opened(Live(f"s{number}", "b1", 1.0, 9.0, binding="b" * 32))
    assert len(journal.live) == 201
    (tiny / "filler").unlink()
    journal.closed(CLOSED)
    journal.close()
    assert len(Journal(path).live) == 200


def _fill(path: Path) -> None:
    """Take all the room that is left."""
    with path.open("wb", buffering=0) as file:
        for octets in (4096, 512, 1):
            while True:
                try:
                    file.write(b"x" * octets)
                except OSError:
                    break
