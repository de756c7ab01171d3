"""The whole gateway in 128 MB and a fifth of a core: 2,000 are in, others tap, and nothing is killed."""

import json
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bench.gateway import crowd
from bench.gateway.arriving import Plan
from captive_portal.gateway import policy
from captive_portal.gateway.policy import Blocked, Filter, Policy
from captive_portal.tables import metadata
from tests import need
from tests.gateway import certificates, joining, streets
from tests.gateway.conftest import Portal
from tests.gateway.house import message
from tests.gateway.netns import sockets
from tests.gateway.resolver import WEB4
from tests.gateway.small import SmallBox, small_box
from tests.gateway.squares import PROGRAMS
from tests.gateway.streets import LAN, PORTAL, WEB, WEB6
from tests.gateway.town import HERE, NAME, SITE, Town, town, wait_for

MEMORY = 128 * 2**20
PERCENT = 20
INSIDE = 2_000
TAPS, WITHIN_S = 60, 12
BATCH = 500  # fewer than a ticket's minute of life
LEASES = 4  # what one MAC may ask for at once
FILTERED_NAMES = 20_000
RESOLVER = "1.1.1.3"

pytestmark = pytest.mark.root


def largest() -> Policy:
    """As much as a policy may hold."""
    return Policy(
        SITE,
        1,
        0,
        dns=Filter.FAMILY,
        resolvers=(RESOLVER,),
        garden=tuple(f"service-{number}.of-the-government.gob.mx" for number in range(256)),
        blocked=tuple(
            Blocked(secrets.token_hex(16), "it sent mail to all the world, over and over", "Ana Ruiz", 0)
            for _ in range(2_000)
        ),
        appeal="At the town hall, from nine to three, or by telephone at 614 555 0101.",
    )


def furnish(place: Town) -> Path:
    """The Internet with portal, edge and resolver; the configuration of the gateway."""
    (place.directory / "boot_id").write_text(f"{secrets.token_hex(16)}\n")
    (place.directory / "site.key").write_text(place.key.hex())
    (place.directory / "site.key").chmod(0o600)
    certificates.write(place.directory, NAME)
    place.policy = policy.seal(place.key, largest())
    zone = "".join(f"bad-{number}.example.net CNAME .\n" for number in range(FILTERED_NAMES))
    (place.directory / "bad.rpz").write_text(zone)
    config = place.configure()
    network = f'guests = "10.99.0.0/19"\nrpz = "bad.rpz"\nrun_dir = "{place.directory}/run"\n'
    more = f"\n[network]\n{network}\n[uplink]\ndown_kbps = 50000\nup_kbps = 10000\n"
    config.write_text(config.read_text() + more)
    streets.ip(place.ns("gateway"), f"addr add {LAN}/19 dev br-lan")
    crowd.settle(place, INSIDE + TAPS)
    metadata.create_all(place.engine)
    place.set_plan(7_200, 4_000, 2_000, 500_000_000)
    streets.ip(place.ns("internet"), f"addr add {RESOLVER}/32 dev lo")
    place.spawn("internet", sys.executable, "-m", "tests.gateway.resolver", WEB4, RESOLVER)
    settings = {
        "store": place.store_url, "key": place.key.hex(), "site": SITE, "portal": PORTAL, "gateway": LAN,
        "plan": str(place.directory / "plan_s"), "web": [WEB, WEB6],
    }  # fmt: skip
    internet = place.spawn("internet", sys.executable, "-m", "tests.gateway.internet", json.dumps(settings))
    assert internet.stdout is not None
    assert internet.stdout.readline() == b"ready\n"
    return config


def start(place: Town, box: SmallBox, config: Path) -> None:
    """The gateway, in the box from its first moment on."""
    command = ("ip", "netns", "exec", place.ns("gateway"), sys.executable, "-m", "captive_portal.gateway")
    with (place.directory / "gateway.log").open("ab") as log:
        place.gateway = subprocess.Popen(
            box.entering(*command, str(config)), stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            cwd=HERE.parents[1],
        )  # fmt: skip
    place.programs.append(place.gateway)
    assert place.gateway.stdout is not None
    assert place.gateway.stdout.readline() == b"ready\n", (place.directory / "gateway.log").read_text()


@contextmanager
def boxed(directory: Path) -> Iterator[tuple[Town, SmallBox]]:
    need.root()
    for name, package in (*PROGRAMS.items(), ("tc", "iproute2")):
        need.program(name, package)
    with crowd.room_for_neighbours(), small_box(MEMORY) as box, town(directory, sync_s=5) as place:
        start(place, box, furnish(place))
        yield place, box
        place.stop_gateway()


def phones(place: Town, module: str, told: object, *arguments: str) -> Any:
    program = (sys.executable, "-m", module, *arguments)
    return json.loads(place.inside(crowd.PHONE, *program, text=json.dumps(told)))


def asked(place: Town, urls: dict[int, str]) -> dict[int, str]:
    """Where each of these phones is sent from its URL."""
    told = [(crowd.address(number), url) for number, url in urls.items()]
    answers = phones(place, "bench.gateway.asking", told, "8")
    assert all(location for _, location, *_ in answers), [one for one in answers if not one[1]][:3]
    return {number: location for number, (_, location, *_) in zip(urls, answers, strict=True)}


def fill(place: Town) -> None:
    """Two thousand come in, with tickets as the portal signs them."""
    portal = Portal(place.key)
    for first in range(0, INSIDE, BATCH):
        led = asked(place, dict.fromkeys(range(first, first + BATCH), f"http://{WEB}/generate_204"))
        arrivals = {number: parse_qs(urlsplit(url).query) for number, url in led.items()}
        tickets = {
            number: portal.ticket(one["a"][0], 7_200, 500_000_000, rate_down=4_000, rate_up=2_000)
            for number, one in arrivals.items()
        }
        asked(place, {number: f"http://{LAN}:2060/grant?g={ticket}" for number, ticket in tickets.items()})


def names(place: Town, source: str, name: str) -> str:
    """What a phone with this address is told of a name, before its tap or after it."""
    with sockets(place.ns(crowd.PHONE))(socket.AF_INET, socket.SOCK_DGRAM, 0) as link:
        link.settimeout(20)
        link.bind((source, 0))
        link.connect((LAN, 53))
        link.send(message(name))
        return socket.inet_ntoa(link.recv(512)[-4:])


@pytest.mark.soak  # `make bench-gateway` measures it as well
def test_two_thousand_are_in_and_every_tap_gets_in_with_128_mb_and_a_fifth_of_a_core(tmp_path: Path) -> None:
    with boxed(tmp_path) as (place, box):
        programs = box.processes
        assert len(programs) == 4, "the gateway, and three dnsmasq of its own"
        assert "phones take turns on the line" in (place.directory / "gateway.log").read_text()
        fill(place)
        box.slow_down(PERCENT)
        plan = Plan(INSIDE, TAPS, WITHIN_S, 3_600, 0, f"http://{WEB}")
        told = phones(place, "bench.gateway.arriving", asdict(plan))
        assert [one["why"] for one in told["came"]] == [""] * TAPS
        with joining.door(sockets(place.ns(crowd.PHONE))) as link:
            given = [joining.join(link, joining.made_up()) for _ in range(LEASES)]
        assert len({one.ip for one in given if one}) == LEASES
        assert names(place, crowd.address(INSIDE), "bad-19999.example.net") == LAN
        assert names(place, crowd.address(INSIDE), "www.chihuahua.gob.mx") == WEB4
        assert names(place, "10.99.0.51", "service-255.of-the-government.gob.mx") == WEB4
        console = (
            "-m",
            "captive_portal.gateway",
            "devices",
            "--json",
            "--config",
            str(place.directory / "gateway.toml"),
        )
        command = box.entering(sys.executable, *console)
        listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parents[1])
        assert len(json.loads(listed.stdout)["devices"]) == INSIDE + TAPS
        wait_for(
            lambda: all(one["acctstarttime"] for one in place.rows()), "the controller to be told of all"
        )
        assert len(place.rows()) == TAPS
        assert box.processes == programs, "none of them was begun anew"
        assert box.killed == 0
        assert box.peak_octets < MEMORY


def test_who_takes_more_than_the_small_box_has_is_killed() -> None:
    need.root()
    with small_box(MEMORY) as box:
        greedy = box.entering(sys.executable, "-c", f"bytearray(b'.') * {MEMORY}")
        assert subprocess.run(greedy, check=False).returncode == -signal.SIGKILL
        wait_for(lambda: box.killed, "the kernel's account of it")
        modest = box.entering(sys.executable, "-c", f"bytearray(b'.') * {MEMORY // 2}")
        assert subprocess.run(modest, check=False).returncode == 0
