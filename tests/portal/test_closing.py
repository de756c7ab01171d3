"""Nobody's time runs beyond the hour at which the site closes, and the pages say so."""

from dataclasses import replace
from datetime import timedelta

from captive_portal.grants import decide
from captive_portal.model import Refusal, RefusalReason
from tests.portal.conftest import GUACHOCHI, World
from tests.portal.test_extend import arrives, asked, button, enter, expires_in, status
from tests.portal.test_modes import MOST_OCTETS, octets
from tests.portal.test_vouchers import KEY, issued, typed

CLOSES = "Este lugar cierra a las 12:10. Hasta entonces tienes Internet."
THEN = "Después este lugar cierra. Regresa cuando abra."


def close_in(world: World, **units: float) -> None:
    world.closes[GUACHOCHI] = world.clock() + timedelta(**units)


def test_a_tap_ten_minutes_before_closing_gives_ten_minutes_and_every_page_says_so(world: World) -> None:
    close_in(world, minutes=10)
    first = arrives(world)
    assert CLOSES in first.text
    assert "Dura 1 hora" not in first.text
    packed = world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}", headers={"Accept-Encoding": "gzip"})
    assert octets(packed) <= MOST_OCTETS
    ticket = world.ticket(world.tap())
    assert ticket["seconds"] == 600
    assert "longer" not in ticket, "no phone is told that its time can be made longer"
    page = status(world, str(ticket["session"])).text
    assert "Te quedan 10 minutos." in page
    assert THEN in page
    assert "entra otra vez" not in page


def test_a_tap_whose_hour_ends_before_closing_is_told_of_no_closing(world: World) -> None:
    close_in(world, minutes=90)
    assert "Dura 1 hora" in arrives(world).text
    ticket = world.ticket(world.tap())
    assert (ticket["seconds"], ticket["longer"]) == (3600, 1)
    assert THEN not in status(world, str(ticket["session"])).text


def test_more_time_ends_at_closing_and_none_is_offered_that_would_be_none(world: World) -> None:
    session = enter(world)
    close_in(world, minutes=70)
    world.clock.forward(minutes=50)
    assert button(status(world, session))
    assert world.ticket(world.phone.get(asked(world, session)))["seconds"] == 1200
    world.clock.forward(minutes=18)
    page = status(world, session)
    assert button(page) == ""
    assert THEN in page.text
    world.phone.get(asked(world, session, nonce="n2"))
    assert expires_in(world, session) == 120


def test_within_the_last_minute_it_is_closed(world: World) -> None:
    close_in(world, seconds=59)
    answer = world.told(world.tap())
    assert answer.status_code == 403
    assert "Ahora está cerrado" in answer.text
    close_in(world, seconds=60)
    assert world.ticket(world.tap())["seconds"] == 60


def test_a_voucher_is_cut_too(world: World) -> None:
    world.sites[GUACHOCHI] = replace(world.sites[GUACHOCHI], vouchers=True, voucher_key=KEY)
    close_in(world, minutes=30)
    assert world.ticket(typed(world, issued(world)))["seconds"] == 1800


def test_the_decision_is_pure(world: World) -> None:
    site, now = world.sites[GUACHOCHI], world.clock()
    soon = now + timedelta(minutes=5)
    assert decide(site, world.arrival(), now, lambda *_: soon) == replace(site.plan, until=soon)
    assert decide(site, world.arrival(), now, lambda *_: now) == Refusal(RefusalReason.SITE_CLOSED)
