"""The controller's edge: what a gateway may tell it, over a real store."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from captive_portal.gateway import signed
from captive_portal.gateway.policy import Policy, seal
from captive_portal.gateway_tables import gateway_alarms, gateway_boxes, gateway_pulses
from captive_portal.model import Arrival, Grant, Keys
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller.edge.app import create_app
from controller.store.engine import open_engine
from tests.portal.places import site_of

KEYS = {"08019-plaza": bytes(range(32)), "08037-plaza": bytes(range(1, 33))}
SITE, OTHER = KEYS
FORMER, CURRENT = bytes(range(2, 34)), bytes(range(3, 35))
LATER = "08027-plaza"
"""A site in epoch 7."""
BOX = "b0" * 16
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
NONCE = "0123456789abcdef" * 2
FIRST = seal(KEYS[SITE], Policy(SITE, serial=5, made_at=5))


@dataclass
class Office:
    """The edge, its store and a gateway's voice."""

    client: FlaskClient
    engine: Engine
    sessions: StoredSessions
    told: int = 0

    def session(self, site: str = SITE, device: str = "d" * 32) -> str:
        arrival = Arrival(site, device, "b" * 32, "boot:1", "n")
        there = site_of(site)
        grant = self.sessions.open(there, arrival, there.plan, NOW - timedelta(minutes=10))
        assert isinstance(grant, Grant)
        return grant.session

    def say(self, body: bytes, site: str = SITE, signature: str | None = None) -> TestResponse:
        given = signed.sign(KEYS[SITE], signed.QUESTION, body) if signature is None else signature
        return self.client.post(f"/gw/{site}/sync", data=body, headers={signed.HEADER: given})

    def tell(self, *events: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """A call with these events, numbered on from the last."""
        numbered = [one | {"seq": self.told + n} for n, one in enumerate(events, 1)]
        answer = self.say(question(*numbered, **changed))
        assert answer.status_code == 200, answer.text
        self.told += len(events)
        return dict(answer.get_json())

    def row(self, session: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            wanted = select(sessions).where(sessions.c.acctuniqueid == session)
            return dict(connection.execute(wanted).mappings().one())


def question(*events: dict[str, Any], **changed: Any) -> bytes:
    told = {"version": 2, "site": SITE, "box": BOX, "nonce": NONCE, "epoch": 0, "serial": 0}
    return json.dumps(told | {"events": list(events), "usage": []} | changed).encode()


def event(session: str, kind: str, age_s: int, **more: Any) -> dict[str, Any]:
    return {"seq": 1, "kind": kind, "session": session, "age_s": age_s} | more


def app_of(stored: StoredSessions) -> Flask:
    keys = {site: Keys(key) for site, key in KEYS.items()} | {LATER: Keys(KEYS[SITE], 7, (CURRENT, FORMER))}
    return create_app(keys, stored, lambda: NOW, policies=lambda _site, serial: None if serial else FIRST)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('edge')}/store.db")
    metadata.create_all(engine)
    stored = StoredSessions(engine)
    yield Office(app_of(stored).test_client(), engine, stored)
    engine.dispose()


@pytest.fixture(autouse=True)
def empty(office: Office) -> None:
    with office.engine.begin() as connection:
        for table in (sessions, gateway_boxes, gateway_pulses, gateway_alarms):
            connection.execute(table.delete())
    office.told = 0


def test_what_happened_at_the_gateway_shows_in_the_store(office: Office) -> None:
    session = office.session()
    opened, closed = event(session, "opened", 500), event(session, "closed", 20, cause="User-Request")
    closed |= {"seconds": 480, "octets_down": 9000, "octets_up": 1000}
    answer = office.tell(opened, closed)
    assert (answer["have"], answer["now"]) == (2, int(NOW.timestamp()))
    row = office.row(session)
    assert row["acctstarttime"] == int(NOW.timestamp()) - 500
    assert row["acctstoptime"] == int(NOW.timestamp()) - 20
    assert (row["acctterminatecause"], row["acctsessiontime"]) == ("User-Request", 480)
    assert (row["acctinputoctets"], row["acctoutputoctets"]) == (1000, 9000)


def test_saying_it_again_changes_nothing_and_is_acknowledged_again(office: Office) -> None:
    session = office.session()
    closed = event(session, "closed", 20, cause="User-Request", seq=2)
    body = question(event(session, "opened", 500), closed)
    first = office.say(body)
    before = office.row(session)
    second = office.say(body)
    assert second.status_code == 200
    assert second.get_json() == first.get_json()
    assert office.row(session) == before


def test_usage_that_nobody_counted_stays_unknown(office: Office) -> None:
    session = office.session()
    office.tell(usage=[{"session": session, "seconds": 60}])
    row = office.row(session)
    assert (row["acctsessiontime"], row["acctoutputoctets"], row["acctinputoctets"]) == (60, None, None)


def test_a_dismissal_is_told_until_the_gateway_says_that_it_is_done(office: Office) -> None:
    session = office.session()
    assert office.tell()["dismiss"] == []
    assert office.sessions.dismiss(session, NOW)
    assert office.tell()["dismiss"] == [session]
    assert office.tell()["dismiss"] == [session], "until it is done"
    assert office.tell(event(session, "closed", 0, cause="Admin-Reset"))["dismiss"] == []


def test_a_gateway_cannot_touch_the_sessions_of_another_site(office: Office) -> None:
    theirs = office.session(site=OTHER)
    office.sessions.dismiss(theirs, NOW)
    answer = office.tell(event(theirs, "closed", 0, cause="User-Request"))
    assert answer["dismiss"] == []
    assert office.row(theirs)["acctstoptime"] is None


def test_the_answer_is_signed_and_bound_to_the_question(office: Office) -> None:
    answer = office.say(question())
    assert signed.genuine(KEYS[SITE], signed.ANSWER, answer.data, answer.headers[signed.HEADER])
    assert not signed.genuine(KEYS[SITE], signed.QUESTION, answer.data, answer.headers[signed.HEADER])
    assert answer.get_json()["nonce"] == NONCE


@pytest.mark.parametrize(
    ("site", "signature"),
    [
        (SITE, ""),
        (SITE, "ñandú"),
        (SITE, "0" * 64),
        (SITE, signed.sign(KEYS[SITE], signed.ANSWER, question())),
        (SITE, signed.sign(KEYS[OTHER], signed.QUESTION, question())),
        (SITE, signed.sign(KEYS[SITE], signed.QUESTION, question() + b" ")),
        (OTHER, signed.sign(KEYS[SITE], signed.QUESTION, question())),
        ("nowhere", signed.sign(KEYS[SITE], signed.QUESTION, question())),
        ("nowhere", signed.sign(bytes(32), signed.QUESTION, question())),
    ],
)
def test_a_wrong_signature_is_refused_with_one_line(office: Office, site: str, signature: str) -> None:
    answer = office.say(question(), site, signature.encode().decode("latin-1"))
    assert answer.status_code == 401
    assert answer.get_json() == {"error": "not signed with the key of this site"}
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[]", "object"),
        (b"[" * 10_000, "Invalid JSON"),
        (question(version=1), "version"),
        (question(box="x"), "box"),
        (question(epoch=1), "epoch: is not that of the key that signed"),
        (question(serial=-1), "serial"),
        (question(site=OTHER), "site: is not the one in the address"),
        (question(nonce="x"), "nonce"),
        (question(more="x"), "more"),
        (question(events="x"), "events"),
        (question(event("a b", "opened", 0)), "events.0.session"),
        (question(event("", "opened", 0)), "a session goes with what happened at a door"),
        (question(event("s", "pulse", 0)), "a session goes with what happened at a door"),
        (question(event("", "alarm", 0)), "an alarm has a cause"),
        (question(event("", "pulse", 0, values={"Inside": 1})), "events.0.values"),
        (question(event("", "pulse", 0, values={"inside": 1.5})), "events.0.values"),
        (question(event("", "pulse", 0, values={f"n{n}": 1 for n in range(33)})), "events.0.values"),
        (question(event("s", "opened", 0, seq=0)), "events.0.seq"),
        (question(event("s", "opened", 0, seq=2), event("s", "closed", 0)), "not in their order"),
        (question(event("s", "opened", 0), event("s", "closed", 0)), "not in their order"),
        (question(event("s", "burned", 0)), "events.0.kind"),
        (question(event("s", "opened", -1)), "events.0.age_s"),
        (question(event("s", "opened", 10**12)), "events.0.age_s"),
        (question(event("s", "usage", 0)), "events.0.kind"),
        (question(event("s", "closed", 0, octets_down=2**70)), "events.0.octets_down"),
        (question(event("s", "closed", 0, octets_down="5")), "events.0.octets_down"),
        (question(event("s", "closed", 0, seconds=2**31)), "events.0.seconds"),
        (question(event("s", "continued", 0, device="02:ca:fe:00:00:01")), "events.0.device"),
        (question(usage=[{"session": "s", "octets_up": -1}]), "usage.0.octets_up"),
        (question(usage=[{"session": ""}]), "usage.0.session"),
        (question(event("s", "closed", 0, cause="x" * 40)), "events.0.cause"),
        (question(event("s", "opened", 0, id="x")), "events.0.id"),
        (question(event("s", "opened", 0, mac="02:ca:fe:00:00:01")), "events.0.mac"),
    ],
)
def test_what_no_gateway_says_is_refused_with_one_line(office: Office, body: bytes, said: str) -> None:
    answer = office.say(body)
    assert answer.status_code == 400
    assert said in answer.get_json()["error"]
    assert answer.text.count("\n") == 1
    assert "02:ca:fe" not in answer.text


def test_one_wrong_event_costs_the_call_and_nothing_is_half_applied(office: Office) -> None:
    session = office.session()
    wrong = event("s", "burned", 0, seq=2)
    assert office.say(question(event(session, "opened", 5), wrong)).status_code == 400
    assert office.row(session)["acctstarttime"] is None


def test_a_body_of_more_than_64_kib_is_refused(office: Office) -> None:
    answer = office.say(question() + b" " * 65536)
    assert answer.status_code == 413
    assert answer.text.count("\n") == 1


def test_what_a_gateway_sends_at_most_is_accepted(office: Office) -> None:
    full = {"seconds": 10**9, "octets_down": 2**61, "octets_up": 2**61, "cause": "Session-Timeout"}
    many = [event("s" * 32, "closed", 10**9, **full) for _ in range(150)]
    used = {"session": "s" * 32, "seconds": 10**9, "octets_down": 2**61, "octets_up": 2**61}
    assert office.tell(*many, usage=[used] * 150)["have"] == 150


def test_a_store_that_fails_is_told_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    broken = StoredSessions(open_engine(f"sqlite:///{tmp_path}/empty.db"))
    client = app_of(broken).test_client()
    body = question()
    answer = client.post(
        f"/gw/{SITE}/sync", data=body, headers={signed.HEADER: signed.sign(KEYS[SITE], signed.QUESTION, body)}
    )
    assert answer.status_code == 503
    assert answer.get_json() == {"error": "the store is not available, try again"}


def test_it_says_that_it_lives(office: Office) -> None:
    assert office.client.get("/healthz").text == "ok\n"


def test_another_address_or_method_is_one_line(office: Office) -> None:
    for answer in (
        office.client.get(f"/gw/{SITE}/sync"),
        office.client.get("/"),
        office.client.post("/gw//sync"),
    ):
        assert answer.status_code in {404, 405}
        assert answer.get_json()["error"]


def test_no_key_is_in_any_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        office.say(question(), SITE, "0" * 64)
        office.tell()
    assert KEYS[SITE].hex() not in caplog.text
    assert "sync refused" in caplog.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_signed_is_answered_and_never_a_bug(office: Office, body: bytes) -> None:
    assert office.say(body).status_code == 400


def test_a_session_that_was_opened_by_hand_is_in_the_books_and_can_be_dismissed_from_afar(
    office: Office,
) -> None:
    name = "hand-Zm9vYmFyYmF6cXV4"
    office.tell(event(name, "admitted", 60, seconds=3600))
    used = {"session": name, "seconds": 60, "octets_down": 7}
    office.tell(event(name, "admitted", 60, seconds=3600), usage=[used])
    row, began = office.row(name), int(NOW.timestamp()) - 60
    assert (row["site"], row["plan"], row["acctoutputoctets"]) == (SITE, "by-hand", 7)
    assert (row["granted_at"], row["acctstarttime"], row["expires_at"]) == (began, began, began + 3600)
    assert office.sessions.dismiss(name, NOW)
    assert name in office.tell()["dismiss"]
    office.tell(event(name, "closed", 0, seconds=60, cause="Admin-Reset"))
    assert office.row(name)["acctterminatecause"] == "Admin-Reset"


@pytest.mark.parametrize(("name", "seconds"), [("f" * 32, 60), ("hand-none", 0), ("hand-unsaid", None)])
def test_no_event_makes_a_session_under_a_name_of_the_portal_or_without_a_length(
    office: Office, name: str, seconds: int | None
) -> None:
    office.tell(event(name, "admitted", 0, seconds=seconds))
    with office.engine.connect() as connection:
        assert connection.execute(select(sessions).where(sessions.c.acctuniqueid == name)).first() is None


def test_a_door_opened_by_hand_is_believed_for_a_day_at_most(office: Office) -> None:
    office.tell(event("hand-long", "admitted", 0, seconds=10**7))
    row = office.row("hand-long")
    assert row["expires_at"] - row["granted_at"] == 24 * 3600


def test_a_policy_is_in_the_answer_until_the_gateway_follows_it(office: Office) -> None:
    assert office.tell(serial=0)["policy"] == FIRST.told()
    assert "policy" not in office.tell(serial=5)


def later(key: bytes, epoch: int) -> tuple[bytes, str]:
    body = question(site=LATER, epoch=epoch)
    return body, signed.sign(key, signed.QUESTION, body)


def test_who_signs_with_the_former_key_is_answered_with_it_and_handed_the_current_one(office: Office) -> None:
    body, signature = later(FORMER, 6)
    answer = office.say(body, LATER, signature)
    assert signed.genuine(FORMER, signed.ANSWER, answer.data, answer.headers[signed.HEADER])
    rekey = answer.get_json()["rekey"]
    assert rekey["epoch"] == 7
    assert CURRENT.hex() not in answer.text
    assert signed.padded(FORMER, NONCE, 7, bytes.fromhex(rekey["pad"])) == CURRENT


def test_who_signs_with_the_current_key_is_handed_none(office: Office) -> None:
    body, signature = later(CURRENT, 7)
    answer = office.say(body, LATER, signature)
    assert signed.genuine(CURRENT, signed.ANSWER, answer.data, answer.headers[signed.HEADER])
    assert "rekey" not in answer.get_json()


def test_the_key_of_a_box_that_was_stolen_two_epochs_ago_is_refused(office: Office) -> None:
    for epoch in (0, 5, 7):
        body, signature = later(KEYS[SITE], epoch)
        assert office.say(body, LATER, signature).status_code == 401


def test_the_epoch_that_is_told_is_the_one_that_signed(office: Office) -> None:
    body, signature = later(FORMER, 7)
    assert office.say(body, LATER, signature).status_code == 400
