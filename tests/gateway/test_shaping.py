"""How fast a phone may be: measured through a real kernel, in the square."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from html import unescape

import pytest

from captive_portal.gateway.admission import Admit, Decision, Reason, Refuse, SiteKey, arrival, decide
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.enforcer import Terms
from captive_portal.gateway.shaping import FASTEST_KBPS, Rate
from tests.gateway.conftest import PHONE, Clock, Portal
from tests.gateway.streets import LAN, WEB
from tests.gateway.test_admission import Memory
from tests.gateway.test_enforcers import Gateway, kernel_gateway, phone
from tests.gateway.town import Town, wait_for

DOWN_KBPS, UP_KBPS = 2000, 1000


@pytest.fixture(name="kernel")
def the_enforcer_that_filters() -> Iterator[Gateway]:
    with kernel_gateway() as made:
        yield made


def kbps(square: Town, name: str, way: str) -> int:
    """What the phone gets (`takes`) or gets rid of (`gives`), in kbit/s."""
    return int(square.inside(name, sys.executable, "-m", "tests.gateway.talk", way, WEB))


def limited(square: Town, way: str, rate: int) -> int:
    """What the phone with this rate gets: about the rate, once a busy machine gives its flow a quiet moment.

    Never twice the rate, however busy: that is the burst and all, within the measured time.
    """
    measured: list[int] = []
    while not measured or not rate * 0.5 < measured[-1] < rate * 1.4:
        assert len(measured) < 6, f"{way} at {rate} kbit/s: {measured}"
        measured.append(kbps(square, "phone1", way))
        assert measured[-1] < rate * 2.2, measured
    return measured[-1]


def slow(made: Gateway | Town) -> dict[str, list[str]]:
    """The rates that the kernel holds, by direction: as it prints them."""
    if isinstance(made, Town):
        listed = made.inside("gateway", "nft", "list", "table", "inet", "plaza")
    else:
        command = [*made.nft, "list", "table", "inet", "plaza"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {}
    for name in ("slow_up", "slow_down"):
        held = re.search(rf"set {name} {{(.*?)\n\t}}", listed, re.DOTALL)
        assert held is not None
        elements = held[1].partition("elements")[2]
        found[name] = re.findall(r"over (\d+ k?bytes)/second", elements)
    return found


@pytest.mark.root
def test_a_phone_gets_its_rate_both_ways_and_keeps_it_when_the_program_is_killed_and_time_is_added(
    square: Town,
) -> None:
    square.enter("phone2")
    square.set_plan(600, DOWN_KBPS, UP_KBPS)
    square.enter("phone1")
    status = square.curl("phone1", square.curl("phone1", f"http://{LAN}:2060/").location).location
    square.set_plan(3000, DOWN_KBPS, UP_KBPS)
    square.age(2400)
    link = re.search(r'href="([^"]+/again[^"]+)"', square.curl("phone1", status).body)
    assert link is not None
    square.stop_gateway(signal.SIGKILL)
    for way, rate in (("takes", DOWN_KBPS), ("gives", UP_KBPS)):
        found = limited(square, way, rate)  # with the program dead the kernel still knows
        assert kbps(square, "phone2", way) > 20 * found, "who has no limit is not held back by another's"
    square.start_gateway()
    answer = square.curl("phone1", unescape(link[1]), "-L")
    assert "Te quedan 50 minutos." in answer.body
    limited(square, "takes", DOWN_KBPS)  # more time is no more speed
    assert slow(square) == {"slow_up": ["125000 bytes"], "slow_down": ["250000 bytes"]}
    square.curl("phone1", f"http://{LAN}:2060/leave", "-X", "POST")
    assert slow(square) == {"slow_up": [], "slow_down": []}, "it goes with the door"


@pytest.mark.root
def test_a_limit_shuts_with_its_door_and_a_new_door_has_its_own(kernel: Gateway) -> None:
    enforcer = kernel.enforcer
    one, other = phone(enforcer, 51), phone(enforcer, 52)
    assert enforcer.admit(one, Terms("session1", 1, rate=Rate(800, 0)), "nonce1")
    assert enforcer.admit(other, Terms("session2", 600, rate=Rate(0, 400)), "nonce2")
    assert slow(kernel) == {"slow_up": ["50000 bytes"], "slow_down": ["100000 bytes"]}
    wait_for(lambda: not slow(kernel)["slow_down"], "the limit to go with its door")
    after = kernel.again()
    assert slow(kernel) == {"slow_up": ["50000 bytes"], "slow_down": []}, "a restart keeps it"
    assert after.admit(other, Terms("session2", 600), "nonce3")
    assert slow(kernel) == {"slow_up": [], "slow_down": []}, "a ticket without a rate has none"
    assert after.prolong(other, Terms("session2", 600, rate=Rate(160, 80)), "nonce4")
    assert slow(kernel) == {"slow_up": ["10000 bytes"], "slow_down": ["20000 bytes"]}
    after.close("session2")
    assert slow(kernel) == {"slow_up": [], "slow_down": []}


def test_a_ticket_tells_its_rates_and_an_older_one_tells_none(
    site: SiteKey, clock: Clock, portal: Portal
) -> None:
    asked = arrival(site, PHONE, clock.now(), "nonce-1")

    def presented(token: str) -> Decision:
        return decide(site, token, PHONE, clock.now(), Memory(Moment(clock.boot, 5.0)))

    told = presented(portal.ticket(asked, rate_down=800, rate_up=400))
    older = presented(portal.ticket(asked))
    assert isinstance(told, Admit)
    assert isinstance(older, Admit)
    assert (told.rate_down, told.rate_up) == (800, 400)
    assert (older.rate_down, older.rate_up) == (0, 0)
    for wrong in (-1, "800", FASTEST_KBPS + 1):
        assert presented(portal.ticket(asked, rate_up=wrong)) == Refuse(Reason.INVALID)
