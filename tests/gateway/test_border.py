"""Guests on one bridge whose ports nobody isolates: real frames, and who hears them."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from captive_portal.gateway.border import Border, Seat, own6, ruleset
from tests import need
from tests.gateway import streets
from tests.gateway.frames import PLAIN, ROGUE, THE_END
from tests.gateway.netns import sockets
from tests.gateway.streets import LAN, LAN6, PHONES
from tests.gateway.town import Town, wait_for

pytestmark = pytest.mark.root
FRAMES = (sys.executable, "-m", "tests.gateway.frames")
EVERYTHING = (*ROGUE, *PLAIN)


@pytest.fixture
def joined(square: Town) -> Iterator[Town]:
    """The square, its gateway fresh, on a bridge that passes everything on by itself."""
    isolate(square, "off")
    square.forget_everybody()
    yield square
    isolate(square, "on")
    for name in (*PHONES, "gateway"):  # what they were made to believe
        square.inside(name, "ip", "neigh", "flush", "all")
        square.inside(name, "ip", "-6", "route", "flush", "proto", "ra", check=False)


def isolate(town: Town, how: str) -> None:
    for number in range(1, len(PHONES) + 1):
        streets.ip(town.ns("gateway"), f"link set port{number} type bridge_slave isolated {how}")


def heard(town: Town, by: str, interface: str, said: Callable[[], None]) -> list[str]:
    """What is heard there while this is said."""
    listener = town.spawn(by, *FRAMES, "hear", interface)
    assert listener.stdout is not None
    assert listener.stdout.readline() == b"ready\n"
    said()
    last = ("phone1", "eth0") if by == "gateway" else ("gateway", "br-lan")
    say(town, *last, THE_END)
    return listener.communicate(timeout=60)[0].decode().split()


def say(town: Town, by: str, interface: str, *names: str) -> None:
    town.inside(by, *FRAMES, "say", interface, *names)


def rogue(town: Town) -> int:
    return Border("br-lan", LAN, (), sockets(town.ns("gateway"))).rogue()


def test_no_guest_hears_another_whatever_is_said(joined: Town) -> None:
    def said() -> None:
        say(joined, "phone1", "eth0", *EVERYTHING)

    assert heard(joined, "phone2", "eth0", said) == []
    joined.stop_gateway()
    joined.inside("gateway", "nft", "flush", "ruleset")
    assert heard(joined, "phone2", "eth0", said) == [*EVERYTHING], "the bridge itself would pass all on"


def test_guests_who_are_in_reach_each_other_over_neither_family(joined: Town) -> None:
    for phone in PHONES:
        joined.enter(phone)
    urls = [f"http://{address}:9000/" for address in (joined.lease("phone2")["ip"], "[2001:db8:99::3]")]
    server = joined.spawn("phone2", sys.executable, "-m", "http.server", "9000", "--bind", "::")
    try:
        wait_for(lambda: joined.curl("gateway", urls[0]).status == 200, "phone2's server")
        assert [joined.curl("phone1", url, "-m", "2").status for url in urls] == [0, 0]
        joined.stop_gateway()
        joined.inside("gateway", "nft", "flush", "ruleset")
        for url in urls:
            wait_for(partial(reached, joined, url), "one guest at another's, whom nothing keeps apart now")
    finally:
        server.kill()


def reached(town: Town, url: str) -> bool:
    return town.curl("phone1", url).status == 200


def test_a_guest_who_plays_the_networks_host_is_not_heard_by_the_gateway_either_and_counted(
    joined: Town,
) -> None:
    before = rogue(joined)
    audible = heard(joined, "gateway", "br-lan", lambda: say(joined, "phone1", "eth0", *ROGUE, "broadcast"))
    assert audible == ["broadcast"]
    assert rogue(joined) - before == len(ROGUE)


def test_our_own_lease_and_our_own_router_advertisement_reach_a_guest(joined: Town) -> None:
    before = rogue(joined)
    asked = joined.inside("phone2", sys.executable, "-m", "tests.gateway.dhcp", "eth0", PHONES["phone2"])
    assert json.loads(asked)["router"] == LAN
    ours = ("router-advert", "dhcp-offer", "dhcp6-reply", "arp-claim", "neighbour-claim")
    assert heard(joined, "phone2", "eth0", lambda: say(joined, "gateway", "br-lan", *ours)) == [*ours]
    assert rogue(joined) == before


def test_a_port_that_joins_later_and_a_table_that_went_are_put_right(joined: Town) -> None:
    def seats() -> str:
        return joined.inside("gateway", "nft", "list", "set", "bridge", "plaza", "seats", check=False)

    assert '"port1"' in seats()
    streets.ip(joined.ns("gateway"), "link add port3 type veth peer name late")
    try:
        streets.ip(joined.ns("gateway"), "link set port3 master br-lan up")
        wait_for(lambda: '"port3"' in seats(), "the new port")
        joined.inside("gateway", "nft", "delete", "table", "bridge", "plaza")
        wait_for(lambda: '"port3"' in seats(), "the table")
    finally:
        streets.ip(joined.ns("gateway"), "link del port3")


NO_BRIDGES = """\
#!/bin/sh
text=$(cat)
case "$text" in *"table bridge"*) echo "Error: Operation not supported" >&2; exit 1; esac
echo "$text" | {nft} "$@"
"""


def test_a_kernel_without_rules_for_bridges_is_told_and_the_doors_work_all_the_same(joined: Town) -> None:
    joined.stop_gateway()
    joined.inside("gateway", "nft", "flush", "ruleset")
    place = need.program("nft", "nftables")
    shutil.copy(place, joined.directory / "real-nft")
    (joined.directory / "nft").write_text(NO_BRIDGES.format(nft=joined.directory / "real-nft"))
    (joined.directory / "nft").chmod(0o755)
    (joined.directory / "gateway.log").unlink()
    run = f"mount --bind {joined.directory}/nft {place} && exec {sys.executable} -m captive_portal.gateway"
    joined.gateway = joined.spawn("gateway", "sh", "-c", f"{run} {joined.configure()}")
    assert joined.gateway.stdout is not None
    assert joined.gateway.stdout.readline() == b"ready\n"
    said = (joined.directory / "gateway.log").read_text()
    assert "guests on br-lan are not kept apart: nft: Error: Operation not supported" in said
    joined.enter("phone1")


def test_where_the_guests_interface_is_no_bridge_it_says_so_and_does_nothing() -> None:
    border = Border("lo", LAN, ("/bin/false",))
    border.lay()
    assert border.notice == "lo is no bridge: what joins the guests must keep them apart; no copy is seen"
    assert (border.rogue(), list(border.ports())) == (0, [])


def test_an_address_of_ours_is_found_and_guarded_in_its_full_length() -> None:
    table = "20010db8009900000000000000000001 03 40 00 80   br-lan\nfe80 03 40 20 80 eth0\n"
    assert own6(table, "br-lan") == (LAN6,)
    text = ruleset(Seat(("port1",), "02:00:00:00:00:01", LAN, (LAN6,)))
    assert "0x20010db8009900000000000000000001" in text
    assert "nd-neighbor-advert" not in ruleset(Seat(("port1",), "02:00:00:00:00:01", LAN))
