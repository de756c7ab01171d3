"""What one guest does to the others, or in their name: held back by the kernel, whatever else happens."""

import sys

import pytest

from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.enforcer import Regime
from captive_portal.gateway.nft import Nft
from captive_portal.gateway.rules import STAMP
from tests.gateway import netns
from tests.gateway.alley import HERE, IPV6, TERRITORY, Alley, count, counting
from tests.gateway.streets import LAN, LAN6, PORTAL, WEB, WEB6
from tests.gateway.town import wait_for

pytestmark = pytest.mark.root


@pytest.fixture
def out(streets: Alley) -> Alley:
    """Everybody is outside, and the site admits IPv6."""
    streets.anew()
    return streets


@pytest.mark.parametrize("ip", [WEB, WEB6])
def test_nobody_sends_mail_from_here_himself(out: Alley, ip: str) -> None:
    out.admit("phone1")
    assert out.refused("phone1", ip, 25)
    out.enforcer.open_to_all(600)
    for phone in ("phone1", "phone2"):
        assert out.refused(phone, ip, 25), "not in an emergency either"
    out.without("leave", "tcp dport 25")
    assert out.passes("phone1", ip, 25), "it is that rule which refuses"


@pytest.mark.parametrize("ip", [WEB, WEB6])
def test_names_are_asked_in_clear_where_they_are_filtered_and_as_one_likes_elsewhere(
    out: Alley, ip: str
) -> None:
    out.admit("phone1")
    assert out.passes("phone1", ip, 853)
    out.enforcer.govern(Regime(ipv6=True, filtered=True))
    assert out.refused("phone1", ip, 853)
    counting(out, "internet", "udp dport 853")
    for rule, passed in (("tcp", 0), ("udp", 1)):
        out.streets.inside("phone1", sys.executable, "-c", DATAGRAM, ip, "853")
        assert count(out, "internet") == 0
        out.without("sent", f"{rule} dport 853")
        out.streets.inside("phone1", sys.executable, "-c", DATAGRAM, ip, "853")
        assert count(out, "internet") == passed, "it is that rule which refuses"
    assert out.passes("phone1", ip, 853)


DATAGRAM = """
import socket, sys
link = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
link.sendto(b"x", (sys.argv[1], int(sys.argv[2])))
"""

ASK = """
import socket, sys
ip, port, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
link = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(0.5)
link.connect((ip, port))
name = b"\\x08noticias\\x04test\\x00\\x00\\x01\\x00\\x01"
answers = 0
for number in range(times):
    link.send(number.to_bytes(2, "big") + b"\\x01\\x00\\x00\\x01" + bytes(6) + name)
    if number % 20 == 19:
        try:
            while True:
                link.recv(512)
                answers += 1
                link.settimeout(0.02)
        except OSError:
            pass
        link.settimeout(0.5 if number > times - 21 else 0.02)
print(answers)
"""


@pytest.mark.parametrize("ip", [LAN, LAN6])
def test_a_tunnel_in_names_is_a_trickle_before_the_tap(out: Alley, ip: str) -> None:
    def answered(name: str) -> int:
        return int(out.streets.inside(name, sys.executable, "-c", ASK, ip, "53", "600"))

    assert 200 <= answered("phone1") < 400, "a burst is answered, and no more"
    assert out.talk("phone2", "dns", ip, "noticias.test") == PORTAL, "the next phone is"
    out.admit("phone1")
    assert answered("phone1") > 550, "who is in asks as he likes"
    out.without("ask", "limit rate")
    assert answered("phone2") > 550, "it is that rule which holds it back"


@pytest.mark.parametrize("ip", [LAN, LAN6])
def test_who_was_in_asks_nothing_more_on_the_flow_that_was_open(out: Alley, ip: str) -> None:
    out.admit("phone1")
    asking = out.streets.spawn("phone1", sys.executable, "-c", KEEPS_ASKING, ip)
    assert asking.stdout is not None
    try:
        assert asking.stdout.readline() == f"{WEB}\n".encode()
        out.enforcer.close("session-phone1")
        assert asking.stdout.readline() == b"silence\n"
        assert out.talk("phone1", "dns", ip, "noticias.test") == PORTAL, "on a new one he has few names"
    finally:
        asking.kill()


KEEPS_ASKING = """
import socket, sys, time
ip = sys.argv[1]
link = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(0.5)
link.connect((ip, 53))
name = b"\\x08noticias\\x04test\\x00\\x00\\x01\\x00\\x01"
said = ""
while True:
    try:
        link.send(b"\\x12\\x34\\x01\\x00\\x00\\x01" + bytes(6) + name)
        heard = socket.inet_ntoa(link.recv(512)[-4:])
    except OSError:
        heard = "silence"
    if heard != said:
        print(heard, flush=True)
        said = heard
    time.sleep(0.05)
"""


def test_where_another_resolver_serves_everybody_it_is_asked_on_its_one_port(streets: Alley) -> None:
    streets.anew(own_names=False)
    assert streets.talk("phone1", "dns", WEB, "noticias.test") == WEB
    streets.admit("phone1")
    for ip in (WEB, WEB6):
        assert streets.talk("phone1", "dns", ip, "noticias.test") == WEB


def test_nobody_on_the_internet_asks_our_resolver(out: Alley) -> None:
    def answers(place: str, port: int) -> int:
        return int(out.streets.inside(place, sys.executable, "-c", ASK, "198.51.100.2", str(port), "20"))

    def connects(port: int) -> bool:
        return bool(out.streets.inside("internet", sys.executable, "-c", CONNECT, str(port)))

    for port in (53, 5301):
        assert answers("gateway", port) == 20, "it would answer"
        assert answers("internet", port) == 0
        assert not connects(port)
    out.without("input", "wan", "tcp")
    assert connects(53)
    out.without("input", "wan", "udp")
    assert answers("internet", 53) == 20, "it is these rules which refuse"


CONNECT = """
import socket, sys
with socket.socket() as link:
    link.settimeout(1)
    if not link.connect_ex(("198.51.100.2", int(sys.argv[1]))):
        print("connected")
"""

FLOWS = """
import socket, sys
link = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
for port in range(20000, 21200):
    link.sendto(b"x", (sys.argv[1], port))
"""


@pytest.mark.parametrize("emergency", [False, True])
def test_one_phone_has_so_many_connections_in_both_families_and_leaves_room_for_the_next(
    out: Alley, emergency: bool
) -> None:
    if emergency:
        out.enforcer.open_to_all(600)
    for name in HERE:
        out.admit(name)

    def passed(phone: str) -> int:
        counting(out, "internet", "udp dport 20000-21199")
        for ip in (WEB, WEB6):
            out.streets.inside(phone, sys.executable, "-c", FLOWS, ip)
        return count(out, "internet")

    assert passed("phone1") == 1000, "of 2,400"
    assert out.passes("phone2", WEB, 443)
    out.without("sent", "ct count")
    out.without("guest", "ct count")
    assert passed("phone1") == 2400, "it is that rule which holds it back"


def test_what_is_remembered_of_a_phones_connections_goes_with_them(out: Alley) -> None:
    sign = "net.netfilter.nf_conntrack_udp_timeout"
    out.streets.inside("gateway", "sysctl", "-qw", f"{sign}=1")
    try:
        out.admit("phone1")
        out.streets.inside("phone1", sys.executable, "-c", FLOWS, WEB)
        assert HERE["phone1"].mac in out.listed("busy")
        wait_for(lambda: HERE["phone1"].mac not in out.listed("busy"), "the kernel to forget it", 60)
    finally:
        out.streets.inside("gateway", "sysctl", "-qw", f"{sign}=30")


LEASES = """
import os, socket, struct, sys
many = sys.argv[1] == "many"
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
body = struct.pack("!HHHH", 68, 67, 308, 0) + bytes(300)
head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0) + bytes(4) + b"\\xff" * 4
total = sum(struct.unpack("!10H", head))
while total >> 16:
    total = (total & 0xFFFF) + (total >> 16)
head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
for _ in range(1000):
    mac = b"\\x02" + os.urandom(5) if many else b"\\x02\\xca\\xfe\\x5e\\x00\\x01"
    link.send(b"\\xff" * 6 + mac + b"\\x08\\x00" + head + body)
"""


@pytest.mark.parametrize(("who", "most"), [("one", 25), ("many", 700)])
def test_whoever_asks_for_leases_without_end_leaves_the_server_for_others(
    out: Alley, who: str, most: int
) -> None:
    def reached() -> int:
        counting(out, "gateway", "udp dport 67", "input")
        out.streets.inside("phone1", sys.executable, "-c", LEASES, who)
        return count(out, "gateway")

    assert 5 < reached() < most, "of 1,000"
    out.without("visit", "@leasing" if who == "one" else "udp dport 67", "limit rate")
    if who == "one":
        out.without("visit", "udp dport 67", "limit rate")
    assert reached() == 1000, "it is that rule which holds them back"


def test_a_page_at_our_own_address_is_our_listeners_for_who_is_in(out: Alley) -> None:
    out.admit("phone1")
    assert out.fetch("phone1", LAN).body == f"I am {LAN}\n"
    assert out.refused("phone1", LAN, 443), "an encrypted one is refused at once, never ours"
    out.without("prerouting", f"ip daddr {LAN}", "tcp dport 80")
    assert out.refused("phone1", LAN), "it is that rule which leads there"


def test_what_comes_from_guests_bears_the_stamp_by_which_the_fence_lets_it_pass(out: Alley) -> None:
    out.admit("phone1")
    for ip in (WEB, WEB6):
        counting(out, "gateway", f"iifname br-lan meta mark {STAMP:#x} tcp dport 443")
        assert out.passes("phone1", ip, 443)
        assert count(out, "gateway") > 2
        counting(out, "gateway", f"iifname != br-lan meta mark {STAMP:#x}")
        assert out.passes("phone1", ip, 443)
        assert count(out, "gateway") == 0, "and nothing else does"


def test_rules_that_cannot_count_connections_are_loaded_without_that_and_say_so(out: Alley) -> None:
    """As on OpenWrt without kmod-nft-connlimit: there the kernel refuses these lines."""
    refuses = out.streets.directory / "nft-that-counts-nothing"
    refuses.write_text('#!/bin/sh\ntext=$(cat)\ncase "$text" in *" ct count "*) exit 1;; esac\n'
                       'printf "%s" "$text" | exec nft -f -\n')  # fmt: skip
    refuses.chmod(0o755)
    opened = netns.sockets(out.streets.ns("gateway"))
    lesser = Nft(TERRITORY, KernelClock(), (*out.nft[:4], str(refuses)), opened)
    out.admit("phone1")
    lesser.start()
    assert "kmod-nft-connlimit" in lesser.notice
    assert out.passes("phone1", WEB), "the doors that were open are"
    lesser.govern(IPV6)
    assert out.passes("phone1", WEB6)
    assert out.refused("phone2", WEB, 443)
    out.enforcer.start()
    assert out.enforcer.notice == ""
