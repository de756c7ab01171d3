"""A voucher at the portal, from the phone's side: what a code opens, why it does not, and who must wait."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from captive_portal.carried import seal_arrival
from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Arrival, Plan
from captive_portal.tables import voucher_batches, voucher_uses
from captive_portal.voucher_codes import make, printed
from captive_portal.voucher_throttle import PER_ADDRESS, PER_DEVICE, WINDOW
from captive_portal.vouchers import Batch, issue
from controller.demo import make_secrets
from controller.inventory import load
from controller.secrets import site_key
from tests.portal.conftest import GUACHOCHI, JUAREZ, MAC, World
from tests.portal.places import site_of
from tests.town import Town, town

KEY = b"of the municipality".ljust(32, b".")
PLAN = Plan("voucher-b1", timedelta(hours=2), octets=500_000_000)
WAIT = "Hubo muchos intentos. Espera diez minutos y prueba otra vez."
UNKNOWN = "No conocemos este código."


@pytest.fixture
def square(world: World) -> World:
    """A world whose first site asks for vouchers."""
    site = world.sites[GUACHOCHI]
    world.sites[GUACHOCHI] = replace(site, vouchers=True, voucher_key=KEY)
    return world


def issued(world: World, devices: int = 1, days: int = 30) -> str:
    """A new code as it is printed."""
    code, now = make(), world.clock()
    batch = Batch(code, GUACHOCHI, PLAN, devices, now, "ana", now + timedelta(days=days), "feria")
    with world.engine.begin() as connection:
        issue(connection, KEY, batch, [code])
    return printed(code)


def typed(
    world: World, code: str, mac: str = MAC, address: str = "10.9.0.1", lang: str = "es"
) -> TestResponse:
    """What the tap of a phone with a code is answered."""
    form = {"v": world.sealed(mac=mac), "code": code, "lang": lang}
    return world.phone.post(f"/p/{GUACHOCHI}/enter", data=form, environ_base={"REMOTE_ADDR": address})


def phone(number: int) -> str:
    return f"02:ca:fe:00:{number >> 8:02x}:{number & 255:02x}"


def reasons(world: World) -> dict[str, int]:
    """How often each reason was told."""
    return dict(next(iter(world.sessions.portal_counts(0, 2**40))).reasons)


def test_the_page_of_a_site_with_vouchers_asks_for_a_code_and_for_nothing_else(square: World) -> None:
    page = square.phone.get(f"/p/{GUACHOCHI}?a={square.token()}").text
    assert "Escribe tu código" in page
    assert re.findall(r'<input id="(\w+)" name="(\w+)" type="(\w+)"', page) == [("code", "code", "text")]
    assert '<label for="code">Código de tu vale</label>' in page


def test_a_good_code_opens_a_session_of_its_own_plan_and_is_used(square: World) -> None:
    answer = typed(square, issued(square).lower())
    assert answer.status_code == 303
    ticket = square.ticket(answer)
    assert (ticket["seconds"], ticket["octets"]) == (7200, 500_000_000)
    assert square.sessions.running(GUACHOCHI, str(ticket["session"]), square.clock()) is not None
    with square.engine.connect() as connection:
        assert len(connection.execute(select(voucher_uses)).all()) == 1


def test_a_code_that_another_phone_used_says_so(square: World) -> None:
    code = issued(square)
    assert typed(square, code).status_code == 303
    answer = square.told(typed(square, code, mac=phone(2)))
    assert answer.status_code == 403
    assert "Este código ya se usó. Pide otro donde te lo dieron." in answer.text
    assert reasons(square) == {"voucher-used": 1}


@pytest.mark.parametrize("lang", ["es", "en"])
def test_a_code_that_is_none_says_so_and_the_page_asks_again(square: World, lang: str) -> None:
    answer = square.told(typed(square, "ABCD-EFGH-123", lang=lang))
    assert answer.status_code == 403
    assert {"es": UNKNOWN, "en": "We do not know this code."}[lang] in answer.text
    assert f'<form method="post" action="/p/{GUACHOCHI}/enter">' in answer.text
    assert "ABCD" not in answer.text
    assert square.phone.get(answer.request.full_path).text == answer.text, "a reload is no new tap"
    assert reasons(square) == {"voucher-unknown": 1}
    again = re.search(r'name="v" value="([\w-]+)"', answer.text)
    assert again is not None
    form = {"v": again[1], "code": issued(square)}
    assert square.phone.post(f"/p/{GUACHOCHI}/enter", data=form).status_code == 303


def test_a_code_that_expired_and_one_that_was_revoked_say_so(square: World) -> None:
    late, revoked = issued(square, days=0), issued(square)
    with square.engine.begin() as connection:
        connection.execute(update(voucher_batches).values(revoked_at=1))
    for code in (late, revoked):
        answer = square.told(typed(square, code))
        assert answer.status_code == 403
        assert "Este código ya no vale. Pide otro donde te lo dieron." in answer.text
    assert reasons(square) == {"voucher-expired": 2}


@pytest.mark.parametrize("code", ["", "   "])
def test_a_tap_without_a_code_opens_nothing_and_blames_nobody(square: World, code: str) -> None:
    answer = square.told(typed(square, code))
    assert answer.status_code == 403
    assert "Escribe tu código" in answer.text
    assert 'role="alert"' not in answer.text
    assert reasons(square) == {"voucher-needed": 1}
    assert square.sessions.slot_counts(0, 2**40) == []


def test_where_no_voucher_is_asked_for_a_code_changes_nothing(square: World) -> None:
    assert square.tap(JUAREZ, code="ABCD-EFGH-123").status_code == 303


def test_a_code_is_not_spent_while_its_site_is_closed(square: World) -> None:
    code = issued(square)
    square.closed.add(GUACHOCHI)
    assert "Ahora está cerrado" in square.told(typed(square, code)).text
    with square.engine.connect() as connection:
        assert connection.execute(select(voucher_uses)).all() == []


def test_a_voucher_s_picture_leads_to_its_code_for_copying(square: World) -> None:
    page = square.phone.get(f"/p/{GUACHOCHI}?c=ABCDEFGH123")
    assert page.status_code == 200
    assert "Copia el código de tu vale: ABCDEFGH123" in page.text
    assert f'href="/p/{GUACHOCHI}?c=ABCDEFGH123&amp;lang=en"' in page.text
    assert 'href="http://10.77.0.1:2060/"' in page.text


@pytest.mark.parametrize("code", ["<b>x</b>", "A" * 21, "página", "A B", ""])
def test_what_no_picture_of_ours_says_is_not_shown(square: World, code: str) -> None:
    page = square.phone.get(f"/p/{GUACHOCHI}", query_string={"c": code}).text
    assert "Copia el código" not in page
    assert "c=" not in page


def test_a_site_without_vouchers_shows_no_code(square: World) -> None:
    assert "ABCDEFGH123" not in square.phone.get(f"/p/{JUAREZ}?c=ABCDEFGH123").text


def test_a_phone_that_guesses_must_wait_even_with_a_good_code_and_may_go_on_after(square: World) -> None:
    code = issued(square)
    for turn in range(PER_DEVICE):
        assert UNKNOWN in square.told(typed(square, make(), address=f"10.9.1.{turn}")).text
    answer = square.told(typed(square, code, address="10.9.2.1"))
    assert answer.status_code == 403
    assert WAIT in answer.text
    assert reasons(square) == {"voucher-unknown": PER_DEVICE, "voucher-wait": 1}
    assert typed(square, code, mac=phone(2), address="10.9.2.2").status_code == 303
    square.clock.forward(seconds=WINDOW.total_seconds())
    assert "ya se usó" in square.told(typed(square, code, address="10.9.2.1")).text


def test_an_address_that_guesses_with_many_phones_must_wait(square: World) -> None:
    for turn in range(PER_ADDRESS):
        assert UNKNOWN in square.told(typed(square, make(), mac=phone(turn))).text
    assert WAIT in square.told(typed(square, make(), mac=phone(999))).text
    assert UNKNOWN in square.told(typed(square, make(), mac=phone(999), address="10.9.0.2")).text


def test_a_good_code_and_a_used_one_are_no_guesses(square: World) -> None:
    code = issued(square)
    for _ in range(PER_DEVICE + 1):
        assert typed(square, code).status_code == 303
        assert "ya se usó" in square.told(typed(square, code, mac=phone(2))).text


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, "127.77.6") as made:
        file = tmp_path / "inventory.yaml"
        text = file.read_text().replace("portal: {gateway_url", "portal: {vouchers: true, gateway_url")
        file.write_text(text)
        make_secrets(load(file), tmp_path / "var" / "secrets")
        made.environ["PLAZA_PORTAL_WORKERS"] = str(PER_ADDRESS)
        yield made


SCRIPT = """
import sys
from werkzeug.test import Client
from controller.wsgi.portal import portal
phone = Client(portal(), use_cookies=False)
here = {"REMOTE_ADDR": "10.9.0.1"}
for token in sys.argv[1:]:
    form = {"v": token, "code": "ABCD-EFGH-123"}
    enter = "/p/08027-plaza/enter"
    page = phone.post(enter, data=form, environ_base=here, follow_redirects=True).text
    print("wait" if "Espera diez minutos" in page else "unknown" if "No conocemos" in page else page)
"""


def test_each_worker_of_the_portal_takes_its_share_of_the_guesses_of_an_address(place: Town) -> None:
    master = (place.directory / "var" / "secrets" / "gateway-key").read_bytes().strip()
    here = site_of("08027-plaza")
    here = replace(here, wiring=replace(here.wiring, key=site_key(master, here.key)))
    tokens = []
    for number in range(2):
        device = pseudonym(here.wiring.key, "device", phone(number))
        arrival = Arrival(here.key, device, "binding", "stamp", f"nonce-{number}")
        tokens.append(seal_arrival(here, arrival, f"{number:032x}", datetime.now(UTC)))
    ran = place.ran(sys.executable, "-c", SCRIPT, *tokens)
    assert ran.stdout.split() == ["unknown", "wait"], ran.stderr
