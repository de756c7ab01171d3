"""What a phone reaches before the tap: a few services by their names, and nothing by a trick with them."""

import subprocess
import sys

import pytest

from captive_portal.gateway.enforcer import Regime
from tests.gateway.alley import HERE6, OTHER_WEB, SECRETS6, Alley
from tests.gateway.streets import LAN, LAN6, PORTAL, SECRETS, WEB, WEB6
from tests.gateway.town import wait_for

pytestmark = pytest.mark.root


@pytest.fixture
def garden(streets: Alley) -> Alley:
    """Everybody is outside; one service is known by its name, with an address of either family."""
    streets.anew()
    for ip in (WEB, WEB6):
        streets.name(ip)
    return streets


@pytest.mark.parametrize("ip", [WEB, WEB6])
def test_a_service_by_its_name_is_reached_before_the_tap_as_a_page_and_in_no_other_way(
    garden: Alley, ip: str
) -> None:
    for port in (80, 443):
        assert garden.passes("phone1", ip, port), "itself, not our own page"
    for port in (25, 853, 8080):
        assert garden.refused("phone1", ip, port)
    assert garden.talk("phone1", "echo", ip) == "silence"


def test_nobody_else_is_reached_because_a_service_is(garden: Alley) -> None:
    assert garden.fetch("phone1", OTHER_WEB).body == f"I am {LAN}\n", "our own page"
    assert garden.refused("phone1", OTHER_WEB, 443)


def test_a_service_whose_name_was_not_asked_for_since_long_is_shut_by_the_kernel(garden: Alley) -> None:
    garden.name(OTHER_WEB, "1s")
    wait_for(lambda: garden.refused("phone1", OTHER_WEB, 443), "the kernel to shut it")
    assert garden.passes("phone1", WEB, 443)


@pytest.mark.parametrize("name", [*SECRETS, *(f"{one} in IPv6" for one in SECRETS6), "another guest", "us"])
def test_a_name_that_points_where_guests_never_go_opens_nothing(garden: Alley, name: str) -> None:
    special = {"another guest": HERE6["phone2"], "us": LAN6}
    places = SECRETS | {f"{one} in IPv6": ip for one, ip in SECRETS6.items()} | special
    ip = places[name]
    garden.name(ip)
    for port in (80, 443):
        assert not garden.passes("phone1", ip, port)
    if name in special:
        return
    rule = "oifname !=" if name.startswith("tunnel") else "@forbidden6" if ":" in ip else "@forbidden"
    garden.without("leave", rule)
    if name.startswith("tunnel"):
        garden.without("arrive", "iifname !=")
    assert garden.passes("phone1", ip, 443), "it is that rule which defends"


def test_a_site_without_ipv6_has_no_garden_in_ipv6(garden: Alley) -> None:
    garden.enforcer.govern(Regime())
    assert garden.refused("phone1", WEB6, 443)
    assert garden.passes("phone1", WEB, 443)


def test_who_is_in_the_garden_without_a_tap_walks_and_who_has_tapped_runs(garden: Alley) -> None:
    walk = 256 * 1024 * 8 / 1000  # kbit/s; a moment's saving comes on top
    found = [int(garden.talk("phone1", "takes", ip)) for ip in (WEB, WEB6)]
    assert max(found) < walk * 2.2
    garden.admit("phone1")
    assert int(garden.talk("phone1", "takes", WEB)) > 10 * walk
    garden.without("strolled", "limit rate")
    assert int(garden.talk("phone2", "takes", WEB)) > 10 * walk, "it is that rule which holds it back"


def test_what_is_known_by_name_outlives_a_start(garden: Alley) -> None:
    garden.enforcer.start()
    assert garden.passes("phone1", WEB, 443)


def test_a_page_that_was_open_is_shut_when_its_name_is_forgotten(garden: Alley) -> None:
    download = garden.streets.spawn("phone1", sys.executable, "-m", "tests.gateway.talk", "download", WEB)
    wait_for(lambda: "0x" in garden.listed("strolling"), "the page to run")
    garden.load(f"delete element inet plaza named {{ {WEB} }}")
    wait_for(lambda: download.poll() is not None, "the page to be shut")


CALLS = """
import errno, socket, sys, time
links = [socket.socket() for _ in range(400)]
for link in links:
    link.setblocking(False)
    link.connect_ex((sys.argv[1], int(sys.argv[2])))
time.sleep(0.5)
print(sum(one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED for one in links))
"""


@pytest.mark.parametrize(("ip", "port"), [(LAN, 2060), (PORTAL, 8080), (WEB, 443)])
def test_one_phone_that_calls_without_end_is_held_back_and_the_next_is_not(
    garden: Alley, ip: str, port: int
) -> None:
    def calls() -> int:
        return int(garden.streets.inside("phone1", sys.executable, "-c", CALLS, ip, str(port)))

    assert 100 < calls() <= 200, "a burst is let through, and no more"
    assert garden.passes("phone2", ip, port)
    garden.without("call", "limit rate")
    assert calls() == 0, "it is that rule which holds it back"


def test_the_portal_is_reached_before_the_tap_and_in_ipv4_alone(garden: Alley) -> None:
    assert garden.passes("phone1", PORTAL, 8080)
    assert garden.refused("phone1", PORTAL, 443)


def test_what_dnsmasq_hears_of_a_name_opens_the_garden(garden: Alley) -> None:
    """The form in which dnsmasq fills the sets; how it is configured is another test's."""
    answers = ("-k", "-C", "/dev/null", "--no-hosts", "--no-resolv", "--user=root", "--pid-file")
    told = (f"--listen-address={WEB}", "--bind-interfaces", f"--address=/tramites.gob.test/{OTHER_WEB}")
    upstream = garden.streets.spawn("internet", "dnsmasq", *answers, *told)
    sets = "4#inet#plaza#named,6#inet#plaza#named6"
    ours = garden.streets.spawn(
        "gateway", "dnsmasq", *answers, "-p", "5399", f"--server={WEB}", f"--nftset=/gob.test/{sets}"
    )
    try:
        assert garden.refused("phone1", OTHER_WEB, 443)
        garden.load(f"flush set inet plaza named\nadd element inet plaza named {{ {WEB} }}")
        ask = [*garden.nft[:4], sys.executable, "-c", ASK]

        def asked() -> bool:
            subprocess.run(ask, check=True)
            return OTHER_WEB in garden.listed("named")

        wait_for(asked, "dnsmasq to fill the set")
        assert garden.passes("phone1", OTHER_WEB, 443)
    finally:
        upstream.kill()
        ours.kill()


ASK = """
import contextlib, socket
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(1)
name = b"".join(bytes([len(one)]) + one for one in (b"tramites", b"gob", b"test"))
with contextlib.suppress(OSError):
    link.connect(("127.0.0.1", 5399))
    link.send(b"\\x12\\x34\\x01\\x00\\x00\\x01" + bytes(6) + name + b"\\x00\\x00\\x01\\x00\\x01")
    link.recv(512)
"""
