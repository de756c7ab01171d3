"""The citizen probe against real servers: all is well, and each fault goes red with its reason."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from drivers.probe.report import Step, Went, works
from drivers.probe.visit import LOOKING
from tests import need
from tests.gateway import certificates
from tests.gateway.streets import run
from tests.gateway.town import wait_for
from tests.probe.site import (
    API,
    API_TYPE,
    DHCP,
    GOOD,
    NAME,
    NAMES,
    PAGE,
    PORTAL,
    ROGUE,
    ROUTER,
    SILENT,
    WEB,
    Place,
    place,
    taken,
)

pytestmark = pytest.mark.root
ASKED = f"{WEB}/generate_204"
LOSSY = """\
table bridge lossy {
  chain input { type filter hook input priority 0; numgen random mod 100 < 10 drop; }
  chain output { type filter hook output priority 0; numgen random mod 100 < 10 drop; }
}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    need.root()
    for program, package in {"ip": "iproute2", "nft": "nftables", "ss": "iproute2"}.items():
        need.program(program, package)
    directory = tmp_path_factory.mktemp("site")
    certificates.write(directory, NAME)
    with place(directory, need.program("dnsmasq", "dnsmasq-base")) as made:
        yield made


@pytest.fixture
def site(built: Place) -> Iterator[Place]:
    """The site with nothing running in it."""
    yield built
    built.quiet()
    built.rules("")


def left_behind(site: Place) -> str:
    """What the kernel knows of the guests' side: addresses, neighbours, routes, sockets."""
    commands = (
        "ip -d link show eth0", "ip addr show eth0", "ip neigh", "ip route", "cat /proc/net/packet"
    )  # fmt: skip
    return "\n".join(site.inside("guest", *command.split()) for command in commands)


def test_a_site_where_all_is_well_works_at_every_step(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web()
    found = site.probe()
    assert list(found) == list(LOOKING)
    assert works(found.values()) is True
    assert {one.went for one in found.values()} == {Went.WORKED}
    assert all(one.took_ms is not None and 0 < one.took_ms < 60_000 for one in found.values())
    assert found[Step.REDIRECT].said == f"302 to http://{PORTAL}:8080/p/plaza"
    assert found[Step.PORTAL].said == f"200, {len(PAGE)} octets, a form, http://{PORTAL}:8080/p/plaza"
    assert found[Step.API].said == f"captive, portal at https://{NAME}:8443/p/plaza"


def test_nothing_is_left_neither_in_the_kernel_nor_at_the_server(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web()
    before = left_behind(site)
    assert "promiscuity 0" in before
    told = site.inside("guest", *site.probe_command())
    assert left_behind(site) == before
    wait_for(lambda: "DHCPRELEASE" in site.log() and not site.leases(), "the release")
    ours = set(re.findall(r"DHCPACK\S* \S+ (\S+)", site.log()))
    assert len(ours) == 1
    for mac in ours:
        assert int(mac[:2], 16) & 3 == 2, "locally administered, and no group's"
        assert mac not in told
    requested = " ".join(re.findall(r"requested options: (.*)", site.log()))
    assert {"3", "6", "114", "121"} <= set(re.findall(r"\b(\d+)(?=[:,])", requested)), "as a phone asks"
    assert "signed" not in told, "what is between the phone and the portal is not shown"


@pytest.mark.soak
def test_two_visits_are_two_phones(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web()
    site.probe()
    site.probe()
    assert len(set(re.findall(r"DHCPACK\S* \S+ (\S+)", site.log()))) == 2


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGKILL], ids=str)
def test_a_probe_that_is_ended_leaves_nothing_in_the_kernel_and_gives_its_lease_back_if_it_can(
    site: Place, way: signal.Signals
) -> None:
    site.serve_dhcp(DHCP, f"dhcp-option=6,{SILENT}")
    before = left_behind(site)
    started = site.spawn("guest", *site.probe_command())
    wait_for(site.leases, "a lease")
    started.send_signal(way)
    started.wait(30)
    wait_for(lambda: left_behind(site) == before, "the kernel to forget")
    assert way is signal.SIGKILL or wait_for(lambda: not site.leases(), "the release")


def test_routes_of_option_121_replace_the_router(site: Place) -> None:
    site.serve_dhcp(*GOOD, "dhcp-option=3,10.99.0.77", f"dhcp-option=121,0.0.0.0/0,{ROUTER}")
    site.serve_web()
    found = site.probe()
    assert works(found.values()) is True
    assert found[Step.ROUTER].said == f"{ROUTER} answers"


@pytest.mark.soak
def test_the_second_dns_server_helps_when_the_first_is_silent(site: Place) -> None:
    site.serve_dhcp(*GOOD, f"dhcp-option=6,{SILENT},{ROUTER}")
    site.serve_web()
    found = site.probe()
    assert found[Step.DNS].said == f"connectivitycheck.gstatic.com is {WEB}, says {ROUTER}"


@pytest.mark.soak
def test_a_network_that_loses_packets_is_slow_and_works(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web({"/p/plaza": (200, {}, PAGE + "." * 40_000)})
    site.inside("site", "nft", "-f", "-", text=LOSSY)
    found = site.probe("--within", "120")
    assert works(found.values()) is True, found
    assert f"{len(PAGE) + 40_000} octets" in found[Step.PORTAL].said


def test_without_option_114_the_site_works_all_the_same(site: Place) -> None:
    site.serve_dhcp(DHCP, NAMES)
    site.serve_web()
    found = site.probe()
    assert works(found.values()) is True
    assert (found[Step.API].went, found[Step.API].said) == (
        Went.UNTRIED, "DHCP gives no address for it (option 114)",
    )  # fmt: skip


@pytest.mark.soak
def test_phones_ignore_an_option_114_that_is_not_https(site: Place) -> None:
    site.serve_dhcp(DHCP, NAMES, f"dhcp-option-force=114,http://{NAME}:8080/capport")
    site.serve_web()
    found = site.probe()
    assert works(found.values()) is True
    assert found[Step.API].said.startswith(f"phones ignore http://{NAME}:8080/capport")


# DHCP


def test_no_dhcp_server_at_all(site: Place) -> None:
    step, said = site.failure("--within", "2")
    assert step is Step.DHCP
    assert said.startswith("no DHCP server offers an address: none is there, or its pool is used up;")


def test_a_pool_that_is_used_up_is_told_from_a_server_that_is_not_there(site: Place) -> None:
    site.serve_dhcp("dhcp-range=10.99.0.50,10.99.0.50,255.255.255.0,10m", leases=taken("10.99.0.50"))
    said = f"the DHCP server {ROUTER} answers, but offers no address: its pool is used up"
    assert site.failure("--within", "2") == (Step.DHCP, said)
    assert "no address available" in site.log()


def test_a_second_dhcp_server_that_sends_guests_elsewhere(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_dhcp("dhcp-range=10.99.0.200,10.99.0.210,255.255.255.0,10m", where="rogue")
    step, said = site.failure("--offers", "1")
    assert step is Step.DHCP
    assert said.startswith("2 DHCP servers answer and do not agree: ")
    assert f"{ROGUE} (router {ROGUE}, DNS {ROGUE})" in said
    assert f"{ROUTER} (router {ROUTER}, DNS {ROUTER})" in said
    assert "one is not the site's" in said


@pytest.mark.soak
def test_a_second_dhcp_server_that_says_the_same_is_a_spare(site: Place) -> None:
    same = (f"dhcp-option=3,{ROUTER}", f"dhcp-option=6,{ROUTER}", API)
    site.serve_dhcp(*GOOD)
    site.serve_dhcp("dhcp-range=10.99.0.200,10.99.0.210,255.255.255.0,10m", *same, where="rogue")
    assert site.probe("--offers", "1")[Step.DHCP].went is Went.WORKED


def test_a_server_that_gives_no_router(site: Place) -> None:
    site.serve_dhcp(*GOOD, "dhcp-option=3")
    assert site.failure() == (Step.ROUTER, "DHCP gave no router")
    wait_for(lambda: not site.leases(), "the release after a failure")


@pytest.mark.soak
def test_a_router_that_is_not_there(site: Place) -> None:
    site.serve_dhcp(*GOOD, "dhcp-option=3,10.99.0.77")
    assert site.failure() == (Step.ROUTER, "nobody answers for 10.99.0.77 (ARP)")


# DNS

DNS_FAULTS: dict[str, tuple[tuple[str, ...], str]] = {
    "no server": (("dhcp-option=6",), "DHCP gave no DNS server"),
    "refused": ((), f"the DNS server {ROUTER} refuses (REFUSED)"),
    "no such name": (
        ("address=/gstatic.com/",),
        f"the DNS server {ROUTER} says that there is no such name (NXDOMAIN)",
    ),
    "no address": (
        ("local=/gstatic.com/", "address=/gstatic.com/::1"),
        f"the DNS server {ROUTER} knows the name and gives no IPv4 address",
    ),
    "silent": ((f"dhcp-option=6,{SILENT}",), f"the DNS server {SILENT} is silent"),
    "nothing listens": ((f"dhcp-option=6,{PORTAL}",), f"nothing does DNS at {PORTAL} (ICMP unreachable)"),
}
OFTEN = {"refused", "no such name", "silent"}


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=() if one in OFTEN else pytest.mark.soak) for one in DNS_FAULTS]
)
def test_names_that_become_no_address(site: Place, fault: str) -> None:
    lines, said = DNS_FAULTS[fault]
    site.serve_dhcp(DHCP, *lines)
    step, told = site.failure()
    assert step is Step.DNS
    assert told.removeprefix("connectivitycheck.gstatic.com: ") == said


# the redirect


def test_a_page_instead_of_a_redirect(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web({ASKED: (200, {}, PAGE)})
    said = "200 with a page instead of a redirect: a phone takes it for the internet itself"
    assert site.failure() == (Step.REDIRECT, said)


def test_a_question_that_is_reset(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web()
    site.rules(f"ip daddr {WEB} tcp dport 80 reject with tcp reset;")
    assert site.failure() == (Step.REDIRECT, f"{WEB}:80 refuses the connection (TCP reset)")


@pytest.mark.soak
def test_a_question_that_is_reset_once_it_is_asked(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web()
    site.rules(f"ip daddr {WEB} tcp dport 80 tcp flags psh reject with tcp reset;")
    assert site.failure() == (Step.REDIRECT, f"{WEB}:80 breaks the connection off (TCP reset)")


# the portal


def test_a_redirect_to_a_portal_that_is_dead(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web(without=8080)
    assert site.failure() == (Step.PORTAL, f"{PORTAL}:8080 refuses the connection (TCP reset)")


@pytest.mark.soak
def test_a_redirect_into_nothing_ends_with_the_time_for_the_visit(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web({ASKED: (302, {"Location": f"http://{SILENT}/p/plaza"}, "")})
    assert site.failure("--within", "5") == (Step.PORTAL, f"{SILENT}:80 does not answer")


def test_a_portal_that_is_broken(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web({"/p/plaza": (500, {}, "Internal Server Error")})
    assert site.failure() == (Step.PORTAL, f"http://{PORTAL}:8080/p/plaza answers 500")


def test_a_portal_over_https_is_followed_and_read(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web({
        "/p/plaza": (302, {"Location": f"https://{NAME}:8443/seguro?a=signed"}, ""),
        "/seguro": (200, {}, PAGE + "." * 70_000),
    })  # fmt: skip
    found = site.probe()
    shown = f"https://{NAME}:8443/seguro"
    assert found[Step.PORTAL].said == f"200, {len(PAGE) + 70_000} octets, a form, {shown}"


def test_a_certificate_that_has_expired(site: Place, tmp_path: Path) -> None:
    certificates.write(tmp_path, NAME, age_days=60)
    (site.directory / "old-ca.pem").write_bytes((tmp_path / "ca.pem").read_bytes())
    site.serve_dhcp(*GOOD)
    site.serve_web({ASKED: (302, {"Location": f"https://{NAME}:8443/p/plaza"}, "")}, tls=tmp_path)
    step, said = site.failure("--ca", str(tmp_path / "ca.pem"))
    assert step is Step.PORTAL
    until = x509.load_pem_x509_certificate((tmp_path / "gateway.pem").read_bytes()).not_valid_after_utc
    assert until < datetime.now(UTC)
    assert said == f"the certificate of {NAME} expired on {until:%Y-%m-%d}"


@pytest.mark.soak
def test_a_certificate_of_somebody_else(site: Place, tmp_path: Path) -> None:
    trusted = certificates.write(tmp_path, "elsewhere.plaza.test")
    site.serve_dhcp(*GOOD)
    site.serve_web({ASKED: (302, {"Location": f"https://{NAME}:8443/p/plaza"}, "")}, tls=tmp_path)
    step, said = site.failure("--ca", str(trusted))
    assert step is Step.PORTAL
    assert said == f"the certificate of {NAME} is for other names: elsewhere.plaza.test"


@pytest.mark.soak
def test_a_certificate_for_which_nobody_vouches(site: Place, tmp_path: Path) -> None:
    certificates.write(tmp_path, NAME)
    site.serve_dhcp(*GOOD)
    site.serve_web({ASKED: (302, {"Location": f"https://{NAME}:8443/p/plaza"}, "")}, tls=tmp_path)
    step, said = site.failure()
    assert step is Step.PORTAL
    assert said.startswith(f"nobody whom phones believe vouches for the certificate of {NAME}: ")


# RFC 8908


def test_an_api_that_says_nobody_needs_to_log_in(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web({"/capport": (200, {"Content-Type": API_TYPE}, '{"captive": false}')})
    said = f"https://{NAME}:8443/capport says captive: false, and nobody has logged in"
    assert site.failure() == (Step.API, said)


def test_an_option_114_that_points_nowhere(site: Place) -> None:
    site.serve_dhcp(DHCP, NAMES, f"dhcp-option-force=114,https://{NAME}:9/capport")
    site.serve_web()
    assert site.failure() == (Step.API, f"{PORTAL}:9 refuses the connection (TCP reset)")


# what is not the network's fault


def test_an_interface_that_cannot_be_used_is_no_evidence(site: Place) -> None:
    def said(interface: str) -> str:
        (found,) = site.probe("--interface", interface).values()
        assert found.went is Went.UNTRIED
        assert works([found]) is None
        return found.said

    guest = ("ip", "-n", site.ns("guest"), "link")
    run(*guest, "add", "spare", "type", "veth", "peer", "name", "end")
    assert said("eth9") == "this machine has no interface eth9"
    assert said("spare") == "spare is down: ip link set spare up"
    run(*guest, "set", "spare", "up")
    assert said("spare") == "spare has no link: look at its cable and its switch port"


def test_without_root_it_could_not_be_tried() -> None:
    need.root()
    without = (need.program("setpriv", "util-linux"), "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    command = [*without, sys.executable, "-m", "drivers.probe", "--interface", "lo"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert '"went": "untried", "said": "needs root (or CAP_NET_RAW) to be a phone"' in told
