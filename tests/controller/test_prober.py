"""The prober: each site at its turn, in its hours, into the stores; and the role in a guests' network."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal import own_probe
from controller import gateway_samples, portal_jobs, prober, probing, roles
from controller.app import App, build
from controller.model import Uplink, UplinkKind
from controller.prober import Prober, due, service_sample
from controller.probing import Errand
from controller.secrets import site_key
from controller.settings import Settings
from drivers.probe.report import Finding, Step, Went
from metrics.catalog import MEASUREMENTS, check
from metrics.local.store import LocalStore
from metrics.measurements import STEPS
from metrics.sample import Sample
from metrics.sink import Window
from tests import need
from tests.gateway import certificates
from tests.gateway.town import wait_for
from tests.probe.site import DHCP, GOOD, NAME, WEB, place, taken

MASTER = "5a" * 32
SITES = {"08027-clinic": "eth1.21", "08027-plaza": "eth1.20", "08027-school": "eth1.22"}
INVENTORY = """\
version: 1
credentials:
  gate: {{kind: gateway, key: ref+file:gate}}
defaults:
  uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
  portal: {{gateway_url: http://10.8.0.1:2060, gateway_credentials: gate}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08027: {{name: Guachochi, seat: Guachochi, zone: America/Chihuahua}}
sites:
{sites}
"""
SITE = "  {0}: {{municipality: 08027, name: {0}, lat: 26.8, lon: -107, opened_on: 2026-01-15, probe: {1}}}"
NOON = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)  # 12:00 in Chihuahua
GOOD_VISIT = [Finding(step, Went.WORKED, "well", 5.0) for step in Step]
BROKEN = [
    Finding(Step.DHCP, Went.WORKED, "", 2.0),
    Finding(Step.DNS, Went.FAILED, "the DNS server is silent"),
]


def app_in(directory: Path, sites: dict[str, str]) -> App:
    lines = "\n".join(SITE.format(key, interface) for key, interface in sites.items())
    (directory / "inventory.yaml").write_text(INVENTORY.format(sites=lines))
    (directory / "secrets").mkdir(exist_ok=True)
    (directory / "secrets" / "gate").write_text(MASTER)
    (directory / "secrets" / "gate").chmod(0o600)
    places = {"inventory": directory / "inventory.yaml", "secrets_dir": directory / "secrets"}
    return build(Settings.model_validate({"data_dir": directory, **places}))


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once for all tests."""
    directory = tmp_path_factory.mktemp("store")
    app_in(directory, SITES).engine.dispose()
    return directory / "plaza.db"


@pytest.fixture
def app(tmp_path: Path, empty_store: Path) -> Iterator[App]:
    shutil.copy(empty_store, tmp_path)
    made = app_in(tmp_path, SITES)
    yield made
    made.samples.close()
    made.engine.dispose()


@dataclass
class World:
    """A clock that a test moves, and visits that find what it says."""

    app: App
    now: datetime = NOON
    found: Sequence[Finding] = field(default_factory=lambda: GOOD_VISIT)
    visited: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prober = Prober(self.app, lambda: self.now, self.visit)

    def visit(self, wanted: Errand, stop: Event) -> Sequence[Finding]:
        self.visited.append(wanted.interface)
        return self.found

    def turn(self, at: datetime) -> list[str]:
        """The interfaces that are visited at a moment."""
        self.now = at
        self.visited.clear()
        self.prober.turn(Event())
        return list(self.visited)


def samples(store: LocalStore) -> list[Sample]:
    at = int(NOON.timestamp())
    return list(store.read("service", Window(at - 86_400, at + 86_400)))


# When


@given(st.integers(1, 60), st.integers(1, 86_400), st.integers(0, 2**33), st.integers(0, 59))
def test_a_sites_moment_is_the_same_all_through_its_interval(
    places: int, every_s: int, now: int, place: int
) -> None:
    place %= places
    moment = due(place, places, every_s, now)
    assert moment <= now < moment + every_s
    assert due(place, places, every_s, moment) == moment == due(place, places, every_s, moment + every_s - 1)


def test_sites_are_probed_once_in_a_quarter_of_an_hour_each_at_its_own_time(app: App) -> None:
    world = World(app)
    assert sorted(world.turn(NOON)) == ["eth1.20", "eth1.21", "eth1.22"], "at its start, all of them"
    probed = {minute: world.turn(NOON + timedelta(minutes=minute)) for minute in range(1, 31)}
    assert {minute: seen for minute, seen in probed.items() if seen} == {
        5: ["eth1.20"], 10: ["eth1.22"], 15: ["eth1.21"], 20: ["eth1.20"], 25: ["eth1.22"], 30: ["eth1.21"]
    }  # fmt: skip


def test_what_was_missed_is_probed_once_and_a_clock_that_steps_back_stops_nobody(app: App) -> None:
    world = World(app)
    world.turn(NOON)
    assert len(world.turn(NOON + timedelta(hours=2, minutes=7))) == 3
    assert len(world.turn(NOON - timedelta(days=30))) == 3


def test_a_site_that_is_closed_is_not_probed(app: App) -> None:
    world = World(app)
    assert world.turn(NOON + timedelta(hours=12)) == []
    assert probing.last(app.engine, "08027-plaza") is None
    assert samples(app.samples) == []


def test_a_prober_that_is_told_to_stop_keeps_nothing_of_the_visit_it_cut_short(app: App) -> None:
    stop = Event()

    def cut(wanted: Errand, _stop: Event) -> Sequence[Finding]:
        stop.set()
        return [Finding(Step.DHCP, Went.FAILED, "cut")]

    Prober(app, lambda: NOON, cut).turn(stop)
    assert [probing.last(app.engine, key) for key in SITES] == [None, None, None]


# What is kept


def test_what_is_found_is_kept_and_written_as_numbers_at_the_sites_moment(app: App) -> None:
    world = World(app, found=[*GOOD_VISIT[:-1], replace(GOOD_VISIT[-1], rtt_ms=41.6, down_bps=8.2e6)])
    world.turn(NOON + timedelta(minutes=7))
    kept = probing.last(app.engine, "08027-plaza")
    assert kept is not None
    assert (kept.works, kept.rtt_ms, kept.down_bps) == (True, 42, 8_200_000)
    found = {sample.tags["site"]: sample for sample in samples(app.samples)}
    assert {site: (s.time - int(NOON.timestamp())) // 60 for site, s in found.items()} == {
        "08027-clinic": 0, "08027-plaza": 5, "08027-school": -5
    }  # fmt: skip
    sample = found["08027-plaza"]
    assert sample.tags == {"mun": "08027", "site": "08027-plaza"}
    assert sample.fields["works"] == 1
    assert (sample.fields["rtt_ms"], sample.fields["down_bps"]) == (42, 8_200_000)
    assert {name for name in sample.fields if name.startswith("failed_")} == {
        f"failed_{one}" for one in STEPS
    }


def test_a_step_that_fails_is_a_zero_with_its_step_and_what_came_after_is_absent(app: App) -> None:
    site = app.inventory.sites["08027-plaza"]
    sample = service_sample(site, BROKEN, 7)
    assert sample is not None
    check(sample)
    assert sample.fields == {"works": 0, "dhcp_ms": 2.0, "failed_dhcp": 0, "failed_dns": 1}


def test_what_could_not_be_tried_is_no_sample_and_unknown(app: App) -> None:
    world = World(app, found=[Finding(Step.DHCP, Went.UNTRIED, "eth1.20 is down")])
    world.turn(NOON)
    kept = probing.last(app.engine, "08027-plaza")
    assert kept is not None
    assert (kept.works, kept.detail) == (None, "eth1.20 is down")
    assert samples(app.samples) == []


def test_the_catalogue_knows_every_step_and_no_other() -> None:
    assert tuple(Step) == STEPS
    fields = MEASUREMENTS["service"].fields
    assert set(fields) == {"works", "rtt_ms", "down_bps"} | {f"{s}_ms" for s in Step} | {
        f"failed_{s}" for s in Step
    }


def test_since_moves_only_when_the_verdict_does_and_a_change_is_told_once(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(app)
    first = int(NOON.timestamp())
    world.turn(NOON)
    world.turn(NOON + timedelta(minutes=15))
    kept = probing.last(app.engine, "08027-plaza")
    assert kept is not None
    assert (kept.since, kept.at) == (first, first + 900)
    caplog.clear()
    world.found = BROKEN
    for minutes in (30, 45):
        world.turn(NOON + timedelta(minutes=minutes))
    kept = probing.last(app.engine, "08027-plaza")
    assert kept is not None
    assert (kept.works, kept.step, kept.since, kept.at) == (False, "dns", first + 1800, first + 2700)
    told = [record.__dict__ for record in caplog.records if record.__dict__.get("site") == "08027-plaza"]
    assert [one["found"] for one in told] == ["dns: the DNS server is silent"]


# What a probe is told


def test_a_probe_goes_in_under_a_mac_that_the_portal_knows(app: App) -> None:
    site = app.inventory.sites["08027-plaza"]
    mac = own_probe.mac_at(site_key(MASTER.encode(), site.key), site.key, 1000)
    assert probing.errand(app, site, 1000) == Errand("eth1.20", ("--mac", mac, "--enter"))
    vouchers = replace(site, portal=replace(site.portal, vouchers=True))
    assert probing.errand(app, vouchers, 1000) == Errand(
        "eth1.20", ("--mac", mac), "the site wants a voucher, and a probe has none"
    )
    looks = probing.looking(probing.errand(app, site, 1000))
    assert (looks.options, looks.only_looks) == (("--mac", mac), "it was asked to")


def test_without_the_sites_key_a_probe_only_looks(app: App) -> None:
    (app.settings.secrets_dir / "gate").unlink()
    wanted = probing.errand(app, app.inventory.sites["08027-plaza"], 1000)
    assert wanted.options == ()
    assert wanted.only_looks.startswith("without the site's key it would count as a citizen: credential gate")


def test_a_download_is_asked_for_where_a_page_is_set_and_the_contract_has_room(app: App) -> None:
    site = app.inventory.sites["08027-plaza"]
    url = "http://files.plaza.test/256k"
    loading = replace(app, settings=app.settings.model_copy(update={"probe_url": url}))
    assert probing.errand(loading, site, 0).options[2:] == ("--enter", "--page", url, "--octets", "256000")
    narrow = replace(site, uplink=replace(site.uplink, cap_gb=5))
    assert probing.errand(loading, narrow, 0).options[2:] == ("--enter",)


@given(st.sampled_from(UplinkKind), st.none() | st.integers(1, 5000), st.integers(1, 1440))
def test_downloads_stay_within_a_small_part_of_a_contract(
    kind: UplinkKind, cap_gb: int | None, every_min: int
) -> None:
    octets = probing.download_octets(Uplink(kind, "x", 10, 2, cap_gb), every_min)
    assert octets == 0 or probing.LEAST_OCTETS <= octets <= probing.MOST_OCTETS
    assert kind is not UplinkKind.SATELLITE or octets <= probing.MOST_OCTETS_BY_SATELLITE
    if cap_gb is not None:
        assert octets * 30 * 24 * 60 / every_min <= cap_gb * 1e9 * 0.005


# The role


def test_the_supervisor_starts_a_prober_only_where_a_site_can_be_probed(app: App) -> None:
    assert "prober" in roles.wanted(app.settings, app.inventory)
    nowhere = replace(
        app.inventory, sites={key: replace(site, probe="") for key, site in app.inventory.sites.items()}
    )
    assert "prober" not in roles.wanted(app.settings, nowhere)
    assert "radius" not in roles.wanted(app.settings, app.inventory)


def environ(directory: Path) -> dict[str, str]:
    places = {"PLAZA_DATA_DIR": directory, "PLAZA_INVENTORY": directory / "inventory.yaml"}
    trusted = {"SSL_CERT_FILE": directory / "ca.pem"}
    return os.environ | {name: str(value) for name, value in (places | trusted).items()}


def run_role(directory: Path, *before: str) -> "subprocess.Popen[str]":
    command = [*before, sys.executable, "-m", "controller.cli.main", "run", "prober"]
    return subprocess.Popen(command, env=environ(directory), stderr=subprocess.PIPE, text=True)


def seen(app: App, key: str) -> bool:
    """Whether it is known that a site could not be tried."""
    kept = probing.last(app.engine, key)
    return kept is not None and kept.works is None


def ended(role: "subprocess.Popen[str]") -> str:
    role.send_signal(signal.SIGTERM)
    _, told = role.communicate(timeout=60)
    assert role.returncode == 0, told
    return told


@pytest.mark.root
def test_a_prober_that_may_not_says_so_once_and_waits_for_its_end(tmp_path: Path, empty_store: Path) -> None:
    need.root()
    shutil.copy(empty_store, tmp_path)
    app = app_in(tmp_path, SITES)
    probing.keep(app.engine, "08027-plaza", GOOD_VISIT, 7)
    without = (need.program("setpriv", "util-linux"), "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    role = run_role(tmp_path, *without)
    try:
        wait_for(lambda: all(seen(app, key) for key in SITES), "the verdicts")
    finally:
        told = ended(role)
    kept = probing.last(app.engine, "08027-plaza")
    assert kept is not None
    assert (kept.works, kept.detail) == (None, "needs root (or CAP_NET_RAW) to be a phone; see docs/probe.md")
    assert told.count("needs root") == 1


@pytest.mark.root
def test_the_prober_of_a_running_plaza_probes_a_real_site(tmp_path: Path) -> None:
    need.root()
    for program, package in {"ip": "iproute2", "nft": "nftables", "ss": "iproute2"}.items():
        need.program(program, package)
    certificates.write(tmp_path, NAME)
    app = app_in(tmp_path, {"08027-plaza": "eth0"})
    always = (tmp_path / "inventory.yaml").read_text().replace("06:00-23:00", "00:00-24:00")
    (tmp_path / "inventory.yaml").write_text(always)
    with place(tmp_path, need.program("dnsmasq", "dnsmasq-base")) as square:
        square.serve_dhcp(*GOOD)
        square.serve_web()
        role = run_role(tmp_path, "ip", "netns", "exec", square.ns("guest"))
        try:
            kept = wait_for(lambda: probing.last(app.engine, "08027-plaza"), "a probe")
        finally:
            ended(role)
    assert kept.works is True, kept
    now = int(time.time())
    (sample,) = app.samples.read("service", Window(now - 3600, now + 60))
    assert sample.fields["works"] == 1
    assert sample.time % 900 == 0


TURNS = """
import sys
from contextlib import closing
from dataclasses import replace
from threading import Event
from controller import app, probing, settings
from controller.prober import Prober

def visit(wanted, stop):
    quick = replace(wanted, options=(*wanted.options, "--offers", "0.3"))
    with closing(probing.visit(quick, 6, stop)) as findings:
        return list(findings)

prober = Prober(app.build(settings.load()), app.utc_now, visit)
for _ in sys.stdin:
    prober.done.clear()
    prober.turn(Event())
    print("probed", flush=True)
"""


@pytest.mark.root
def test_a_pool_used_up_a_broken_dns_and_an_expired_certificate_are_each_red_with_their_reason(
    tmp_path: Path,
) -> None:
    need.root()
    for program, package in {"ip": "iproute2", "nft": "nftables", "ss": "iproute2"}.items():
        need.program(program, package)
    certificates.write(tmp_path, NAME, age_days=60)
    app = app_in(tmp_path, {"08027-plaza": "eth0"})
    always = (tmp_path / "inventory.yaml").read_text().replace("06:00-23:00", "00:00-24:00")
    (tmp_path / "inventory.yaml").write_text(always)
    with place(tmp_path, need.program("dnsmasq", "dnsmasq-base")) as square:
        inside = ("ip", "netns", "exec", square.ns("guest"), sys.executable, "-c", TURNS)
        turns = subprocess.Popen(
            inside, env=environ(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        def probed() -> tuple[str, str, dict[str, int | float]]:
            assert turns.stdin is not None
            assert turns.stdout is not None
            turns.stdin.write("\n")
            turns.stdin.flush()
            assert turns.stdout.readline() == "probed\n"
            square.quiet()
            kept = probing.last(app.engine, "08027-plaza")
            assert kept is not None
            assert kept.works is False
            now = int(time.time())
            *_, sample = app.samples.read("service", Window(now - 3600, now + 60))
            failed = {name: value for name, value in sample.fields.items() if name.startswith("failed_")}
            return kept.step, kept.detail, {name: value for name, value in failed.items() if value}

        with turns:
            square.serve_dhcp(
                "dhcp-range=10.99.0.50,10.99.0.50,255.255.255.0,10m", leases=taken("10.99.0.50")
            )
            said = "the DHCP server 10.99.0.1 answers, but offers no address: its pool is used up"
            assert probed() == ("dhcp", said, {"failed_dhcp": 1})
            square.serve_dhcp(DHCP)
            said = "connectivitycheck.gstatic.com: the DNS server 10.99.0.1 refuses (REFUSED)"
            assert probed() == ("dns", said, {"failed_dns": 1})
            square.serve_dhcp(*GOOD)
            square.serve_web({f"{WEB}/generate_204": (302, {"Location": f"https://{NAME}:8443/p/plaza"}, "")})
            step, said, failed = probed()
            assert (step, failed) == ("portal", {"failed_portal": 1})
            assert re.fullmatch(rf"the certificate of {NAME} expired on \d{{4}}-\d\d-\d\d", said)
            assert turns.stdin is not None
            turns.stdin.close()


def test_the_prober_has_a_shard_of_its_own() -> None:
    assert len({prober.SHARD, gateway_samples.SHARD, portal_jobs.SHARD}) == 3
