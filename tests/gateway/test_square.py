"""Phones in a square, in network namespaces: real packets, real rules, a real browser."""

import base64
import json
import re
import signal
import subprocess
import sys
import time
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests import need
from tests.gateway.streets import LAN, LAN6, PHONES, SECRETS, WEB, WEB6
from tests.gateway.town import Town, wait_for
from tests.probes import ANDROID, APPLE, FREE, PROBES

pytestmark = pytest.mark.root
HERE = Path(__file__).parent
REFUSED = 7  # curl's exit code


@pytest.fixture
def outside(square: Town) -> Town:
    """The square with everybody outside and the gateway fresh."""
    square.forget_everybody()
    return square


@pytest.fixture
def clock_shim(square: Town) -> str:
    """A library that moves the wall clock of one process."""
    shim = square.directory / "clock_shim.so"
    if not shim.exists():
        compiler = need.program("cc", "gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, HERE / "clock_shim.c"], check=True)
    return str(shim)


def talk(town: Town, phone: str, *what: str) -> str:
    return town.inside(phone, sys.executable, "-m", "tests.gateway.talk", *what)


def capport(town: Town, phone: str) -> dict[str, Any]:
    """What the phone's system hears at the address that DHCP gave it, over TLS that it trusts."""
    answer = town.curl(phone, town.lease(phone)["api"], "--cacert", str(town.directory / "ca.pem"))
    assert answer.status == 200, answer
    heard: dict[str, Any] = json.loads(answer.body)
    return heard


def test_before_the_grant_every_probe_is_redirected_and_nothing_leaves(outside: Town) -> None:
    for probe in PROBES:
        answer = outside.curl("phone1", probe.url)
        assert answer.status == 302
        assert answer.location.startswith("http://203.0.113.10:8080/p/08019-plaza?a=")
    assert talk(outside, "phone1", "echo", WEB) == "silence"
    assert outside.inside("gateway", "curl", "-s", f"http://{WEB}/") == f"I am {WEB}\n"


def test_https_is_reset_and_never_intercepted(outside: Town) -> None:
    answer = outside.curl("phone1", f"https://{WEB}/")
    assert (answer.status, answer.exit_code) == (0, REFUSED), answer


@pytest.mark.parametrize(("place", "ip"), [("internet", WEB), ("gateway", LAN)])
def test_androids_private_dns_is_reset_at_once_so_that_it_asks_in_clear(
    outside: Town, place: str, ip: str
) -> None:
    service = outside.spawn(place, sys.executable, "-m", "http.server", "853", "--bind", ip)
    try:
        url = f"http://{ip}:853/"
        wait_for(partial(outside.inside, "gateway", "curl", "-s", url, check=False), "the service")
        answer = outside.curl("phone1", url)
        assert (answer.status, answer.exit_code) == (0, REFUSED), answer
    finally:
        service.kill()


def test_no_ipv6_leaves_before_the_grant_nor_after(outside: Town) -> None:
    assert outside.inside("gateway", "curl", "-s", f"http://[{WEB6}]/") == f"I am {WEB6}\n"
    for state in ("outside", "inside"):
        for port in (80, 443):
            answer = outside.curl("phone1", f"http://[{WEB6}]:{port}/")
            # refused, not silent: a phone falls back to IPv4 at once
            assert (answer.status, answer.exit_code) == (0, REFUSED), f"{state}: {answer}"
        if state == "outside":
            outside.enter("phone1")


def test_foreign_resolvers_are_answered_by_our_own(outside: Town) -> None:
    assert talk(outside, "phone1", "dns", WEB, "noticias.test") == WEB
    assert talk(outside, "phone1", "dns", SECRETS["management"], "noticias.test") == WEB


def test_one_tap_in_a_browser_without_javascript_lets_that_phone_in(outside: Town, chromium: Any) -> None:
    wrapper = outside.directory / "chromium"
    browser_path = need.program("chromium", "chromium")
    wrapper.write_text(f'#!/bin/sh\nexec ip netns exec {outside.ns("phone1")} {browser_path} "$@"\n')
    wrapper.chmod(0o755)
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-dev-shm-usage",
    ]
    browser = chromium.browser_type.launch(executable_path=str(wrapper), args=arguments)
    try:
        context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 640})
        page = context.new_page()
        page.goto("http://www.noticias.test/")
        assert page.url.startswith("http://203.0.113.10:8080/p/08019-plaza?a=")
        page.get_by_role("button").click()
        page.wait_for_url("**/p/08019-plaza/online?lang=es&s=*")
        assert "Ya tienes Internet" in page.content()
        assert context.cookies() == []
        page.goto("http://www.noticias.test/")
        assert f"I am {WEB}" in page.content()
    finally:
        browser.close()
    seen = {probe.system: outside.curl("phone1", probe.url) for probe in PROBES}
    assert {system: (answer.status, answer.body.encode()) for system, answer in seen.items()} == FREE
    assert talk(outside, "phone1", "echo", WEB) == "hello"
    assert outside.curl("phone2", ANDROID.url).status == 302, "the second phone is still captive"


@pytest.mark.parametrize("state", ["outside", "inside"])
def test_guests_never_reach_what_is_not_the_internet(outside: Town, state: str) -> None:
    if state == "inside":
        outside.enter("phone1")
    for name, ip in SECRETS.items():
        assert outside.inside("gateway", "curl", "-s", f"http://{ip}/") == f"I am {ip}\n"
        for port in (80, 443):
            answer = outside.curl("phone1", f"http://{ip}:{port}/")
            assert "I am" not in answer.body, f"{state}: {name} port {port}"
        assert talk(outside, "phone1", "echo", ip) == "silence", f"{state}: {name} over UDP"


@pytest.mark.parametrize("state", ["outside", "inside"])
def test_guests_never_reach_the_gateways_own_services(outside: Town, state: str) -> None:
    if state == "inside":
        outside.enter("phone1")
    service = outside.spawn("gateway", sys.executable, "-m", "http.server", "22", "--bind", "::")
    try:
        for ip in ("198.51.100.2", LAN, f"[{LAN6}]"):
            url = f"http://{ip}:22/"
            wait_for(partial(outside.inside, "gateway", "curl", "-gs", url, check=False), "the service")
            assert outside.curl("phone1", url).exit_code == REFUSED
    finally:
        service.kill()


@pytest.mark.parametrize("state", ["outside", "inside"])
def test_guests_never_reach_each_other_through_the_router(outside: Town, state: str) -> None:
    for phone in PHONES if state == "inside" else ():
        outside.enter(phone)
    ip, ip6 = outside.lease("phone2")["ip"], "2001:db8:99::3"
    server = outside.spawn("phone2", sys.executable, "-m", "http.server", "9000", "--bind", "::")
    try:
        wait_for(lambda: outside.inside("gateway", "curl", "-s", f"http://{ip}:9000/", check=False), "phone2")
        outside.inside("phone1", "ip", "route", "replace", f"{ip}/32", "via", LAN)
        outside.inside("phone1", "ip", "-6", "route", "replace", f"{ip6}/128", "via", LAN6)
        assert outside.curl("phone1", f"http://{ip}:9000/").exit_code == REFUSED
        assert outside.curl("phone1", f"http://[{ip6}]:9000/").exit_code == REFUSED
    finally:
        server.kill()
        outside.inside("phone1", "ip", "route", "del", f"{ip}/32", check=False)
        outside.inside("phone1", "ip", "-6", "route", "del", f"{ip6}/128", check=False)


def test_the_kernel_shuts_the_door_on_live_flows_though_the_daemon_is_dead(outside: Town) -> None:
    outside.set_plan(4)
    outside.enter("phone1")
    command = (sys.executable, "-m", "tests.gateway.talk")
    download = outside.spawn("phone1", *command, "download", WEB)
    stream = outside.spawn("phone1", *command, "stream", WEB)
    outside.stop_gateway(signal.SIGKILL)
    assert download.poll() is None, "the flow lives while there is time"
    assert outside.online("phone1"), "a dead daemon shuts nobody out early"
    assert int(download.communicate(timeout=60)[0]) > 0, "the download ran, and was cut"
    assert int(stream.communicate(timeout=60)[0]) > 0, "the stream was heard, and fell silent"
    assert not outside.online("phone1")
    heard = (outside.directory / "internet.log").read_text()
    assert "heard stream" in heard
    assert "heard afterwards" not in heard, "nor does anything go out on a flow that was open"


def test_a_replayed_grant_is_refused_also_after_the_daemon_restarts(outside: Town) -> None:
    grant = outside.enter("phone1")
    assert outside.curl("phone1", grant).status == 403
    assert outside.curl("phone2", grant).status == 403, "nor does it serve another phone"
    for how in (signal.SIGTERM, signal.SIGKILL):
        outside.stop_gateway(how)
        outside.start_gateway()
        assert outside.online("phone1"), "a restart shuts nobody out"
        assert outside.curl("phone1", grant).status == 403
    outside.curl("phone1", f"http://{LAN}:2060/leave", "-X", "POST")
    assert outside.curl("phone1", grant).status == 403
    assert not outside.online("phone1")


@pytest.mark.parametrize(("told", "year"), [("at 1970", "1970"), ("a day ahead", None)])
def test_people_get_online_when_the_wall_clock_is_wrong(
    outside: Town, clock_shim: str, told: str, year: str | None
) -> None:
    outside.stop_gateway()
    outside.shim = clock_shim
    wrong = 86400 if year is None else 1000 - int(time.time())
    (outside.directory / "gateway.log").unlink()
    outside.start_gateway(clock_offset_s=wrong)
    grant = outside.enter("phone1")
    assert outside.curl("phone1", grant).status == 403, "and replay is refused"
    dates = set(re.findall(r'"at": "([\d-]{10})', (outside.directory / "gateway.log").read_text()))
    expected = time.strftime("%Y-%m-%d", time.gmtime(time.time() + wrong))
    assert expected in dates, f"the gateway believed it was {told}"
    opened = wait_for(lambda: outside.rows()[0]["acctstarttime"], "the opening in the store")
    assert abs(opened - time.time()) < 3600, "and the store has the right time"


def test_a_gateway_that_reboots_in_the_middle_of_a_login_costs_no_second_tap(outside: Town) -> None:
    page = outside.curl("phone1", APPLE.url).location
    outside.reboot_gateway()
    grant = outside.press("phone1", page)
    renewal = outside.curl("phone1", grant)
    assert renewal.status == 303
    assert "/p/08019-plaza/renew?a=" in renewal.location
    renewed = outside.curl("phone1", renewal.location).location
    assert outside.curl("phone1", renewed, "-L").status == 200
    assert outside.online("phone1")
    assert outside.curl("phone1", renewed).status == 403
    assert len(outside.rows()) == 1, "one tap is one session"


def test_a_reboot_throws_nobody_out_and_the_old_ticket_opens_nothing(outside: Town) -> None:
    grant = outside.enter("phone1")
    wait_for(lambda: outside.rows()[0]["acctstarttime"], "the opening in the store")
    outside.reboot_gateway()
    wait_for(lambda: outside.online("phone1"), "phone1 to be back without a tap")
    assert outside.curl("phone2", grant, "-L").status == 403
    assert not outside.online("phone2")
    outside.curl("phone1", f"http://{LAN}:2060/leave", "-X", "POST")
    wait_for(lambda: outside.rows()[0]["acctterminatecause"] == "User-Request", "the end in the store")
    outside.reboot_gateway()
    assert outside.curl("phone1", grant, "-L").status == 403
    assert not outside.online("phone1")
    assert len(outside.rows()) == 1, "it was one session"


def test_rules_that_somebody_flushed_come_back_and_admit_no_used_ticket(outside: Town) -> None:
    grant = outside.enter("phone1")
    outside.inside("gateway", "nft", "flush", "ruleset")
    wait_for(lambda: not outside.online("phone1"), "the rules to come back")
    ended = wait_for(lambda: outside.rows()[0]["acctterminatecause"], "the end in the store")
    assert ended == "Lost-Service"
    assert outside.curl("phone1", grant, "-L").status == 403
    assert not outside.online("phone1")


def test_a_session_ended_at_the_gateway_shows_ended_in_the_store_with_what_it_used(outside: Town) -> None:
    outside.enter("phone1")
    outside.curl("phone1", f"http://{WEB}/drip", "-m", "1", "-o", "/dev/null")
    outside.curl("phone1", f"http://{LAN}:2060/leave", "-X", "POST")
    assert not outside.online("phone1")
    row = wait_for(
        lambda: next((r for r in outside.rows() if r["acctstoptime"]), None), "the end in the store"
    )
    assert row["acctterminatecause"] == "User-Request"
    assert row["acctoutputoctets"] > 10_000
    assert 0 < row["acctinputoctets"] < row["acctoutputoctets"]


def test_a_session_whose_time_is_up_shows_ended_in_the_store(outside: Town) -> None:
    outside.set_plan(2)
    outside.enter("phone1")
    row = wait_for(
        lambda: next((r for r in outside.rows() if r["acctstoptime"]), None), "the end in the store"
    )
    assert row["acctterminatecause"] == "Session-Timeout"
    assert not outside.online("phone1")


def test_a_dismissal_in_the_store_shuts_the_door(outside: Town) -> None:
    grant = outside.tap("phone1")
    assert outside.curl("phone1", grant, "-L").status == 200
    session = outside.rows()[0]["acctuniqueid"]
    outside.dismiss(session)
    wait_for(lambda: not outside.online("phone1"), "the door to shut")
    row = wait_for(
        lambda: next((r for r in outside.rows() if r["acctstoptime"]), None), "the end in the store"
    )
    assert row["acctterminatecause"] == "Admin-Reset"
    assert outside.sessions.dismissals("08019-plaza") == []


def test_the_phone_hears_over_tls_whether_it_is_captive(outside: Town) -> None:
    before = capport(outside, "phone1")
    assert before["captive"] is True
    assert "seconds-remaining" not in before
    grant = outside.press("phone1", before["user-portal-url"])
    assert outside.curl("phone1", grant, "-L").status == 200
    after = capport(outside, "phone1")
    assert after["captive"] is False
    assert 0 < after["seconds-remaining"] <= 600
    assert after["can-extend-session"] is True
    headers = outside.curl(
        "phone1", outside.lease("phone1")["api"], "-i", "--cacert", str(outside.directory / "ca.pem")
    )
    assert "content-type: application/captive+json" in headers.body.lower()
    assert "cache-control: private" in headers.body.lower()
    assert outside.curl("phone1", outside.lease("phone1")["api"]).status == 0, (
        "without that authority: no trust"
    )


def test_one_tap_before_the_end_keeps_the_phone_online_and_what_it_has_used_is_counted_on(
    outside: Town,
) -> None:
    outside.enter("phone1")
    outside.curl("phone1", f"http://{WEB}/drip", "-m", "1", "-o", "/dev/null")
    status = outside.curl("phone1", outside.curl("phone1", f"http://{LAN}:2060/").location).location
    assert "/online?s=" in status, "who is in reaches the page of its session from the gateway's address"
    early = outside.curl("phone1", status).body
    assert "Te quedan 10 minutos." in early
    assert "/again?" not in early
    outside.set_plan(3000)
    outside.age(2400)  # 600 s of 3,000 are left: less than a quarter
    link = re.search(r'href="([^"]+/again[^"]+)"', outside.curl("phone1", status).body)
    assert link is not None
    command = (sys.executable, "-m", "tests.gateway.talk")
    stream = outside.spawn("phone1", *command, "stream", WEB)
    answer = outside.curl("phone1", unescape(link[1]), "-L")
    assert "Te quedan 50 minutos." in answer.body
    for how in (signal.SIGTERM, signal.SIGKILL):
        assert 2900 < capport(outside, "phone1")["seconds-remaining"] <= 3000
        outside.stop_gateway(how)
        outside.start_gateway()
    outside.curl("phone1", unescape(link[1]), "-L")
    assert capport(outside, "phone1")["seconds-remaining"] <= 3000, "once more adds nothing"
    assert stream.poll() is None, "what ran before runs on"
    outside.curl("phone1", f"http://{LAN}:2060/leave", "-X", "POST")
    assert int(stream.communicate(timeout=60)[0]) > 0
    row = wait_for(lambda: next((r for r in outside.rows() if r["acctstoptime"]), None), "the end")
    assert (len(outside.rows()), row["acctterminatecause"]) == (1, "User-Request")
    assert row["acctoutputoctets"] > 10_000, "the download before it is counted"


def test_a_table_of_another_version_is_replaced(outside: Town) -> None:
    outside.enter("phone1")
    outside.stop_gateway()
    outside.inside("gateway", "nft", "-f", "-", text=OTHER_VERSION)
    outside.start_gateway()
    assert not outside.online("phone1")
    outside.enter("phone1")


def test_the_gateway_listens_only_towards_guests(outside: Town) -> None:
    outside.inside("internet", "ip", "route", "replace", "10.99.0.0/24", "via", "198.51.100.2")
    for port in (2060, 8443):
        assert outside.curl("internet", f"http://{LAN}:{port}/", "-m", "1").status == 0


def test_a_busy_address_is_one_line_and_exit_2_and_touches_no_rule(outside: Town) -> None:
    before = outside.inside("gateway", "nft", "list", "table", "inet", "plaza")
    command = ("ip", "netns", "exec", outside.ns("gateway"), sys.executable, "-m", "captive_portal.gateway")
    second = subprocess.run(
        [*command, str(outside.configure())], capture_output=True, text=True, check=False, timeout=60
    )
    assert second.returncode == 2
    assert second.stderr == f"gateway: cannot listen on {LAN}:2060: Address already in use\n"
    assert _without_time(outside.inside("gateway", "nft", "list", "table", "inet", "plaza")) == _without_time(
        before
    )


def test_no_mac_is_in_any_log_table_or_url(outside: Town) -> None:
    for phone in PHONES:
        outside.enter(phone)
        capport(outside, phone)
    outside.curl("phone1", f"http://{LAN}:2060/leave", "-X", "POST")
    wait_for(lambda: any(row["acctstoptime"] for row in outside.rows()), "the end in the store")
    seen = b"".join(
        path.read_bytes()
        for path in outside.directory.rglob("*")
        if path.is_file() and path.name not in {"leases", "dnsmasq.conf"}
    )
    assert b"door opened" in seen, "the logs were read"
    assert b"/p/08019-plaza?a=" in seen, "the portal's log with its addresses was read"
    seen += str(outside.sessions.slot_counts(0, 2**33)).encode()  # what becomes wifi_session samples
    seen += b"".join(_opened(token) for token in re.findall(rb"[ag]=([\w.%-]+)", seen))
    assert b'"binding"' in seen, "the tokens were opened"
    for mac in PHONES.values():
        for written in (mac, mac.replace(":", ""), mac.replace(":", "-"), mac.upper()):
            assert written.encode() not in seen


def _opened(token: bytes) -> bytes:
    payload = unquote(token.decode()).partition(".")[0]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def _without_time(ruleset: str) -> str:
    return re.sub(r"expires \w+|packets \d+ bytes \d+", "", ruleset)


OTHER_VERSION = """\
add table inet plaza
delete table inet plaza
table inet plaza {
  set door { type ipv4_addr; }
  chain forward { type filter hook forward priority filter; policy drop; }
}
"""
