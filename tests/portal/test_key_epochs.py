"""A site's key is changed: phones under way are not stranded, and who stole the old one has nothing."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from captive_portal import carried
from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway.ticket import BadToken, Fields, pseudonym, seal, unseal
from captive_portal.guest import create_app
from captive_portal.model import Keys, PortalSite
from captive_portal.portal import Portal
from controller.secrets import site_key, site_keys
from tests.portal.conftest import GUACHOCHI, IP, MAC, World, make_world

MASTER = b"m" * 32
OLD, FORMER, CURRENT = (site_key(MASTER, GUACHOCHI, epoch) for epoch in (0, 1, 2))


class Square:
    """A portal whose site is in an epoch, and phones that come by gateways with the key of any."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.turn_to(2)

    def turn_to(self, epoch: int) -> None:
        here = self.world.sites[GUACHOCHI]
        keys = site_keys(MASTER, GUACHOCHI, epoch)
        wiring = replace(here.wiring, key=keys.names, epoch=keys.epoch, signing=keys.signing)
        self.site: PortalSite = replace(here, wiring=wiring)
        portal = Portal.over(self.world.engine, {GUACHOCHI: self.site}, self.world.clock)
        self.phone = Client(create_app(portal), use_cookies=False)

    def arrive(self, key: bytes) -> TestResponse:
        device, binding = pseudonym(OLD, "device", MAC), pseudonym(OLD, "binding", MAC, IP)
        fields: Fields = {"site": GUACHOCHI, "device": device, "binding": binding, "stamp": "b:1"}
        token = seal(key, "arrival", fields | {"nonce": "n" * 22})
        return self.phone.get(f"/p/{GUACHOCHI}?{urlencode({'a': token})}")

    def tap(self, page: TestResponse) -> TestResponse:
        (sealed,) = re.findall('name="v" value="([^"]+)"', page.text)
        return self.phone.post(f"/p/{GUACHOCHI}/enter", data={"v": unescape(sealed)})


def ticket(answer: TestResponse) -> str:
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["Location"]).query)["g"][0]


@pytest.fixture
def square(tmp_path: Path) -> Iterator[Square]:
    world = make_world(tmp_path)
    yield Square(world)
    world.engine.dispose()


@pytest.mark.parametrize("key", [CURRENT, FORMER], ids=["current", "former"])
def test_a_ticket_is_signed_with_the_key_of_its_arrival(square: Square, key: bytes) -> None:
    token = ticket(square.tap(square.arrive(key)))
    assert unseal(key, "ticket", token)["site"] == GUACHOCHI
    other = CURRENT if key == FORMER else FORMER
    with pytest.raises(BadToken):
        unseal(other, "ticket", token)


def test_a_ticket_that_came_too_late_is_renewed_across_a_change_of_keys(square: Square) -> None:
    first = ticket(square.tap(square.arrive(FORMER)))
    square.world.clock.forward(seconds=90)
    fields = unseal(FORMER, "ticket", first)
    arrival = {name: fields[name] for name in ("site", "device", "binding")} | {"stamp": "b:99", "nonce": "m"}
    query = urlencode({"g": first, "a": seal(CURRENT, "arrival", arrival)})
    again = unseal(CURRENT, "ticket", ticket(square.phone.get(f"/p/{GUACHOCHI}/renew?{query}")))
    assert (again["session"], again["nonce"]) == (fields["session"], "m")


def test_a_box_that_was_stolen_two_epochs_ago_brings_nobody_in(square: Square) -> None:
    assert square.arrive(OLD).status_code == 403, "by an arrival"
    forged = replace(square.site, wiring=replace(square.site.wiring, epoch=0, signing=(OLD,)))
    arrival = square.world.arrival()
    page = carried.seal_arrival(forged, replace(arrival, epoch=2), "f" * 32, square.world.clock())
    answer = square.phone.post(f"/p/{GUACHOCHI}/enter", data={"v": page})
    assert answer.status_code == 403, "by a page of its own making, though names are made with that key"
    session = carried.seal_session(forged, "f" * 32)
    assert square.phone.post(f"/p/{GUACHOCHI}/leave", data={"s": session}).status_code == 403, "nor out"


def test_a_page_that_is_two_epochs_old_starts_again(square: Square) -> None:
    page = square.arrive(CURRENT)
    square.turn_to(3)
    assert unseal(CURRENT, "ticket", ticket(square.tap(page))), (
        "what it was sealed with is the former key now"
    )
    square.turn_to(4)
    assert square.tap(page).status_code == 403


def test_a_page_whose_arrival_is_of_a_key_that_is_not_believed_any_more_opens_nothing(square: Square) -> None:
    page = square.arrive(FORMER)
    square.turn_to(3)
    assert square.tap(page).status_code == 403


def test_a_page_after_the_tap_is_read_under_the_key_before(square: Square) -> None:
    session = carried.seal_session(square.site, "f" * 32)
    glance = carried.seal_glance(square.site, "f" * 32)
    square.turn_to(3)
    assert carried.open_session(square.site, session) == "f" * 32
    assert carried.open_either(square.site, glance) == ("f" * 32, True)
    square.turn_to(4)
    with pytest.raises(ArrivalInvalid):
        carried.open_either(square.site, session)


def test_each_epoch_has_a_key_of_its_own_and_names_stay_the_same() -> None:
    assert site_key(MASTER, GUACHOCHI) == OLD
    assert len({OLD, FORMER, CURRENT, site_key(MASTER, "08037-plaza", 1)}) == 4
    assert site_keys(MASTER, GUACHOCHI, 0) == Keys(OLD, 0, (OLD,))
    keys = site_keys(MASTER, GUACHOCHI, 2)
    assert (keys.names, keys.signing) == (OLD, (CURRENT, FORMER))
    assert (keys.of(2), keys.of(1), keys.of(0), keys.of(3)) == (CURRENT, FORMER, None, None)
    assert OLD.hex() not in repr(keys)
    assert "\\x" not in repr(keys)
