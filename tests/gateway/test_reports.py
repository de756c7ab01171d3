"""What boxes report, in the books of both stores: in order, each once, whichever box stands there."""

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from captive_portal import accounting
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateway_tables import gateway_alarms, gateway_boxes, gateway_pulses
from captive_portal.model import Arrival, BoxEvent, GatewayEvent, Grant, Report, Usage
from captive_portal.sessions import StoredSessions
from captive_portal.tables import sessions
from tests.portal.places import site_of

SITE = "08019-plaza"
FIRST, SECOND = "b1" * 16, "b2" * 16
DEVICE = pseudonym(b"k" * 32, "device", "02:00:5e:10:00:01")


@dataclass
class Books:
    """A controller's store, told by boxes."""

    engine: Engine
    now: datetime = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    told: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sessions = StoredSessions(self.engine)

    def grant(self, device: str = DEVICE) -> str:
        there = site_of(SITE)
        granted = self.sessions.open(
            there, Arrival(SITE, device, "b" * 32, "boot:1", "n"), there.plan, self.now
        )
        assert isinstance(granted, Grant)
        return granted.session

    def tell(self, box: str, *events: GatewayEvent, usage: tuple[Usage, ...] = (), first: int = 0) -> int:
        """A call with these events, numbered on from the last of this box, or from `first`."""
        first = first or self.told.get(box, 0) + 1
        numbered = tuple(BoxEvent(n, event) for n, event in enumerate(events, first))
        self.told[box] = self.sessions.take(SITE, Report(box, numbered, usage), self.now)
        return self.told[box]

    def row(self, session: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            wanted = select(sessions).where(sessions.c.acctuniqueid == session)
            return dict(connection.execute(wanted).mappings().one())

    def ended(self, session: str) -> tuple[int | None, str | None]:
        row = self.row(session)
        return row["acctstoptime"], row["acctterminatecause"]

    def boxes(self) -> dict[str, Any]:
        with self.engine.connect() as connection:
            return {row.box: row for row in connection.execute(select(gateway_boxes))}


@pytest.fixture
def books(store: Engine) -> Books:
    return Books(store)


def event(kind: str, session: str = "", age_s: int = 0, **more: Any) -> GatewayEvent:
    return GatewayEvent("", kind, session, age_s, **more)


def test_an_event_that_we_have_is_not_applied_again(books: Books) -> None:
    session = books.grant()
    assert books.tell(FIRST, event("opened", session), event("closed", session, cause="User-Request")) == 2
    before = books.row(session)
    again = event("opened", session), event("closed", session, cause="Admin-Reset"), event("opened", session)
    assert books.tell(FIRST, *again[:2], first=1) == 2
    assert books.row(session) == before
    assert books.tell(FIRST, *again, first=1) == 3, "only the third is new"
    assert books.row(session)["acctstoptime"] is None


def test_what_comes_beyond_a_gap_is_not_applied(books: Books) -> None:
    session = books.grant()
    assert books.tell(FIRST, event("opened", session)) == 1
    assert books.tell(FIRST, event("closed", session, cause="User-Request"), first=3) == 1
    assert books.ended(session) == (None, None)
    report = Report(FIRST, (BoxEvent(2, event("pulse")), BoxEvent(4, event("closed", session))))
    assert books.sessions.take(SITE, report, books.now) == 2
    assert books.ended(session) == (None, None)


def test_a_gap_that_nobody_can_fill_is_logged_once_and_passed(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    """Our store was put back from a backup: the box has nothing older any more."""
    session = books.grant()
    assert books.tell(FIRST, event("opened", session)) == 1
    late = event("closed", session, cause="User-Request")
    assert books.tell(FIRST, late, first=301) == 1
    with caplog.at_level(logging.ERROR):
        assert books.tell(FIRST, late, first=301) == 301
    assert [record.message for record in caplog.records].count(
        "events of a gateway are lost: our store is older than what it was told"
    ) == 1
    assert books.ended(session)[1] == "User-Request"


def test_two_boxes_count_each_for_itself(books: Books) -> None:
    session, other = books.grant(), books.grant("e" * 32)
    books.tell(FIRST, event("opened", session))
    assert books.tell(SECOND, event("opened", other), first=1) == 1
    assert books.row(other)["acctstarttime"] is not None


def test_events_and_usage_are_kept_all_or_none(books: Books) -> None:
    session = books.grant()
    with pytest.raises(Exception, match=r"(?i)out of range|too large"):
        books.tell(FIRST, event("opened", session), usage=(Usage(session, 2**70, 0, 0),))
    assert books.row(session)["acctstarttime"] is None
    assert books.boxes() == {}


def test_usage_of_another_sites_session_changes_nothing(books: Books) -> None:
    there = site_of("08037-plaza")
    granted = books.sessions.open(
        there, Arrival(there.key, DEVICE, "b" * 32, "boot:1", "n"), there.plan, books.now
    )
    assert isinstance(granted, Grant)
    books.tell(FIRST, usage=(Usage(granted.session, 60, 7, 5),))
    assert books.row(granted.session)["acctsessiontime"] is None


def test_a_new_box_ends_what_only_the_former_one_spoke_of_when_that_was_last_heard(books: Books) -> None:
    gone, kept, used = books.grant(), books.grant("e" * 32), books.grant("f" * 32)
    books.tell(FIRST, *(event("opened", session) for session in (gone, kept, used)))
    last_heard = int(books.now.timestamp())
    books.now += timedelta(minutes=5)
    books.tell(SECOND, event("opened", kept), usage=(Usage(used, 60, 7, 5),))
    assert books.ended(gone) == (last_heard, accounting.REPLACED)
    assert books.ended(kept) == books.ended(used) == (None, None)
    assert books.boxes()[FIRST].replaced_at == int(books.now.timestamp())
    assert books.boxes()[SECOND].replaced_at is None


def test_a_new_box_ends_nothing_before_it_has_told_all_that_it_has(books: Books) -> None:
    gone, kept = books.grant(), books.grant("e" * 32)
    books.tell(FIRST, event("opened", gone), event("opened", kept))
    books.tell(SECOND, *(event("pulse") for _ in range(150)))
    assert books.ended(gone) == (None, None), "a full call: more may follow"
    books.tell(SECOND, event("opened", kept))
    assert books.ended(gone)[1] == accounting.REPLACED
    assert books.ended(kept) == (None, None)


def test_a_grant_that_no_box_spoke_of_yet_outlives_the_replacing(books: Books) -> None:
    books.tell(FIRST)
    under_way = books.grant()
    books.tell(SECOND)
    assert books.ended(under_way) == (None, None)


def test_the_former_box_is_answered_and_knows_better(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    left, lasts, back = books.grant(), books.grant("e" * 32), books.grant("f" * 32)
    books.tell(FIRST, *(event("opened", session) for session in (left, lasts, back)))
    books.now += timedelta(minutes=5)
    books.tell(SECOND)
    assert {books.ended(one)[1] for one in (left, lasts, back)} == {accounting.REPLACED}
    books.now += timedelta(minutes=1)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            books.tell(FIRST, usage=(Usage(lasts, 300, 9, 1),))
    said = [record.message for record in caplog.records]
    assert said.count("a gateway that was replaced calls again") == 1
    books.tell(FIRST, event("closed", left, 60, cause="User-Request", seconds=240))
    assert books.ended(left) == (int(books.now.timestamp()) - 60, "User-Request")
    assert books.ended(lasts) == (None, None)
    books.tell(SECOND, event("opened", back))
    assert books.ended(back) == (None, None)
    assert books.boxes()[FIRST].replaced_at is not None, "it stays replaced"


def test_whoever_was_let_in_while_the_portal_was_away_is_in_the_books(books: Books) -> None:
    name, began = "away-Zm9vYmFyYmF6cXV4", int(books.now.timestamp()) - 600
    books.tell(FIRST, event("continued", name, 600, seconds=3600, device=DEVICE))
    row = books.row(name)
    assert (row["plan"], row["granted_at"], row["expires_at"]) == ("away", began, began + 3600)
    assert row["device"] != DEVICE, "the site's own pseudonym is not kept"
    assert books.grant() == name, "who taps now goes on in it"


def test_one_that_is_over_is_under_nobodys_pseudonym(books: Books) -> None:
    name = "away-b3ZlcnRob3Vnaw"
    books.tell(FIRST, event("continued", name, 2 * 86_400, seconds=3600, device=DEVICE))
    assert books.row(name)["device"] == name


@pytest.mark.parametrize(
    ("kind", "session"),
    [("continued", "hand-x"), ("admitted", "away-x"), ("opened", "away-x"), ("continued", "f" * 32)],
)
def test_no_other_event_makes_a_session(books: Books, kind: str, session: str) -> None:
    books.tell(FIRST, event(kind, session, seconds=60))
    with books.engine.connect() as connection:
        assert connection.execute(select(sessions)).all() == []


def test_pulses_and_alarms_are_kept_once_and_dated_by_their_age(books: Books) -> None:
    pulse = BoxEvent(1, event("pulse", age_s=300), {"inside": 3, "pool_used": 12})
    alarm = BoxEvent(2, event("alarm", age_s=20, cause="copied", device=DEVICE), {"copied": 4})
    for _ in range(2):
        books.sessions.take(SITE, Report(FIRST, (pulse, alarm)), books.now)
    with books.engine.connect() as connection:
        (kept,) = connection.execute(select(gateway_pulses)).all()
        (called,) = connection.execute(select(gateway_alarms)).all()
    assert kept.at == int(books.now.timestamp()) - 300
    assert json.loads(kept.told) == {"inside": 3, "pool_used": 12}
    assert (called.cause, called.device, called.at) == ("copied", DEVICE, int(books.now.timestamp()) - 20)
