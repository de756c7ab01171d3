"""Phones take turns on a narrow line: measured through real kernels, and what is left of it afterwards."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from captive_portal.gateway.config import Uplink
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.lanes import Lanes
from captive_portal.gateway.queues import LANES, Direction, Kind, Way, queue
from tests import need
from tests.gateway import pages, slow, streets
from tests.gateway.streets import LAN, PHONES, WEB, WEB6
from tests.gateway.town import Town, town

CAPACITY = Uplink(down_kbps=8_000, up_kbps=4_000)
OWN = "2"
INTERFACES = ("br-lan", "wan")


def lanes_of(street: Town, uplink: Uplink = CAPACITY, kinds: Sequence[Kind] = tuple(Kind)) -> Lanes:
    before = ("ip", "netns", "exec", street.ns("gateway"))
    return Lanes(*INTERFACES, uplink, before, slow.numbers(street, "gateway"), kinds)


def roots(street: Town) -> dict[str, str]:
    """The kind and the handle of the queue at each interface that has one which is not the kernel's own."""
    listed = street.inside("gateway", "tc", "qdisc", "show")
    found = re.findall(r"^qdisc (\S+ [0-9a-f]+): dev (\S+) root", listed, re.MULTILINE)
    return {device: queue for queue, device in found if not queue.endswith(" 0")}


def traces(street: Town) -> tuple[str, str]:
    """All rules and all queues there are."""
    listed = street.inside("gateway", "tc", "qdisc", "show")
    return street.inside("gateway", "nft", "list", "ruleset"), re.sub(r"direct_packets_stat \d+", "", listed)


def used(street: Town, device: str) -> dict[str, int]:
    """The lanes of guests that carried something, and how many octets."""
    listed = street.inside("gateway", "tc", "-s", "class", "show", "dev", device)
    carried = re.findall(r"class htb 706c:(\w+) parent 706c:1 .*\n Sent (\d+)", listed)
    return {lane: int(octets) for lane, octets in carried if int(octets) and lane != OWN}


@pytest.fixture(name="street")
def the_square_with_a_gateway_that_passes_everything(tmp_path: Path) -> Iterator[Town]:
    need.root()
    for name, package in (("ip", "iproute2"), ("tc", "iproute2"), ("nft", "nftables")):
        need.program(name, package)
    with town(tmp_path) as made:
        for number, name in enumerate(PHONES, 51):
            streets.ip(made.ns(name), f"addr add 10.99.0.{number}/24 dev eth0")
            streets.ip(made.ns(name), f"route add default via {LAN}")
        yield made


def slower(square: Town, way: str, count: int = slow.PAGES) -> float:
    """How many times as long a page takes phone2 while phone1 moves all that it can, 95 of 100."""
    idle = slow.browse(square, "phone2")
    with slow.bulk(square, "phone1", way):
        return slow.browse(square, "phone2", count) / idle


@pytest.mark.root
@pytest.mark.soak  # for it needs a quiet machine; `make bench-gateway` measures it as well
def test_who_takes_or_gives_all_he_can_delays_another_by_no_more_than_half_of_the_line(square: Town) -> None:
    need.program("tc", "iproute2")
    for name in PHONES:
        square.enter(name)
    lanes = lanes_of(square)
    slow.serve(square)
    with slow.line(square, CAPACITY):
        for way in ("takes", "gives"):
            assert slower(square, way, count=8) > 2, f"the modem lets who {way} delay everybody"
        lanes.lay()
        assert lanes.notice.startswith("phones take turns on the line by"), lanes.notice
        try:
            for way in ("takes", "gives"):
                measured: list[float] = []
                while not measured or measured[-1] > 2:
                    assert len(measured) < 4, f"{way}: {measured}"
                    measured.append(slower(square, way))  # again, where a busy machine disturbed it
        finally:
            lanes.lift()


@pytest.mark.root
def test_what_the_gateway_asks_itself_waits_behind_no_phone(street: Town) -> None:
    slow.serve(street)
    with slow.line(street, CAPACITY):
        lanes_of(street).lay()
        idle = slow.browse(street, "gateway", 20)
        with slow.bulk(street, "phone1", "gives"):
            assert slow.browse(street, "gateway", 20) < 2 * idle


@pytest.mark.root
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_laid_where_the_kernel_has_it_and_leaves_nothing_there_or_not(
    street: Town, kind: Kind
) -> None:
    untouched = traces(street)
    lanes = lanes_of(street, kinds=(kind,))
    lanes.lay()
    laid = f"phones take turns on the line by {kind}: 6800 kbit/s down, 3800 kbit/s up"
    refused = "phones do not take turns on the line: tc: Error: Specified qdisc kind is unknown."
    assert lanes.notice in {laid, refused}
    if lanes.notice == laid:
        queues = "cake 706c" if kind is Kind.CAKE else "htb 706c"
        assert roots(street) == dict.fromkeys(INTERFACES, queues)
        once = traces(street)
        lanes.lay()
        assert roots(street) == dict.fromkeys(INTERFACES, queues), "laid again it is the same"
        assert len(traces(street)[1].splitlines()) == len(once[1].splitlines())
        lanes.lift()
    assert traces(street) == untouched
    assert kind is not Kind.HTB or lanes.notice == laid, "every kernel that we know has it"


@pytest.mark.root
def test_what_the_kernel_lacks_is_passed_over_for_the_next(street: Town) -> None:
    best = lanes_of(street)
    best.lay()
    had = []
    for kind in Kind:
        one = lanes_of(street, kinds=(kind,))
        one.lay()
        had += [kind] if "do not" not in one.notice else []
    assert best.notice.startswith(f"phones take turns on the line by {had[0]}: ")


@pytest.mark.root
def test_all_addresses_of_a_phone_are_in_one_lane_each_way(street: Town) -> None:
    hook = "type filter hook prerouting priority 0; iifname br-lan ct mark set 0x11;"
    rules = f"table inet doors {{ chain p {{ {hook} }}; }}"
    street.inside("gateway", "nft", "-f", "-", text=rules)
    lanes_of(street, kinds=(Kind.HTB,)).lay()
    carried = [0, 0]
    for address in (WEB, WEB6):
        slow.serve(street, address)
        slow.browse(street, "phone1", 1, address)
        lanes = [used(street, device) for device in INTERFACES]
        assert [len(one) for one in lanes] == [1, 1]
        before, carried = carried, [sum(one.values()) for one in lanes]
        assert carried[0] > before[0] + pages.PAGE
        assert carried[1] > before[1] + 100, "the request"
    slow.browse(street, "phone2", 1, WEB)
    assert len(used(street, "br-lan")) == 1, "the session says which lane"


@pytest.mark.root
def test_phones_without_a_session_are_told_apart_by_their_address(street: Town) -> None:
    lanes = lanes_of(street, kinds=(Kind.HTB,))
    slow.serve(street)

    def apart() -> bool:
        lanes.lay()
        for name in PHONES:
            slow.browse(street, name, 1, WEB)
        return all(len(used(street, device)) == 2 for device in INTERFACES)

    # two phones meet in one lane once in 256 times, and not again the next time
    assert apart() or apart() or apart()
    slow.browse(street, "gateway", 1, WEB)
    assert len(used(street, "wan")) <= 2, "what is our own is in none of theirs"


@pytest.mark.root
def test_a_way_whose_rate_is_not_known_is_left_alone(street: Town) -> None:
    untouched = traces(street)
    lanes = lanes_of(street, Uplink())
    lanes.lay()
    assert "what the line carries is not known: write [uplink]" in lanes.notice
    assert traces(street) == untouched
    half = lanes_of(street, Uplink(down_kbps=0, up_kbps=1_000))
    half.lay()
    assert half.notice.endswith(": 950 kbit/s up")
    assert list(roots(street)) == ["wan"]


@pytest.mark.root
def test_a_queue_that_somebody_else_made_is_left_as_it_is(street: Town) -> None:
    street.inside("gateway", "tc", "qdisc", "add", "dev", "wan", "root", "handle", "1:", "htb")
    before = traces(street)
    lanes = lanes_of(street)
    lanes.lay()
    assert "wan has a queue that somebody else made" in lanes.notice
    assert traces(street) == before
    lanes.lift()
    assert traces(street) == before


@pytest.mark.root
def test_an_interface_that_was_made_anew_has_its_lanes_again(street: Town) -> None:
    lanes = lanes_of(street)
    lanes.lay()
    both = roots(street)
    before = traces(street)
    lanes.watch()
    assert traces(street) == before, "nothing is done while nothing changed"
    street.inside("gateway", "ip", "link", "delete", "wan")
    lanes.watch()
    assert "do not take turns" in lanes.notice
    street.inside("gateway", "ip", "link", "add", "wan", "type", "bridge")
    lanes.watch()
    assert lanes.notice.startswith("phones take turns")
    assert roots(street) == both


@pytest.mark.root
def test_a_gateway_without_tc_works_on_and_says_so(street: Town) -> None:
    (street.directory / "nft").symlink_to(need.program("nft", "nftables"))
    before = ("ip", "netns", "exec", street.ns("gateway"), "/usr/bin/env", f"PATH={street.directory}")
    lanes = Lanes(*INTERFACES, CAPACITY, before, slow.numbers(street, "gateway"))
    lanes.lay()
    assert lanes.notice.startswith("phones do not take turns on the line: tc is missing: apt-get install")
    lanes.lift()
    nothing = Lanes("lo", "lo", CAPACITY, ("/nowhere/is/such/a/program",))
    nothing.lay()
    assert "nft is missing: apt-get install nftables" in nothing.notice
    with pytest.raises(EnforcerFailed, match="nft is missing"):
        nothing.lift()


@pytest.mark.parametrize("kind", [Kind.FQ_CODEL, Kind.HTB])
@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("kbps", [1, 512, 8_000, 1_000_000])
def test_the_assured_shares_are_no_more_than_the_line_and_each_may_have_all(
    kind: Kind, way: Way, kbps: int
) -> None:
    direction = Direction(way, "wan", kbps)
    text = queue(kind, direction)
    shares = [int(one) for one in re.findall(r"parent 706c:1 classid \S+ htb rate (\d+)kbit ceil", text)]
    assert len(shares) == LANES + (way is Way.UP)
    assert sum(shares) <= max(direction.kbps, len(shares)), "a kbit/s is the least that the kernel takes"
    assert set(re.findall(r"ceil (\d+)kbit", text)) == {str(direction.kbps)}
    assert direction.kbps <= kbps


def test_lanes_hold_what_fills_the_line_and_no_more_than_a_small_box_has() -> None:
    def held(kbps: int) -> int:
        found = re.search(r"pfifo limit (\d+)", queue(Kind.HTB, Direction(Way.DOWN, "lan", kbps)))
        assert found is not None
        return int(found[1])

    assert held(512) == 16, "so few that TCP needs, on the slowest"
    assert 30 < held(8_000) < 40
    assert held(100_000) == 128
    # a full frame takes 2,304 octets of the kernel's memory
    assert held(1_000_000) * 2304 * LANES < 80e6
