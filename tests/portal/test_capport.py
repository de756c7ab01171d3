"""RFC 8908 by the portal: the truth about one phone that it can tell apart, and nothing about any other."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from captive_portal.capport import Api
from captive_portal.carried import seal_session
from captive_portal.data_requests import session_named
from captive_portal.guest import create_app
from captive_portal.model import GatewayKind, PortalSite
from captive_portal.portal import Portal
from captive_portal.radius.model import Status
from controller.capport import coovachilli, naming
from controller.demo import make_secrets
from controller.errors import ControllerError
from controller.inventory import load
from controller.settings import Settings
from tests.portal.places import site_of
from tests.radius.conftest import HERE, THERE, World, make_world
from tests.radius.told import body
from tests.town import Town, town

PORTAL = f"https://portal.test/p/{HERE}"
NUMBER, NEXT = "17953416000000002", "17953420000000002"


def chilli(key: str, kind: GatewayKind = GatewayKind.COOVACHILLI, scheme: str = "https") -> PortalSite:
    """A site behind this portal whose keys are those of tests/radius."""
    made = site_of(key, kind=kind)
    wiring = replace(
        made.wiring,
        key=f"key of {key}".encode().ljust(32, b"."),
        portal_url=f"{scheme}://portal.test/p/{key}",
    )
    return replace(made, wiring=wiring)


def extendable(site: PortalSite, daily: timedelta = timedelta(0)) -> PortalSite:
    """The same, of whose CoovaChilli more time can be asked."""
    landing = f"https://portal.test/p/{site.key}/online"
    wiring = replace(site.wiring, api_url="radius://127.0.0.1:3799", landing=landing)
    return replace(site, wiring=wiring, plan=replace(site.plan, daily=daily))


@dataclass
class Square:
    """Phones at two sites, their RADIUS and their portal."""

    radius: World
    sites: dict[str, PortalSite]

    def ask(self, number: str = NUMBER, site: str = HERE, **headers: str) -> TestResponse:
        world, nas = self.radius, {HERE: frozenset({"ap-1", "ap-2"}), THERE: frozenset({"ap-1"})}
        portal = Portal.over(world.engine, self.sites, world.clock)
        app = create_app(portal, api=Api(world.engine, nas, world.clock).answer)
        return Client(app, use_cookies=False).get(f"/c/{site}?s={number}", headers=headers)

    def said(self, number: str = NUMBER, site: str = HERE) -> Any:
        answer = self.ask(number, site)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/captive+json"
        return json.loads(answer.data)

    def account(self, session: str, status: Status, number: str = NUMBER, **more: Any) -> None:
        """What CoovaChilli reports of a session under its number."""
        told: dict[str, Any] = {
            "Acct_Status_Type": int(status),
            "Acct_Session_Id": number,
            "User_Name": session,
            "Class": f"0x{session.encode().hex()}",
            "NAS_Identifier": "ap-2",
        }
        assert self.radius.post("account", body(**told | more)).status_code == 204


@pytest.fixture
def square(tmp_path: Path) -> Iterator[Square]:
    world = make_world(tmp_path)
    yield Square(world, {HERE: chilli(HERE), THERE: chilli(THERE)})
    world.engine.dispose()


def test_a_phone_that_has_not_tapped_is_captive_and_learns_where_to(square: Square) -> None:
    assert square.said() == {"captive": True, "user-portal-url": PORTAL, "can-extend-session": False}


def test_no_cache_may_keep_what_is_one_phones(square: Square) -> None:
    assert square.ask().headers["Cache-Control"] == "no-store"  # narrower than `private` (RFC 8908 §4.2)


def test_a_phone_that_is_online_is_not_captive_and_is_told_how_long(square: Square) -> None:
    session = square.radius.tap()
    assert square.said()["captive"] is True  # it has a ticket, but its door is still shut
    square.account(session, Status.START)
    square.radius.clock.forward(minutes=20)
    assert square.said() == {
        "captive": False,
        "user-portal-url": PORTAL,
        "can-extend-session": False,
        "seconds-remaining": 2400,
    }


def test_a_phone_whose_session_can_be_made_longer_is_led_to_the_page_that_does_so_and_ends_nothing(
    square: Square,
) -> None:
    square.sites[HERE] = longer = extendable(square.sites[HERE])
    session = square.radius.tap()
    square.account(session, Status.START)
    square.radius.clock.forward(minutes=50)
    said = square.said()
    assert said["can-extend-session"] is True
    url = urlsplit(said["user-portal-url"])
    token = parse_qs(url.query)["s"][0]
    world = square.radius
    phone = Client(create_app(Portal.over(world.engine, square.sites, world.clock)), use_cookies=False)
    page = phone.get(f"{url.path}?{url.query}").text
    assert "Seguir conectado" in page
    assert "Salir de Internet" not in page
    assert phone.post(f"/p/{HERE}/leave", data={"s": token}).status_code == 403
    assert world.row(session)["dismissed_at"] is None
    assert session_named(square.sites, token) == ""
    assert "Salir de Internet" in phone.get(f"{url.path}?s={seal_session(longer, session)}").text
    assert phone.post(f"/p/{HERE}/extend", data={"s": token}).status_code == 303
    assert "Pedimos más tiempo" in phone.get(f"{url.path}?{url.query}").text


def test_nothing_is_promised_where_the_day_or_the_site_gives_no_more(square: Square) -> None:
    square.sites[HERE] = extendable(square.sites[HERE], daily=timedelta(minutes=60))
    square.account(square.radius.tap(), Status.START)
    said = square.said()
    assert (said["can-extend-session"], said["user-portal-url"]) == (False, PORTAL)
    square.sites[HERE] = replace(extendable(square.sites[HERE]), vouchers=True)
    assert square.said()["can-extend-session"] is False


def test_octets_left_are_told_where_they_are_capped(square: Square) -> None:
    world = square.radius
    world.sites[HERE] = replace(world.sites[HERE], plan=replace(world.sites[HERE].plan, octets=1_000_000))
    session = world.tap()
    square.account(session, Status.START)
    used: dict[str, Any] = {
        "Acct_Input_Octets": 100_000,
        "Acct_Output_Octets": 300_000,
        "Acct_Session_Time": 60,
    }
    square.account(session, Status.INTERIM, **used)
    assert square.said()["bytes-remaining"] == 600_000


def test_a_session_that_is_over_by_its_time_is_captive(square: Square) -> None:
    square.account(square.radius.tap(), Status.START)
    square.radius.clock.forward(hours=1)
    assert square.said()["captive"] is True


def test_the_number_of_an_ended_session_says_nothing_any_more(square: Square) -> None:
    """CoovaChilli has counted on, the phone's lease has not: it may be online under a number it knows not."""
    first = square.radius.tap()
    square.account(first, Status.START)
    square.account(first, Status.STOP, Acct_Session_Time=60)
    assert square.ask().status_code == 404
    square.account(square.radius.tap(), Status.START, NEXT)
    assert square.ask().status_code == 404
    assert square.said(NEXT)["captive"] is False


def test_one_phone_is_not_taken_for_another(square: Square) -> None:
    square.account(square.radius.tap(), Status.START)
    assert square.said()["captive"] is False
    assert square.said(NEXT)["captive"] is True
    assert square.said(site=THERE)["captive"] is True


@pytest.mark.parametrize("kind", [kind for kind in GatewayKind if kind is not GatewayKind.COOVACHILLI])
def test_where_phones_cannot_be_told_apart_nothing_is_claimed(square: Square, kind: GatewayKind) -> None:
    site = "08052-plaza"  # its accounting is not among those that tell numbers apart
    square.sites[site] = chilli(site, kind)
    assert square.ask(site=site).status_code == 404


def test_over_plain_http_nothing_is_claimed(square: Square) -> None:
    square.sites[HERE] = chilli(HERE, scheme="http")
    assert square.ask().status_code == 404


@pytest.mark.parametrize("number", ["", "%25%7Bs%7D", "1", "a" * 65, "17953416' OR 1=1--", "%0a1795341600"])
def test_what_is_no_number_is_not_looked_for(square: Square, number: str) -> None:
    assert square.ask(number).status_code == 404


def test_the_url_comes_from_the_settings_whatever_host_says(square: Square) -> None:
    answer = square.ask(Host="localhost:9999", **{"X-Forwarded-Host": "evil.example"})
    assert json.loads(answer.data)["user-portal-url"] == PORTAL


def test_there_is_no_api_at_a_site_that_is_not_there(square: Square) -> None:
    assert square.ask(site="08099-plaza").status_code == 404


CHILLI = """, kind: coovachilli, hosts: ["10.1.0.1:3990"], credentials: uam, nas: [chilli-1],
    radius: {client: 10.8.27.2, credentials: uam}}"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    """A Plaza whose one site has a CoovaChilli, at https://portal.example.gob.mx."""
    with town(tmp_path, "127.77.6") as made:
        file = tmp_path / "inventory.yaml"
        text = file.read_text().replace(
            "credentials:\n", "credentials:\n  uam: {kind: portal, secret: ref+file:uam}\n", 1
        )
        file.write_text(
            text.replace(f'gateway_url: "{made.gateway_url}"}}', f'gateway_url: "{made.gateway_url}"{CHILLI}')
        )
        make_secrets(load(file), tmp_path / "var" / "secrets")
        made.environ |= {
            "PLAZA_PORTAL_URL": "https://portal.example.gob.mx",
            "PLAZA_PORTAL_HOSTS": "old.example.gob.mx",
            "PLAZA_UPLINK_PROBES": "127.0.0.1:1",
        }
        yield made


def test_the_snippet_of_a_coovachilli_carries_the_portals_url(place: Town) -> None:
    said = place.plaza("gateway", "snippets", HERE, "--kind", "coovachilli")
    assert said.stdout == f"captiveportalapi_uri https://portal.example.gob.mx/c/{HERE}?s=%{{s}}\n", (
        said.stderr
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--kind", "dnsmasq"], "--api"),
        (["--kind", "coovachilli", "--api", "https://a.example/x"], "--api"),
        (["--kind", "dnsmasq", "--api", f"https://portal.example.gob.mx/c/{HERE}"], "coovachilli"),
    ],
)
def test_one_url_for_all_phones_is_never_the_portals(place: Town, options: list[str], words: str) -> None:
    said = place.plaza("gateway", "snippets", HERE, *options)
    assert (said.returncode, said.stdout) == (2, "")
    assert words in said.stderr


def test_where_the_answers_could_not_be_true_there_is_no_snippet(place: Town) -> None:
    found = load(place.directory / "inventory.yaml")
    site = found.sites[HERE]
    assert naming(found) == {HERE: frozenset({"chilli-1"})}
    secure = Settings(portal_url="https://portal.example.gob.mx")
    for changed in ({"kind": GatewayKind.USPOT}, {"nas": ()}, {"radius_client": ""}):
        other = replace(site, portal=replace(site.portal, **changed))
        with pytest.raises(ControllerError, match="cannot tell its phones apart"):
            coovachilli(secure, other)
    for url, words in (("http://portal.example", "https://"), ("https://" + "a" * 200 + ".mx", "too long")):
        with pytest.raises(ControllerError, match=words):
            coovachilli(Settings(portal_url=url), site)


SCRIPT = """
import threading
from werkzeug.test import Client
from controller.wsgi.portal import portal
door = portal()
phone = Client(door, use_cookies=False)
def status(path, host):
    return phone.get(path, headers={"Host": host}).status_code
print(*(status("/", host) for host in ("portal.example.gob.mx", "old.example.gob.mx:80", "evil.example")))
print(status("/c/08027-plaza?s=17953416000000002", "portal.example.gob.mx"))
print("uplink" in {one.name for one in threading.enumerate()})
"""


def test_what_the_settings_say_reaches_the_portals_process(place: Town) -> None:
    ran = place.ran(sys.executable, "-c", SCRIPT)
    assert ran.stdout.splitlines() == ["200 200 421", "200", "True"], ran.stderr
