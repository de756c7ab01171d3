"""The gateway's calls, against the real edge over HTTP and TLS."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from werkzeug.serving import BaseWSGIServer, make_server

from captive_portal.gateway import signed
from captive_portal.gateway.admission import Admit, SiteKey
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.errors import ControllerAway
from captive_portal.gateway.journal import Event, Journal
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.sync import AT_MOST, HttpEdge, Sync, question, understand
from captive_portal.model import Arrival, Grant
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller.edge.app import create_app
from controller.edge.protocol import Question
from controller.store.engine import open_engine
from tests.gateway import certificates
from tests.gateway.conftest import KEY, SITE, Clock, Portal
from tests.gateway.town import wait_for
from tests.portal.places import LIBRE, site_of

PHONE = Phone("02:00:7f:09:01:01", "127.9.1.1")


@dataclass
class World:
    """A gateway's sync and the controller it talks to."""

    directory: Path
    site: SiteKey
    clock: Clock
    engine: Engine
    server: BaseWSGIServer
    portal: Portal

    def __post_init__(self) -> None:
        self.stored = StoredSessions(self.engine)
        self.restart()

    def restart(self, port: int | None = None) -> None:
        self.journal = Journal(self.directory / "journal")
        ledger = Ledger(self.directory / "ledger.json", self.clock)
        self.keeper = Doorkeeper(self.site, ledger, self.journal, self.clock, lambda: str(self.clock.seconds))
        self.keeper.start()
        self.clock.seconds += 1
        self.point_at(port or self.server.port)

    def point_at(self, port: int) -> None:
        edge = HttpEdge(f"http://127.0.0.1:{port}/gw/{SITE}/sync")
        self.sync = Sync(self.site, edge, self.keeper, self.journal, self.clock)

    def enter(self) -> str:
        arrival = Arrival(SITE, PHONE.device(KEY), PHONE.binding(KEY), "b:1", "n")
        granted = self.stored.open(site_of(SITE), arrival, LIBRE, datetime.now(UTC))
        assert isinstance(granted, Grant)
        session = granted.session
        ticket = self.portal.ticket(self.keeper.arrival(PHONE), session=session)
        assert isinstance(self.keeper.present(PHONE, ticket), Admit)
        return session

    def row(self, session: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            wanted = select(sessions).where(sessions.c.acctuniqueid == session)
            return dict(connection.execute(wanted).mappings().one())


@pytest.fixture
def world(tmp_path: Path, site: SiteKey, clock: Clock, portal: Portal) -> Iterator[World]:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(engine)
    app = create_app({SITE: KEY}, StoredSessions(engine), lambda: datetime.now(UTC))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield World(tmp_path, site, clock, engine, server, portal)
    server.shutdown()
    server.server_close()
    thread.join()
    engine.dispose()


def test_an_opening_and_an_end_reach_the_store(world: World) -> None:
    session = world.enter()
    world.sync.step()
    assert world.row(session)["acctstarttime"] is not None
    assert world.row(session)["acctstoptime"] is None
    assert world.journal.pending(10) == [], "what the controller has is forgotten"
    world.keeper.leave(PHONE)
    world.sync.step()
    assert world.row(session)["acctterminatecause"] == "User-Request"


def test_a_dismissal_is_carried_out_at_once_and_reported(world: World) -> None:
    session = world.enter()
    world.sync.step()
    world.stored.dismiss(session, datetime.now(UTC))
    world.sync.step()
    assert world.keeper.seconds_left(PHONE) is None
    world.sync.step()
    assert world.row(session)["acctterminatecause"] == "Admin-Reset"
    assert world.stored.dismissals(SITE) == []


def test_while_the_controller_is_away_people_come_and_go_and_it_hears_later(world: World) -> None:
    world.point_at(9)
    session = world.enter()
    with pytest.raises(ControllerAway):
        world.sync.step()
    world.keeper.leave(PHONE)
    world.clock.seconds += 3600
    world.restart(9)
    with pytest.raises(ControllerAway):
        world.sync.step()
    world.point_at(world.server.port)
    world.sync.step()
    row = world.row(session)
    assert row["acctterminatecause"] == "User-Request"
    assert row["acctstarttime"] <= row["acctstoptime"]


def test_more_than_one_call_holds_is_told_in_several(world: World) -> None:
    for number in range(AT_MOST + 20):
        world.journal.closed(Event("closed", f"s{number}", "b", float(number)))
    world.sync.step()
    assert world.journal.pending(1) == []


def test_usage_is_told_while_people_are_inside(world: World) -> None:
    session = world.enter()
    world.clock.seconds += 61
    world.sync.step()
    assert world.row(session)["acctsessiontime"] == 61
    assert world.row(session)["acctoutputoctets"] is None, (
        "the ledger counts nothing, and unknown is not zero"
    )


def test_a_lost_answer_costs_nothing(world: World) -> None:
    """The controller applied it, the answer never came: the gateway says it again."""
    session = world.enter()
    pending = world.journal.pending(10)
    body = question(SITE, "0" * 32, pending, world.clock.now())
    edge = HttpEdge(f"http://127.0.0.1:{world.server.port}/gw/{SITE}/sync")
    edge.post(body, signed.sign(KEY, signed.QUESTION, body))
    opened_at = world.row(session)["acctstarttime"]
    assert opened_at is not None
    world.clock.seconds += 30
    world.sync.step()
    assert world.journal.pending(10) == []
    assert world.row(session)["acctstarttime"] == opened_at


def test_it_runs_until_stopped_and_news_is_told_at_once(world: World) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=world.sync.run, args=(stop, 3600.0))
    thread.start()
    try:
        session = world.enter()
        world.keeper.leave(PHONE)
        wait_for(lambda: world.row(session)["acctstoptime"], "the end in the store")
    finally:
        stop.set()
        world.keeper.news.set()
        thread.join(30)
    assert not thread.is_alive()


def test_a_wrong_key_is_told_and_the_events_are_kept(world: World) -> None:
    world.enter()
    edge = HttpEdge(f"http://127.0.0.1:{world.server.port}/gw/{SITE}/sync")
    stranger = Sync(SiteKey(SITE, bytes(32)), edge, world.keeper, world.journal, world.clock)
    with pytest.raises(ControllerAway, match="401"):
        stranger.step()
    assert len(world.journal.pending(10)) == 1


GOOD = {"version": 1, "nonce": "n1", "applied": ["e1"], "dismiss": ["s1"]}


def test_a_signed_answer_to_our_question_is_believed() -> None:
    body = json.dumps(GOOD).encode()
    answer = understand(KEY, "n1", body, signed.sign(KEY, signed.ANSWER, body))
    assert (answer.applied, answer.dismiss) == (("e1",), ("s1",))


@pytest.mark.parametrize(
    ("key", "purpose", "said", "why"),
    [
        (bytes(32), signed.ANSWER, GOOD, "not signed"),
        (KEY, signed.QUESTION, GOOD, "not signed"),
        (KEY, signed.ANSWER, GOOD | {"nonce": "n0"}, "another question"),
        (KEY, signed.ANSWER, GOOD | {"dismiss": ['x" }']}, "names no session"),
        (KEY, signed.ANSWER, GOOD | {"dismiss": [5]}, "names no session"),
        (KEY, signed.ANSWER, GOOD | {"dismiss": None}, "cannot be read"),
        (KEY, signed.ANSWER, {"nonce": "n1"}, "cannot be read"),
        (KEY, signed.ANSWER, [], "cannot be read"),
    ],
)
def test_any_other_answer_is_not_believed(key: bytes, purpose: str, said: object, why: str) -> None:
    body = json.dumps(said).encode()
    with pytest.raises(ControllerAway, match=why):
        understand(KEY, "n1", body, signed.sign(key, purpose, body))


def test_what_the_gateway_says_is_what_the_edge_understands() -> None:
    events = [
        Event("opened", "s1", "b", 5.0),
        Event("usage", "s1", "b", 6.0, 1, 2, 3),
        Event("closed", "s1", "old", 7.0, None, None, None, "NAS-Reboot"),
    ]
    heard = Question.model_validate_json(question(SITE, "0" * 32, events, Moment("b", 10.0)))
    assert [one.age_s for one in heard.events] == [5, 4, 10]
    assert [one.id for one in heard.events] == [event.id for event in events]


def test_an_edge_behind_tls_is_checked_by_name_and_chain_but_not_by_our_wrong_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app({}, StoredSessions(open_engine(f"sqlite:///{tmp_path}/s.db")), lambda: datetime.now(UTC))
    expired = certificates.write(tmp_path, "localhost", age_days=400)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        monkeypatch.setenv("SSL_CERT_FILE", str(expired))
        with pytest.raises(ControllerAway, match="401"):
            HttpEdge(f"https://localhost:{server.port}/gw/x/sync").post(b"{}", "")
        with pytest.raises(ControllerAway, match="SSLCertVerificationError"):
            HttpEdge(f"https://127.0.0.1:{server.port}/gw/x/sync").post(b"{}", "")
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(ControllerAway, match="SSLCertVerificationError"):
            HttpEdge(f"https://localhost:{server.port}/gw/x/sync").post(b"{}", "")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
