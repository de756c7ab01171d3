"""A citizen leaves: the button stands where it works, and the phone tells its gateway where we cannot."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from captive_portal.carried import seal_session
from captive_portal.guest import create_app
from captive_portal.model import GatewayEvent, PortalSite, PostForm, Redirect
from captive_portal.portal import Portal
from captive_portal.tables import sessions
from tests.kinds.aruba_instant_kind import ARUBA_INSTANT
from tests.kinds.cisco_wlc_kind import CISCO_WLC
from tests.kinds.coovachilli_kind import COOVACHILLI
from tests.kinds.example import Example
from tests.kinds.examples import EXAMPLES
from tests.kinds.meraki_kind import MERAKI_CLICK_THROUGH
from tests.kinds.mikrotik_kind import MIKROTIK_HTTPS
from tests.kinds.opennds_kind import OPENNDS
from tests.portal.conftest import GUACHOCHI, World
from tests.portal.test_every_kind import KEY, form_of, targets

FOR_A_LAB: Final = {"opennds-0", "opennds-1", "opennds-2-recorded", "opennds-4"}
LEAVING: Final = [one for one in EXAMPLES if one.way_out is not None and one.name not in FOR_A_LAB]
EACH_LEAVING: Final = pytest.mark.parametrize("example", LEAVING, ids=lambda one: one.name)
STAYING: Final = [ARUBA_INSTANT, MERAKI_CLICK_THROUGH]
(LEVEL_2,) = (one for one in OPENNDS if one.name == "opennds-2")
BUTTON: Final = "Salir de Internet"
STRANGER: Final = "evil.example"


class Place:
    """A site with this gateway, and one phone at it."""

    def __init__(self, world: World, example: Example, daily: timedelta = timedelta(0)) -> None:
        self.world, self.example = world, example
        site = world.sites[GUACHOCHI]
        self.site: PortalSite = replace(
            site, key=KEY, wiring=example.wiring, plan=replace(site.plan, daily=daily)
        )
        app = create_app(Portal.over(world.engine, {KEY: self.site}, world.clock))
        self.phone = Client(app, use_cookies=False)

    def tap(self) -> str:
        """The token that the page after the tap is asked with."""
        form = form_of(self.phone.get(f"/p/{KEY}?{self.example.query}"))
        answer = self.phone.post(f"/p/{KEY}/enter", data=form)
        said = " ".join((unquote(answer.headers.get("Location", "")), *form.values(), answer.text))
        found: list[str] = re.findall(r"/online\?s=([A-Za-z0-9_.-]+)", said)
        return found[0]

    def open_door(self) -> None:
        """The gateway says that the phone is in."""
        session = self.rows()[-1]["acctuniqueid"]
        self.told(GatewayEvent(f"opened-{session}"[:48], "opened", session, 0))

    def told(self, event: GatewayEvent) -> None:
        self.world.sessions.apply(KEY, [event], self.world.clock())

    def status(self, token: str) -> TestResponse:
        return self.phone.get(f"/p/{KEY}/online?s={token}")

    def leave(self, form: dict[str, str], query: str = "") -> TestResponse:
        return self.phone.post(f"/p/{KEY}/leave{query}", data=form)

    def rows(self) -> list[dict[str, Any]]:
        with self.world.engine.connect() as connection:
            found = connection.execute(select(sessions).order_by(sessions.c.granted_at))
            return [row._asdict() for row in found]


def entered(world: World, example: Example) -> tuple[Place, str]:
    """A phone that is in, and its token."""
    place = Place(world, example)
    token = place.tap()
    place.open_door()
    return place, token


@EACH_LEAVING
def test_the_button_takes_the_phone_to_its_gateways_own_logout(world: World, example: Example) -> None:
    place, token = entered(world, example)
    page = place.status(token)
    assert BUTTON in page.text
    assert isinstance(example.way_out, Redirect | PostForm)
    at = urlsplit(example.way_out.url)
    assert f"{at.scheme}://{at.netloc}" in targets(page)
    answer = place.leave(form_of(page))
    assert answer.headers["Location"] == example.way_out.url
    if isinstance(example.way_out, PostForm):
        assert answer.status_code == 307
        assert form_of(page).items() >= example.way_out.fields.items()
    else:
        assert answer.status_code == 303


@EACH_LEAVING
def test_what_ends_the_session_is_the_gateways_word_and_the_cause_is_the_citizens(
    world: World, example: Example
) -> None:
    place, token = entered(world, example)
    form = form_of(place.status(token))
    world.clock.forward(minutes=10)
    answers = [place.leave(form) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    (row,) = place.rows()
    assert (row["acctterminatecause"], row["acctstoptime"]) == ("User-Request", None)
    assert BUTTON not in place.status(token).text

    world.clock.forward(seconds=20)
    place.told(GatewayEvent("closed", "closed", row["acctuniqueid"], 15, 605, 7, 5, cause="Lost-Carrier"))
    world.clock.forward(minutes=5)
    place.leave(form)
    (row,) = place.rows()
    assert row["acctstoptime"] - row["acctstarttime"] == 605
    assert (row["acctterminatecause"], row["acctsessiontime"]) == ("User-Request", 605)


@pytest.mark.parametrize("example", STAYING, ids=lambda one: one.name)
def test_where_it_would_not_work_there_is_no_button(world: World, example: Example) -> None:
    place, token = entered(world, example)
    page = place.status(token)
    assert BUTTON not in page.text
    assert "Apaga el Wi-Fi" in page.text


def test_a_gateway_that_is_told_by_radius_needs_nothing_of_the_phone(world: World) -> None:
    wiring = replace(ARUBA_INSTANT.wiring, api_url="radius://10.9.0.1:3799")
    place, token = entered(world, replace(ARUBA_INSTANT, wiring=wiring))
    page = place.status(token)
    assert BUTTON in page.text
    assert "Saliste de Internet" in place.leave(form_of(page)).text
    assert world.sessions.dismissals(KEY) == [place.rows()[0]["acctuniqueid"]]


def test_a_session_that_was_left_and_nobody_reported_is_not_said_to_have_lasted(world: World) -> None:
    place, token = entered(world, LEVEL_2)
    world.clock.forward(minutes=10)
    place.leave(form_of(place.status(token)))
    world.clock.forward(minutes=66)
    assert world.sessions.end_overdue(world.clock()) == 1
    at = int(world.clock().timestamp()) // 60 * 60
    (point,) = world.sessions.slot_counts(at - 3600, at + 60)
    assert (point.ended, point.seconds) == (1, None)
    page = place.phone.get(f"/p/{KEY}?{LEVEL_2.query}")
    assert "Se acabó" not in page.text, "it was left, its time was not used up"


def test_who_taps_again_after_leaving_is_one_session_and_is_charged_once(world: World) -> None:
    place = Place(world, LEVEL_2, daily=timedelta(minutes=90))
    token = place.tap()
    place.open_door()
    form = form_of(place.status(token))
    world.clock.forward(minutes=10)
    place.leave(form)
    world.clock.forward(minutes=10)
    place.tap()
    place.open_door()
    before, after = place.rows()
    assert before["acctstoptime"] == after["granted_at"]
    assert before["acctterminatecause"] == "unreported"
    assert after["acctstoptime"] is None
    world.clock.forward(minutes=30)
    at = int(world.clock().timestamp()) // 60 * 60
    (point,) = world.sessions.slot_counts(at - 60, at)
    assert point.admitted == 1
    running = world.sessions.past(place.site, arrival_of(place).device, world.clock.forward(minutes=31))
    assert not running.day_is_over, "80 of 90 minutes"


def arrival_of(place: Place) -> Any:
    return place.example.make(place.example.wiring).read(place.example.query)


@EACH_LEAVING
def test_no_parameter_of_a_request_moves_the_way_out(world: World, example: Example) -> None:
    place, token = entered(world, example)
    names = ("o", "url", "dst", "redir", "userurl", "logout_url", "link-logout", "switch_url", "uamip", "ssl")
    stranger = dict.fromkeys(names, f"https://{STRANGER}/")
    query = "?" + "&".join(f"{name}=https://{STRANGER}/" for name in names)
    page = place.phone.get(f"/p/{KEY}/online?s={token}&{query[1:]}")
    assert STRANGER not in page.headers["Content-Security-Policy"]
    answer = place.leave({**form_of(page), **stranger}, query)
    assert isinstance(example.way_out, Redirect | PostForm)
    assert answer.headers["Location"] == example.way_out.url


@pytest.mark.parametrize(
    "example", [COOVACHILLI, MIKROTIK_HTTPS, CISCO_WLC, LEVEL_2], ids=lambda one: one.name
)
def test_a_token_that_was_altered_or_is_another_sites_leads_nowhere(world: World, example: Example) -> None:
    place, token = entered(world, example)
    other = replace(place.site, wiring=replace(place.site.wiring, key=b"x" * 32))
    session = place.rows()[0]["acctuniqueid"]
    forged = seal_session(other, session, f"http://{STRANGER}/")
    payload, _, mark = forged.partition(".")
    for one in (forged, f"{payload}.{token.partition('.')[2]}", token[:-1], f"{token}x", payload, mark, ""):
        answer = place.leave({"s": one})
        assert answer.status_code == 403
        assert "Location" not in answer.headers
    assert place.rows()[0]["dismissed_at"] is None


@EACH_LEAVING
def test_even_a_token_of_our_own_leads_to_no_host_that_is_not_the_sites(
    world: World, example: Example
) -> None:
    """As after a gateway was taken out of the inventory: the session is left, the phone stays here."""
    place, _token = entered(world, example)
    session = place.rows()[0]["acctuniqueid"]
    token = seal_session(place.site, session, f"https://{STRANGER}/logoff")
    page = place.status(token)
    assert BUTTON not in page.text
    answer = place.leave({"s": token})
    assert answer.status_code == 200
    assert "Location" not in answer.headers
