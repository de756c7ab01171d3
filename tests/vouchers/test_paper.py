"""What a telephone's camera, and an eye, read from paper: the codes on cards and on a site's sign."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from captive_portal.model import Plan
from captive_portal.voucher_codes import make, printed
from controller.printing import cards, sign_page
from controller.printing.sheets import Sheet
from controller.printing.sign import Sign
from controller.printing.words import Said
from tests.vouchers.pdf import Picture, pictures, sizes, texts

LARGE_PRINT_PT = 18
"""American Printing House for the Blind: large print is type of 18 points or more."""

PLAN = Plan("feria", timedelta(hours=2), octets=500_000_000, down_kbps=4000, up_kbps=1000)
LINK = "https://portal.example.gob.mx/p/08027-plaza"
SHEET = Sheet("261122-AB3D", "Plaza de Armas", "Chihuahua Gratis", PLAN, 1, date(2026, 12, 31), LINK)
SIGN = Sign(
    place="Plaza de Armas",
    networks=("Chihuahua Gratis", "Otra; red"),
    url="https://portal.example.gob.mx/s/08027-plaza",
    hours=(Said("Todos los días", "Every day"),),
)


@pytest.fixture(scope="module")
def codes() -> list[str]:
    return [make() for _ in range(9)]


@pytest.fixture(scope="module")
def sheets(codes: list[str]) -> bytes:
    """Cards on two pages."""
    return cards.drawn(SHEET, codes)


def test_each_card_s_picture_leads_to_its_own_code_at_its_site(sheets: bytes, codes: list[str]) -> None:
    assert [one.says for one in pictures(sheets)] == [f"{LINK}?c={code}" for code in codes]


def test_each_card_s_picture_has_words_that_are_read_aloud(sheets: bytes) -> None:
    spoken = [one.alternative for one in pictures(sheets)]
    assert spoken == [f"Código QR del vale {number}" for number in range(1, 10)]


def test_a_card_s_picture_is_large_enough_for_an_old_camera(sheets: bytes) -> None:
    assert min(one.width_mm for one in pictures(sheets)) >= 30


def test_codes_are_in_large_print_and_whole(sheets: bytes, codes: list[str]) -> None:
    found = sizes(sheets)
    assert min(found[printed(code)] for code in codes) >= LARGE_PRINT_PT


def test_a_card_promises_of_its_picture_what_that_does(sheets: bytes) -> None:
    assert texts(sheets).count("2. Escribe el código, o escanea y cópialo.") == 9


def test_a_card_without_a_link_has_no_picture_and_speaks_of_none(codes: list[str]) -> None:
    drawn = cards.drawn(replace(SHEET, link=""), codes[:1])
    assert pictures(drawn) == []
    said = " ".join(texts(drawn))
    assert "2. Escribe el código en la página." in said
    assert "escanea" not in said
    assert "scan" not in said


def test_no_sentence_of_a_card_is_longer_than_twelve_words() -> None:
    said = [*cards.steps(SHEET), *cards.gives(PLAN, 3)]
    sentences = [part for line in said for part in line.es.split(". ")]
    assert max(len(sentence.split()) for sentence in sentences) <= 12


def test_a_sign_s_pictures_join_the_network_and_open_the_site_s_short_address() -> None:
    joins, opens = pictures(sign_page.drawn(SIGN))
    assert joins == Picture(
        "WIFI:T:nopass;S:Chihuahua Gratis;;",
        "Código QR para conectarse a la red Chihuahua Gratis",
        pytest.approx(72, abs=0.1),
    )
    assert opens == Picture(SIGN.url, "Código QR de la página", pytest.approx(72, abs=0.1))


def test_a_sign_is_in_large_print_and_says_the_address_that_its_picture_opens() -> None:
    found = sizes(sign_page.drawn(SIGN))
    for text in ("Internet gratis", "portal.example.gob.mx/s/08027-plaza", "Chihuahua Gratis"):
        assert found[text] >= LARGE_PRINT_PT
    promise = [text for text in found if text.startswith("Nunca te pedimos")]
    assert [found[text] >= LARGE_PRINT_PT for text in promise] == [True]
