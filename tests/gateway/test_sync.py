"""The gateway's calls, against the real edge over HTTP and TLS."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from captive_portal.gateway import protocol, signed
from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.edge import HttpEdge
from captive_portal.gateway.errors import ControllerAway
from captive_portal.gateway.journal import Event
from captive_portal.gateway.policy import Signed
from captive_portal.gateway.protocol import AT_LEAST, AT_MOST, Caller, question, understand
from captive_portal.gateway.sync import Pace
from captive_portal.sessions import StoredSessions
from controller.edge.app import create_app
from controller.edge.protocol import MAX_BODY_OCTETS, Question
from controller.store.engine import open_engine
from tests.gateway import certificates
from tests.gateway.conftest import KEY, SITE
from tests.gateway.outpost import Controller, Outpost, edge_at, serving
from tests.gateway.ruled import sealed
from tests.gateway.town import wait_for

CALLER = Caller(SITE, "b" * 32, 0, 7)
PULSE = Event("pulse", "", "b", 50.0, values={"inside": 1})


@dataclass
class World:
    """A gateway and the controller it talks to."""

    outpost: Outpost
    controller: Controller
    port: int

    def enter(self, last: int = 1) -> str:
        session = self.controller.grant(self.outpost.phone(last))
        self.outpost.enter(session, last)
        return session

    def note(self, *events: Event) -> None:
        for event in events:
            self.outpost.journal.note(event)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    controller = Controller(tmp_path)
    with serving(controller) as port:
        yield World(Outpost(tmp_path, edge_at(port)), controller, port)


def test_an_opening_and_an_end_reach_the_store(world: World) -> None:
    session, outpost = world.enter(), world.outpost
    outpost.sync.step()
    assert world.controller.row(session)["acctstarttime"] is not None
    assert world.controller.row(session)["acctstoptime"] is None
    assert outpost.journal.pending(10) == [], "what the controller has is forgotten"
    outpost.keeper.leave(outpost.phone())
    outpost.sync.step()
    assert world.controller.row(session)["acctterminatecause"] == "User-Request"


def test_a_dismissal_is_carried_out_at_once_and_reported(world: World) -> None:
    session, outpost = world.enter(), world.outpost
    outpost.sync.step()
    world.controller.sessions.dismiss(session, datetime.now(UTC))
    outpost.sync.step()
    assert outpost.keeper.seconds_left(outpost.phone()) is None
    outpost.sync.step()
    assert world.controller.row(session)["acctterminatecause"] == "Admin-Reset"
    assert world.controller.sessions.dismissals(SITE) == []


def test_while_the_controller_is_away_people_come_and_go_and_it_hears_later(world: World) -> None:
    outpost = world.outpost
    outpost.speak_to(edge_at(9))
    session = world.enter()
    with pytest.raises(ControllerAway):
        outpost.sync.step()
    outpost.keeper.leave(outpost.phone())
    outpost.clock.seconds += 3600
    outpost.start()
    with pytest.raises(ControllerAway):
        outpost.sync.step()
    outpost.speak_to(edge_at(world.port))
    outpost.sync.step()
    row = world.controller.row(session)
    assert row["acctterminatecause"] == "User-Request"
    assert row["acctstarttime"] <= row["acctstoptime"]


def test_more_than_one_call_holds_is_told_in_several_and_in_order(world: World) -> None:
    world.outpost.sync.step()
    world.note(*[Event("pulse", "", "b", 1.0, values={"inside": number}) for number in range(AT_MOST + 20)])
    calls = world.controller.calls
    world.outpost.sync.step()
    assert (world.controller.calls - calls, world.outpost.journal.waiting) == (2, 0)
    assert world.controller.pulses() == [(n + 1, f'{{"inside": {n}}}') for n in range(AT_MOST + 20)]


def test_no_call_is_larger_than_the_edge_takes_nor_says_that_no_more_waits(world: World) -> None:
    """The edge takes a call of fewer than AT_LEAST events for the last."""
    values = {f"measured_{number:02}": 2**40 + number for number in range(16)}
    now = world.outpost.clock.now()
    fat = [
        Event("pulse", "", now.boot, 1.0, seconds=1, cause="x" * 32, device="d" * 32, values=values, seq=n)
        for n in range(1, AT_MOST + 1)
    ]
    fitting = protocol.fitting([protocol.told(one, 10**7) for one in fat])
    assert AT_LEAST <= len(fitting) < AT_MOST
    assert len(question(CALLER, "0" * 32, fitting, [])) < MAX_BODY_OCTETS
    slim = protocol.fitting([protocol.told(PULSE, 5)] * (AT_MOST + 5))
    assert len(slim) == AT_MOST
    assert len(question(CALLER, "0" * 32, slim, [])) < protocol.OCTETS


def test_usage_is_told_while_people_are_inside_and_only_when_it_changed(world: World) -> None:
    session, outpost = world.enter(), world.outpost
    outpost.clock.seconds += 61
    outpost.sync.step()
    assert world.controller.row(session)["acctsessiontime"] == 61
    assert world.controller.row(session)["acctoutputoctets"] is None, (
        "the ledger counts nothing, and unknown is not zero"
    )
    outpost.clock.seconds += 400
    outpost.sync.step()
    assert world.controller.row(session)["acctsessiontime"] == 61


def test_usage_that_was_not_heard_is_told_again(world: World) -> None:
    session, outpost = world.enter(), world.outpost
    outpost.sync.step()
    second = world.enter(2)
    outpost.clock.seconds += 400
    world.controller.away = {world.controller.calls + 1}
    with pytest.raises(ControllerAway):
        outpost.sync.step()
    outpost.clock.seconds += 400
    outpost.sync.step()
    assert world.controller.row(second)["acctsessiontime"] == 800
    assert world.controller.row(session)["acctsessiontime"] == 0, "and what was heard is not"


def test_a_lost_answer_costs_nothing(world: World) -> None:
    """The controller applied it, the answer never came: the gateway says it again, and it is there once."""
    session, outpost = world.enter(), world.outpost
    world.note(PULSE)
    world.controller.deaf = {1}
    with pytest.raises(ControllerAway):
        outpost.sync.step()
    opened_at = world.controller.row(session)["acctstarttime"]
    assert opened_at is not None
    assert outpost.journal.waiting == 2
    outpost.clock.seconds += 30
    outpost.start()
    world.note(PULSE)
    outpost.sync.step()
    assert outpost.journal.waiting == 0
    assert world.controller.row(session)["acctstarttime"] == opened_at
    assert [seq for seq, _ in world.controller.pulses()] == [2, 3]


def test_a_controller_that_was_put_back_from_a_backup_goes_on_and_is_told_what_it_misses(
    world: World,
) -> None:
    outpost = world.outpost
    world.note(*[PULSE] * 5)
    outpost.sync.step()
    with world.controller.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE gateway_box SET have = 2")
        connection.exec_driver_sql("DELETE FROM gateway_pulse WHERE seq > 2")
    for _ in range(3):
        world.note(PULSE)
        outpost.sync.step()
    assert outpost.journal.waiting == 0
    assert world.controller.alarms() == ["forgotten"]
    assert [seq for seq, _ in world.controller.pulses()][:3] == [1, 2, 6]


@dataclass
class Stubborn:
    """A controller that has nothing, whatever it is told."""

    calls: int = 0

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        self.calls += 1
        assert self.calls < 10, "the gateway does not pause"
        said = {"version": 2, "nonce": json.loads(body)["nonce"], "now": 1, "have": 0, "dismiss": []}
        answer = json.dumps(said).encode()
        return answer, signed.sign(KEY, signed.ANSWER, answer)


def test_a_controller_that_takes_nothing_is_not_asked_again_at_once(world: World) -> None:
    stubborn = Stubborn()
    world.outpost.speak_to(stubborn)
    world.note(PULSE)
    world.outpost.sync.step()
    assert (stubborn.calls, world.outpost.journal.waiting) == (1, 1)


def test_a_box_that_lost_its_disk_is_another_box(world: World) -> None:
    session, outpost = world.enter(), world.outpost
    outpost.sync.step()
    box = outpost.journal.box
    outpost.journal.close()
    (outpost.directory / "state.db").unlink()
    outpost.start()
    assert outpost.journal.box != box
    outpost.keeper.leave(outpost.phone())
    outpost.sync.step()
    assert world.controller.row(session)["acctterminatecause"] == "User-Request"
    assert world.controller.have(outpost.journal.box) == 2


def test_what_the_controller_says_besides_is_obeyed(world: World) -> None:
    """Its time, and its policy as long as another one holds."""
    outpost, told = world.outpost, sealed(5, made_at=1_700_000_000)
    outpost.sync.step()
    assert abs(outpost.borrowed.now - datetime.now(UTC).timestamp()) < 60
    world.controller.policy, world.controller.serial = told, 5
    outpost.sync.step()
    assert outpost.ruling.serial == 5
    heard = Heard(world)
    outpost.speak_to(heard)
    outpost.sync.step()
    assert [call["serial"] for call in heard.questions] == [5]
    assert "policy" not in heard.answers[0]


@dataclass
class Heard:
    """The edge, listened to."""

    world: World
    questions: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        answer = edge_at(self.world.port).post(body, signature)
        self.questions.append(json.loads(body))
        self.answers.append(json.loads(answer[0]))
        return answer


@dataclass
class Forger:
    """Who stands between: signs what he says with a key of his own, or gives back an older answer."""

    port: int
    key: bytes | None
    said: Mapping[str, Any]
    older: list[tuple[bytes, str]] = field(default_factory=list)

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        if self.key is None:
            self.older.append(edge_at(self.port).post(body, signature))
            return self.older[0]
        answer = json.dumps({"version": 2, "nonce": json.loads(body)["nonce"], **self.said}).encode()
        return answer, signed.sign(self.key, signed.ANSWER, answer)


@pytest.mark.parametrize("older", [True, False])
def test_nothing_is_obeyed_before_the_answer_is_known_to_be_to_this_call_and_from_the_controller(
    world: World, older: bool
) -> None:
    session, outpost = world.enter(), world.outpost
    policy, before = sealed(9), outpost.borrowed.now
    said = {
        "now": 1_900_000_000, "have": 1, "dismiss": [session], "policy": policy.told(),
        "rekey": {"epoch": 1, "pad": "0" * 64},
    }  # fmt: skip
    forger = Forger(world.port, None if older else bytes(32), said)
    outpost.speak_to(forger)
    if older:
        outpost.sync.step()
        world.controller.sessions.dismiss(session, datetime.now(UTC))
        outpost.keeper.leave(outpost.phone())
        before = outpost.borrowed.now
    with pytest.raises(ControllerAway, match="another question" if older else "not signed"):
        outpost.sync.step()
    assert outpost.journal.waiting == 1
    assert (outpost.ruling.serial, outpost.keys.current.epoch) == (0, 0)
    assert outpost.borrowed.now - before < 60
    assert (outpost.keeper.seconds_left(outpost.phone()) is None) == older


def test_it_runs_until_stopped_and_news_is_told_at_once(world: World) -> None:
    stop, outpost = threading.Event(), world.outpost
    thread = threading.Thread(target=outpost.sync.run, args=(stop, Pace(3600, 3600, 0.05)))
    thread.start()
    try:
        wait_for(lambda: world.controller.calls, "the first call")
        session = world.enter()
        outpost.keeper.leave(outpost.phone())
        wait_for(lambda: world.controller.row(session)["acctstoptime"], "the end in the store")
    finally:
        stop.set()
        outpost.keeper.news.set()
        thread.join(30)
    assert not thread.is_alive()


def test_who_comes_in_does_not_wait_for_the_call_of_an_idle_hour(world: World) -> None:
    stop, outpost = threading.Event(), world.outpost
    thread = threading.Thread(target=outpost.sync.run, args=(stop, Pace(0.1, 3600, 0.05)))
    thread.start()
    try:
        wait_for(lambda: world.controller.calls, "the first call")
        session = world.enter()
        wait_for(lambda: world.controller.row(session)["acctstarttime"], "the opening in the store")
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("within", "waits", "pause_s"),
    [
        (False, None, 1800),
        (False, PULSE, 1800),
        (False, Event("alarm", "", "b", 1.0, cause="x"), 60),
        (True, None, 60),
    ],
)
def test_the_controller_is_called_seldom_while_nobody_is_in_and_there_is_nothing_to_tell(
    world: World, within: bool, waits: Event | None, pause_s: float
) -> None:
    if within:
        world.enter()
        world.outpost.sync.step()
    if waits:
        world.note(waits)
    assert world.outpost.sync.pause_s(Pace()) == pause_s


def test_how_long_the_controller_is_away_is_known(world: World) -> None:
    stop, outpost = threading.Event(), world.outpost
    world.controller.away = {1}
    thread = threading.Thread(target=outpost.sync.run, args=(stop, Pace(0.05, 0.05, 0.01)))
    assert outpost.sync.away_since is None
    thread.start()
    try:
        wait_for(lambda: world.controller.calls > 1, "a second call")
        wait_for(lambda: outpost.sync.away_since is None, "it is back")
    finally:
        stop.set()
        thread.join(30)


def test_a_wrong_key_is_told_and_the_events_are_kept(world: World) -> None:
    world.enter()
    world.outpost.installed = SiteKey(SITE, bytes(32))
    world.outpost.start()
    with pytest.raises(ControllerAway, match="401"):
        world.outpost.sync.step()
    assert len(world.outpost.journal.pending(10)) == 1


GOOD = {"version": 2, "nonce": "n1", "now": 1_800_000_000, "have": 3, "dismiss": ["s1"]}
MORE = {"policy": {"text": "t", "signature": "s"}, "rekey": {"epoch": 2, "pad": "0f" * 32}}


def test_a_signed_answer_to_our_question_is_believed() -> None:
    body = json.dumps(GOOD | MORE).encode()
    answer = understand(KEY, "n1", body, signed.sign(KEY, signed.ANSWER, body))
    assert (answer.now, answer.have, answer.dismiss) == (1_800_000_000, 3, ("s1",))
    assert answer.policy == Signed("t", "s")
    assert answer.rekey == protocol.Rekey(2, b"\x0f" * 32)
    assert "0f0f" not in repr(answer)
    body = json.dumps(GOOD).encode()
    answer = understand(KEY, "n1", body, signed.sign(KEY, signed.ANSWER, body))
    assert (answer.policy, answer.rekey) == (None, None)


@pytest.mark.parametrize(
    ("key", "purpose", "said", "why"),
    [
        (bytes(32), signed.ANSWER, GOOD, "not signed"),
        (KEY, signed.QUESTION, GOOD, "not signed"),
        (KEY, signed.ANSWER, GOOD | {"nonce": "n0"}, "another question"),
        (KEY, signed.ANSWER, GOOD | {"version": 1}, "another question"),
        (KEY, signed.ANSWER, GOOD | {"dismiss": ['x" }']}, "cannot be read"),
        (KEY, signed.ANSWER, GOOD | {"dismiss": [5]}, "cannot be read"),
        (KEY, signed.ANSWER, GOOD | {"dismiss": None}, "cannot be read"),
        (KEY, signed.ANSWER, GOOD | {"have": -1}, "cannot be read"),
        (KEY, signed.ANSWER, GOOD | {"have": True}, "cannot be read"),
        (KEY, signed.ANSWER, GOOD | {"now": "soon"}, "cannot be read"),
        (KEY, signed.ANSWER, GOOD | {"policy": "p"}, "cannot be read"),
        (KEY, signed.ANSWER, GOOD | {"rekey": {"epoch": 1, "pad": "0f"}}, "cannot be read"),
        (KEY, signed.ANSWER, {"nonce": "n1"}, "cannot be read"),
        (KEY, signed.ANSWER, [], "cannot be read"),
    ],
)
def test_any_other_answer_is_not_believed(key: bytes, purpose: str, said: object, why: str) -> None:
    body = json.dumps(said).encode()
    with pytest.raises(ControllerAway, match=why):
        understand(key=KEY, nonce="n1", body=body, signature=signed.sign(key, purpose, body))


def test_what_the_gateway_says_is_what_the_edge_understands() -> None:
    events = [
        Event("opened", "s1", "b", 5.0, seq=4),
        Event("continued", "away-1", "b", 5.0, 600, device="d" * 32, seq=5),
        Event("closed", "s1", "b", 7.0, None, None, None, "NAS-Reboot", seq=6),
        Event("pulse", "", "b", 8.0, values={"inside": 3}, seq=7),
        Event("alarm", "", "b", 9.0, cause="copied", device="d" * 32, values={"times": 2}, seq=8),
    ]
    used = protocol.used(Event("usage", "s1", "b", 6.0, 1, 2, 3))
    said = question(CALLER, "0" * 32, [protocol.told(one, 9 - n) for n, one in enumerate(events)], [used])
    heard = Question.model_validate_json(said)
    assert [one.age_s for one in heard.events] == [9, 8, 7, 6, 5]
    assert [(one.seq, one.kind, one.session, one.cause, one.device) for one in heard.events] == [
        (one.seq, one.kind, one.session, one.cause, one.device) for one in events
    ]
    assert [one.values for one in heard.events][3:] == [{"inside": 3}, {"times": 2}]
    assert (heard.box, heard.epoch, heard.serial) == ("b" * 32, 0, 7)
    assert (heard.usage[0].seconds, heard.usage[0].octets_down, heard.usage[0].octets_up) == (1, 2, 3)


def test_no_number_that_the_edge_refuses_holds_up_what_waits_behind_it(world: World) -> None:
    wild = {
        "temperature_c": -5,
        "Bad Name": 1,
        "huge": 2**70,
        **{f"n{number}": number for number in range(40)},
    }
    world.note(Event("pulse", "", "b", 1.0, values=wild), PULSE)
    world.outpost.sync.step()
    assert world.outpost.journal.waiting == 0
    told = json.loads(world.controller.pulses()[0][1])
    assert (told["temperature_c"], told["huge"], len(told)) == (0, 2**62 - 1, 32)


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
        edge = HttpEdge(f"https://localhost:{server.port}/gw/x/sync")
        for _ in range(3):
            with pytest.raises(ControllerAway, match="401"):
                edge.post(b"{}", "")
        stats = context.session_stats()
        assert (stats["accept_good"], stats["hits"]) == (3, 2), "all but the first handshake are resumed"
        with pytest.raises(ControllerAway, match="SSLCertVerificationError"):
            HttpEdge(f"https://127.0.0.1:{server.port}/gw/x/sync").post(b"{}", "")
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(ControllerAway, match="SSLCertVerificationError"):
            HttpEdge(f"https://localhost:{server.port}/gw/x/sync").post(b"{}", "")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
