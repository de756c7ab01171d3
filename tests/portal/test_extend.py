"""More time before the end, and what a phone is shown that comes back after it."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from captive_portal.carried import seal_session
from captive_portal.extending import by_ticket
from captive_portal.gateway.ticket import seal
from captive_portal.model import Arrival, GatewayEvent, GatewayKind, Grant, Usage
from captive_portal.tables import sessions
from tests.portal.conftest import CAPPED, GUACHOCHI, JUAREZ, MAC, World
from tests.portal.places import site_of
from tests.portal.test_modes import MOST_OCTETS, octets

OTHER = "02:00:00:00:00:02"


def enter(world: World, site: str = GUACHOCHI, mac: str = MAC) -> str:
    """The session of a phone whose gateway has opened the door."""
    there = world.sites[site]
    granted = world.sessions.open(there, world.arrival(site, mac), there.plan, world.clock())
    assert isinstance(granted, Grant)
    opened = GatewayEvent(f"opened-{granted.session}", "opened", granted.session, 0)
    world.sessions.apply(site, [opened], world.clock())
    return granted.session


def status(world: World, session: str, site: str = GUACHOCHI, **query: str) -> TestResponse:
    token = seal_session(world.sites[site], session)
    return world.phone.get(f"/p/{site}/online?{urlencode({'s': token, **query})}")


def button(page: TestResponse) -> str:
    """Where the page's button for more time leads; "" when there is none."""
    found = re.search(r'<a href="([^"]+/again\?[^"]+)">Seguir conectado</a>', page.text)
    return unescape(found[1]) if found else ""


def asked(world: World, session: str, token: str = "", nonce: str = "n1", site: str = GUACHOCHI) -> str:
    """Where the gateway sends a phone that is in this session and has tapped the button of this page."""
    arrival = world.token(site, session=session, nonce=nonce)
    query = {"a": arrival, "s": token or seal_session(world.sites[site], session), "lang": "es"}
    return f"/p/{site}/extend?{urlencode(query)}"


def expires_in(world: World, session: str) -> int:
    """Seconds until the stored end."""
    wanted = select(sessions.c.expires_at).where(sessions.c.acctuniqueid == session)
    with world.engine.connect() as connection:
        return int(connection.execute(wanted).scalar_one() - world.clock().timestamp())


def give_a_day_of(world: World, minutes: int) -> None:
    site = world.sites[GUACHOCHI]
    plan = replace(site.plan, daily=timedelta(minutes=minutes))
    world.sites[GUACHOCHI] = replace(site, plan=plan)


def arrives(world: World, **query: str) -> TestResponse:
    return world.phone.get(f"/p/{GUACHOCHI}?{urlencode({'a': world.token(), **query})}")


def test_button_appears_in_the_last_quarter_and_leads_through_the_gateway(world: World) -> None:
    session = enter(world)
    world.clock.forward(minutes=45)
    assert button(status(world, session)) == ""
    world.clock.forward(seconds=1)
    page = status(world, session)
    assert "Te quedan 15 minutos." in page.text
    leads = urlsplit(button(page))
    assert (leads.scheme, leads.netloc, leads.path) == ("http", "10.77.0.1:2060", "/again")
    assert parse_qs(leads.query) == {"s": [seal_session(world.sites[GUACHOCHI], session)], "lang": ["es"]}
    assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize("mode", ["", "big.bold"])
@pytest.mark.parametrize("site", [GUACHOCHI, CAPPED])
def test_no_page_of_the_end_is_larger_than_4000_octets(world: World, site: str, mode: str) -> None:
    packed, session = {"Accept-Encoding": "gzip"}, enter(world, site)
    world.clock.forward(minutes=50)
    token = seal_session(world.sites[site], session)
    online, welcome = f"/p/{site}/online?s={token}&m={mode}", f"/p/{site}?a={world.token(site)}&m={mode}"
    sizes = [octets(world.phone.get(online, headers=packed))]
    world.clock.forward(minutes=15)
    sizes += [octets(world.phone.get(path, headers=packed)) for path in (online, welcome)]
    assert max(sizes) <= MOST_OCTETS, sizes


def test_one_tap_on_it_lasts_as_long_as_a_new_session_and_brings_a_ticket_for_the_door(world: World) -> None:
    session = enter(world)
    world.clock.forward(minutes=50)
    answer = world.phone.get(asked(world, session))
    assert answer.status_code == 303
    ticket = world.ticket(answer)
    assert (ticket["session"], ticket["seconds"], ticket["nonce"]) == (session, 3600, "n1")
    assert (ticket["status"], ticket["longer"]) == (seal_session(world.sites[GUACHOCHI], session), 1)
    assert expires_in(world, session) == 3600
    assert "Te quedan 60 minutos." in status(world, session).text
    assert button(status(world, session)) == ""


def test_octets_are_given_anew_with_the_time_and_the_ticket_says_how_many_in_all(world: World) -> None:
    session = enter(world, CAPPED)
    world.sessions.account([Usage(session, 60, 300_000_000, 100_000_000)], world.clock.forward(minutes=50))
    ticket = world.ticket(world.phone.get(asked(world, session, site=CAPPED)), CAPPED)
    assert (ticket["octets"], ticket["total"]) == (500_000_000, 900_000_000)


def test_asked_too_early_again_or_after_a_lost_answer_it_adds_nothing(world: World) -> None:
    session = enter(world)
    world.clock.forward(minutes=30)
    assert world.ticket(world.phone.get(asked(world, session)))["seconds"] == 1800
    world.clock.forward(minutes=20)
    address = asked(world, session, nonce="n2")
    assert world.ticket(world.phone.get(address))["seconds"] == 3600
    world.clock.forward(minutes=1)
    again = world.ticket(world.phone.get(asked(world, session, nonce="n3")))
    assert again["seconds"] == 3540, "a ticket that was lost is written once more"
    world.clock.forward(minutes=49)
    assert world.ticket(world.phone.get(address))["seconds"] == 600, "a reload of an old tap is no new one"


def test_button_of_another_session_and_a_forged_one_give_nothing(world: World) -> None:
    mine, theirs = enter(world), enter(world, mac=OTHER)
    world.clock.forward(minutes=50)
    site = world.sites[GUACHOCHI]
    forged = seal(bytes(32), "session", {"s": mine})
    foreign = seal_session(world.sites[JUAREZ], mine)
    for token in (seal_session(site, theirs), forged, foreign, "x"):
        answer = world.phone.get(asked(world, mine, token))
        assert answer.status_code == 403
        assert "No reconocimos tu teléfono." in answer.text
    for query in ({"a": world.token()}, {"a": world.token(), "s": seal_session(site, mine)}, {}):
        assert world.phone.get(f"/p/{GUACHOCHI}/extend?{urlencode(query)}").status_code == 403
    stolen = {"a": world.token(session=mine) + "x", "s": seal_session(site, mine)}
    assert world.phone.get(f"/p/{GUACHOCHI}/extend?{urlencode(stolen)}").status_code == 403
    assert (expires_in(world, mine), expires_in(world, theirs)) == (600, 600)


def test_session_that_is_over_is_not_made_longer(world: World) -> None:
    session = enter(world)
    world.clock.forward(minutes=61)
    answer = world.phone.get(asked(world, session))
    assert answer.status_code == 303
    assert "Se acabó tu tiempo" in world.phone.get(answer.headers["Location"]).text
    assert expires_in(world, session) == -60


def test_closed_site_gives_no_more_and_the_page_says_how_it_stands(world: World) -> None:
    session = enter(world)
    world.clock.forward(minutes=50)
    world.closed.add(GUACHOCHI)
    answer = world.phone.get(asked(world, session))
    assert "Te quedan 10 minutos." in world.phone.get(answer.headers["Location"]).text
    assert expires_in(world, session) == 600


def test_day_that_gives_nothing_more_shows_no_button_and_says_so(world: World) -> None:
    give_a_day_of(world, 90)
    session = enter(world)
    assert world.ticket(world.tap())["longer"] == 1
    world.clock.forward(minutes=50)
    assert world.ticket(world.phone.get(asked(world, session)))["seconds"] == 40 * 60
    world.clock.forward(minutes=35)
    page = status(world, session)
    assert button(page) == ""
    assert "Después ya no hay más tiempo hoy." in page.text
    assert "entra otra vez" not in page.text
    assert "longer" not in world.ticket(world.tap())
    assert world.ticket(world.phone.get(asked(world, session, nonce="n2")))["seconds"] == 300


def test_no_button_where_the_gateway_cannot_or_a_voucher_bounds_the_session(world: World) -> None:
    plaza = site_of("08027-plaza")
    assert by_ticket(plaza)
    assert not by_ticket(replace(plaza, vouchers=True))
    kinds = [kind for kind in GatewayKind if by_ticket(site_of("08027-plaza", kind=kind))]
    assert kinds == [GatewayKind.PLAZA]
    session = enter(world)
    world.sites[GUACHOCHI] = replace(world.sites[GUACHOCHI], vouchers=True)
    world.clock.forward(minutes=50)
    assert button(status(world, session)) == ""
    world.phone.get(asked(world, session))
    assert expires_in(world, session) == 600


def test_phone_that_is_in_reaches_its_status_from_the_gateways_address(world: World) -> None:
    session = enter(world)
    answer = world.phone.get(f"/p/{GUACHOCHI}?a={world.token(session=session)}&lang=en")
    assert answer.status_code == 303
    assert "You have 60 minutes left." in world.phone.get(answer.headers["Location"]).text
    world.sessions.ended(session, "Admin-Reset", world.clock())
    page = world.phone.get(f"/p/{GUACHOCHI}?a={world.token(session=session)}")
    assert "Toca el botón para entrar a Internet." in page.text


def test_ticket_that_came_too_late_is_renewed_with_the_way_to_the_status(world: World) -> None:
    session = enter(world)
    world.clock.forward(minutes=50)
    old = world.phone.get(asked(world, session)).headers["Location"].partition("g=")[2]
    query = urlencode({"a": world.token(session=session, nonce="fresh"), "g": old})
    ticket = world.ticket(world.phone.get(f"/p/{GUACHOCHI}/renew?{query}"))
    assert (ticket["seconds"], ticket["nonce"], ticket["longer"]) == (3600, "fresh", 1)
    assert ticket["status"] == seal_session(world.sites[GUACHOCHI], session)


@pytest.mark.parametrize(
    ("cause", "heading"),
    [
        ("", "Se acabó tu tiempo"),
        ("Session-Timeout", "Se acabó tu tiempo"),
        ("Octet-Limit", "Se acabaron tus datos"),
        ("Octets-Limit", "Se acabaron tus datos"),
        ("User-Request", "Internet gratis"),
        ("NAS-Reboot", "Internet gratis"),
    ],
)
def test_phone_that_comes_back_is_told_what_was_used_up_and_has_one_button(
    world: World, cause: str, heading: str
) -> None:
    session = enter(world)
    world.clock.forward(hours=1)
    if cause:
        world.sessions.ended(session, cause, world.clock())
    world.clock.forward(minutes=5)
    page = arrives(world)
    assert f"<h1>{heading}</h1>" in page.text
    assert page.text.count("<button") == 1
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
    answer = world.phone.post(f"/p/{GUACHOCHI}/enter", data=form)
    assert world.ticket(answer)["session"] != session
    world.clock.forward(minutes=5)
    assert "Your time is over" not in arrives(world, lang="en").text, "the new session runs"


def test_after_half_an_hour_and_for_another_phone_it_is_a_plain_welcome(world: World) -> None:
    enter(world)
    world.clock.forward(minutes=61)
    other = world.phone.get(f"/p/{GUACHOCHI}?a={world.token(mac=OTHER)}")
    assert "<h1>Internet gratis</h1>" in other.text
    assert "<h1>Se acabó tu tiempo</h1>" in arrives(world).text
    world.clock.forward(minutes=30)
    assert "<h1>Internet gratis</h1>" in arrives(world).text


def test_phone_whose_day_is_used_up_is_told_so_before_it_taps(world: World) -> None:
    give_a_day_of(world, 60)
    enter(world)
    world.clock.forward(minutes=61)
    page = arrives(world)
    assert page.status_code == 403
    assert "Por hoy ya usaste tu tiempo" in page.text
    assert "<button" not in page.text
    world.clock.forward(days=1)
    assert arrives(world).status_code == 200


@pytest.mark.parametrize(
    ("cause", "heading"),
    [("Octet-Limit", "Se acabaron tus datos"), ("Admin-Reset", "Ya no tienes Internet")],
)
def test_page_of_a_session_says_why_it_is_over(world: World, cause: str, heading: str) -> None:
    session = enter(world)
    world.sessions.ended(session, cause, world.clock.forward(minutes=5))
    page = status(world, session)
    assert f"<h1>{heading}</h1>" in page.text
    assert 'href="http://10.77.0.1:2060/"' in page.text


def test_page_after_that_is_asked_for_before_the_tap_does_not_hide_the_true_opening(world: World) -> None:
    session, there = "ab" * 16, world.sites[GUACHOCHI]
    status(world, session)
    arrival: Arrival = world.arrival()
    world.sessions.open(there, arrival, there.plan, world.clock(), session=session)
    world.clock.forward(seconds=7)
    status(world, session)
    wanted = select(sessions.c.acctstarttime).where(sessions.c.acctuniqueid == session)
    with world.engine.connect() as connection:
        assert connection.execute(wanted).scalar_one() == int(world.clock().timestamp())


def test_looking_at_the_page_of_a_session_that_ended_does_not_open_it_again(world: World) -> None:
    session = enter(world)
    world.sessions.ended(session, "User-Request", world.clock.forward(minutes=5))
    world.clock.forward(minutes=1)
    status(world, session)
    wanted = select(sessions.c.acctterminatecause).where(sessions.c.acctuniqueid == session)
    with world.engine.connect() as connection:
        assert connection.execute(wanted).scalar_one() == "User-Request"
