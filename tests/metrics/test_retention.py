"""Days become cold and go in their time; a sink that lags loses nothing and gets nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from metrics.forward import Forwarder, progress
from metrics.influx import InfluxSink
from metrics.local.cold import generations
from metrics.local.cold_making import make
from metrics.local.cursors import Cursors
from metrics.local.guard_clock import may_drop
from metrics.local.retention import Terms, retain
from metrics.local.retention_ready import rolled_up
from metrics.local.rollup import roll_up
from metrics.local.store import LocalStore
from metrics.sink import Window
from tests.metrics.samples import ap, slot
from tests.metrics.scripted import Answer, Scripted, serving

DAY_S = 86_400
BEGIN = 1_795_305_600
DAY = "2026-11-22"
TERMS = Terms(raw_hours=48, chunk_days=30)
ALL = Window(0, 2**33)
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with serving(Scripted(lambda _: Answer())) as scripted:
        yield scripted


def forwarder(store: LocalStore, server: Scripted) -> Forwarder:
    return Forwarder(store, InfluxSink("sink", server.url, "t", "o", "b", timeout_s=2.0), lambda: NOW)


def drain(feed: Forwarder) -> None:
    while feed.step().lag_batches:
        pass


def kept(store: LocalStore, days: float, sinks: tuple[str, ...] = ("sink",)) -> list[str]:
    """The volumes of samples that are there so many days after the end of the day, the clock going right."""
    now = BEGIN + DAY_S + int(days * DAY_S)
    may_drop(store, now - 90_000)
    retain(store, now, TERMS, sinks, lambda *_: True)
    return [name[:15] for name in store.shelf.names() if name.startswith(("raw-", "cold-"))]


def test_a_day_stays_as_it_came_then_in_chunks_then_goes(store: LocalStore) -> None:
    store.write("poller", [ap(BEGIN)])
    assert kept(store, 1.9, ()) == ["raw-2026-11-22"]
    assert kept(store, 2, ()) == ["cold-2026-11-22"]
    assert kept(store, 29.9, ()) == ["cold-2026-11-22"]
    assert kept(store, 30, ()) == []


@pytest.mark.parametrize(("leap_days", "kept_for_days"), [(30, 1), (-30, 1), (1.9, 0)])
def test_a_clock_that_leaps_drops_nothing_for_a_day(
    store: LocalStore, leap_days: float, kept_for_days: int
) -> None:
    now = BEGIN + 100 * DAY_S
    may_drop(store, now)
    after = now + int(leap_days * DAY_S)
    assert [may_drop(store, after + hour * 3600) for hour in range(25)].count(False) == 24 * kept_for_days
    assert may_drop(store, after + 25 * 3600)


def test_a_day_that_is_not_rolled_up_stays_as_it_is(store: LocalStore) -> None:
    store.write("poller", slot(BEGIN + 60, 3))
    now = BEGIN + 4 * DAY_S
    retain(store, now, TERMS, (), rolled_up(store))
    assert store.days() == [DAY]
    roll_up(store, now)
    store.write("late", [ap(BEGIN + 60, "late")])
    retain(store, now, TERMS, (), rolled_up(store))
    assert store.days() == [DAY]
    roll_up(store, now)
    retain(store, now, TERMS, (), rolled_up(store))
    assert store.days() == []


def test_days_without_samples_leave_nothing(store: LocalStore) -> None:
    store.day(DAY)
    assert kept(store, 3) == []


def test_a_sink_that_has_the_day_gets_nothing_from_its_chunks(store: LocalStore, server: Scripted) -> None:
    store.write("poller", slot(BEGIN, 5))
    feed = forwarder(store, server)
    drain(feed)
    before = list(server.stored)
    assert kept(store, 3) == ["cold-2026-11-22"]
    for running in (feed, forwarder(store, server)):
        drain(running)
    assert server.stored == before
    assert progress(store, "sink").lag_batches == 0
    assert progress(store, "sink").sent_points == len(before)


def test_a_sink_that_was_away_gets_the_day_from_its_chunks_and_only_what_came_late_after(
    store: LocalStore, server: Scripted
) -> None:
    store.write("poller", slot(BEGIN, 5))
    store.write("poller", slot(BEGIN + 60, 5))
    assert kept(store, 8) == ["cold-2026-11-22"]
    feed = forwarder(store, server)
    drain(feed)
    assert len(set(server.stored)) == sum(store.counts(ALL).values()) == len(server.stored)
    store.write("poller", [ap(BEGIN + 120)])
    drain(feed)
    assert len(server.stored) == sum(store.counts(ALL).values())
    assert kept(store, 9) == ["cold-2026-11-22"]
    drain(feed)
    drain(forwarder(store, server))
    assert len(server.stored) == sum(store.counts(ALL).values())


def test_a_sink_that_got_half_a_day_before_it_went_cold_gets_the_rest(
    store: LocalStore, server: Scripted
) -> None:
    store.write("a", slot(BEGIN, 5))
    drain(forwarder(store, server))
    store.write("a", slot(BEGIN + 60, 5))
    kept(store, 3)
    drain(forwarder(store, server))
    assert len(set(server.stored)) == sum(store.counts(ALL).values())


def test_a_sink_that_comes_while_a_day_is_both_raw_and_cold_gets_each_point_once(
    store: LocalStore, server: Scripted
) -> None:
    store.write("poller", slot(BEGIN, 5))
    make(store, DAY, 1)
    drain(forwarder(store, server))
    kept(store, 3)
    drain(forwarder(store, server))
    assert len(server.stored) == len(set(server.stored)) == sum(store.counts(ALL).values())


def test_a_new_sink_is_filled_from_chunks_and_raw_days(store: LocalStore, server: Scripted) -> None:
    for day in range(4):
        store.write("poller", slot(BEGIN + day * DAY_S, 3))
    assert kept(store, 3) == ["cold-2026-11-22", "cold-2026-11-23", "raw-2026-11-24", "raw-2026-11-25"]
    feed = forwarder(store, server)
    drain(feed)
    Cursors(store, "sink").reset()
    drain(feed)
    assert len(server.stored) == 2 * len(set(server.stored)) == 2 * sum(store.counts(ALL).values())


def test_an_old_day_waits_for_a_sink_and_goes_once_it_has_it(store: LocalStore, server: Scripted) -> None:
    store.write("poller", slot(BEGIN, 5))
    assert kept(store, 100) == ["cold-2026-11-22"]
    assert kept(store, 100, ("sink", "other")) == ["cold-2026-11-22"]
    drain(forwarder(store, server))
    assert kept(store, 100) == []


def test_cursors_of_days_that_are_gone_go_and_their_points_stay_counted(
    store: LocalStore, server: Scripted
) -> None:
    store.write("poller", slot(BEGIN, 5))
    store.write("poller", slot(BEGIN + 60 * DAY_S, 5))
    drain(forwarder(store, server))
    sent = progress(store, "sink").sent_points
    kept(store, 40)
    assert generations(store.shelf.names()) == {}
    days = [place.day for place in Cursors(store, "sink").load()]
    assert days == ["", "2027-01-21"]
    assert progress(store, "sink").sent_points == sent


def test_a_day_that_began_again_after_it_was_dropped_is_another_one(
    store: LocalStore, server: Scripted
) -> None:
    for late in (0, 60):
        store.write("poller", [ap(BEGIN + late)])
        drain(forwarder(store, server))
        assert kept(store, 31) == []
    assert len(server.stored) == 2
