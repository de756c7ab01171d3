"""The application that FreeRADIUS asks: who may ask, what it answers, and which phone holds what."""

import logging
from datetime import datetime

import pytest
from sqlalchemy import delete
from werkzeug.test import Client

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Running
from captive_portal.radius.app import Radius, create_app
from captive_portal.tables import pseudonym_keys
from tests.radius.conftest import HERE, THERE, TOKEN, World
from tests.radius.told import MAC, STATION, body

BY_MAC = body(User_Name=STATION, NAS_Identifier="ap-1", Calling_Station_Id=STATION)


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN.upper(), f"{TOKEN}0", "ñ"])
@pytest.mark.parametrize("path", ["authorise", "account", "nothing"])
def test_without_the_token_nobody_is_answered(world: World, token: str, path: str) -> None:
    world.tap()
    answer = world.post(path, BY_MAC, token=token)
    assert (answer.status_code, answer.json) == (403, {})


def test_a_short_token_is_no_token(world: World) -> None:
    radius = Radius({}, world.holders, world.ledger, world.clock, b"short")
    with pytest.raises(ValueError, match="32 octets"):
        create_app(radius)


def test_the_supervisor_needs_no_token(world: World) -> None:
    assert Client(world.app).get("/healthz").status_code == 200


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b"\xff", b'{"User-Name": 7}', b"9" * 5000])
@pytest.mark.parametrize("path", ["authorise", "account"])
def test_what_is_no_request_is_refused_without_a_word_of_it(world: World, sent: bytes, path: str) -> None:
    client = Client(world.app)
    answer = client.post(f"/radius/{HERE}/{path}", data=sent, headers={"X-Plaza-Radius": TOKEN})
    assert (answer.status_code, answer.json) == (400, {})


def test_a_body_larger_than_any_packet_is_refused(world: World) -> None:
    assert world.post("authorise", {"x": "y" * 70_000}).status_code == 413


@pytest.mark.parametrize("length", ["70000", "9" * 20, "-1", "٣", "1e3"])
def test_a_body_whose_length_cannot_be_believed_is_refused_unread(world: World, length: str) -> None:
    environ = world.environ("account", {}) | {"CONTENT_LENGTH": length, "wsgi.input": None}
    said: list[str] = []
    assert list(world.app(environ, lambda status, _: said.append(status))) == [b"{}"]
    assert said == ["413 Request Entity Too Large"]


def test_who_has_no_token_is_refused_before_the_body_is_read(world: World) -> None:
    environ = world.environ("account", {}) | {"HTTP_X_PLAZA_RADIUS": "", "wsgi.input": None}
    said: list[str] = []
    list(world.app(environ, lambda status, _: said.append(status)))
    assert said == ["403 Forbidden"]


@pytest.mark.parametrize("path", ["/", "/authorise", f"/radius/{HERE}", f"/x/radius/{HERE}/authorise"])
def test_nothing_else_is_answered(world: World, path: str) -> None:
    answer = Client(world.app).post(path, json=BY_MAC, headers={"X-Plaza-Radius": TOKEN})
    assert (answer.status_code, answer.json) == (404, {})
    assert (
        Client(world.app).get(f"/radius/{HERE}/authorise", headers={"X-Plaza-Radius": TOKEN}).status_code
        == 404
    )


def test_an_unknown_site_has_no_phones(world: World) -> None:
    assert world.post("authorise", BY_MAC, site="08099-nowhere").status_code == 404


def test_a_phone_is_known_at_the_site_where_it_tapped_and_nowhere_else(world: World) -> None:
    assert world.post("authorise", BY_MAC).status_code == 401
    world.tap()
    assert world.post("authorise", BY_MAC).status_code == 200
    assert world.post("authorise", BY_MAC, site=THERE).status_code == 401


def test_a_session_that_ran_out_or_was_dismissed_lets_nobody_on(world: World) -> None:
    session = world.tap()
    world.clock.forward(minutes=59, seconds=59)
    assert world.post("authorise", BY_MAC).status_code == 200
    world.clock.forward(seconds=1)
    assert world.post("authorise", BY_MAC).status_code == 401
    session = world.tap()
    world.sessions.dismiss(session, world.clock())
    assert world.post("authorise", BY_MAC).status_code == 401


def test_an_older_session_does_not_come_back_when_the_newest_was_left(world: World) -> None:
    first = world.tap()
    world.sessions.ended(first, "idle-timeout", world.clock.forward(minutes=1))
    second = world.tap()
    assert second != first
    world.sessions.ended(second, "user-request", world.clock.forward(minutes=1))
    assert world.post("authorise", BY_MAC).status_code == 401


def test_a_phone_is_forgotten_with_the_key_of_its_day_and_asking_waits_for_no_writer(world: World) -> None:
    world.tap()
    device = pseudonym(world.sites[HERE].key, MAC)
    with world.engine.begin() as connection:
        connection.execute(delete(pseudonym_keys))
    with world.engine.begin():  # a writer; whoever asked for today's key would make one, and wait for it
        assert world.holders.held_by(HERE, device, world.clock()) is None
        with world.engine.connect().execution_options(read_only=True) as reading:
            assert world.holders.last_of(reading, HERE, device, world.clock()) is None


def test_a_store_that_fails_is_told_as_such_and_logged_without_the_phone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.tap()
    with world.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE session")
    caplog.set_level(logging.DEBUG)
    assert world.post("authorise", BY_MAC).status_code == 503
    assert "store failed" in caplog.text
    assert MAC not in caplog.text
    assert STATION not in caplog.text


class Broken:
    """A holder with a bug that names the phone."""

    def held_by(self, site: str, device: str, now: datetime) -> Running | None:
        """Fails."""
        raise ValueError(f"{MAC} at {site}")


def test_a_bug_is_an_error_whose_place_is_logged_and_not_its_text(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    radius = Radius(world.sites, Broken(), world.ledger, world.clock, TOKEN.encode())
    answer = Client(create_app(radius)).post(
        f"/radius/{HERE}/authorise", json=BY_MAC, headers={"X-Plaza-Radius": TOKEN}
    )
    assert (answer.status_code, answer.json) == (500, {})
    assert "test_app.py" in str(vars(caplog.records[-1]))
    assert MAC not in str([vars(record) for record in caplog.records]) + caplog.text
