"""What a site's pages lead to besides the tap: its recording, its services, its short address."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from captive_portal import audio
from captive_portal.carried import seal_session
from captive_portal.local import Local, Service
from captive_portal.model import GatewayKind, Grant, PortalSite
from tests.portal.conftest import GUACHOCHI, JUAREZ, World

RECORDING = re.compile(r'<a href="(/audio/\w+/\w+\.mp3)">([^<]*)</a>')


def page(world: World, lang: str = "es", **query: str) -> str:
    """The page with the button."""
    return world.phone.get(f"/p/{GUACHOCHI}", query_string={"a": world.token(), "lang": lang} | query).text


def with_vouchers(site: PortalSite) -> PortalSite:
    return replace(site, vouchers=True)


def with_a_daily_measure(site: PortalSite) -> PortalSite:
    return replace(site, plan=replace(site.plan, daily=timedelta(hours=2)))


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("es", "Escuchar esta página (voz de computadora)"),
        ("en", "Listen to this page (a computer's voice)"),
    ],
)
def test_who_would_rather_listen_finds_the_recording_of_the_page_in_its_language(
    world: World, lang: str, words: str
) -> None:
    help_page = world.phone.get(f"/p/{GUACHOCHI}/help?lang={lang}").text
    for text, name in ((page(world, lang), "welcome"), (help_page, "help")):
        ((address, said),) = RECORDING.findall(text)
        assert address == f"/audio/{lang}/{name}.mp3"
        assert said.replace("&#39;", "'") == words


def test_a_recording_is_served_whole_and_in_parts_as_players_ask(world: World) -> None:
    ((address, _),) = RECORDING.findall(page(world))
    file = audio.path("es", "welcome")
    assert file is not None
    whole = world.phone.get(address)
    assert (whole.status_code, whole.mimetype, whole.data) == (200, "audio/mpeg", file.read_bytes())
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    part = world.phone.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, file.read_bytes()[100:200])


@pytest.mark.parametrize("asked", ["es/nothing", "tar/help", "es/..%2Fes%2Fhelp", "ES/help"])
def test_a_recording_that_there_is_not_is_a_kind_page(world: World, asked: str) -> None:
    answer = world.phone.get(f"/audio/{asked}.mp3")
    assert answer.status_code == 404
    assert "Esta página no existe" in answer.text


@pytest.mark.parametrize("limited", [with_vouchers, with_a_daily_measure])
@pytest.mark.parametrize("lang", ["es", "en"])
def test_where_its_words_would_not_be_true_no_recording_is_offered(
    world: World, limited: Callable[[PortalSite], PortalSite], lang: str
) -> None:
    world.sites[GUACHOCHI] = limited(world.sites[GUACHOCHI])
    assert "/audio/" not in page(world, lang)
    assert "/audio/" not in world.phone.get(f"/p/{GUACHOCHI}/help?lang={lang}").text


@pytest.mark.parametrize("address", ["/", f"/p/{GUACHOCHI}/notice", f"/p/{GUACHOCHI}/online"])
def test_a_page_that_nobody_spoke_offers_none(world: World, address: str) -> None:
    assert "/audio/" not in world.phone.get(address).text


def test_the_short_address_of_a_sign_leads_to_the_site_in_the_same_look(world: World) -> None:
    answer = world.phone.get(f"/s/{GUACHOCHI}")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/p/{GUACHOCHI}")
    assert world.phone.get(f"/s/{GUACHOCHI}?m=big").headers["Location"] == f"/p/{GUACHOCHI}?m=big"


def test_a_short_address_of_no_site_and_one_with_a_foreign_host_lead_nowhere_else(world: World) -> None:
    assert world.phone.get("/s/08999-plaza").status_code == 404
    moved = world.phone.get(f"/s/{GUACHOCHI}?next=https://evil.example/&c=https://evil.example/")
    assert moved.headers["Location"] == f"/p/{GUACHOCHI}"


def test_a_site_with_services_leads_to_them_from_every_page_with_the_way_back(world: World) -> None:
    services = (Service("Agua", "https://agua.example/pagos"),)
    world.sites[GUACHOCHI] = replace(world.sites[GUACHOCHI], local=Local(services=services))
    foot = page(world, "en", m="big").partition("<footer>")[2]
    link = re.search(
        rf'<a href="(/p/{GUACHOCHI}/services\?v=[\w-]+&amp;lang=en&amp;m=big)">Services</a>', foot
    )
    assert link is not None
    shown = world.phone.get(link[1].replace("&amp;", "&")).text
    assert 'href="https://agua.example/pagos"' in shown
    assert re.search(rf'href="/p/{GUACHOCHI}\?v=[\w-]+&amp;lang=en&amp;m=big"', shown)
    online = world.phone.get(f"/p/{GUACHOCHI}/online").text
    assert f'href="/p/{GUACHOCHI}/services?lang=es">Servicios</a>' in online


def test_a_site_without_services_leads_to_none(world: World) -> None:
    assert "/services" not in page(world)
    assert "/services" not in world.phone.get(f"/p/{JUAREZ}/online").text


def test_every_page_of_a_site_leads_to_help_and_to_the_notice(world: World) -> None:
    for address in ("", "/help", "/notice", "/online"):
        foot = world.phone.get(f"/p/{GUACHOCHI}{address}").text.partition("<footer>")[2]
        assert f'href="/p/{GUACHOCHI}/help?lang=es">Ayuda</a>' in foot
        assert f'href="/p/{GUACHOCHI}/notice?lang=es">Privacidad</a>' in foot


CALLED = (GatewayKind.PLAZA, GatewayKind.UNIFI, GatewayKind.OMADA, GatewayKind.RUCKUS_SMARTZONE)


@pytest.mark.parametrize("kind", CALLED)
def test_where_we_end_a_session_its_page_has_a_button_that_asks_for_it(
    world: World, kind: GatewayKind
) -> None:
    token, session = online(world, kind)
    status = world.phone.get(f"/p/{GUACHOCHI}/online?s={token}").text
    assert f'<form method="post" action="/p/{GUACHOCHI}/leave">' in status
    assert "Salir de Internet" in status
    assert world.sessions.dismissals(GUACHOCHI) == []
    left = world.phone.post(f"/p/{GUACHOCHI}/leave", data={"s": token, "lang": "es"})
    assert "Saliste de Internet" in left.text
    assert world.sessions.dismissals(GUACHOCHI) == [session]


def test_where_nobody_can_be_told_its_page_has_no_button(world: World) -> None:
    token, _ = online(world, GatewayKind.MERAKI)
    status = world.phone.get(f"/p/{GUACHOCHI}/online?s={token}").text
    assert "Apaga el Wi-Fi cuando termines." in status
    assert "<form" not in status


def online(world: World, kind: GatewayKind) -> tuple[str, str]:
    """A phone that is in at a site with this kind of gateway: its token, and its session."""
    site = world.sites[GUACHOCHI]
    world.sites[GUACHOCHI] = site = replace(site, wiring=replace(site.wiring, kind=kind))
    granted = world.sessions.open(site, world.arrival(), site.plan, world.clock())
    assert isinstance(granted, Grant)
    return seal_session(site, granted.session), granted.session
