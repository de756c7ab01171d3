"""First pages are counted together, failures when the store is back; a quick read is like any other."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, bindparam, event, func, select
from sqlalchemy.exc import SQLAlchemyError

from captive_portal.gathered import Gathered
from captive_portal.model import Arrival, Grant
from captive_portal.opening import OF_DEVICE
from captive_portal.quick_read import QuickRead
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, portal_counts, sessions
from controller.store.engine import open_engine
from tests.gateway.town import wait_for
from tests.portal.places import LIBRE, site_of

HERE = site_of("08027-plaza")
NOON = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)

ENDS = """
import sys
from datetime import UTC, datetime
from captive_portal.sessions import StoredSessions
from controller.store.engine import open_engine
stored = StoredSessions(open_engine(sys.argv[1]))
for _ in range(3):
    stored.seen("08027-plaza", datetime(2026, 11, 22, 18, 0, tzinfo=UTC))
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(made)
    yield made
    made.dispose()


def pages(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.sum(portal_counts.c.pages))).scalar() or 0


def phone(number: int) -> Arrival:
    return Arrival(HERE.key, f"device-{number}", "binding", "stamp", f"nonce-{number}")


def test_a_hundred_pages_cost_the_store_one_transaction_and_are_there_within_seconds(engine: Engine) -> None:
    other = open_engine(str(engine.url))
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    stored = StoredSessions(engine)
    for _ in range(100):
        stored.seen(HERE.key, NOON)
    wait_for(lambda: pages(other) == 100, "the pages in the store")
    other.dispose()
    assert len(commits) == 1


def test_pages_that_were_shown_right_before_a_process_ends_are_counted(engine: Engine) -> None:
    subprocess.run([sys.executable, "-c", ENDS, str(engine.url)], check=True, timeout=60)
    assert pages(engine) == 3


def test_failures_of_the_store_wait_in_memory_until_it_is_back_and_then_count(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    stored, minute = StoredSessions(engine), timedelta(minutes=1)
    gathered = Gathered(engine, every_s=0)
    portal_counts.drop(engine)
    for site in (HERE.key, HERE.key, "08037-plaza"):
        gathered.failed(site, int(NOON.timestamp()))
    wait_for(
        lambda: "not counted" in caplog.messages and gathered._failures.total() == 3, "a try that failed"
    )
    wait_for(lambda: not gathered._will_be_written, "the last try")
    metadata.create_all(engine)
    later = int((NOON + 5 * minute).timestamp())
    gathered.add(HERE.key, later)
    wait_for(lambda: pages(engine) == 1, "what was written when the store was back")
    assert stored.portal_counts(0, later) == []
    told = {
        one.site: (one.arrivals, one.failures, one.reasons) for one in stored.portal_counts(later, later + 60)
    }
    assert told == {
        HERE.key: (1, 2, {"store-failed": 2}),
        "08037-plaza": (0, 1, {"store-failed": 1}),
    }


def test_failures_are_added_to_those_of_the_same_minute(engine: Engine) -> None:
    stored, gathered, noon = StoredSessions(engine), Gathered(engine, every_s=0), int(NOON.timestamp())
    for site in (HERE.key, HERE.key):
        gathered.failed(site, noon)
        wait_for(lambda: not gathered._will_be_written, "what was gathered is being written")

    def counted() -> bool:
        return [one.reasons for one in stored.portal_counts(noon, noon + 60)] == [{"store-failed": 2}]

    wait_for(counted, "both")


def test_taps_at_the_same_moment_each_open_their_own_session_durably(engine: Engine) -> None:
    stored = StoredSessions(engine)
    with ThreadPoolExecutor(8) as pool:
        grants = list(pool.map(lambda number: stored.open(HERE, phone(number), LIBRE, NOON), range(40)))
    named = {grant.session for grant in grants if isinstance(grant, Grant)}
    with open_engine(str(engine.url)).connect() as connection:
        kept = set(connection.execute(select(sessions.c.acctuniqueid)).scalars())
    assert len(named) == 40
    assert kept == named


def test_a_quick_read_gives_the_rows_and_names_that_a_connection_gives(engine: Engine) -> None:
    stored = StoredSessions(engine)
    for number in range(2):
        stored.open(HERE, phone(number), LIBRE, NOON)
    with engine.connect() as connection:
        device = connection.execute(select(sessions.c.device)).scalars().first()
        values = {"of_site": HERE.key, "of_device": str(device)}
        (usual,) = connection.execute(OF_DEVICE, values).all()
    (quick,) = QuickRead(engine, OF_DEVICE).rows(**values)
    assert quick == tuple(usual)
    assert quick._fields == usual._fields
    assert quick.expires_at == usual.expires_at


def test_a_quick_read_that_fails_tells_no_value_and_is_an_error_of_the_store(engine: Engine) -> None:
    wanted = select(sessions.c.site).where(sessions.c.device == bindparam("of_device"))
    sessions.drop(engine)
    with pytest.raises(SQLAlchemyError) as raised:
        QuickRead(engine, wanted).rows(of_device="02:ca:fe:12:34:56")
    assert "02:ca:fe" not in str(raised.value)
