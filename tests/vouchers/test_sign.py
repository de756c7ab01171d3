"""The sign that hangs at a site."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from captive_portal.local import Help, Local, Neutral, Responsible, Theme
from controller.demo import make_secrets
from controller.errors import ControllerError
from controller.inventory import load
from controller.model import Hours, Inventory, Opening
from controller.printing import networks, paper, sign_page, words
from controller.printing.sign import of_site
from controller.printing.words import Said
from drivers.model import Lifecycle, Security, Ssid
from tests.town import Town, town
from tests.vouchers.pdf import texts

URL = "https://portal.example.gob.mx"
DAY = date(2027, 5, 3)
PAGES = Local(
    theme=Theme(sky="#6a1b3d", on_sky="#ffffff", slogan="Avanza contigo"),
    neutral=(Neutral(date(2027, 4, 4), date(2027, 6, 6)),),
    responsible=Responsible(name="Municipio de Guachochi"),
    help=Help("649 543 0101", "9:00 a 15:00", "Biblioteca"),
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, "127.77.3") as made:
        make_secrets(load(tmp_path / "inventory.yaml"), tmp_path / "var" / "secrets")
        made.environ["PLAZA_PORTAL_URL"] = URL
        yield made


@pytest.fixture
def inventory(place: Town) -> Inventory:
    return load(place.directory / "inventory.yaml")


def hung(inventory: Inventory, day: date, pages: Local = PAGES) -> bytes:
    """The PDF of the one site's sign for a day."""
    site = replace(inventory.sites["08027-plaza"], pages=pages)
    return sign_page.drawn(of_site(site, inventory.devices.values(), URL, day))


def test_the_command_writes_a_sign_in_spanish_and_english(place: Town) -> None:
    said = place.plaza("portal", "sign", "08027-plaza")
    assert said.returncode == 0, said.stderr
    written = (place.directory / "sign.pdf").read_bytes()
    assert re.search(rb"/Lang \(es-MX\)", written)
    assert b"/Title" in written
    found = texts(written)
    for text in ("Internet gratis", "Free internet", "Chihuahua Gratis", "Plaza principal de Guachochi"):
        assert text in found
    assert "portal.example.gob.mx/s/08027-plaza" in found
    assert "Nunca te pedimos datos, contraseñas ni dinero." in found
    assert "We never ask for your data, passwords or money." in found
    assert "Horario: Todos los días, las 24 horas." in found


def test_the_sign_names_who_answers_and_who_helps(inventory: Inventory) -> None:
    found = texts(hung(inventory, DAY - timedelta(days=90)))
    assert "Responsable: Municipio de Guachochi" in found
    assert "Ayuda: 649 543 0101; 9:00 a 15:00; Biblioteca" in found
    assert "Avanza contigo" in found


def test_a_neutral_sign_has_no_slogan_no_name_and_no_colour(inventory: Inventory) -> None:
    usual, neutral = (of_site_theme(inventory, day) for day in (DAY - timedelta(days=90), DAY))
    assert (usual.sky, neutral.sky, neutral.on_sky) == ("#6a1b3d", "#ffffff", "#000000")
    found = " ".join(texts(hung(inventory, DAY)))
    assert "Municipio de Guachochi" not in found
    assert "Avanza" not in found
    assert "649 543 0101" in found


def of_site_theme(inventory: Inventory, day: date) -> Theme:
    """The colours of the head."""
    site = replace(inventory.sites["08027-plaza"], pages=PAGES)
    return of_site(site, inventory.devices.values(), URL, day).theme


def test_what_nobody_filled_in_is_not_on_the_sign(inventory: Inventory) -> None:
    found = " ".join(texts(hung(inventory, DAY, Local())))
    assert "Responsable" not in found
    assert "Ayuda" not in found


def test_a_site_without_an_open_network_has_no_sign(inventory: Inventory) -> None:
    locked = [replace(device, ssids=()) for device in inventory.devices.values()]
    with pytest.raises(ControllerError, match="open network"):
        of_site(inventory.sites["08027-plaza"], locked, URL, DAY)


def test_only_networks_that_citizens_may_join_are_named(inventory: Inventory) -> None:
    one = next(iter(inventory.devices.values()))
    staff = Ssid("Personal", Security.WPA2, passphrase="x")
    gone = replace(one, state=Lifecycle.RETIRED, ssids=(Ssid("Vieja"),))
    both = replace(one, ssids=(Ssid("Gratis 2"), staff, Ssid("Gratis")))
    assert networks.names([both, gone, replace(one, ssids=(Ssid("Gratis"),))]) == ["Gratis", "Gratis 2"]


def test_a_network_s_name_cannot_end_its_field_in_the_qr_code() -> None:
    assert networks.code('a;b:"c\\,d') == 'WIFI:T:nopass;S:a\\;b\\:\\"c\\\\\\,d;;'


def test_hours_that_are_alike_are_one_line() -> None:
    work, half = (Opening(time(8), time(14)), Opening(time(16), time(20))), (Opening(time(9), time(0)),)
    hours = Hours("America/Chihuahua", (*[work] * 5, half, ()))
    assert words.week(hours) == [
        Said(
            "Lunes a viernes: 08:00 a 14:00 y 16:00 a 20:00",
            "Monday to Friday: 08:00 to 14:00 and 16:00 to 20:00",
        ),
        Said("Sábado: 09:00 a 24:00", "Saturday: 09:00 to 24:00"),
    ]


def test_amounts_are_words_that_people_use() -> None:
    assert words.duration(timedelta(hours=25, minutes=30)).es == "1 día, 1 hora, 30 minutos"
    assert words.duration(timedelta(hours=2)).en == "2 hours"
    assert [words.amount(octets) for octets in (2 * 10**9, 1_500_000_000, 7)] == ["2 GB", "1500 MB", "7 B"]
    assert [words.rate(kbps) for kbps in (4000, 1500, 512)] == ["4 Mbit/s", "1.5 Mbit/s", "512 kbit/s"]


def test_a_letter_that_the_font_lacks_does_not_stop_the_printer(inventory: Inventory) -> None:
    assert paper.printable("Ŕaráмuri’ñ\n") == "Rará?uri'ñ "
    assert hung(inventory, DAY, replace(PAGES, help=Help("☎ 649", "", "Nakásořachi"))).startswith(b"%PDF")
