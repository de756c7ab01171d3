"""What the portal believes of a gateway that polls: a door is open when the gateway says so, not before."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import Client

from captive_portal.gateways.opennds_authmon import Opening
from captive_portal.guest import create_app
from captive_portal.portal import Portal
from captive_portal.tables import metadata, portal_counts, portal_reasons, sessions
from captive_portal.waiting import OLDEST, Waiting
from controller.store.engine import open_engine
from tests.kinds.opennds_kind import OPENNDS
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of
from tests.portal.test_every_kind import form_of

EXAMPLE = next(one for one in OPENNDS if one.wiring.variant == "level-3")
KEY = EXAMPLE.wiring.site


class Plaza:
    """A site with such a gateway, a telephone, and what authmon POSTs."""

    def __init__(self, directory: Path) -> None:
        self.engine = open_engine(f"sqlite:///{directory}/store.db")
        metadata.create_all(self.engine)
        self.clock = Clock()
        self.site = replace(site_of(KEY, LIBRE, EXAMPLE.wiring.kind), wiring=EXAMPLE.wiring)
        self.client = Client(create_app(Portal.over(self.engine, {KEY: self.site}, self.clock)))

    def tap(self) -> Opening:
        page = self.client.get(f"/p/{KEY}?{EXAMPLE.query}")
        self.wait = self.client.post(f"/p/{KEY}/enter", data=form_of(page))
        (opening,) = Waiting(self.engine).of(self.site, self.clock())
        return opening

    def onward(self) -> str:
        """The button of the page that says to wait."""
        link = self.wait.text.partition('<a href="/p/' + KEY + "/online")[2].partition('"')[0]
        return self.client.get(f"/p/{KEY}/online{link.replace('&amp;', '&')}").text

    def authmon(self, ask: str, of: Opening, payload: str = "none") -> str:
        text = base64.b64encode(payload.encode()).decode()
        told = {"auth_get": ask, "gatewayhash": of.gateway, "payload": text}
        return self.client.post(f"/p/{KEY}", data=told).text

    def counted(self) -> tuple[int, int]:
        """Doors that opened, and failures."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(portal_counts.c.online, portal_counts.c.failures)).all()
        return sum(row.online for row in rows), sum(row.failures for row in rows)

    def begun(self) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(select(sessions.c.acctstarttime)).scalar_one()


@pytest.fixture
def plaza(tmp_path: Path) -> Iterator[Plaza]:
    made = Plaza(tmp_path)
    yield made
    made.engine.dispose()


def test_a_door_is_open_when_the_gateway_says_that_it_opened_it(plaza: Plaza) -> None:
    opening = plaza.tap()
    assert "Ya casi" in plaza.onward()
    assert (plaza.begun(), plaza.counted()) == (None, (0, 0))
    plaza.authmon("view", opening)
    assert plaza.begun() is None, "fetched is not opened"
    plaza.clock.forward(seconds=9)
    plaza.authmon("view", opening, f"* {opening.rhid}")
    assert plaza.begun() == int(plaza.clock().timestamp())
    assert plaza.counted() == (1, 0)
    assert "Te quedan 60 minutos." in plaza.onward()


def test_what_was_fetched_within_the_minute_may_be_told_a_little_later(plaza: Plaza) -> None:
    opening = plaza.tap()
    plaza.clock.now += OLDEST
    plaza.authmon("view", opening, f"* {opening.rhid}")
    assert plaza.counted() == (1, 0)


def test_a_gateway_that_does_not_come_within_a_minute_is_a_failure_counted_once(plaza: Plaza) -> None:
    plaza.tap()
    plaza.clock.now += OLDEST + timedelta(seconds=1)
    for _ in range(2):
        assert "no fuiste tú" in plaza.onward()
    assert plaza.counted() == (0, 1)
    with plaza.engine.connect() as connection:
        assert connection.execute(select(portal_reasons.c.reason)).scalars().all() == ["gateway-away"]


def test_who_tapped_after_the_gateway_restarted_is_not_cleared_with_who_tapped_before(plaza: Plaza) -> None:
    opening = plaza.tap()
    plaza.clock.forward(seconds=6)
    plaza.authmon("clear", opening)
    assert plaza.authmon("view", opening) != "*"
    plaza.clock.forward(seconds=6)
    plaza.authmon("clear", opening)
    assert plaza.authmon("view", opening) == "*"


def test_a_gateway_of_a_level_that_does_not_poll_is_not_heard(plaza: Plaza) -> None:
    opening = plaza.tap()
    wiring = replace(EXAMPLE.wiring, variant="level-2")
    site = replace(plaza.site, wiring=wiring)
    plaza.client = Client(create_app(Portal.over(plaza.engine, {KEY: site}, plaza.clock)))
    said = f"method=timeout_deauth, token=0a1b2c3d, custom={opening.session}"
    assert plaza.authmon("deauthed", opening, said) != "ack"
    with plaza.engine.connect() as connection:
        assert connection.execute(select(sessions.c.acctstoptime)).scalar_one() is None
