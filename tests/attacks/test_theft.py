"""A page, an answer or an address of one phone in the hands of another, or once more in its own."""

import re
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from sqlalchemy import func, select
from werkzeug.test import Client, TestResponse

from captive_portal.gateway.ticket import unseal
from captive_portal.model import Arrival, GatewayKind
from captive_portal.radius import authorise
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.model import Accept, RadiusSite, Reject, Speaker
from captive_portal.tables import sessions
from tests.kinds.called import MAKERS, site
from tests.kinds.example import GRANT, Example
from tests.kinds.examples import EXAMPLES
from tests.portal.conftest import GUACHOCHI, IP, MAC, World
from tests.portal.test_every_kind import CARRIED, KEY, form_of, phone_at

OTHER_MAC: Final = "02:ca:fe:5e:00:99"


class Bound(Enum):
    """What keeps a stolen answer from opening a door for its thief."""

    PROOF = "its proof fits the arrival of one phone, and the gateway judges"
    RADIUS = "RADIUS lets a session on for the phone that tapped and no other"
    NAMED = "the phone of the arrival is let on, whoever taps"
    NOBODY = "nothing: Meraki's cloud opens for whoever asks it, with us or without us"


OUTCOMES: Final = {
    GatewayKind.PLAZA: {Bound.PROOF},
    GatewayKind.OPENNDS: {Bound.PROOF},
    GatewayKind.COOVACHILLI: {Bound.PROOF, Bound.RADIUS},
    GatewayKind.USPOT: {Bound.PROOF, Bound.RADIUS},
    GatewayKind.MIKROTIK: {Bound.RADIUS},
    GatewayKind.CISCO_WLC: {Bound.RADIUS},
    GatewayKind.ARUBA_INSTANT: {Bound.RADIUS},
    GatewayKind.RUCKUS_ZD: {Bound.RADIUS},
    GatewayKind.CAMBIUM: {Bound.RADIUS},
    GatewayKind.MERAKI: {Bound.RADIUS, Bound.NOBODY},
    GatewayKind.UNIFI: {Bound.NAMED},
    GatewayKind.OMADA: {Bound.NAMED},
    GatewayKind.RUCKUS_SMARTZONE: {Bound.NAMED},
    GatewayKind.RADIUS: {Bound.NAMED},
}
"""Which of it holds for each kind; MikroTik with CHAP has a proof too, Meraki's click-through no RADIUS."""

CLICK_THROUGH: Final = "meraki-click-through"
EACH: Final = pytest.mark.parametrize("example", CARRIED, ids=lambda one: one.name)
ASKING: Final = [
    one for one in CARRIED if Bound.RADIUS in OUTCOMES[one.wiring.kind] and one.name != CLICK_THROUGH
]
EACH_ASKING: Final = pytest.mark.parametrize("example", ASKING, ids=lambda one: one.name)
PROVING: Final = {
    "plaza": ("g", "binding"),
    "coovachilli": ("response", "challenge"),
    "uspot": ("response", "challenge"),
    "mikrotik-chap": ("password", "chap-challenge"),
    "opennds-2": ("tok", "tok"),
}
"""The field of the answer that is the proof, and that of the arrival which it fits."""


def page_of(phone: Client, example: Example) -> dict[str, str]:
    """The form of the page that a phone gets for its arrival."""
    return form_of(phone.get(f"/p/{KEY}?{example.query}"))


def taps(phone: Client, form: dict[str, str]) -> TestResponse:
    return phone.post(f"/p/{KEY}/enter", data=form)


def brought(form: dict[str, str], answer: TestResponse) -> dict[str, str]:
    """What the gateway is brought: the form that goes on as it is, or what the answer holds."""
    if answer.status_code == 307:
        return form
    return form_of(answer) or dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def session_in(fields: dict[str, str]) -> str:
    (session,) = {value for name, value in fields.items() if is_session(name, value)}
    return session


def is_session(name: str, value: str) -> bool:
    return name not in ("response", "password") and re.fullmatch("[0-9a-f]{32}", value) is not None


def radius_says(world: World, example: Example, session: str, mac: str) -> Accept | Reject:
    """What the site's RADIUS says of a phone with this MAC that shows this session."""
    plan, wiring = world.sites[GUACHOCHI].plan, example.wiring
    there = RadiusSite(KEY, wiring.key, wiring.kind, plan, frozenset({"ap"}))
    speaker = Speaker("ap", session, mac)
    held = StoredHolders(world.engine).held_by(KEY, authorise.device_of(there, speaker), world.clock())
    return authorise.decide(there, speaker, held, world.clock())


def stored(world: World) -> int:
    """How many sessions there are."""
    with world.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(sessions)).scalar_one())


def test_for_every_kind_it_is_said_what_keeps_a_thief_out() -> None:
    assert set(OUTCOMES) == set(GatewayKind)


@EACH
def test_a_stolen_page_gives_its_thief_nothing_but_what_its_owner_has(world: World, example: Example) -> None:
    owner, thief = phone_at(world, example), phone_at(world, example)
    page = page_of(owner, example)
    own, stolen = taps(owner, page), taps(thief, page)
    assert stolen.status_code == own.status_code
    assert brought(page, stolen) == brought(page, own)
    assert stored(world) == 1


@pytest.mark.parametrize("name", PROVING)
def test_a_proof_fits_the_arrival_of_one_phone(world: World, name: str) -> None:
    (example,) = (one for one in EXAMPLES if one.name == name)
    proof, of = PROVING[name]
    gateway = example.make(example.wiring)
    arrival = gateway.read(example.query)
    answers = [gateway.admit(one, GRANT) for one in (arrival, of_another(arrival, of))]
    own, others = (dict(parse_qsl(urlsplit(str(getattr(one, "url", ""))).query)) for one in answers)
    assert own[proof] != others[proof]
    assert {**own, proof: ""} == {**others, proof: ""}


def of_another(arrival: Arrival, name: str) -> Arrival:
    """The arrival of a phone that differs in this alone."""
    if name == "binding":
        return replace(arrival, binding="f" * 32)
    told = arrival.carried[name]
    return replace(arrival, carried={**arrival.carried, name: told[:-1] + ("0" if told[-1] != "0" else "1")})


@EACH_ASKING
def test_radius_lets_on_the_phone_that_tapped_and_no_thief_of_its_answer(
    world: World, example: Example
) -> None:
    assert example.phone is not None
    phone = phone_at(world, example)
    page = page_of(phone, example)
    session = session_in(brought(page, taps(phone, page)))
    assert isinstance(radius_says(world, example, session, example.phone.mac), Accept)
    assert isinstance(radius_says(world, example, session, OTHER_MAC), Reject)


@EACH_ASKING
def test_an_answer_that_comes_again_after_its_phone_left_is_refused_by_radius(
    world: World, example: Example
) -> None:
    assert example.phone is not None
    phone = phone_at(world, example)
    page = page_of(phone, example)
    session = session_in(brought(page, taps(phone, page)))
    world.sessions.leave(KEY, session, world.clock())
    assert isinstance(radius_says(world, example, session, example.phone.mac), Reject)


@pytest.mark.parametrize("name", MAKERS)
def test_who_taps_on_a_stolen_page_lets_its_owner_on_and_not_himself(
    world: World, tmp_path: Path, name: str
) -> None:
    with site(tmp_path, name) as made:
        path = urlsplit(made.example.wiring.api_url).path
        there, wiring = made.there, made.example.wiring
        wiring = replace(wiring, api_url=there.url + path, fingerprint=there.fingerprint)
        example = replace(made.example, wiring=wiring)
        assert example.phone is not None
        answer = taps(phone_at(world, example), page_of(phone_at(world, example), example))
        assert answer.status_code == 303
        assert made.controller.let_through() == {example.phone.mac}


@EACH
def test_an_arrival_that_comes_again_opens_no_second_session(world: World, example: Example) -> None:
    phone = phone_at(world, example)
    for _ in range(3):
        taps(phone, page_of(phone, example))
    assert stored(world) == 1


@EACH
def test_a_page_that_was_kept_until_its_session_was_over_lets_its_phone_in_anew(
    world: World, example: Example
) -> None:
    phone = phone_at(world, example)
    page = page_of(phone, example)
    before = brought(page, taps(phone, page))
    first = session_in(before) if example in ASKING else ""
    world.clock.forward(hours=2)
    again = taps(phone, page)
    assert again.status_code in (200, 303)
    assert stored(world) == 2
    assert not first or first not in again.text + again.headers.get("Location", "")


@EACH
def test_a_page_older_than_a_day_opens_nothing(world: World, example: Example) -> None:
    phone = phone_at(world, example)
    page = page_of(phone, example)
    world.clock.forward(days=1, seconds=1)
    assert taps(phone, page).status_code == 403
    assert stored(world) == 0


def test_our_ticket_names_its_phone_and_its_arrival_in_whoevers_hands(world: World) -> None:
    stolen = world.ticket(world.tap())
    own = unseal(world.sites[GUACHOCHI].wiring.key, "arrival", world.token())
    assert {name: stolen[name] for name in ("binding", "nonce", "stamp")} == {
        name: own[name] for name in ("binding", "nonce", "stamp")
    }
    thief = unseal(world.sites[GUACHOCHI].wiring.key, "arrival", world.token(mac=OTHER_MAC))
    assert stolen["binding"] != thief["binding"]
    assert MAC not in str(stolen)
    assert IP not in str(stolen)


@EACH
def test_the_address_of_the_page_after_opens_no_door(world: World, example: Example) -> None:
    """Who reads it over a shoulder sees how long it lasts, and may end it: no more."""
    phone = phone_at(world, example)
    page = page_of(phone, example)
    said = " ".join((taps(phone, page).headers["Location"], *page.values()))
    for token in re.findall(r"s(?:=|%3D)([A-Za-z0-9_.-]{20,})", said):
        assert taps(phone, {**page, "v": token}).status_code == 403
        assert phone.get(f"/p/{KEY}?{urlencode({'v': token})}").status_code == 403
    sealed = page["v"]
    assert phone.get(f"/p/{KEY}/online?{urlencode({'s': sealed})}").status_code == 403
    assert phone.post(f"/p/{KEY}/leave", data={"s": sealed}).status_code == 403
    assert stored(world) == 1
