"""How many devices may have a session at a site at a time: counted with the grant, in one transaction."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, select

from captive_portal.model import Arrival, Grant, Plan, PortalSite, Refusal, RefusalReason
from captive_portal.sessions import StoredSessions
from captive_portal.tables import voucher_uses
from tests.portal.clocks import Clock
from tests.portal.conftest import GUACHOCHI, JUAREZ, World
from tests.portal.places import LIBRE, site_of
from tests.portal.test_vouchers import KEY, issued, phone, reasons, typed

TWO = replace(LIBRE, devices=2)
HERE = site_of("08027-plaza", TWO)
FULL = Refusal(RefusalReason.SITE_FULL)


@pytest.fixture
def engine(store: Engine) -> Engine:
    return store


def came(number: int, site: PortalSite = HERE) -> Arrival:
    return Arrival(site.key, f"d{number}", f"b{number}", "", "")


def tap(sessions: StoredSessions, number: int, clock: Clock, site: PortalSite = HERE) -> Grant | Refusal:
    return sessions.open(site, came(number, site), site.plan, clock())


def test_one_more_than_the_places_is_refused_and_counted_and_who_is_in_stays_in(engine: Engine) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    first = tap(sessions, 1, clock)
    assert isinstance(first, Grant)
    assert isinstance(tap(sessions, 2, clock), Grant)
    assert tap(sessions, 3, clock) == FULL
    again = tap(sessions, 1, clock)
    assert isinstance(again, Grant)
    assert again.session == first.session
    (counted,) = sessions.portal_counts(0, 2**40)
    assert (counted.taps, counted.grants, counted.refusals) == (4, 3, 1)
    assert counted.reasons == {"site-full": 1}


@pytest.mark.parametrize("how", ["left", "ended", "over"])
def test_a_place_is_free_again_when_its_session_is_over(engine: Engine, how: str) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    first = tap(sessions, 1, clock)
    assert isinstance(first, Grant)
    clock.forward(minutes=30)
    tap(sessions, 2, clock)
    assert tap(sessions, 3, clock) == FULL
    if how == "left":
        sessions.leave(HERE.key, first.session, clock())
    elif how == "ended":
        sessions.ended(first.session, "Lost-Carrier", clock())
    else:
        clock.forward(minutes=30)
    assert isinstance(tap(sessions, 3, clock), Grant)
    assert tap(sessions, 4, clock) == FULL


def test_places_are_a_site_s_own_and_without_a_number_there_is_no_end_of_them(engine: Engine) -> None:
    sessions, clock = StoredSessions(engine), Clock()
    other, free = site_of("08037-plaza", TWO), site_of("08052-plaza")
    for number in range(2):
        tap(sessions, number, clock)
    assert isinstance(tap(sessions, 9, clock, other), Grant)
    assert all(isinstance(tap(sessions, number, clock, free), Grant) for number in range(5))


def test_of_many_taps_at_the_same_moment_as_many_get_in_as_there_are_places(engine: Engine) -> None:
    clock, many = Clock(), 12
    here = site_of("08027-plaza", replace(TWO, devices=5))
    barrier = Barrier(many)
    tap(StoredSessions(engine), 99, clock, here)  # the day's key is there

    def at_once(number: int) -> Grant | Refusal:
        process = StoredSessions(engine)  # each has a transaction of its own, as the portal's processes have
        barrier.wait()
        return tap(process, number, clock, here)

    with ThreadPoolExecutor(many) as pool:
        outcomes = list(pool.map(at_once, range(many)))
    assert sum(isinstance(one, Grant) for one in outcomes) == 4
    assert [one for one in outcomes if isinstance(one, Refusal)] == [FULL] * 8


def places(world: World, devices: int, **changed: object) -> None:
    site = world.sites[GUACHOCHI]
    world.sites[GUACHOCHI] = replace(site, plan=replace(site.plan, devices=devices), **changed)  # type: ignore[arg-type]


def test_a_citizen_without_a_place_reads_why_and_may_try_again(world: World) -> None:
    places(world, 1)
    other = Arrival(GUACHOCHI, "d", "b", "", "")
    world.sessions.open(world.sites[GUACHOCHI], other, world.sites[GUACHOCHI].plan, world.clock())
    answer = world.told(world.tap())
    assert answer.status_code == 403
    assert "Ahora no hay lugar" in answer.text
    assert "Espera unos minutos" in answer.text
    assert 'href="http://10.77.0.1:2060/"' in answer.text
    assert reasons(world) == {"site-full": 1}
    assert world.tap(JUAREZ).status_code == 303
    world.clock.forward(hours=1)
    assert world.tap().status_code == 303


def test_a_voucher_is_not_begun_where_there_is_no_place_for_it(world: World) -> None:
    places(world, 1, vouchers=True, voucher_key=KEY)
    code, second = issued(world, devices=2), issued(world)
    assert typed(world, code).status_code == 303
    assert "Ahora no hay lugar" in world.told(typed(world, second, mac=phone(2))).text
    with world.engine.connect() as connection:
        assert len(connection.execute(select(voucher_uses)).all()) == 1
    assert typed(world, code).status_code == 303, "who is in has a place"
    assert reasons(world) == {"site-full": 1}


def test_a_plan_has_no_end_of_places_unless_it_is_written() -> None:
    assert Plan("libre", timedelta(hours=1)).devices == 0
