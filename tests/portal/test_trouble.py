"""What goes wrong: a sentence for the citizen and a number that finds it in the log, no secret in either."""

import logging
import re
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from werkzeug.test import Client

from captive_portal.guest import create_app
from captive_portal.portal import Portal
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller.store.engine import open_engine
from tests.gateway.town import wait_for
from tests.portal.conftest import GUACHOCHI, IP, MAC, World

INCIDENT = re.compile(r"\b\d{4}-\d{4}\b")


def test_store_that_fails_puts_nobody_online_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    sessions.drop(world.engine)
    answer = world.tap(lang="en")
    assert answer.status_code == 503
    assert "Something failed, it was not you" in answer.text
    incident = INCIDENT.search(answer.text)
    assert incident is not None
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.__dict__["incident"] == incident[0]
    assert record.exc_info is None


def test_taps_that_the_store_failed_are_counted_once_it_is_back(world: World) -> None:
    sessions.drop(world.engine)
    assert [world.tap().status_code for _ in range(2)] == [503, 503]
    metadata.create_all(world.engine)
    (one,) = wait_for(lambda: world.sessions.portal_counts(0, 2**40), "the failures, which are counted later")
    assert (one.site, one.failures, one.reasons) == (GUACHOCHI, 2, {"store-failed": 2})


def test_page_is_served_though_it_cannot_be_counted(world: World, caplog: pytest.LogCaptureFixture) -> None:
    metadata.drop_all(world.engine)
    assert world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}").status_code == 200
    wait_for(lambda: "not counted" in caplog.messages, "word of what was not counted")


def test_bug_is_a_kind_page_with_the_number_of_its_log_record(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_clock() -> datetime:
        raise RuntimeError("the clock stopped")

    portal = Client(create_app(Portal.over(world.engine, world.sites, broken_clock)))
    answer = portal.get(f"/p/{GUACHOCHI}?a={world.token()}")
    assert answer.status_code == 500
    assert "Algo falló, no fuiste tú" in answer.text
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.__dict__["incident"] in answer.text
    assert record.exc_info is not None
    assert world.token() not in caplog.text


@pytest.mark.parametrize(("method", "status"), [("put", 405), ("delete", 405)])
def test_wrong_method_is_a_kind_page(world: World, method: str, status: int) -> None:
    answer = getattr(world.phone, method)(f"/p/{GUACHOCHI}")
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_body_that_is_too_large_is_a_kind_page(world: World) -> None:
    answer = world.tap(v="x" * 20_000)
    assert answer.status_code == 413
    assert INCIDENT.search(answer.text)


def test_no_mac_no_address_and_no_hash_of_the_gateway_reaches_a_table_or_a_log(
    world: World, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}")
    ticket = world.ticket(world.tap())
    world.tap(v=world.sealed() + "x")
    world.tap(v="x" * 20_000)
    world.phone.get(f"/p/{GUACHOCHI}/renew?a={world.token()}&g=forged")
    world.phone.get(f"/p/nowhere?a={world.token()}")
    with world.engine.connect() as connection:
        today = connection.execute(select(sessions.c.device)).scalar_one()
    with world.engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON session BEGIN SELECT RAISE(ABORT, 'x'); END")
        )
    world.clock.forward(hours=2)
    world.tap()
    world.engine.dispose()
    stored = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("store.db*"))).decode("latin-1")
    said = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert "session not stored" in said
    assert today not in said
    plain = MAC.replace(":", "")
    for secret in (MAC, plain, IP, ticket["device"], ticket["binding"], world.token()):
        for spelling in (str(secret), str(secret).upper()):
            assert spelling not in stored
            assert spelling not in said


def test_no_column_of_the_store_could_hold_a_mac_an_address_or_a_language() -> None:
    columns = {column.name for table in metadata.tables.values() for column in table.columns}
    assert not [c for c in columns if re.search("mac|ip_?addr|station|framed|lang|agent|user", c)]


def test_what_was_acknowledged_can_be_read_with_any_sqlite(tmp_path: Path, world: World) -> None:
    session = world.ticket(world.tap())["session"]
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    assert StoredSessions(engine).running(GUACHOCHI, str(session), world.clock()) is not None
    engine.dispose()
    with sqlite3.connect(tmp_path / "store.db") as store:
        assert store.execute("SELECT site FROM session").fetchall() == [(GUACHOCHI,)]
