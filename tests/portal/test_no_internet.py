"""A portal behind whose own uplink nothing answers says so before anybody's time begins."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from werkzeug.test import Client

from captive_portal.gateway.clock import Moment
from captive_portal.guest import create_app
from captive_portal.model import RefusalReason
from captive_portal.pages import TEMPLATES
from captive_portal.portal import ABOUT_VOUCHERS, Portal
from captive_portal.uplink import Uplink
from controller import settings
from controller.errors import SettingsError
from tests.portal.conftest import GUACHOCHI, World


@dataclass
class BootClock:
    """Seconds since a boot that never was."""

    seconds: float = 100.0

    def now(self) -> Moment:
        return Moment("boot", self.seconds)


@dataclass
class Far:
    """A host of the Internet that listens, until its cable is cut; and again at the same port."""

    port: int = 0
    server: socket.socket | None = None

    def listen(self) -> "Far":
        self.server = socket.create_server(("127.0.0.1", self.port))
        self.port = self.server.getsockname()[1]
        return self

    def cut(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"


@pytest.fixture
def far() -> Iterator[Far]:
    made = Far().listen()
    yield made
    made.cut()


def phone_behind(uplink: Uplink, world: World) -> Client:
    portal = replace(Portal.over(world.engine, world.sites, world.clock), cut_off=lambda: uplink.down)
    return Client(create_app(portal), use_cookies=False)


def without(uplink: Uplink, clock: BootClock) -> None:
    """Two tries that fail, far enough apart to be believed."""
    uplink.step()
    clock.seconds += 20
    uplink.step()


def test_one_failure_is_none_and_twenty_seconds_of_them_are(far: Far) -> None:
    clock = BootClock()
    uplink = Uplink([far.place], clock)
    for after_s, cut, down in ((0, False, False), (10, True, False), (19, True, False), (1, True, True)):
        clock.seconds += after_s
        if cut:
            far.cut()
        uplink.step()
        assert uplink.down is down, clock.seconds
    far.listen()
    uplink.step()
    assert not uplink.down


def test_one_host_that_answers_is_enough_and_none_to_ask_is_never_down(far: Far) -> None:
    clock, other = BootClock(), Far().listen()
    other.cut()
    one_of_two, nobody = Uplink([other.place, far.place], clock), Uplink([], clock)
    for uplink in (one_of_two, nobody):
        without(uplink, clock)
        assert not uplink.down
    far.cut()
    without(one_of_two, clock)
    assert one_of_two.down


def test_the_page_says_so_in_both_languages_and_leads_back(world: World, far: Far) -> None:
    clock = BootClock()
    uplink = Uplink([far.place], clock)
    phone = phone_behind(uplink, world)
    far.cut()
    without(uplink, clock)
    page = phone.get(f"/p/{GUACHOCHI}?a={world.token()}")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert "Ahora no hay Internet aquí" in page.text
    assert "<form" not in page.text
    assert "http-equiv" not in page.text  # a page that reloads by itself is taken from who reads slowly
    far.listen()
    uplink.step()
    again = page.text.partition('<a href="/p/')[2].partition('"')[0]
    assert phone.get("/p/" + again.replace("&amp;", "&")).status_code == 200


def test_a_tap_opens_no_session_and_is_counted_as_refused_for_want_of_internet(
    world: World, far: Far
) -> None:
    clock = BootClock()
    uplink = Uplink([far.place], clock)
    phone = phone_behind(uplink, world)
    far.cut()
    without(uplink, clock)
    answer = phone.post(f"/p/{GUACHOCHI}/enter", data={"v": world.sealed()}, follow_redirects=True)
    assert answer.status_code == 503
    slot = int(world.clock().timestamp()) // 60 * 60
    (row,) = world.sessions.portal_counts(slot, slot + 60)
    assert (row.grants, row.refusals, row.reasons) == (0, 1, {"no-internet": 1})
    far.listen()
    uplink.step()
    assert phone.post(f"/p/{GUACHOCHI}/enter", data={"v": world.sealed()}).status_code == 303


def test_a_stranger_and_a_closed_site_are_told_their_own_reason(world: World) -> None:
    portal = Portal.over(world.engine, world.sites, world.clock, lambda site, _: site not in world.closed)
    phone = Client(create_app(replace(portal, cut_off=lambda: True)), use_cookies=False)
    assert phone.get(f"/p/{GUACHOCHI}?a=forged").status_code == 403
    world.closed.add(GUACHOCHI)
    assert "Ahora está cerrado" in phone.get(f"/p/{GUACHOCHI}?a={world.token()}").text


def test_pages_that_need_no_internet_are_served_without(world: World) -> None:
    portal = replace(Portal.over(world.engine, world.sites, world.clock), cut_off=lambda: True)
    phone = Client(create_app(portal), use_cookies=False)
    for page in ("/", f"/p/{GUACHOCHI}", f"/p/{GUACHOCHI}/help", f"/p/{GUACHOCHI}/notice"):
        assert phone.get(page).status_code == 200


def test_every_refusal_has_a_page() -> None:
    pages_of = {reason: "voucher" if reason in ABOUT_VOUCHERS else reason.value for reason in RefusalReason}
    assert [reason for reason, page in pages_of.items() if not (TEMPLATES / f"{page}.html").exists()] == []


def test_the_probes_are_read_from_the_file_and_from_the_variable(tmp_path: Path) -> None:
    assert settings.load({}, tmp_path).uplink_probes == ()
    (tmp_path / "plaza.toml").write_text('uplink_probes = ["1.1.1.1:443", "[2606:4700::1111]:443"]\n')
    assert settings.load({}, tmp_path).uplink_probes == ("1.1.1.1:443", "[2606:4700::1111]:443")
    changed = settings.load({"PLAZA_UPLINK_PROBES": "9.9.9.9:443, dns.example:53"}, tmp_path)
    assert changed.uplink_probes == ("9.9.9.9:443", "dns.example:53")
    with pytest.raises(SettingsError, match=r"PLAZA_UPLINK_PROBES.*HOST:PORT"):
        settings.load({"PLAZA_UPLINK_PROBES": "9.9.9.9"}, tmp_path)
