"""`plaza probe SITE` and the probe as the controller runs it; once at a site of our own gateway."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from captive_portal import own_probe
from captive_portal.counts import PortalCounts
from controller import inventory, probing
from controller.errors import SelectorError
from controller.secrets import site_key
from controller.store.engine import open_store
from drivers.probe.report import Finding, Step, Went, works
from drivers.probe.visit import LOOKING
from tests import need
from tests.gateway import certificates
from tests.gateway.streets import WEB as SHOP
from tests.gateway.streets import run
from tests.gateway.town import NAME as GATEWAY
from tests.gateway.town import SITE as CHIHUAHUA
from tests.gateway.town import Town, town, wait_for
from tests.probe.site import DHCP, GOOD, NAME, ROUTER, SILENT, Place, place
from tests.rollouts.test_evidence import INVENTORY, SITE

INTERFACES = INVENTORY.replace("probe: eth1.20}", "probe: eth0}").replace(
    "opened_on: 2026-01-15}\n", "opened_on: 2026-01-15, probe: nope0}\n"
)


MASTER = "5a" * 32


def keep_key(folder: Path) -> None:
    """The key from which those of the sites' gateways are made."""
    folder.mkdir(exist_ok=True)
    (folder / "gate").write_text(MASTER)
    (folder / "gate").chmod(0o600)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    need.root()
    for program, package in {"ip": "iproute2", "nft": "nftables", "ss": "iproute2"}.items():
        need.program(program, package)
    directory = tmp_path_factory.mktemp("site")
    certificates.write(directory, NAME)
    (directory / "inventory.yaml").write_text(INTERFACES)
    keep_key(directory / "secrets")
    with place(directory, need.program("dnsmasq", "dnsmasq-base")) as made:
        yield made


@pytest.fixture
def site(built: Place) -> Iterator[Place]:
    yield built
    built.quiet()


def plaza(site: Place, *arguments: str) -> tuple[int, str]:
    """What `plaza` prints in the guests' network, and how it ends."""
    settings = {"PLAZA_DATA_DIR": site.directory, "PLAZA_INVENTORY": site.directory / "inventory.yaml"}
    trusted = {"SSL_CERT_FILE": site.directory / "ca.pem"}
    environ = [f"{name}={value}" for name, value in (settings | trusted).items()]
    command = (*environ, sys.executable, "-m", "controller.cli.main", *arguments)
    out = site.inside("guest", "sh", "-c", 'env "$@"; echo "exit $?"', "sh", *command)
    told, _, code = out.rpartition("exit ")
    return int(code), told


@pytest.mark.root
def test_a_technician_reads_the_steps_and_the_last_probe_is_kept(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web()
    begun = int(time.time())
    code, told = plaza(site, "probe", SITE)
    assert code == 0, told
    lines = told.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == list(Step)
    assert all(line.startswith("[ok]") and line.endswith(" ms") for line in lines[:-1])
    assert ", round trip " in lines[-2]
    assert lines[-1] == f"{SITE}: a citizen gets online"
    kept = probing.last(open_store(f"sqlite:///{site.directory}/plaza.db"), SITE)
    assert kept is not None
    assert (kept.works, kept.step, kept.detail, kept.since) == (True, "http", "", kept.at)
    key = site_key(MASTER.encode(), SITE)
    macs = {own_probe.mac_at(key, SITE, at) for at in range(begun, begun + 60)}
    assert set(re.findall(r"DHCPACK\S* \S+ (\S+)", site.log())) <= macs, "the portal knows it by its MAC"


@pytest.mark.root
def test_a_probe_that_is_not_to_tap_only_looks_and_is_not_kept(site: Place) -> None:
    site.serve_dhcp(*GOOD)
    site.serve_web()
    engine = open_store(f"sqlite:///{site.directory}/plaza.db")
    probing.keep(engine, SITE, [Finding(Step.DNS, Went.FAILED, "silent")], 7)
    before = site.asked()
    code, told = plaza(site, "probe", SITE, "--no-tap", "--json")
    seen = json.loads(told)
    assert (code, seen["works"], seen["only_looks"]) == (0, True, "it was asked to")
    assert [step["step"] for step in seen["steps"]] == list(LOOKING)
    assert "POST" not in site.asked().removeprefix(before)
    kept = probing.last(engine, SITE)
    assert kept is not None
    assert (kept.works, kept.at) == (False, 7)


@pytest.mark.root
@pytest.mark.soak
def test_a_site_that_does_not_work_ends_with_2(site: Place) -> None:
    site.serve_dhcp(DHCP)
    code, told = plaza(site, "probe", SITE)
    assert code == 2
    assert re.search(rf"\[fail\] dns +\S+: the DNS server {ROUTER} refuses \(REFUSED\)\n", told)
    assert told.endswith(f"{SITE}: a citizen does not get online\n")
    kept = probing.last(open_store(f"sqlite:///{site.directory}/plaza.db"), SITE)
    assert kept is not None
    assert (kept.works, kept.step) == (False, "dns")


@pytest.mark.root
def test_what_could_not_be_tried_ends_with_2_too_and_as_json_says_neither(site: Place) -> None:
    code, told = plaza(site, "probe", "08027-clinic", "--json")
    seen = json.loads(told)
    assert (code, seen["works"], seen["site"], seen["interface"]) == (2, None, "08027-clinic", "nope0")
    (step,) = [Finding.read(json.dumps(step)) for step in seen["steps"]]
    assert (step.went, step.said) == (Went.UNTRIED, "this machine has no interface nope0")
    kept = probing.last(open_store(f"sqlite:///{site.directory}/plaza.db"), "08027-clinic")
    assert kept is not None
    assert kept.works is None


def test_a_site_that_cannot_be_probed_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    network = inventory.load(tmp_path / "inventory.yaml")
    assert probing.site_to_probe(network, SITE).probe == "eth1.20"
    with pytest.raises(SelectorError, match=r"write sites\.08027-clinic\.probe with the interface"):
        probing.site_to_probe(network, "08027-clinic")
    with pytest.raises(SelectorError, match="no site is called 'nowhere'"):
        probing.site_to_probe(network, "nowhere")


@pytest.mark.root
@pytest.mark.soak
def test_who_stops_listening_stops_the_probe_and_the_lease_goes_back(site: Place) -> None:
    site.serve_dhcp(DHCP, f"dhcp-option=6,{SILENT}")
    code = """
from contextlib import closing
from controller.probing import Errand, visit
with closing(visit(Errand("eth0"))) as findings:
    print(next(findings).went)
"""
    assert site.inside("guest", sys.executable, "-c", code) == "worked\n"
    wait_for(lambda: "DHCPRELEASE" in site.log() and not site.leases(), "the release")


def visited(options: tuple[str, ...]) -> list[Finding]:
    with closing(probing.visit(probing.Errand("nowhere0", options), 5)) as findings:
        return list(findings)


def test_a_probe_that_breaks_is_no_evidence() -> None:
    (found,) = visited(("--nonsense",))
    assert found.went is Went.UNTRIED
    assert found.said.startswith("the probe itself ended early: ")
    assert "--nonsense" in found.said


def test_the_controller_knows_no_scapy() -> None:
    ours = "controller.cli.probe, controller.probing, controller.rollouts.evidence"
    code = f"import sys, {ours}; print('scapy' in sys.modules)"
    assert need.ran(("-c", code), os.environ) == "False\n"


@pytest.mark.root
def test_a_probe_goes_through_our_own_gateway_and_out_again_and_counts_as_no_citizen(tmp_path: Path) -> None:
    need.root()
    programs = {"ip": "iproute2", "nft": "nftables", "dnsmasq": "dnsmasq-base", "curl": "curl"}
    found = {name: need.program(name, package) for name, package in programs.items()}
    certificates.write(tmp_path, GATEWAY)
    with town(tmp_path) as square:
        square.start(found["dnsmasq"])
        square.start_gateway()
        begun = int(time.time())
        mac = own_probe.mac_at(square.key, CHIHUAHUA, begun)
        options = ("--interface", "eth0", "--ca", str(tmp_path / "ca.pem"), "--offers", "0.5")
        door = ("--enter", "--mac", mac, "--page", f"http://{SHOP}/", "--octets", "64000")
        told = square.inside("phone1", sys.executable, "-m", "drivers.probe", *options, *door)
        findings = [Finding.read(line) for line in told.splitlines()]
        assert works(findings) is True, told
        assert [finding.step for finding in findings] == list(Step)
        assert findings[3].said == "302 to http://203.0.113.10:8080/p/08019-plaza"
        assert "a form, http://203.0.113.10:8080/p/08019-plaza" in findings[4].said
        assert findings[5].said == "captive, portal at http://203.0.113.10:8080/p/08019-plaza"
        assert findings[6].said == "let in, 200 http://203.0.113.10:8080/p/08019-plaza/online"
        assert findings[7].said.startswith("online, 204 http://connectivitycheck.gstatic.com/generate_204")
        assert run("ip", "netns", "exec", square.ns("phone1"), "ip", "-d", "link", "show", "eth0").count(
            "promiscuity 0"
        )
        (row,) = wait_for(lambda: [one for one in square.rows() if one["acctstoptime"]], "the end")
        assert (row["probe"], row["acctterminatecause"]) == (1, "User-Request"), "it left by the button"
        square.enter("phone2")
        wait_for(lambda: opened(square), "the citizen's door")
        end = int(time.time()) + 60
        (counted,) = square.sessions.slot_counts(begun - 60, end)
        assert (counted.opened, counted.ended, counted.admitted) == (1, 0, 1)
        (portal,) = wait_for(lambda: told_of(square, begun - 60, end), "the minute")
        assert (portal.arrivals, portal.taps, portal.grants, portal.online) == (1, 1, 1, 1)


def told_of(square: Town, start: int, end: int) -> list[PortalCounts]:
    """What the portal did, once it has written its pages."""
    return [one for one in square.sessions.portal_counts(start, end) if one.arrivals]


def opened(square: Town) -> bool:
    return any(one["acctstarttime"] and not one["probe"] for one in square.rows())
