"""Reports that come at the same moment share a transaction, and each is answered only after it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select
from sqlalchemy.exc import IntegrityError

from captive_portal.radius.model import Status
from captive_portal.radius.tables import associations
from captive_portal.tables import gateway_events, metadata
from captive_portal.together import Together
from controller.store.engine import open_engine
from tests.radius.conftest import World
from tests.radius.test_accounting import account, told
from tests.town import wait_for

OTHERS = 6


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty store."""
    made = open_engine(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(made)
    yield made
    made.dispose()


def commits(engine: Engine) -> list[str]:
    """Grows with every transaction that is kept."""
    seen: list[str] = []
    event.listen(engine, "commit", lambda _: seen.append("kept"))
    return seen


def write(connection: Connection, name: str) -> None:
    connection.execute(insert(gateway_events).values(site="s", event=name, received_at=0))


def kept(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(gateway_events.c.event)).scalars())


def gather(together: Together, names: list[str]) -> dict[str, Exception]:
    """Each by a thread of its own, all of them come while another one writes; what failed, by its name."""
    failed: dict[str, Exception] = {}
    begun, go_on = Event(), Event()

    def slow(connection: Connection) -> None:
        write(connection, "first")
        begun.set()
        assert go_on.wait(60)

    def one(name: str) -> None:
        try:
            together.write(lambda connection: write(connection, name))
        except IntegrityError as error:
            failed[name] = error

    first = Thread(target=together.write, args=(slow,))
    first.start()
    assert begun.wait(60)
    threads = [Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(together._gathered) == len(names), "all of them")
    go_on.set()
    for thread in (first, *threads):
        thread.join(60)
    return failed


def test_who_comes_while_another_writes_shares_the_next_transaction(engine: Engine) -> None:
    seen, names = commits(engine), [f"e-{number}" for number in range(OTHERS)]
    assert gather(Together(engine), names) == {}
    assert kept(engine) == {"first", *names}
    assert seen == ["kept", "kept"]


def test_one_that_cannot_be_written_costs_no_other_and_is_told_so(engine: Engine) -> None:
    with engine.begin() as connection:
        write(connection, "there")
    failed = gather(Together(engine), ["e-1", "there", "e-2"])
    assert set(failed) == {"there"}
    assert kept(engine) == {"there", "first", "e-1", "e-2"}


def test_what_failed_half_way_leaves_nothing(engine: Engine) -> None:
    def half(connection: Connection) -> None:
        write(connection, "half")
        raise LookupError("in the middle")

    with pytest.raises(LookupError):
        Together(engine).write(half)
    assert kept(engine) == set()


def test_an_access_point_is_answered_after_its_report_is_kept(world: World) -> None:
    session, seen = world.tap(), commits(world.engine)
    answers: list[tuple[str, int]] = []

    def answered(status: str, _headers: Any) -> None:
        answers.append((status, len(seen)))

    body = world.environ("account", told(session, Status.START))
    list(world.app(body, answered))
    assert answers == [("204 No Content", 1)]
    with world.engine.connect() as connection:
        assert connection.execute(select(associations.c.acctuniqueid)).scalar() == session


def test_a_report_is_one_transaction_whatever_it_changes(world: World) -> None:
    session, seen = world.tap(), commits(world.engine)
    for number, status in enumerate((Status.START, Status.INTERIM, Status.STOP), start=1):
        account(world, session, status, Acct_Session_Time=number)
        assert len(seen) == number


def test_a_counter_that_began_anew_is_told_as_a_gap(world: World, caplog: pytest.LogCaptureFixture) -> None:
    session = world.tap()
    account(world, session, Status.INTERIM, Acct_Session_Time=60, Acct_Input_Octets=900)
    account(world, session, Status.INTERIM, Acct_Session_Time=30, Acct_Input_Octets=400)
    assert "accounting gap" not in caplog.text  # it was late
    with caplog.at_level(logging.WARNING):
        account(world, session, Status.INTERIM, Acct_Session_Time=90, Acct_Input_Octets=7)
    assert "accounting gap" in caplog.text
    assert world.row(session)["acctinputoctets"] == 900
