"""A real openNDS 9.10.0 at FAS level 2, two phones, and our side of its contract."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from captive_portal.gateways.opennds import OpenNds
from captive_portal.model import GatewayKind, Grant, Redirect, Wiring
from tests import need
from tests.gateway import streets
from tests.gateway.streets import LAN, PHONES, PORTAL, WEB
from tests.gateway.town import Fetched, Town, wait_for

pytestmark = pytest.mark.root
SITE = "08019-plaza"
FASKEY = b"a-faskey-of-the-tests"
LANDING = f"http://{WEB}/"
DOOR = f"{LAN}:2050"
WIRING = Wiring(
    SITE,
    GatewayKind.OPENNDS,
    bytes(range(32)),
    LANDING,
    hosts=frozenset({DOOR}),
    secret=FASKEY,
    variant="level-2",
)
SETTINGS = f"""\
GatewayName Plaza
GatewayInterface br-lan
GatewayPort 2050
gatewayfqdn status.client
enable_serial_number_suffix 0
login_option_enabled 0
fasport 8080
fasremoteip {PORTAL}
faspath /p/{SITE}
fas_secure_enabled 2
faskey {FASKEY.decode()}
checkinterval 5
sessiontimeout 10
FirewallRuleSet authenticated-users {{
  FirewallRule allow all
}}
FirewallRuleSet users-to-router {{
  FirewallRule allow udp port 53
  FirewallRule allow udp port 67
}}
"""
RESOLVER = f"""\
no-resolv
no-hosts
bind-interfaces
interface=br-lan
except-interface=lo
dhcp-range=10.99.0.50,10.99.0.150,255.255.255.0,10m
dhcp-option-force=114,http://{DOOR}/captive-api
address=/#/{WEB}
dhcp-leasefile=/var/lib/misc/dnsmasq.leases
pid-file=/run/dnsmasq.pid
"""


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    need.root()
    for name, package in {"opennds": "opennds", "php": "php-cli", "iptables": "iptables"}.items():
        need.program(name, package)
    town = Town(tmp_path_factory.mktemp("opennds"))
    try:
        streets.build(town.tag)
        _start(town)
        yield town
    finally:
        town.remove()


def _start(town: Town) -> None:
    (town.directory / "opennds.conf").write_text(SETTINGS)
    (town.directory / "dnsmasq.conf").write_text(RESOLVER)
    web = ("-m", "http.server", "80", "--bind", WEB, "--directory", str(town.directory))
    town.spawn("internet", sys.executable, *web)
    script = str(Path(__file__).with_name("opennds.sh"))
    unshare = (shutil.which("unshare") or "unshare", "-m", "-p", "-f", "--kill-child")
    town.spawn("gateway", *unshare, "sh", script, str(town.directory))
    log = town.directory / "gateway.log"
    wait_for(lambda: "openNDS is now running" in log.read_text(), "openNDS", 60)
    for name, mac in PHONES.items():
        lease = json.loads(town.inside(name, sys.executable, "-m", "tests.gateway.dhcp", "eth0", mac))
        streets.ip(town.ns(name), f"addr add {lease['ip']}/24 dev eth0")
        streets.ip(town.ns(name), f"route add default via {lease['router']}")


def ask(town: Town, phone: str) -> Fetched:
    return town.curl(phone, f"http://{WEB}/")


def test_a_tap_opens_one_phone_and_its_grant_is_worth_nothing_after_it_left(square: Town) -> None:
    sent = ask(square, "phone1")
    page, _, query = sent.location.partition("?")
    assert page == f"http://{PORTAL}:8080/p/{SITE}"
    gateway = OpenNds(WIRING)
    answer = gateway.admit(gateway.read(query), Grant("a" * 32, 600))
    assert isinstance(answer, Redirect)
    square.curl("phone1", answer.url)
    wait_for(lambda: ask(square, "phone1").status == 200, "the grant to open")
    assert ask(square, "phone2").location.startswith(page)
    square.curl("phone1", f"http://{DOOR}/opennds_deny/")
    wait_for(lambda: ask(square, "phone1").location.startswith(page), "the phone to be outside")
    square.curl("phone1", answer.url)
    assert ask(square, "phone1").location.startswith(page)
