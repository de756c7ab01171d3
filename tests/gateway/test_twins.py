"""A phone whose MAC and address another copied: seen on the bridge, and told from one that walks."""

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest
from sqlalchemy import select

from captive_portal.gateway.border import HEARD_S, Border
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.twins import TIMES, WITHIN_S, Watch
from captive_portal.gateway_tables import gateway_alarms
from tests.gateway import streets
from tests.gateway.netns import sockets
from tests.gateway.streets import LAN, PHONES
from tests.gateway.town import Town, wait_for

MAC = PHONES["phone1"]
HELLO = (sys.executable, "-m", "tests.gateway.frames", "say", "eth0", "broadcast")  # from phone1's MAC


@dataclass
class Bridge:
    """Who is heard where, as a test says, at a time that it sets."""

    places: list[tuple[str, str]] = field(default_factory=list)
    now: float = 1000.0

    def watch(self) -> Watch:
        return Watch(lambda: self.places, lambda: self.now)

    def look(self, watch: Watch, after_s: float) -> frozenset[str]:
        self.now += after_s
        return watch.look()


TWO: list[tuple[str, str]] = [(MAC, "port1"), (MAC, "port2"), ("02:00:00:00:00:09", "port1")]
ONE = TWO[1:]


def test_a_mac_on_two_ports_again_and_again_is_a_copy() -> None:
    bridge = Bridge(TWO)
    watch = bridge.watch()
    told = [bridge.look(watch, HEARD_S + 1) for _ in range(TIMES)]
    assert told == [frozenset()] * (TIMES - 1) + [{MAC}]


def test_one_walk_is_no_copy_however_often_it_is_looked_at() -> None:
    bridge = Bridge(TWO)
    watch = bridge.watch()
    for _ in range(50):  # all within the time that the first port is remembered
        assert bridge.look(watch, HEARD_S / 50) == frozenset()
    bridge.places = ONE
    assert bridge.look(watch, 1) == frozenset()


def test_who_walks_to_and_fro_for_an_hour_is_no_copy() -> None:
    bridge = Bridge()
    watch = bridge.watch()
    for walk in range(150):
        bridge.places = TWO if walk % 2 else ONE
        assert bridge.look(watch, WITHIN_S / TIMES + 1) == frozenset()


def test_a_copy_that_went_is_forgotten() -> None:
    bridge = Bridge(TWO)
    watch = bridge.watch()
    for _ in range(TIMES):
        bridge.look(watch, HEARD_S + 1)
    bridge.places = ONE
    assert bridge.look(watch, 1) == {MAC}
    assert bridge.look(watch, WITHIN_S) == frozenset()


@pytest.fixture
def copied(square: Town) -> Iterator[Town]:
    """The square, where the first phone is in, and the second has its MAC and address."""
    square.forget_everybody()
    square.enter("phone1")
    dress(square, MAC, square.lease("phone1")["ip"])
    yield square
    dress(square, PHONES["phone2"], square.lease("phone2")["ip"])


def dress(town: Town, mac: str, ip: str) -> None:
    """Give the second phone this MAC and this address."""
    phone = town.ns("phone2")
    streets.ip(phone, "-4 addr flush dev eth0")
    streets.ip(phone, f"link set eth0 address {mac}")
    streets.ip(phone, f"addr add {ip}/24 dev eth0")
    streets.ip(phone, f"route replace default via {LAN}")


def use(town: Town) -> None:
    """Both are online with what one of them tapped for; each resets some of the other's connections."""
    for name in PHONES:
        wait_for(partial(town.online, name), f"{name} online")


@pytest.mark.root
def test_a_copied_phone_is_seen_on_both_ports_and_once_it_is_gone_on_one(copied: Town) -> None:
    border = Border("br-lan", LAN, (), sockets(copied.ns("gateway")))
    now = [1000.0]
    watch = Watch(border.ports, lambda: now[0])
    for _ in range(TIMES):
        assert watch.look() == frozenset()
        use(copied)
        now[0] += HEARD_S + 1
    assert watch.look() == {MAC}

    def ports() -> set[str]:
        copied.inside("phone2", *HELLO)
        return {port for mac, port in border.ports() if mac == MAC}

    wait_for(lambda: ports() == {"port2"}, "the port that is silent to be forgotten")


@pytest.mark.root
def test_the_controller_is_told_of_a_copy_by_the_devices_pseudonym(copied: Town) -> None:
    phone = Phone(MAC, copied.lease("phone1")["ip"])

    def told() -> list[tuple[str, str]]:
        use(copied)
        with copied.engine.connect() as connection:
            found = connection.execute(select(gateway_alarms.c.cause, gateway_alarms.c.device)).all()
        return [(cause, device) for cause, device in found if cause == "copied"]

    assert wait_for(told, "the alarm in the store", 90) == [("copied", phone.device(copied.key))]


@pytest.mark.root
def test_without_the_table_nobody_is_suspected(square: Town) -> None:
    def nowhere(family: int, kind: int, protocol: int) -> socket.socket:
        raise PermissionError

    assert Watch(Border("br-lan", LAN, (), nowhere).ports, lambda: 1.0).look() == frozenset()
