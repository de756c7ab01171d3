"""The privacy notice says what is kept, all of it and nothing else, and every change of it has a new name."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from captive_portal import notice
from captive_portal.enforced import TOLD_BY_ADDRESS
from captive_portal.local import LegalRetention, Local, Responsible
from captive_portal.model import TELLS_NO_ADDRESS, GatewayKind, PortalSite
from captive_portal.notice import COLUMNS, Kept, facts, version
from captive_portal.retention import Retention
from captive_portal.tables import enforcements, legal_records, metadata, sessions
from tests.kinds.example import Example
from tests.kinds.examples import EXAMPLES
from tests.portal.leaflet_pages import FULL, KEEP, LEGAL, RESPONSIBLE, Read, html_of
from tests.portal.places import site_of

SITE = site_of("08027-plaza", local=FULL)
UNIFI = site_of("08027-plaza", kind=GatewayKind.UNIFI, local=FULL)
MIKROTIK = site_of("08027-plaza", kind=GatewayKind.MIKROTIK, local=FULL)
LAWFUL = replace(UNIFI, local=replace(FULL, legal=LEGAL))


SERVED = [one for one in EXAMPLES if one.wiring.variant != "level-0"]
"""Level 0 of openNDS is read in a laboratory; the inventory refuses it."""


def said(name: str, site: PortalSite, retention: Retention = KEEP) -> str:
    return " ".join(Read(html_of(name, site, retention)).texts)


def test_every_column_of_a_session_is_named_in_the_notice() -> None:
    """A column that nobody told the citizen of fails here: give it a word in notice.COLUMNS."""
    assert set(COLUMNS) == {column.name for column in sessions.columns}
    assert set(COLUMNS.values()) == set(Kept)
    assert facts(SITE, KEEP).kept == tuple(Kept)


def test_each_word_for_what_is_kept_is_a_line_of_its_own() -> None:
    texts = Read(html_of("notice-full", SITE)).texts
    start, end = texts.index("Qué guardamos y cuánto tiempo"), texts.index("La dirección de tu teléfono")
    lines = texts[start + 1 : end]
    assert len(set(lines[: len(Kept)])) == len(Kept)
    assert lines[len(Kept)].startswith("Lo guardamos hasta 90 días")


def test_addresses_are_stored_only_where_the_notice_says_so() -> None:
    """A new table that seals something of a phone fails here: say it in the notice first."""
    sealing = {table.name for table in metadata.sorted_tables if "sealed" in table.columns}
    assert sealing == {enforcements.name, legal_records.name, "waiting_grant"}


@pytest.mark.parametrize("kind", list(GatewayKind))
def test_what_is_said_of_an_address_is_what_the_kind_makes_us_keep(kind: GatewayKind) -> None:
    text = said("notice-full", site_of("08027-plaza", kind=kind))
    assert ("La guardamos cifrada mientras dura tu conexión." in text) == (kind in TOLD_BY_ADDRESS)
    assert ("Nosotros no la guardamos." in text) == (kind not in TOLD_BY_ADDRESS)
    assert ("El equipo es de otra marca" in text) == (kind is not GatewayKind.PLAZA)


@pytest.mark.parametrize("site", [MIKROTIK, UNIFI])
@pytest.mark.parametrize("name", ["notice", "notice-full"])
def test_the_legal_switch_changes_both_notices_and_their_version(name: str, site: PortalSite) -> None:
    lawful = replace(site, local=replace(site.local, legal=LEGAL))
    assert "730 días" in said(name, lawful)
    assert "730 días" not in said(name, site)
    assert version(lawful, KEEP) != version(site, KEEP)


def test_the_switch_tells_who_signed_when_why_and_takes_the_denial_back() -> None:
    text = said("notice-full", LAWFUL)
    for fact in ("Ana Ruiz", "2026-11-03", "oficio 12 de la unidad jurídica"):
        assert fact in text
    assert "Nosotros no la guardamos." not in said("notice-full", replace(MIKROTIK, local=LAWFUL.local))
    assert "Nosotros no la guardamos." in said("notice-full", MIKROTIK)


def test_the_notice_says_that_what_the_switch_keeps_is_not_erased_before() -> None:
    kept = "Con ella guardamos el lugar y cuándo entraste. No la borramos antes, aunque lo pidas."
    assert kept in said("notice-full", LAWFUL)
    assert kept not in said("notice-full", UNIFI)


def test_a_gateway_of_ours_tells_no_address_so_the_switch_changes_no_word_there() -> None:
    ours = replace(SITE, local=LAWFUL.local)
    assert version(ours, KEEP) == version(SITE, KEEP)
    assert "Nosotros no la guardamos." in said("notice-full", ours)


@pytest.mark.parametrize("example", SERVED, ids=lambda example: example.name)
def test_the_kinds_where_the_switch_keeps_something_are_those_that_tell_an_address(example: Example) -> None:
    told = example.make(example.wiring).read(example.query).phone
    assert (told is None) == (example.wiring.kind in TELLS_NO_ADDRESS)


@pytest.mark.parametrize("local", [Local(), FULL, LAWFUL.local])
def test_the_short_notice_is_three_to_five_sentences_and_a_link(local: Local) -> None:
    read = Read(html_of("notice", site_of("08027-plaza", local=local)))
    assert 3 <= sum(text.endswith(".") for text in read.texts) <= 5
    assert len(read.links) == 1


def test_nobody_is_named_where_the_inventory_names_nobody() -> None:
    plain = site_of("08027-plaza")
    assert "Responde por tus datos el responsable de este sitio." in said("notice", plain)
    assert "Todavía no publica aquí su nombre." in said("notice-full", plain)
    assert "Pregunta a quien atiende este lugar." in said("notice-full", plain)
    assert "Fundamento" not in said("notice-full", plain)


def test_the_full_notice_holds_every_fact_of_who_answers() -> None:
    text = said("notice-full", SITE)
    for name in ("name", "address", "phone", "email", "unit", "rights", "basis"):
        assert getattr(RESPONSIBLE, name) in text, name
    assert "2027-03-12" in text
    assert version(SITE, KEEP) in text


def test_vouchers_are_in_the_notice_where_a_site_takes_them() -> None:
    taking = replace(SITE, vouchers=True)
    assert "tu vale se usó" in said("notice-full", taking)
    assert "vale" not in said("notice-full", SITE)
    assert version(taking, KEEP) != version(SITE, KEEP)


def test_periods_are_those_of_the_purge() -> None:
    other = Retention(sessions=timedelta(days=41), voucher_uses=timedelta(days=17))
    taking = replace(SITE, vouchers=True)
    for name in ("notice", "notice-full"):
        assert "hasta 41 días" in said(name, taking, other)
    assert "hasta 17 días" in said("notice-full", taking, other)
    assert "hasta 1 día " in said("notice-full", SITE, Retention(sessions=timedelta(days=1)))


def test_every_fact_is_in_the_version() -> None:
    changed = [
        replace(SITE, name="Otra plaza"),
        replace(SITE, vouchers=True),
        LAWFUL,
        UNIFI,
        replace(UNIFI, local=replace(FULL, legal=replace(LEGAL, days=731))),
        replace(UNIFI, local=replace(FULL, legal=replace(LEGAL, signed_on=date(2026, 11, 4)))),
        replace(UNIFI, local=replace(FULL, legal=LegalRetention("X", LEGAL.signed_on, "b", 730))),
        replace(SITE, local=replace(FULL, responsible=Responsible())),
        replace(SITE, local=replace(FULL, responsible=replace(RESPONSIBLE, updated=None))),
    ]
    names = {version(site, KEEP) for site in (SITE, *changed)}
    names.add(version(SITE, Retention(sessions=timedelta(days=41))))
    assert len(names) == len(changed) + 2
    assert {len(name) for name in names} == {32}


def test_what_is_no_fact_of_the_notice_leaves_its_version_alone() -> None:
    assert version(replace(SITE, gateway_url="http://10.9.9.9"), KEEP) == version(SITE, KEEP)


def test_other_words_make_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = version(SITE, KEEP)
    monkeypatch.setattr(notice, "_WORDS", notice._WORDS + b" ")
    notice._version.cache_clear()
    assert version(SITE, KEEP) != before
    monkeypatch.undo()
    notice._version.cache_clear()


def test_a_mark_that_lasts_is_told_where_our_own_gateway_makes_one() -> None:
    assert "Esa marca no cambia cada día." in said("notice-full", SITE)
    assert "30 días después" in said("notice-full", SITE)
    assert "Esa marca" not in said("notice-full", UNIFI)
