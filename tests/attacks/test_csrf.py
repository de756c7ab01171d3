"""A page of somebody else that makes a phone's browser ask: without what is sealed nothing opens or ends."""

import pytest

from captive_portal import carried
from captive_portal.model import Grant
from tests.kinds.example import Example
from tests.portal.conftest import GUACHOCHI, World
from tests.portal.test_every_kind import CARRIED, KEY, phone_at

FOREIGN = {
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
    "Sec-Fetch-Site": "cross-site",
}


def running(world: World, session: str) -> bool:
    return world.sessions.running(GUACHOCHI, session, world.clock()) is not None


def opened(world: World) -> str:
    site = world.sites[GUACHOCHI]
    grant = world.sessions.open(site, world.arrival(), site.plan, world.clock())
    assert isinstance(grant, Grant)
    return grant.session


@pytest.mark.parametrize("example", CARRIED, ids=lambda one: one.name)
def test_a_foreign_form_without_a_sealed_arrival_opens_nothing(shared_world: World, example: Example) -> None:
    phone = phone_at(shared_world, example)
    before = shared_world.sessions.slot_counts(0, 2**40)
    for form in ({}, {"v": ""}, {"v": "guessed"}, {"username": "0" * 32, "lang": "es"}):
        assert phone.post(f"/p/{KEY}/enter", data=form, headers=FOREIGN).status_code == 403
    assert shared_world.sessions.slot_counts(0, 2**40) == before


def test_a_foreign_form_without_its_sealed_name_ends_no_session(world: World) -> None:
    session = opened(world)
    for form in ({}, {"s": ""}, {"s": session}, {"session": session}):
        assert world.phone.post(f"/p/{GUACHOCHI}/leave", data=form, headers=FOREIGN).status_code == 403
    assert running(world, session)


@pytest.mark.parametrize("page", ["enter", "leave", "online", "renew", "extend"])
def test_a_link_or_a_picture_changes_nothing(world: World, page: str) -> None:
    session = opened(world)
    before = world.sessions.standing(GUACHOCHI, session, world.clock(), world.sites[GUACHOCHI].plan)
    sealed = carried.seal_session(world.sites[GUACHOCHI], session)
    world.phone.get(f"/p/{GUACHOCHI}/{page}?v={world.sealed()}&s={sealed}", headers=FOREIGN)
    assert world.sessions.standing(GUACHOCHI, session, world.clock(), world.sites[GUACHOCHI].plan) == before
