"""Markup through every parameter of every kind of gateway and of every page: it is text, or is not shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from captive_portal.gateways import uam
from captive_portal.guest import create_app
from captive_portal.leaflets import LEAFLETS
from captive_portal.local import Local, Service, Theme
from captive_portal.model import GatewayKind
from captive_portal.portal import Portal
from tests.attacks.poison import MARK, MARKUP
from tests.kinds.example import Example
from tests.kinds.examples import EXAMPLES
from tests.kinds.opennds_kind import SEALED_10, carrying, sealed
from tests.portal.conftest import GUACHOCHI, World
from tests.portal.test_every_kind import KEY, form_of, phone_at

ACTIVE: Final = frozenset({"script", "img", "iframe", "object", "embed", "base"})
LEADING: Final = frozenset({"href", "src", "action", "formaction"})
VALUES: Final = (" ".join(MARKUP), f"javascript:{MARK}()//", f"https://evil.example/{MARK}")
OURS: Final = ("a", "v", "s", "g", "c", "lang", "m", "code", "res", "error", "statusCode", "auth", MARK)
UAM: Final = frozenset({GatewayKind.COOVACHILLI, GatewayKind.USPOT})
PAGES: Final = ("", "/enter", "/renew", "/online", "/leave", *(f"/{word}" for word in LEAFLETS))


@dataclass
class Found(HTMLParser):
    """What of a page could run or lead away."""

    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.wrong.append(tag)
        for name, value in attrs:
            leads = name in LEADING and leads_away(value or "")
            if leads or name.startswith("on") or name == "srcdoc" or MARK in name:
                self.wrong.append(f"{tag} {name}={value}")


def leads_away(address: str) -> bool:
    """Whether it is the attacker's: his site, or a command."""
    parts = urlsplit(address.strip().replace("\\", "/"))
    return "evil.example" in parts.netloc or parts.scheme not in ("", "http", "https")


def is_harmless(answer: TestResponse) -> bool:
    """Nothing of a page runs, no header was added, and nobody is sent to the attacker."""
    if leads_away(answer.headers.get("Location", "")) or "Set-Cookie" in answer.headers:
        return False
    found = Found()
    if answer.mimetype == "text/html":
        found.feed(answer.text)
    return not found.wrong


def queries(example: Example) -> Iterator[tuple[str, str]]:
    """The recorded arrival with markup in each of its fields, and in fields that it has not."""
    fields = dict(parse_qsl(example.query, keep_blank_values=True))
    for name in (*fields, *(one for one in OURS if one not in fields)):
        for value in VALUES:
            yield name, told(example, {**fields, name: value})


def told(example: Example, fields: Mapping[str, str]) -> str:
    """As its gateway would say it: signed, where it signs."""
    if example.wiring.kind not in UAM:
        return urlencode(fields)
    query = urlencode({name: value for name, value in fields.items() if name != "md"})
    md = uam.signature(f"{example.wiring.portal_url}?{query}", example.wiring.secret)
    return f"{query}&md={md}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_markup_in_any_field_of_a_gateway_is_text_on_the_page_and_after_the_tap(
    shared_world: World, example: Example
) -> None:
    phone = phone_at(shared_world, example)
    for name, query in queries(example):
        page = phone.get(f"/p/{KEY}?{query}")
        assert page.status_code < 500, name
        assert is_harmless(page), name
        if page.status_code == 200 and example.answer is not None:
            assert is_harmless(phone.post(f"/p/{KEY}/enter", data=form_of(page))), name


def test_markup_that_a_gateway_sealed_is_text_too(shared_world: World) -> None:
    (example,) = (one for one in EXAMPLES if one.name == "opennds-2")
    phone = phone_at(shared_world, example)
    for own in ("Chihuahua%20Gratis", "Peñón", "http%3a%2f%2fstatus.client%2flogin", "wlan0 (null) (null)"):
        page = phone.get(f"/p/{KEY}?{carrying(sealed(SEALED_10.replace(own, MARKUP[0])))}")
        assert page.status_code == 200
        assert is_harmless(page)
        assert is_harmless(phone.post(f"/p/{KEY}/enter", data=form_of(page)))


@pytest.mark.parametrize("page", PAGES)
def test_markup_in_any_parameter_of_any_page_is_text(shared_world: World, page: str) -> None:
    address = f"/p/{GUACHOCHI}{page}"
    for name in OURS:
        for value in VALUES:
            assert is_harmless(shared_world.phone.get(f"{address}?{urlencode({name: value})}")), name
            assert is_harmless(shared_world.phone.post(address, data={name: value})), name
            assert is_harmless(shared_world.phone.get(f"{address}/{quote(value)}"))


@pytest.mark.parametrize("value", MARKUP, ids=range(len(MARKUP)))
def test_a_voucher_that_is_markup_is_refused_as_text(world: World, value: str) -> None:
    site = replace(world.sites[GUACHOCHI], vouchers=True, voucher_key=b"v" * 32)
    phone = Client(create_app(Portal.over(world.engine, {GUACHOCHI: site}, world.clock)), use_cookies=False)
    assert is_harmless(phone.get(f"/p/{GUACHOCHI}?{urlencode({'c': value})}"))
    answer = phone.post(
        f"/p/{GUACHOCHI}/enter", data={"v": world.sealed(), "code": value}, follow_redirects=True
    )
    assert answer.status_code == 403
    assert is_harmless(answer)
    assert MARK not in answer.text


@pytest.mark.parametrize("value", MARKUP, ids=range(len(MARKUP)))
def test_what_staff_wrote_of_a_site_is_text_too(world: World, value: str) -> None:
    own = Local(theme=Theme(slogan=value), services=(Service(value, "https://chihuahua.gob.mx/"),))
    site = replace(world.sites[GUACHOCHI], name=value, municipality_name=value, local=own)
    phone = Client(create_app(Portal.over(world.engine, {GUACHOCHI: site}, world.clock)), use_cookies=False)
    for page in (f"?a={world.token()}", *(f"/{word}" for word in LEAFLETS)):
        answer = phone.get(f"/p/{GUACHOCHI}{page}")
        assert answer.status_code == 200
        assert MARK in answer.text
        assert is_harmless(answer)
