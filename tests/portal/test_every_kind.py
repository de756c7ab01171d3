"""Every kind of gateway through the whole portal: its recorded arrival, the page, the tap, its answer."""

import re
from dataclasses import replace
from html import unescape
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from captive_portal.gateways.traits import TRAITS
from captive_portal.guest import create_app
from captive_portal.model import GatewayKind, PostForm, Redirect
from captive_portal.portal import Portal
from tests.kinds.example import LANDING, Example
from tests.kinds.examples import EXAMPLES
from tests.portal.conftest import GUACHOCHI, World

KEY: Final = "08019-plaza"
CARRIED: Final = [
    one
    for one in EXAMPLES
    if isinstance(one.answer, Redirect | PostForm) and one.wiring.kind is not GatewayKind.PLAZA
]

FORMS: Final = [one for one in CARRIED if isinstance(one.answer, PostForm)]
LANDS_BY_ITSELF: Final = {GatewayKind.CAMBIUM, GatewayKind.RUCKUS_ZD}
"""Kinds whose own settings lead to the page after, without a session."""


def phone_at(world: World, example: Example) -> Client:
    """A telephone at the portal of a site that has this gateway."""
    site = replace(world.sites[GUACHOCHI], key=KEY, wiring=example.wiring)
    app = create_app(Portal.over(world.engine, {KEY: site}, world.clock))
    return Client(app, use_cookies=False)


def form_of(page: TestResponse) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    return {unescape(name): unescape(value) for name, value in found}


def targets(answer: TestResponse) -> list[str]:
    policy = answer.headers["Content-Security-Policy"]
    return policy.partition("form-action ")[2].partition(";")[0].split()


@pytest.mark.parametrize("example", CARRIED, ids=lambda one: one.name)
def test_one_tap_brings_the_phone_to_its_gateway_with_what_that_takes(world: World, example: Example) -> None:
    phone = phone_at(world, example)
    page = phone.get(f"/p/{KEY}?{example.query}")
    assert page.status_code == 200, page.text
    answer = phone.post(f"/p/{KEY}/enter", data=form_of(page))
    assert isinstance(example.answer, Redirect | PostForm)
    to = urlsplit(answer.headers["Location"])
    recorded = urlsplit(example.answer.url)
    assert (to.scheme, to.netloc, to.path) == (recorded.scheme, recorded.netloc, recorded.path)
    assert f"{to.scheme}://{to.netloc}" in targets(page)
    assert {name for name, _ in parse_qsl(to.query)} >= {name for name, _ in parse_qsl(recorded.query)}


@pytest.mark.parametrize("example", FORMS, ids=lambda one: one.name)
def test_gateway_that_takes_a_form_is_brought_it_in_the_same_tap(world: World, example: Example) -> None:
    assert isinstance(example.answer, PostForm)
    phone = phone_at(world, example)
    page = phone.get(f"/p/{KEY}?{example.query}")
    form = form_of(page)
    answer = phone.post(f"/p/{KEY}/enter", data=form)
    assert answer.status_code == 307
    assert set(example.answer.fields) <= set(form)
    (session,) = (value for value in form.values() if re.fullmatch("[0-9a-f]{32}", value))
    assert world.sessions.running(KEY, session, world.clock()) is not None


@pytest.mark.parametrize("example", FORMS, ids=lambda one: one.name)
def test_second_tap_while_a_session_runs_asks_for_one_more_and_brings_the_first_session(
    world: World, example: Example
) -> None:
    assert isinstance(example.answer, PostForm)
    phone = phone_at(world, example)
    forms = [form_of(phone.get(f"/p/{KEY}?{example.query}")) for _ in range(2)]
    phone.post(f"/p/{KEY}/enter", data=forms[0])
    again = phone.post(f"/p/{KEY}/enter", data=forms[1])
    assert again.status_code == 200
    assert form_of(again).items() >= {
        (name, value) for name, value in forms[0].items() if re.fullmatch("[0-9a-f]{32}", value)
    }
    assert f'action="{example.answer.url}"'.replace("&", "&amp;") in again.text


@pytest.mark.parametrize(
    "example",
    [one for one in CARRIED if one.wiring.kind not in LANDS_BY_ITSELF],
    ids=lambda one: one.name,
)
def test_page_where_the_phone_ends_up_knows_its_session(world: World, example: Example) -> None:
    phone = phone_at(world, example)
    page = phone.get(f"/p/{KEY}?{example.query}")
    answer = phone.post(f"/p/{KEY}/enter", data=form_of(page))
    said = " ".join((unquote(answer.headers["Location"]), *form_of(page).values()))
    token = re.findall(re.escape(LANDING) + r"\?s=([A-Za-z0-9_.-]+)", said)[0]
    online = phone.get(f"/p/{KEY}/online?s={token}")
    assert "Te quedan 60 minutos." in online.text


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_query_that_no_gateway_sends_is_refused_kindly(world: World, example: Example) -> None:
    phone = phone_at(world, example)
    assert phone.get(f"/p/{KEY}?nothing=that+a+gateway+says").status_code == 403
    assert world.sessions.slot_counts(0, 2**40) == []


def test_every_kind_says_how_it_differs() -> None:
    assert set(TRAITS) == set(GatewayKind)
