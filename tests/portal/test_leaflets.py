"""Help, services and notices: short sentences, and nothing of an inventory becomes markup."""

import re
from dataclasses import fields, replace
from datetime import date
from html import unescape
from pathlib import Path

import pytest

from captive_portal import pages
from captive_portal.leaflets import LEAFLETS, leaflets, tel
from captive_portal.local import Help, LegalRetention, Local, Responsible, Service
from captive_portal.model import GatewayKind, PortalSite
from captive_portal.signatures import texts
from tests.portal.conftest import GUACHOCHI, World
from tests.portal.leaflet_pages import FULL, KEEP, LEGAL, SERVICES, Read, html_of
from tests.portal.places import site_of

MOST_WORDS = 12
EVIL = "\"'><script>alert(1)</script><a href=javascript:x onclick=y>&%(num)s{{ 7*7 }}"
KINDS = (GatewayKind.PLAZA, GatewayKind.UNIFI, GatewayKind.MERAKI)


def every_site() -> list[PortalSite]:
    plain = [
        replace(site_of("08027-plaza", kind=kind, local=local), vouchers=vouchers)
        for kind in KINDS
        for local in (Local(), FULL, replace(FULL, legal=LEGAL))
        for vouchers in (False, True)
    ]
    return [*plain, site_of("08027-plaza", local=Local(help=Help(phone="en la ventanilla")))]


@pytest.mark.parametrize("name", sorted(LEAFLETS))
def test_no_sentence_is_longer_than_twelve_words_whatever_a_site_says_of_itself(name: str) -> None:
    found = {sentence for site in every_site() for sentence in Read(html_of(name, site)).sentences}
    assert [one for one in found if len(one.split()) > MOST_WORDS] == []


def test_texts_that_translators_get_have_short_sentences_too() -> None:
    ours = [
        sentence
        for text in texts(pages.TEMPLATES)
        for sentence in re.split(r"[.?!:](?:\s|$)", text.one)
        if len(sentence.split()) > MOST_WORDS
    ]
    assert ours == []


def evil_site() -> PortalSite:
    """A site whose every word was written by an attacker."""
    responsible = Responsible(
        **{one.name: EVIL for one in fields(Responsible) if one.name != "updated"}, updated=date(2027, 3, 12)
    )
    local = Local(
        responsible=responsible,
        help=Help(f"614 429 3300 {EVIL}", EVIL, EVIL),
        services=(Service(EVIL, f"https://agua.example/{EVIL}"),),
        legal=LegalRetention(EVIL, date(2026, 11, 3), EVIL, 30),
    )
    site = site_of("08027-plaza", local=local)
    return replace(
        site, name=EVIL, municipality_name=EVIL, gateway_url=f"http://10.77.0.1/{EVIL}", vouchers=True
    )


@pytest.mark.parametrize("name", sorted(LEAFLETS))
def test_nothing_a_site_says_of_itself_becomes_markup(name: str) -> None:
    for args in ({}, {"m": "big.bold"}):
        html = html_of(name, evil_site(), args=args)
        assert "<script" not in html
        assert not re.search(r"<[^>]*\sonclick=", re.sub(r'"[^"]*"', '""', html))
        assert EVIL in unescape(html)
        friendly = html_of(name, site_of("08027-plaza", local=replace(FULL, legal=LEGAL)))
        assert set(Read(html).tags) <= set(Read(friendly).tags)


@pytest.mark.parametrize("name", sorted(LEAFLETS))
def test_links_lead_to_the_gateway_a_service_a_telephone_or_this_site(name: str) -> None:
    site = site_of("08027-plaza", local=FULL)
    allowed = (site.gateway_url, "tel:", f"/p/{site.key}/", *(one.url for one in SERVICES))
    assert all(link.startswith(allowed) for link in Read(html_of(name, site)).links)


def test_a_service_that_is_no_web_page_over_tls_is_left_out() -> None:
    local = Local(services=(Service("A", "javascript:alert(1)"), Service("B", "http://b.example"), *SERVICES))
    read = Read(html_of("services", site_of("08027-plaza", local=local)))
    assert read.links == [one.url for one in SERVICES]


def test_services_page_says_so_when_there_are_none() -> None:
    read = Read(html_of("services", site_of("08027-plaza")))
    assert "Por ahora no hay servicios en esta página." in read.texts
    assert read.links == []


@pytest.mark.parametrize(
    ("said", "link"),
    [
        ("614 429 3300 ext. 12", "tel:6144293300"),
        ("Tel. +52 (614) 429-33-00", "tel:+526144293300"),
        ("614 429 3300 o 614 111 2222", "tel:6144293300"),
        ("072", "tel:072"),
        ("en la ventanilla", ""),
        ("٦١٤", ""),
        ('614;ext=9"><script>', "tel:614"),
        ("", ""),
    ],
)
def test_a_telephone_number_becomes_digits_and_nothing_else(said: str, link: str) -> None:
    assert tel(said) == link


def test_help_has_four_numbered_steps_the_address_and_who_helps() -> None:
    read = Read(html_of("help", site_of("08027-plaza", local=FULL)))
    assert [text[:2] for text in read.texts if re.match(r"\d\. ", text)] == ["1.", "2.", "3.", "4."]
    whole = " ".join(read.texts)
    for said in (
        "http://10.77.0.1:2060",
        "lunes a viernes de 9 a 15 h",
        "Presidencia, planta baja",
        "ext. 12",
    ):
        assert said in whole
    assert "tel:6144293300" in read.links


def test_help_without_anybody_to_call_says_whom_to_ask() -> None:
    read = Read(html_of("help", site_of("08027-plaza")))
    assert "Pregunta a quien atiende este lugar." in read.texts
    spoken = Read(html_of("help", site_of("08027-plaza", local=Local(help=Help(phone="en la ventanilla")))))
    assert "Teléfono: en la ventanilla" in spoken.texts


def test_the_short_notice_leads_to_the_full_one_in_the_same_look() -> None:
    link = Read(html_of("notice", site_of("08027-plaza"), args={"m": "big.bold"})).links[-1]
    assert link == "/p/08027-plaza/notice-full?lang=es&m=big.bold"


def test_every_leaflet_has_its_template_and_values_that_can_be_kept() -> None:
    assert leaflets(KEEP).keys() == LEAFLETS.keys() == {"help", "notice", "notice-full", "services"}
    for name, values in LEAFLETS.items():
        assert (Path(pages.TEMPLATES) / f"{name}.html").is_file()
        for site in every_site():
            hash(tuple(values(site).items()))


@pytest.mark.parametrize("name", sorted(LEAFLETS))
@pytest.mark.parametrize(
    ("kept", "way"),
    [
        ("v=abc", "?v=abc&amp;lang=es"),
        ("s=xyz", "/online?s=xyz&amp;lang=es"),
        ("v=a%20b", ""),
        ("", ""),
    ],
    ids=["arrival", "session", "what is no token", "neither"],
)
def test_who_came_from_the_button_or_its_session_finds_the_way_back(
    name: str, kept: str, way: str, world: World
) -> None:
    html = world.phone.get(f"/p/{GUACHOCHI}/{name}?{kept}").text
    links = re.findall(r'<a href="([^"]*)">Volver</a>', html)
    assert links == ([f"/p/{GUACHOCHI}{way}"] if way else [])
