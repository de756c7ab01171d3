"""Events that wait for the controller."""

import json
from pathlib import Path

import pytest

from captive_portal.gateway.clock import Moment
from captive_portal.gateway.journal import Event, Journal, Live

CAPS = {"octets", "total", "longer"}
LIVE = Live("session1", "b1", 10.0, 70.0, 5)
CLOSED = Event("closed", "session1", "b1", 40.0, 30, 200, 100, "User-Request")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_events_and_live_sessions_outlive_the_process(path: Path) -> None:
    first = Journal(path)
    first.opened(LIVE)
    first.opened(Live("session2", "b1", 11.0, 71.0))
    first.closed(CLOSED)
    after = Journal(path)
    assert after.pending(10) == first.pending(10)
    assert [event.kind for event in after.pending(10)] == ["opened", "opened", "closed"]
    assert after.live == {"session2": Live("session2", "b1", 11.0, 71.0)}


def test_what_the_controller_has_is_forgotten_but_not_who_is_in(path: Path) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    journal.acknowledged([event.id for event in journal.pending(10)])
    after = Journal(path)
    assert after.pending(10) == []
    assert after.live == {"session1": LIVE}
    assert len(path.read_text().splitlines()) == 1, "the file does not grow for ever"


def test_a_session_that_came_back_is_live(path: Path) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    journal.closed(CLOSED)
    again = Live("session1", "b1", 50.0, 70.0)
    journal.opened(again)
    journal.acknowledged([journal.pending(1)[0].id])
    assert Journal(path).live == {"session1": again}


@pytest.mark.parametrize(
    "torn", ['{"event": {"kind"', '{"event": {"kind": "closed"}}', "[]", "null", "\x00\x00"]
)
def test_a_line_that_a_power_cut_tore_costs_only_itself(path: Path, torn: str) -> None:
    journal = Journal(path)
    journal.opened(LIVE)
    with path.open("a") as file:
        file.write(torn)
    assert Journal(path).live == {"session1": LIVE}


def test_a_line_after_a_torn_one_is_kept(path: Path) -> None:
    path.write_text('{"event": {"ki')
    journal = Journal(path)
    journal.opened(LIVE)
    assert Journal(path).live == {"session1": LIVE}


def test_the_same_event_has_the_same_name_and_another_has_another() -> None:
    assert CLOSED.id == Event("closed", "session1", "b1", 40.0).id
    others = [Event("usage", "session1", "b1", 40.0), Event("closed", "session1", "b2", 40.0)]
    assert len({CLOSED.id, *(other.id for other in others)}) == 3


def test_ages_are_told_and_never_times(path: Path) -> None:
    assert CLOSED.age_s(Moment("b1", 100.0)) == 60
    assert CLOSED.age_s(Moment("b2", 25.0)) == 25, "of an earlier boot: before this one"


def test_the_file_is_private_and_holds_no_phone(path: Path) -> None:
    Journal(path).opened(LIVE)
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text())["live"].keys() == {"session", "boot", "at", "until"} | CAPS
