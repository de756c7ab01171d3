"""openNDS at FAS level 3 through the portal: the tap waits until the gateway asks."""

import base64
import hashlib
import re
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

import pytest
from werkzeug.test import Client

from captive_portal.guest import create_app
from captive_portal.portal import Portal
from captive_portal.waiting import Waiting
from tests.kinds.opennds_kind import OPENNDS
from tests.portal.conftest import GUACHOCHI, World

LEVEL_3: Final = next(one for one in OPENNDS if one.wiring.variant == "level-3")
KEY: Final = LEVEL_3.wiring.site
STRANGERS: Final = "0" * 64


class Plaza:
    """A site with such a gateway, one telephone and what its gateway POSTs."""

    def __init__(self, world: World) -> None:
        site = replace(world.sites[GUACHOCHI], key=KEY, wiring=LEVEL_3.wiring)
        self.world = world
        self.phone = Client(create_app(Portal.over(world.engine, {KEY: site}, world.clock)))
        self.gateway = Waiting(world.engine)
        self.site = site

    def tap(self) -> str:
        page = self.phone.get(f"/p/{KEY}?{LEVEL_3.query}")
        form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text))
        answer = self.phone.post(f"/p/{KEY}/enter", data=form)
        assert "Ya casi" in answer.text
        (opening,) = self.gateway.of(self.site, self.world.clock())
        self.name = opening.gateway
        return opening.session

    def asks(self, ask: str, payload: str = "none", name: str = "") -> str:
        form = {"auth_get": ask, "gatewayhash": name or self.name}
        return self.phone.post(
            f"/p/{KEY}", data=form | {"payload": base64.b64encode(payload.encode()).decode()}
        ).text


@pytest.fixture
def plaza(world: World) -> Plaza:
    return Plaza(world)


def test_who_tapped_is_told_at_each_poll_until_the_gateway_says_it_did(plaza: Plaza) -> None:
    session = plaza.tap()
    told = plaza.asks("view")
    assert session in unquote(told)
    rhid = unquote(told).split()[1]
    assert session in unquote(plaza.asks("view"))
    assert plaza.asks("view", f"* {rhid}") == "ack"
    assert plaza.asks("view") == "*"


def test_who_tapped_a_minute_ago_is_not_told_any_more(plaza: Plaza) -> None:
    plaza.tap()
    plaza.world.clock.forward(seconds=61)
    assert plaza.asks("view") == "*"


def test_gateway_of_another_name_is_told_nobody(plaza: Plaza) -> None:
    plaza.tap()
    assert plaza.asks("view", name=STRANGERS) == "*"
    assert plaza.asks("clear", name=STRANGERS) == ""
    assert plaza.asks("view") != "*"


def test_phone_that_was_let_go_ends_its_session_with_its_octets_once(plaza: Plaza) -> None:
    session = plaza.tap()
    said = (
        f"method=timeout_deauth, token=0a1b2c3d, custom={session}, session_start=100, session_end=160, "
        "bytes_incoming=900, bytes_outgoing=70"
    )
    assert plaza.asks("deauthed", said) == "ack"
    assert plaza.asks("deauthed", said) == "ack"
    assert plaza.world.sessions.running(KEY, session, plaza.world.clock()) is None
    assert plaza.world.sessions.standing(KEY, session, plaza.world.clock()).cause == "Session-Timeout"


def test_what_opens_the_door_is_not_in_the_store(plaza: Plaza) -> None:
    plaza.tap()
    (opening,) = plaza.gateway.of(plaza.site, plaza.world.clock())
    with plaza.world.engine.connect() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM waiting_grant").all())
    assert opening.session in rows
    assert opening.rhid not in rows


def test_site_whose_gateway_does_not_poll_answers_no_poll(world: World) -> None:
    hashed = hashlib.sha256(b"x").hexdigest()
    answer = world.phone.post(f"/p/{GUACHOCHI}", data={"auth_get": "view", "gatewayhash": hashed})
    assert answer.status_code == 403
