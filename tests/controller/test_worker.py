"""Derived samples: sessions, portal and municipalities, computed from what is stored."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from captive_portal import counts, late
from captive_portal.counts import Counted
from captive_portal.model import Arrival, GatewayEvent, Grant, Plan
from captive_portal.sessions import StoredSessions
from captive_portal.tables import pseudonym_keys
from controller.app import App, build
from controller.files import write_private
from controller.portal_jobs import late_samples, session_samples
from controller.settings import load
from controller.sink_settings import SinkSettings
from controller.worker import Municipalities, jobs, municipality_samples
from metrics.catalog import check
from metrics.local.buckets import buckets
from metrics.sample import Sample
from metrics.sink import Window
from tests.portal.places import site_of
from tests.town import town

PLAN = Plan("free", timedelta(hours=1))
SLOT = 1_767_225_600
SITE = "08027-plaza"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with town(tmp_path, "127.73.1") as place:
        built = build(load(place.environ, tmp_path))
        yield built
        built.samples.close()
        built.engine.dispose()


def at(second: int) -> datetime:
    return datetime.fromtimestamp(SLOT + second, UTC)


def opened(app: App, device: str, second: int) -> str:
    """A session that its gateway opened at `second` of the slot."""
    sessions = StoredSessions(app.engine)
    arrival = Arrival(SITE, device, "b", "s", f"n{device}")
    grant = sessions.open(site_of(SITE), arrival, PLAN, at(second))
    assert isinstance(grant, Grant)
    session = grant.session
    sessions.apply(SITE, [GatewayEvent(f"o{device}", "opened", session, 0)], at(second))
    return session


def only(samples: list[Sample], measurement: str) -> Sample:
    [found] = [sample for sample in samples if sample.measurement == measurement]
    check(found)
    return found


def test_a_slot_tells_who_came_who_left_and_who_is_there(app: App) -> None:
    first = opened(app, "d1", 5)
    opened(app, "d2", 10)
    left = GatewayEvent("c1", "closed", first, 0, 30, 7000, 500, "User-Request")
    StoredSessions(app.engine).apply(SITE, [left], at(35))
    samples = session_samples(app, StoredSessions(app.engine), SLOT, SLOT + 60)
    sample = only(samples, "wifi_session")
    assert sample.tags == {"mun": "08027", "site": SITE}
    told = {"opened": 2, "ended": 1, "admitted": 1, "octets": 7500, "seconds": 30}
    assert sample.fields == told  # nobody told octets of the one that is there: neither active nor idle
    assert sample.time == SLOT


def test_an_end_that_is_told_hours_later_mends_the_slots_in_between(app: App) -> None:
    session = opened(app, "d1", 5)
    stored = StoredSessions(app.engine)
    for minute in range(120):  # as the worker does meanwhile: it runs, as far as anybody knows
        start = SLOT + 60 * minute
        app.samples.write("worker", session_samples(app, stored, start, start + 60), shard=256)
    left = GatewayEvent("c1", "closed", session, 7_200 - 90, 85, 7000, 500, "User-Request")
    stored.apply(SITE, [left], at(7_200))
    for _ in range(2):  # the second turn finds nothing to do
        late_samples(app, lambda: at(7_200))
    found = {
        one.time - SLOT: dict(one.fields)
        for one in app.samples.read("wifi_session", Window(SLOT, SLOT + 9_000))
    }
    assert [(found[at]["admitted"], found[at]["ended"]) for at in (0, 60, 120, 60 * 119)] == [
        (1, 0), (0, 1), (0, 0), (0, 0),
    ]  # fmt: skip
    assert (found[60]["octets"], found[60]["seconds"]) == (7500, 85)
    with app.engine.connect() as connection:
        assert late.waiting(connection) == {}


def test_slots_that_were_over_while_no_worker_ran_are_made_by_the_next(app: App) -> None:
    tags = {"ap": "ap-kiosk", "mun": "08027", "site": SITE, "vendor": "openwrt"}
    for second in range(0, 3_000, 60):
        app.samples.write(
            "poller", [Sample("wifi_ap", tags, {"up": 1, "clients": second // 300}, SLOT + second)]
        )
    Municipalities(app, lambda: at(620)).turn()
    another = Municipalities(app, lambda: at(2_420))
    another.turn()
    another.clock = lambda: at(2_720)
    another.turn()
    kept = app.samples.read("hotspot_mun", Window(SLOT, SLOT + 9_000))
    assert [(one.time - SLOT, one.fields["clients"]) for one in kept] == [
        (300 * slot, slot) for slot in range(1, 9)
    ]


def test_what_the_portal_did_is_told_per_slot(app: App) -> None:
    sessions = StoredSessions(app.engine)
    with app.engine.begin() as connection:
        for counted, times in ((Counted.PAGES, 3), (Counted.GRANTS, 2), (Counted.REFUSALS, 1)):
            for _ in range(times):
                counts.add(connection, SITE, int(at(1).timestamp()), counted)
    sample = only(session_samples(app, sessions, SLOT, SLOT + 60), "wifi_portal")
    assert sample.fields == {
        "arrivals": 3,
        "taps": 0,
        "grants": 2,
        "refusals": 1,
        "failures": 0,
        "online": 0,
    }


def test_a_slot_in_which_nothing_happened_has_no_sample(app: App) -> None:
    assert session_samples(app, StoredSessions(app.engine), SLOT, SLOT + 60) == []


def test_a_municipality_counts_what_answered_beside_what_it_has(app: App) -> None:
    tags = {"mun": "08027", "site": SITE, "vendor": "openwrt"}
    latest = [
        Sample("wifi_ap", {**tags, "ap": "ap-kiosk"}, {"up": 1, "clients": 7}, SLOT),
        Sample("wifi_ap", {**tags, "ap": "ap-school"}, {"up": 0}, SLOT),
    ]
    sample = only(municipality_samples(app, latest, SLOT), "hotspot_mun")
    assert sample.fields == {"aps": 2, "aps_up": 1, "clients": 7}


def test_a_municipality_nobody_measured_has_no_sample(app: App) -> None:
    assert municipality_samples(app, [], SLOT) == []


def test_a_municipality_whose_clients_nobody_measured_has_no_figure_for_them(app: App) -> None:
    tags = {"mun": "08027", "site": SITE, "vendor": "openwrt", "ap": "ap-kiosk"}
    sample = only(municipality_samples(app, [Sample("wifi_ap", tags, {"up": 1}, SLOT)], SLOT), "hotspot_mun")
    assert sample.fields == {"aps": 2, "aps_up": 1}


def test_the_job_table_writes_derived_samples_and_destroys_old_keys(app: App) -> None:
    key = app.settings.data_dir / "secrets" / "gateway-key"
    key.parent.mkdir(exist_ok=True)
    write_private(key, "0" * 64)
    opened(app, "d1", 5)
    tags = {"mun": "08027", "site": SITE, "vendor": "openwrt", "ap": "ap-kiosk"}
    app.samples.write("poller", [Sample("wifi_ap", tags, {"up": 1, "clients": 3, "uptime_s": 9}, SLOT)])
    later = at(2 * 86400)
    for job in jobs(app, lambda: at(330)):
        job.work()
    counts = app.samples.counts(Window(SLOT, SLOT + 600))
    assert (counts["wifi_session"], counts["hotspot_mun"]) == (3, 1)
    for job in jobs(app, lambda: later):
        job.work()
    with app.engine.connect() as connection:
        assert connection.execute(select(pseudonym_keys)).all() == []


def test_old_days_go_once_they_are_rolled_up(app: App) -> None:
    tags = {"mun": "08027", "site": SITE, "vendor": "openwrt", "ap": "ap-kiosk"}
    for day in (0, 31):
        sample = Sample("wifi_ap", tags, {"up": 1, "clients": 3, "uptime_s": 9}, SLOT + day * 86_400)
        app.samples.write("poller", [sample])
    old, new = app.samples.days()
    run_all(app, at(31 * 86_400 + 7200))
    assert app.samples.days() == [new]
    [hour] = buckets(app.samples, "wifi_ap", "hour", Window(SLOT, SLOT + 3600), ["ap"])
    assert (hour.got, old) == (1, "2026-01-01")


def test_an_old_day_waits_for_a_sink_that_lacks_it(app: App) -> None:
    behind = SinkSettings(name="state", url="http://127.0.0.1:9", bucket="plaza")
    waiting = replace(app, settings=app.settings.model_copy(update={"sinks": (behind,)}))
    tags = {"mun": "08027", "site": SITE, "vendor": "openwrt", "ap": "ap-kiosk"}
    waiting.samples.write("poller", [Sample("wifi_ap", tags, {"up": 1}, SLOT)])
    run_all(waiting, at(40 * 86_400))
    assert "2026-01-01" in waiting.samples.kept()


def run_all(app: App, now: datetime) -> None:
    for job in jobs(app, lambda: now):
        job.work()
