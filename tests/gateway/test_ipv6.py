"""IPv6 of a phone: all of it passes with its door, and nothing without."""

import sys
from collections.abc import Callable

import pytest

from captive_portal.gateway.enforcer import Ceiling, Regime, Terms
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import Rate
from tests.gateway import streets as ground
from tests.gateway.alley import HERE, HERE6, SECRETS6, Alley, count, counting
from tests.gateway.streets import LAN, LAN6, PORTAL, WEB, WEB6
from tests.gateway.town import wait_for

pytestmark = pytest.mark.root
MORE = "2001:db8:99::51:1"
DELEGATED = "2001:db8:aa00:7::"


@pytest.fixture
def out(streets: Alley) -> Alley:
    """Everybody is outside, and the site admits IPv6."""
    streets.anew()
    return streets


@pytest.fixture
def phone1_has_more(out: Alley) -> str:
    """Another address of the first phone."""
    where = out.streets.ns("phone1")
    ground.ip(where, f"addr replace {MORE}/64 dev eth0 nodad")
    return MORE


def running(out: Alley, ip: str) -> Callable[[], bool]:
    """A download of the first phone that goes on; tells whether it still does."""
    command = (sys.executable, "-m", "tests.gateway.talk", "download", ip)
    download = out.streets.spawn("phone1", *command)
    wait_for(lambda: counted(out) > 3000, "the download to run")
    return lambda: download.poll() is None


def counted(out: Alley) -> int:
    """The octets that came down to the first phone."""
    return out.enforcer.survey()["session-phone1"].octets_down or 0


def test_before_the_tap_ipv6_is_refused_at_once_and_after_it_every_address_of_the_phone_passes(
    out: Alley, phone1_has_more: str
) -> None:
    for port in (80, 443):
        assert out.refused("phone1", WEB6, port), "a phone must not wait before it falls back"
    assert out.talk("phone1", "echo", WEB6) == "silence"
    out.admit("phone1")
    for source in (HERE6["phone1"], phone1_has_more):
        assert out.passes("phone1", WEB6, 443, "--interface", source)
    assert out.talk("phone1", "echo", WEB6) == "hello"
    assert out.refused("phone2", WEB6), "it opens nothing for another phone"


def test_addresses_that_a_phone_makes_itself_of_an_announced_prefix_pass_too_temporary_ones_among_them(
    out: Alley,
) -> None:
    gateway, internet, phone = map(out.streets.ns, ("gateway", "internet", "phone1"))
    ground.ip(internet, "-6 route replace 2001:db8:aa00::/56 via 2001:db8:1::2")
    ground.ip(gateway, f"addr replace {DELEGATED}1/64 dev br-lan nodad")
    out.streets.inside("phone1", "sysctl", "-qw", "net.ipv6.conf.eth0.use_tempaddr=2")
    out.streets.inside("phone1", "sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=2")
    announcer = out.streets.spawn(
        "gateway", "dnsmasq", "-k", "-C", "/dev/null", "-p", "0", "--interface=br-lan", "--enable-ra",
        "--dhcp-range=::,constructor:br-lan,ra-only", "--user=root", "--pid-file",
        "--dhcp-leasefile=/dev/null",
    )  # fmt: skip

    def made() -> list[str]:
        shown = out.streets.inside("phone1", "ip", "-6", "-o", "addr", "show", "dev", "eth0", "-tentative")
        return [word.partition("/")[0] for word in shown.split() if word.startswith(DELEGATED[:-1])]

    try:
        # the phone asks for an announcement, as it does when it comes
        ground.ip(phone, "link set eth0 down")
        ground.ip(phone, "link set eth0 up")
        for ip in (f"{HERE6['phone1']}/64", f"{MORE}/64"):
            ground.ip(phone, f"addr replace {ip} dev eth0 nodad")
        ground.ip(phone, f"route replace default via {LAN}")
        own = wait_for(lambda: len(found := made()) >= 2 and found, "an own and a temporary address")
        assert all(out.refused("phone1", WEB6, 80, "--interface", one) for one in own)
        out.admit("phone1")
        assert all(out.passes("phone1", WEB6, 80, "--interface", one) for one in own), own
        out.enforcer.close("session-phone1")
        assert all(out.refused("phone1", WEB6, 80, "--interface", one) for one in own)
    finally:
        announcer.kill()
        ground.ip(gateway, f"addr del {DELEGATED}1/64 dev br-lan")
        ground.ip(phone, "-6 addr flush dev eth0 scope global")
        ground.ip(phone, f"addr replace {HERE6['phone1']}/64 dev eth0 nodad")
        ground.ip(phone, f"-6 route replace default via {LAN6}")


SOLICIT = """
import socket
link = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
link.sendto(b"\\x85" + bytes(7), ("ff02::2", 0, 0, socket.if_nametoindex("eth0")))
"""


def test_a_phone_that_comes_may_ask_who_the_router_is_where_ipv6_is_admitted(out: Alley) -> None:
    def heard() -> int:
        counting(out, "gateway", "iifname br-lan icmpv6 type nd-router-solicit", "input")
        out.streets.inside("phone1", sys.executable, "-c", SOLICIT)
        return count(out, "gateway")

    assert heard() == 1
    out.enforcer.govern(Regime())
    assert heard() == 0
    out.enforcer.govern(Regime(ipv6=True))
    out.without("visit", "nd-router-solicit")
    assert heard() == 0, "it is that rule which lets it in"


def test_a_mac_alone_opens_no_ipv4(out: Alley) -> None:
    other = "10.99.0.151"
    where = out.streets.ns("phone1")
    ground.ip(where, f"addr replace {other}/24 dev eth0")
    try:
        out.admit("phone1")
        assert out.passes("phone1", WEB6, 443)
        assert out.passes("phone1", WEB, 443, "--interface", HERE["phone1"].ip)
        assert out.refused("phone1", WEB, 443, "--interface", other), "an address that did not tap is out"
        out.streets.inside("phone1", "ip", "route", "replace", f"{LAN}/32", "dev", "eth0", "src", other)
        assert out.talk("phone1", "dns", LAN, "noticias.test") == PORTAL
    finally:
        ground.ip(where, f"route flush {LAN}/32")
        ground.ip(where, f"addr del {other}/24 dev eth0")


def test_ipv6_that_runs_is_cut_with_the_door_in_the_same_moment(out: Alley) -> None:
    out.admit("phone1")
    runs = running(out, WEB6)
    out.enforcer.close("session-phone1")
    wait_for(lambda: not runs(), "the download to be cut")
    assert out.refused("phone1", WEB6)
    assert out.listed("door6") == ""


def test_the_kernel_shuts_the_door_of_ipv6_when_its_time_is_up(out: Alley) -> None:
    out.admit("phone1", seconds=3)
    runs = running(out, WEB6)
    wait_for(lambda: not runs(), "the kernel to cut the download")
    assert out.refused("phone1", WEB6)


def test_one_cap_holds_for_both_families_together(out: Alley) -> None:
    cap = 150_000
    out.admit("phone1", octets=cap)
    half = int(out.streets.inside("phone1", sys.executable, "-c", TAKE, WEB, "60000"))
    taken = int(out.talk("phone1", "download", WEB6))
    standing = out.enforcer.survey()["session-phone1"]
    assert cap / 4 < taken < cap - half, "what passed in IPv4 is charged"
    assert half + taken < (standing.octets_down or 0) <= cap, "one count for both"
    assert standing.used_up
    assert out.refused("phone1", WEB), "what was used up in IPv6 shuts IPv4"


TAKE = """
import socket, sys
link = socket.create_connection((sys.argv[1], 80), 3)
link.sendall(b"GET /drip HTTP/1.1\\r\\n\\r\\n")
had = 0
while had < int(sys.argv[2]):
    had += len(link.recv(4096))
print(had)
"""


def test_a_phones_rate_holds_in_ipv6(out: Alley) -> None:
    out.admit("phone1", rate=Rate(2000, 1000))
    for way, rate in (("takes", 2000), ("gives", 1000)):
        assert int(out.talk("phone1", way, WEB6)) < rate * 2.2, way


def test_a_site_that_admits_no_ipv6_refuses_it_at_once_before_and_after(out: Alley) -> None:
    out.anew(Regime())
    assert out.refused("phone1", WEB6)
    out.admit("phone1")
    assert out.passes("phone1", WEB)
    assert out.refused("phone1", WEB6)
    assert out.talk("phone1", "dns", LAN6, "noticias.test") == "silence"
    for chain in ("leave", "arrive"):
        out.without(chain, "nfproto ipv6", "@regime")
    assert out.passes("phone1", WEB6), "it is these rules which refuse"


def test_a_site_that_changes_its_mind_about_ipv6_opens_and_cuts_at_open_doors(out: Alley) -> None:
    out.anew(Regime())
    out.admit("phone1")
    assert out.refused("phone1", WEB6)
    out.enforcer.govern(Regime(ipv6=True))
    runs = running(out, WEB6)
    out.enforcer.govern(Regime(filtered=True))
    wait_for(lambda: not runs(), "the download to be cut")
    assert out.refused("phone1", WEB6)
    out.enforcer.start()
    assert out.refused("phone1", WEB6), "a start keeps what holds"


@pytest.mark.parametrize("name", [*SECRETS6, "another guest"])
def test_who_is_in_reaches_nothing_in_ipv6_that_is_not_the_internet(out: Alley, name: str) -> None:
    if name == "another guest":
        ground.ip(out.streets.ns("phone1"), f"-6 route replace {HERE6['phone2']}/128 via {LAN6}")
    ip = SECRETS6.get(name, HERE6["phone2"])
    rule = {"tunnel": "oifname !=", "another guest": "oifname !="}.get(name, "@forbidden6")
    if name != "another guest":
        assert out.streets.inside("gateway", "curl", "-gs", f"http://[{ip}]/") == f"I am {ip}\n"
    out.admit("phone1")
    for port in (80, 443):
        assert out.refused("phone1", ip, port)
    assert out.talk("phone1", "echo", ip) == "silence"
    out.say("phone1", ip, f"to {name} one", "")
    if name != "another guest":
        assert not out.heard(f"to {name} one")
        out.without("leave", rule)
        out.say("phone1", ip, f"to {name} two", "")
        assert out.heard(f"to {name} two"), "it is that rule which defends"
    ground.ip(out.streets.ns("phone1"), f"-6 route flush {HERE6['phone2']}/128")


def test_no_service_of_the_gateway_is_reached_over_ipv6(out: Alley) -> None:
    service = out.streets.spawn("gateway", sys.executable, "-m", "http.server", "22", "--bind", "::")
    try:
        ask = ("curl", "-gs", "-o", "/dev/null", "-w", "%{http_code}", f"http://[{LAN6}]:22/")
        wait_for(lambda: out.streets.inside("gateway", *ask, check=False) == "200", "the service")
        out.admit("phone1")
        assert out.refused("phone1", LAN6, 22)
        assert out.refused("phone1", "2001:db8:1::2", 22)
    finally:
        service.kill()


def test_names_are_answered_over_ipv6_as_over_ipv4_whomever_the_phone_asks(out: Alley) -> None:
    for who in (LAN6, WEB6, SECRETS6["management"]):
        assert out.talk("phone1", "dns", who, "noticias.test") == PORTAL, "before the tap few names"
    out.admit("phone1")
    for who in (LAN6, WEB6, SECRETS6["management"]):
        assert out.talk("phone1", "dns", who, "noticias.test") == WEB
    assert out.talk("phone2", "dns", LAN6, "noticias.test") == PORTAL


def test_a_phone_hears_at_once_that_an_address_is_not_to_be_reached(out: Alley) -> None:
    ground.ip(out.streets.ns("internet"), "-6 route replace unreachable 2001:db8:81::/64")
    out.admit("phone1")
    assert out.refused("phone1", "2001:db8:81::1"), "news of its connection comes in as what belongs to it"


def test_an_address_that_is_not_of_the_guests_side_is_no_source(out: Alley) -> None:
    out.admit("phone1")
    out.say("phone1", WEB6, "i am somebody else", "2001:db8:77::5")
    assert not out.heard("i am somebody else")
    out.without("stamp", "ip6 saddr", "fib")
    out.say("phone1", WEB6, "i am somebody else again", "2001:db8:77::5")
    assert out.heard("i am somebody else again"), "it is that rule which defends"


def test_a_mac_with_two_addresses_has_the_ipv6_of_its_later_session(out: Alley) -> None:
    mac = HERE["phone1"].mac
    for number, ip in enumerate(("10.99.0.51", "10.99.0.61", "10.99.0.71")):
        assert out.enforcer.admit(Phone(mac, ip), Terms(f"session{number}", 600), f"two{number}")
    assert out.passes("phone1", WEB6)
    out.enforcer.close("session0")
    assert out.passes("phone1", WEB6), "the earlier one takes nothing along"
    assert out.enforcer.prolong(Phone(mac, "10.99.0.61"), Terms("session1", 600, Ceiling(1, 1)), "two3")
    out.enforcer.close("session2")
    assert out.refused("phone1", WEB6), "who was made longer has it, on the terms that it has"
    out.enforcer.start()
    out.enforcer.close("session1")
    assert out.listed("door6") == ""
